"""A run's stored events for one viewer: while one frame of them is sent, the page behind it is already being read."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future

from milepost.server.hub.frame import MAX_EVENTS, fitting
from milepost.server.store.rows import Told
from milepost.server.store.store import Store
from milepost.server.store.unit import Row

KEPT = 1 << 20
"""Bytes of a page that a viewer may hold. Of a larger one it takes what a frame takes, and reads the rest again."""


class Replay:
    """Gives events in order, as many at a time as a frame takes. Close it, or a read may go on for nobody."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._after = 0
        self._page: Sequence[Told] = ()
        self._whole = False
        self._kept = False
        self._ahead: tuple[int, Future[list[Row]]] | None = None

    async def after(self, seq: int) -> tuple[Sequence[Told], bool]:
        """The events behind ``seq`` that a frame takes, and whether those are all that there are.

        Raises:
            Unavailable: the database cannot be read.
        """
        if not self._page or self._after != seq:
            self._page = await self._read(seq)
            self._whole = len(self._page) < MAX_EVENTS
            self._kept = sum(len(each.wire) for each in self._page) <= KEPT
            if self._kept and not self._whole:
                last = self._page[-1].seq
                self._ahead = last, self._store.reading_told(self._run_id, last, MAX_EVENTS)
        taken = fitting(self._page)
        rest = self._page[len(taken) :]
        self._page = rest if self._kept else ()
        self._after = taken[-1].seq if taken else seq
        return taken, self._whole and not rest

    def close(self) -> None:
        """Give up what is being read."""
        if self._ahead is not None:
            self._ahead[1].cancel()

    async def _read(self, seq: int) -> list[Told]:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == seq:
            rows = await asyncio.wrap_future(ahead[1])
            # A page that was not full then may be longer by now.
            if len(rows) == MAX_EVENTS:
                return [Told(*row) for row in rows]
        return await self._store.told(self._run_id, seq, MAX_EVENTS)
