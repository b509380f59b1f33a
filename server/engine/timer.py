"""Wakes parked runs and starts those whose time has come. One timer, set to the earliest; the rows are the truth."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from milepost.server.errors import GuardFailed, IllegalTransition, Unavailable
from milepost.server.states import Action
from milepost.server.store.rows import Run
from milepost.server.store.statements import event, statement, transition
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

LONGEST = 1.0
"""Seconds of one sleep: wall-clock steps are noticed this soon."""

BATCH = 500
"""Runs that one unit queues at most."""

PATIENCE = 0.25
"""Seconds after which due runs are looked at again though few others were claimed: some may have left the queue."""

RETRY = 1.0
"""Seconds until the next try after one that failed."""

log = structlog.get_logger("milepost.engine")


class Timer:
    """On the engine's loop.

    However many runs are due at once, of each project only as many as there are slots stand in the queue again, so that
    a new run waits behind no more than those; of a lane that is full as many more, which are passed until it is not.
    """

    def __init__(self, store: Store, on_queued: Callable[[], None], slots: int) -> None:
        self._store = store
        self._on_queued = on_queued
        self._ahead = slots
        self._refill = max(1, slots // 2)
        self._claimed = 0
        self._room = asyncio.Event()
        self._earliest: int | None = None
        self._changed = asyncio.Event()

    def expect(self, wake_at: int) -> None:
        """A run parked until ``wake_at``."""
        if self._earliest is None or wake_at < self._earliest:
            self._earliest = wake_at
            self._changed.set()

    def claimed(self) -> None:
        """A run has left the queue."""
        self._claimed += 1
        if self._claimed >= self._refill:
            self._room.set()

    async def parked(self, run: Run) -> None:
        """``run`` has just parked: wake it at once if what it waits for came while it was on its way."""
        if run.wake_at is not None:
            self.expect(run.wake_at)
        await self._until_done(lambda: self._wake_if_answered(run))

    async def run(self) -> None:
        """Wake runs for ever."""
        await self._until_done(self._wake_answered)
        await self._until_done(self._look)
        while True:
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._delay())
            if self._earliest is not None and self._store.clock() >= self._earliest:
                await self._until_done(self._fire)
                await self._until_done(self._look)

    async def _until_done(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do ``work``, whatever stands against it: a timer that ends leaves every parked run parked."""
        while True:
            try:
                return await work()
            except Unavailable as error:
                log.error("parked runs cannot be woken", error=str(error))
            except Exception:
                log.exception("parked runs cannot be woken")
            await asyncio.sleep(RETRY)

    async def _wake_if_answered(self, run: Run) -> None:
        rows = await self._store.interrupts(run.run_id)
        if any(row.answer is not None and not row.consumed for row in rows):
            await self._queue(run, Action.ANSWER)

    async def _wake_answered(self) -> None:
        """Runs whose answer was stored by a server that ended before it could wake them."""
        while found := await self._store.runs("answered_runs", limit=BATCH):
            await asyncio.gather(*(self._queue(run, Action.ANSWER) for run in found))
            if len(found) < BATCH:
                return

    def _delay(self) -> float | None:
        if self._earliest is None:
            return None
        return min(LONGEST, max(0.0, (self._earliest - self._store.clock()) / 1000))

    async def _look(self) -> None:
        # Whoever parks while the query is under way may be missing in its answer: what it says must not replace that.
        self._earliest = None
        row = await self._store.fetch_one("next_wake")
        if row is not None and row[0] is not None:
            self.expect(row[0])

    async def _fire(self) -> None:
        while True:
            self._claimed = 0
            self._room.clear()
            # However long it takes to wake all that is due, what is to start meanwhile starts at its time.
            await self._release_held()
            if not (due := await self._store.fetch("projects_to_wake", now=self._store.clock())):
                return
            rooms = {project_id: self._ahead - queued for project_id, queued in due}
            woken = [await self._wake(project_id, room) for project_id, room in rooms.items() if room >= self._refill]
            if not any(woken):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._room.wait(), PATIENCE)

    async def _wake(self, project_id: str, room: int) -> int:
        """Queue at most ``room`` due runs of a project, those due first first."""
        now, limit = self._store.clock(), min(room, BATCH)
        due = await self._store.runs("runs_to_wake", project_id=project_id, now=now, limit=limit, ahead=self._ahead)
        if not due:
            return 0
        unit = Unit()
        for run in due:
            after, change = transition(run, Action.WAKE, now)
            unit.statements.append(change)
            unit.events.append(event(after, "run.queued", now, {"why": str(Action.WAKE)}))
        try:
            await self._store.commit(unit)
        except GuardFailed:
            # One of them was answered, paused or cancelled meanwhile.
            await asyncio.gather(*(self._queue(run, Action.WAKE) for run in due))
        self._on_queued()
        return len(due)

    async def _release_held(self) -> None:
        """Runs that were executed with a time to start at: it has come."""
        while due := await self._store.runs("held_runs", now=self._store.clock(), limit=BATCH):
            await asyncio.gather(*(self._release(run) for run in due))
            self._on_queued()
            if len(due) < BATCH:
                return

    async def _release(self, run: Run) -> None:
        now = self._store.clock()
        with suppress(GuardFailed):
            freed = statement("release_held", 1, run_id=run.run_id, now=now)
            await self._store.commit(Unit([freed], [event(run, "run.queued", now, {"why": "start_at"})]))

    async def _queue(self, run: Run, action: Action) -> None:
        now = self._store.clock()
        with suppress(GuardFailed, IllegalTransition):
            after, change = transition(run, action, now)
            await self._store.commit(Unit([change], [event(after, "run.queued", now, {"why": str(action)})]))
            self._on_queued()
