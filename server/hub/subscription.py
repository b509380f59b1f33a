"""What a viewer holds: a cursor over one run's events, or the set of a project's runs that changed."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from milepost.server.errors import MilepostError, NotFound, ViewerTooSlow
from milepost.server.hub.channel import Channel
from milepost.server.hub.frame import EMPTY, Frame
from milepost.server.hub.replay import Replay
from milepost.server.store.rows import Told
from milepost.server.store.store import Store

PROJECT_PAUSE = 0.5
"""Seconds between two notices of the same run to one viewer of a project."""


class _Sleeper:
    """Waits until it is woken or failed. ``failed`` is set with the failure, for whoever sends meanwhile."""

    def __init__(self) -> None:
        self.failed = asyncio.Event()
        self.error: MilepostError | None = None
        self._waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Let the reader look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def fail(self, error: MilepostError) -> None:
        """End the subscription: its reader gets ``error``. The first failure stays."""
        if self.error is None:
            self.error = error
            self.failed.set()
            self.wake()

    def _check(self) -> None:
        if self.error is not None:
            raise self.error

    async def _sleep(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None


class Subscription(_Sleeper):
    """A run's events behind ``position``, each once and in order: from the store first, then live.

    An asynchronous context manager. ``position`` is the number of the last event that was handed out.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        after: int,
        enter: Callable[["Subscription"], Channel],
        leave: Callable[["Subscription"], None],
    ) -> None:
        super().__init__()
        self.run_id = run_id
        self.position = after
        self._replay = Replay(store, run_id)
        self._enter = enter
        self._leave = leave
        self._channel: Channel
        self._caught_up = False
        self._nudged = False
        self._live = False
        self._busy = False

    async def __aenter__(self) -> "Subscription":
        # Interest comes first: what is committed while the store is read arrives here as well.
        self._channel = self._enter(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(self)
        self._replay.close()

    @property
    def settled(self) -> bool:
        """The engine said that nothing of the run executes any more."""
        return self._channel.settled

    @property
    def drained(self) -> bool:
        """Every event that is known to be committed was handed out."""
        return self._caught_up and not self.behind

    @property
    def behind(self) -> bool:
        """Events that were committed since the subscription began are still to be handed out."""
        return self._channel.last > self.position

    def nudge(self) -> None:
        """Make ``next_frame`` return, with no events if there are none."""
        self._nudged = True
        self.wake()

    def drop_if_stuck(self, first: int) -> None:
        """Fail if events before ``first`` are unread because the reader, once live, has not come back from sending."""
        if self._busy and self._live and self.position + 1 < first:
            self.fail(ViewerTooSlow(f"events up to {first - 1} were not read in time; come back after {self.position}"))

    async def next(self) -> list[Told]:
        """The next events, at least one and at most 500; waits for them.

        Raises:
            ViewerTooSlow: more events are unread than the hub keeps.
            Unavailable: the server stops.
        """
        while not (frame := await self.next_frame()).events:
            pass
        return list(frame.events)

    async def next_frame(self) -> Frame:
        """As ``next``, encoded for all viewers at once; a frame without events after a ``nudge``."""
        self._busy = False
        while True:
            frame = self._held()
            if frame is None and not self.drained:
                frame = await self._stored()
            self._check()
            if frame is not None or self._nudged:
                self._nudged = False
                return self._hand_out(frame or EMPTY)
            if self.drained:
                await self._sleep()

    def _held(self) -> Frame | None:
        if not self._channel.holds(self.position + 1):
            return None
        self._live = self._caught_up = True
        return self._channel.frame(self.position + 1)

    async def _stored(self) -> Frame | None:
        known = self._channel.last
        events, self._caught_up = await self._replay.after(self.position)
        if not events and known > self.position:
            raise NotFound(f"the events of run {self.run_id} were deleted")
        self._live = self._live or self._caught_up
        return Frame(events) if events else None

    def _hand_out(self, frame: Frame) -> Frame:
        if frame.events:
            self.position = frame.events[-1].seq
        self._busy = True
        return frame


class ProjectSubscription(_Sleeper):
    """Which runs of a project changed; one run at most every ``PROJECT_PAUSE`` seconds."""

    def __init__(
        self,
        limit: int,
        enter: Callable[["ProjectSubscription"], None],
        leave: Callable[["ProjectSubscription"], None],
    ) -> None:
        super().__init__()
        self._limit = limit
        self._enter = enter
        self._leave = leave
        self._changed: dict[str, None] = {}
        self._told: dict[str, float] = {}

    async def __aenter__(self) -> "ProjectSubscription":
        self._enter(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(self)

    def changed(self, run_id: str) -> None:
        """Note that a run has a new event."""
        if run_id not in self._changed:
            self._changed[run_id] = None
            self.wake()
            if len(self._changed) > self._limit:
                self.fail(ViewerTooSlow("more runs changed than this viewer takes"))

    async def next(self) -> list[str]:
        """Ids of runs that changed since they were last told, at least one; waits for them.

        Raises:
            ViewerTooSlow: more runs changed than the hub keeps.
            Unavailable: the server stops.
        """
        while True:
            self._check()
            now = asyncio.get_running_loop().time()
            self._told = {run_id: at for run_id, at in self._told.items() if now - at < PROJECT_PAUSE}
            due = [run_id for run_id in self._changed if run_id not in self._told]
            if due:
                for run_id in due:
                    del self._changed[run_id]
                    self._told[run_id] = now
                return due
            oldest = min((self._told[run_id] for run_id in self._changed), default=None)
            if oldest is None:
                await self._sleep()
            else:
                # A failure and a run that was not told of yet also end the sleep.
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._sleep(), max(0.0, oldest + PROJECT_PAUSE - now))
