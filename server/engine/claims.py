"""Gives free slots to queued runs, fair between projects. One task; everybody else only wakes it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress

import structlog

from milepost.checkpoints.unit import Statement
from milepost.server.engine.slots import Slots
from milepost.server.engine.starting import Starting
from milepost.server.errors import GuardFailed, Unavailable
from milepost.server.states import Action
from milepost.server.store.rows import Run
from milepost.server.store.statements import event, hold_place, transition
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

BLAMED_ALONE = 2
CRASHES_ALONE = 8
"""A run that had a thread, or was there, at so many deaths of the process with no checkpoint in between goes alone."""

ALONE = 10.0
"""Seconds that such a run has for its next checkpoint before the others start: a long step holds nobody up."""

RETRY = 1.0
"""Seconds until the next try after a claim that could not be made."""

log = structlog.get_logger("milepost.engine")


class Claims:
    """Claims QUEUED runs while there are slots."""

    def __init__(
        self,
        store: Store,
        slots: Slots,
        starting: Starting,
        boot_id: str,
        begin: Callable[[Run], None],
        active: Callable[[str], bool],
        first_step: Callable[[str], Awaitable[None]],
        on_queue_wait: Callable[[float], None],
        note_pause: Callable[[Run], Awaitable[list[Statement]]],
    ) -> None:
        self._store = store
        self._slots = slots
        self._starting = starting
        self._boot_id = boot_id
        self._begin = begin
        self._active = active
        self._first_step = first_step
        self._on_queue_wait = on_queue_wait
        self._note_pause = note_pause
        self._limited: set[str] = set()
        self._suspects_tried = False
        self._woken = asyncio.Event()
        self._held_back: set[str] = set()

    def wake(self) -> None:
        """Runs were queued; on the engine's loop."""
        self._slots.backlog = True
        self._woken.set()

    def slot_freed(self, run: Run) -> None:
        """``run`` has left its slot, and its place in its lane and in its project."""
        if run.lane is not None or run.project_id in self._limited:
            self.wake()
        elif self._slots.backlog:
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
                await self._try_again()
            except Exception:
                # Without the claimer no run would start any more.
                log.exception("runs cannot be claimed")
                await self._try_again()

    async def _try_again(self) -> None:
        await asyncio.sleep(RETRY)
        self.wake()

    async def _try_suspects(self) -> None:
        """Before anything else executes: what may have killed the process before does so alone, if it does again."""
        while not self._suspects_tried:
            found = await self._store.runs("queued_suspects", blamed=BLAMED_ALONE, crashes=CRASHES_ALONE)
            claimed = 0
            for run in found:
                if not self._slots.reserve(passing=True):
                    return
                log.warning("a run that may have crashed the process starts alone", run_id=run.run_id)
                # One that its lane or its project holds back starts later, as any other.
                claimed += await self._claim(run, limited=True)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._first_step(run.run_id), ALONE)
            self._suspects_tried = claimed == 0

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
        rooms: dict[str, int | None] = dict(await self._store.fetch("queued_projects"))
        self._limited |= {project for project, room in rooms.items() if room is not None}
        queues: list[list[Run]] = []
        for project in self._slots.fairest(rooms):
            if len(queues) == limit:
                # One of each takes all slots that there are.
                break
            room = rooms[project]
            if queue := await self._startable(project, limit if room is None else min(limit, room)):
                queues.append(queue)
        turns = [run for turn in range(limit) for queue in queues for run in queue[turn : turn + 1]]
        return await self._in_their_lanes(turns[:limit])

    async def _startable(self, project_id: str, limit: int) -> list[Run]:
        if limit <= 0:
            return []
        queue = await self._queue(project_id, limit + len(self._held_back))
        self._held_back |= {run.run_id for run in queue if self._active(run.run_id)}
        return [run for run in queue if run.run_id not in self._held_back][:limit]

    async def _in_their_lanes(self, turns: list[Run]) -> list[Run]:
        """Of ``turns`` those that have room in their lanes: of a lane where nothing runs yet the first."""
        if all(run.lane is None for run in turns):
            return turns
        rooms: dict[str, int] = dict(await self._store.fetch("lane_rooms"))
        return list(_fitting(turns, rooms))

    async def _queue(self, project_id: str, limit: int) -> list[Run]:
        return await self._store.runs("queued_runs", project_id=project_id, limit=limit)

    async def _claim(self, run: Run, *, limited: bool = False) -> bool:
        """Claim a run with a slot that was taken for it, or pause it where that was asked for. False: it lost."""
        now = self._store.clock()
        if run.pause_requested:
            self._slots.release()
            return await self._pause(run, now)
        self._starting.claim(run.run_id)
        try:
            after, change = transition(run, Action.CLAIM, now, owner=self._boot_id)
            unit = Unit([change], [event(after, "run.started", now, started(after))])
            if limited or run.lane is not None or run.project_id in self._limited:
                unit.statements.append(hold_place(run.run_id))
            await self._store.commit(unit)
        except GuardFailed:
            self._give_back(run)
            return False
        except BaseException:
            self._give_back(run)
            raise
        self._on_queue_wait(max(0, now - (run.queued_at or now)) / 1000)
        self._begin(after)
        return True

    def _give_back(self, run: Run) -> None:
        self._starting.over(run.run_id)
        self._slots.release()

    async def _pause(self, run: Run, now: int) -> bool:
        """A pause that was asked for before the process died takes hold instead of the claim."""
        after, change = transition(run, Action.PAUSE, now)
        data = {"mode": run.pause_requested, "checkpoint_id": run.checkpoint_id}
        unit = Unit([change, *await self._noted(run)], [event(after, "run.paused", now, data)])
        try:
            await self._store.commit(unit)
        except GuardFailed:
            return False
        return True

    async def _noted(self, run: Run) -> list[Statement]:
        try:
            return await self._note_pause(run)
        except Unavailable:
            raise
        except Exception:
            # The run pauses all the same: a version that this release refuses, say, shows no state.
            log.exception("the checkpoint of a paused run cannot be shown", run_id=run.run_id)
            return []


def _fitting(turns: Iterable[Run], rooms: Mapping[str, int]) -> Iterable[Run]:
    """Always one at least, if there are any: a lane that has become full meanwhile refuses it by the claim's guard."""
    taken: Counter[str] = Counter()
    for run in turns:
        if run.lane is None:
            yield run
        elif taken[run.lane] < max(1, rooms.get(run.lane, 1)):
            taken[run.lane] += 1
            yield run


def started(run: Run) -> dict[str, object]:
    """What a segment starts from, for its event."""
    return {
        "attempt": run.run_attempt,
        "checkpoint_id": run.resume_from or run.checkpoint_id,
        "input_bytes": len(run.input),
    }
