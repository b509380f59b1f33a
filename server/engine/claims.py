"""Gives free slots to queued runs, fair between projects. One task; everybody else only wakes it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from milepost.server.engine.slots import Slots
from milepost.server.errors import GuardFailed, Unavailable
from milepost.server.states import Action
from milepost.server.store.rows import Run
from milepost.server.store.statements import event, transition
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

BLAMED_ALONE = 2
CRASHES_ALONE = 8
"""A run that had a thread, or was there, at so many deaths of the process with no checkpoint in between goes alone."""

ALONE = 10.0
"""Seconds that such a run has for its next checkpoint before the others start: a long step holds nobody up."""

RETRY = 1.0
"""Seconds until the next try after the disk refused a claim."""

log = structlog.get_logger("milepost.engine")


class Claims:
    """Claims QUEUED runs while there are slots."""

    def __init__(
        self,
        store: Store,
        slots: Slots,
        boot_id: str,
        begin: Callable[[Run], None],
        active: Callable[[str], bool],
        first_step: Callable[[str], Awaitable[None]],
        on_queue_wait: Callable[[float], None],
    ) -> None:
        self._store = store
        self._slots = slots
        self._boot_id = boot_id
        self._begin = begin
        self._active = active
        self._first_step = first_step
        self._on_queue_wait = on_queue_wait
        self._suspects_tried = False
        self._woken = asyncio.Event()
        self._held_back: set[str] = set()

    def wake(self) -> None:
        """Runs were queued; on the engine's loop."""
        self._slots.backlog = True
        self._woken.set()

    def slot_freed(self) -> None:
        """A run has left its slot."""
        if self._slots.backlog:
            self._woken.set()

    def attempt_ended(self, run_id: str) -> None:
        """Nothing of an earlier attempt of the run executes any more."""
        if run_id in self._held_back:
            self._held_back.discard(run_id)
            self.wake()

    async def run(self) -> None:
        """Claim for ever."""
        self.wake()
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self._try_suspects()
                await self._fill()
            except Unavailable as error:
                log.error("runs cannot be claimed", error=error.detail)
                await asyncio.sleep(RETRY)
                self.wake()

    async def _try_suspects(self) -> None:
        """Before anything else executes: what may have killed the process before does so alone, if it does again."""
        while not self._suspects_tried:
            found = await self._store.runs("queued_suspects", blamed=BLAMED_ALONE, crashes=CRASHES_ALONE)
            self._suspects_tried = not found
            for run in found:
                if not self._slots.reserve(passing=True):
                    return
                log.warning("a run that may have crashed the process starts alone", run_id=run.run_id)
                await self._claim(run)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._first_step(run.run_id), ALONE)

    async def _fill(self) -> None:
        """Claim until there is no slot or no run that may start."""
        while self._slots.free > 0:
            # Whoever queues a run after this line has set it again, so a run that the query misses is not forgotten.
            self._slots.backlog = False
            batch = await self._next(self._slots.free)
            if not batch:
                return
            self._slots.backlog = True
            await asyncio.gather(*(self._claim(run) for run in batch if self._slots.reserve(passing=True)))

    async def _next(self, limit: int) -> list[Run]:
        """The runs to start now, at most ``limit``, the projects taking turns."""
        projects = [row[0] for row in await self._store.fetch("queued_projects")]
        queues = [await self._startable(project, limit) for project in self._slots.fairest(projects)]
        turns = [run for turn in range(limit) for queue in queues for run in queue[turn : turn + 1]]
        return turns[:limit]

    async def _startable(self, project_id: str, limit: int) -> list[Run]:
        queue = await self._queue(project_id, limit + len(self._held_back))
        self._held_back |= {run.run_id for run in queue if self._active(run.run_id)}
        return [run for run in queue if run.run_id not in self._held_back]

    async def _queue(self, project_id: str, limit: int) -> list[Run]:
        return await self._store.runs("queued_runs", project_id=project_id, limit=limit)

    async def _claim(self, run: Run) -> None:
        now = self._store.clock()
        action = Action.PAUSE if run.pause_requested else Action.CLAIM
        owner = {} if run.pause_requested else {"owner": self._boot_id}
        after, change = transition(run, action, now, **owner)
        told = "run.paused" if run.pause_requested else "run.started"
        try:
            await self._store.commit(Unit([change], [event(after, told, now, started(after))]))
        except GuardFailed:
            self._slots.release()
            return
        except BaseException:
            self._slots.release()
            raise
        if run.pause_requested:
            self._slots.release()
            return
        self._on_queue_wait(max(0, now - (run.queued_at or now)) / 1000)
        self._begin(after)


def started(run: Run) -> dict[str, object]:
    """What a segment starts from, for its event."""
    return {
        "attempt": run.run_attempt,
        "checkpoint_id": run.resume_from or run.checkpoint_id,
        "input_bytes": len(run.input),
    }
