"""Wakes parked runs. One timer for all of them, set to the earliest; the rows are the truth."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from milepost.server.errors import GuardFailed, IllegalTransition, WriteFailed
from milepost.server.states import Action
from milepost.server.store.rows import Run
from milepost.server.store.statements import event, transition
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

LONGEST = 1.0
"""Seconds of one sleep: wall-clock steps are noticed this soon."""

BATCH = 500


class Timer:
    """On the engine's loop."""

    def __init__(self, store: Store, on_queued: Callable[[], None]) -> None:
        self._store = store
        self._on_queued = on_queued
        self._earliest: int | None = None
        self._changed = asyncio.Event()

    def expect(self, wake_at: int) -> None:
        """A run parked until ``wake_at``."""
        if self._earliest is None or wake_at < self._earliest:
            self._earliest = wake_at
            self._changed.set()

    async def parked(self, run: Run) -> None:
        """``run`` has just parked: wake it at once if what it waits for came while it was on its way."""
        if run.wake_at is not None:
            self.expect(run.wake_at)
        rows = await self._store.interrupts(run.run_id)
        if any(row.answer is not None and not row.consumed for row in rows):
            await self._queue(run, Action.ANSWER)

    async def run(self) -> None:
        """Wake runs for ever."""
        await self._look()
        while True:
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._delay())
            if self._earliest is not None and self._store.clock() >= self._earliest:
                with suppress(WriteFailed):
                    await self._fire()
                await self._look()

    def _delay(self) -> float | None:
        if self._earliest is None:
            return None
        return min(LONGEST, max(0.0, (self._earliest - self._store.clock()) / 1000))

    async def _look(self) -> None:
        row = await self._store.fetch_one("next_wake")
        self._earliest = row[0] if row else None

    async def _fire(self) -> None:
        while due := await self._store.runs("runs_to_wake", now=self._store.clock(), limit=BATCH):
            await asyncio.gather(*(self._queue(run, Action.WAKE) for run in due))
            if len(due) < BATCH:
                return

    async def _queue(self, run: Run, action: Action) -> None:
        now = self._store.clock()
        with suppress(GuardFailed, IllegalTransition):
            after, change = transition(run, action, now)
            await self._store.commit(Unit([change], [event(after, "run.queued", now, {"why": str(action)})]))
            self._on_queued()
