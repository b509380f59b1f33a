"""Time travel: what a run forgets when it goes on from an earlier checkpoint, and where its row says it stands."""

from collections.abc import Collection
from dataclasses import dataclass

from milepost.checkpoints.errors import MissingCheckpoint
from milepost.checkpoints.fork import supersede
from milepost.checkpoints.history import Snapshot
from milepost.checkpoints.unit import Statement
from milepost.server.engine.standing import Standing, standing
from milepost.server.engine.verdict import checkpoint_json
from milepost.server.errors import NotFound
from milepost.server.runs.programs import ProgramSource
from milepost.server.states import NodeStatus
from milepost.server.store.rows import NodeState, Run
from milepost.server.store.statements import statement
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Back:
    """An earlier checkpoint to go on from, and the statements that make the run forget what came after it."""

    checkpoint_id: str
    statements: list[Statement]


class Travel:
    """Reads where runs stood."""

    def __init__(self, store: Store, programs: ProgramSource) -> None:
        self._store = store
        self._programs = programs

    async def snapshot(self, run: Run, checkpoint_id: str) -> Snapshot:
        """A checkpoint of a run.

        Raises:
            NotFound: the run has none with this id.
        """
        return (await self.standing(run, checkpoint_id)).point

    async def standing(self, run: Run, checkpoint_id: str) -> Standing:
        """A checkpoint of a run, with what its branches have come to if the run still stands there.

        Raises:
            NotFound: the run has none with this id.
        """
        program = await self._programs.of_run(run)
        here = checkpoint_id == run.checkpoint_id and run.resume_from is None
        try:
            return await standing(self._store.reader, program, run.run_id, checkpoint_id, branches=here)
        except MissingCheckpoint as error:
            raise NotFound(str(error)) from error

    async def to(self, run: Run, checkpoint_id: str | None) -> Back | None:
        """What going on from ``checkpoint_id`` means; None where that is where the run stands anyway.

        Raises:
            NotFound: the run has no such checkpoint.
        """
        if checkpoint_id is None or checkpoint_id == run.checkpoint_id:
            return None
        point = await self.snapshot(run, checkpoint_id)
        program = await self._programs.of_run(run)
        states = await self._store.node_states(run.run_id)
        kept = kept_states(states, point, program.finished(point.values))
        forgotten = [state.node_id for state in states if state not in kept]
        progress = len(kept) / max(1, len(program.everything))
        return Back(
            checkpoint_id,
            [
                supersede(run.run_id, checkpoint_id),
                statement("return_signals", run_id=run.run_id),
                statement("drop_open_interrupts", run_id=run.run_id),
                statement("cancel_open_executions", run_id=run.run_id, now=self._store.clock()),
                *(statement("reset_node", run_id=run.run_id, node_id=node_id) for node_id in forgotten),
                statement("travel", 1, run_id=run.run_id, progress=min(progress, 0.99), checkpoint_id=checkpoint_id),
            ],
        )

    async def note_checkpoint(self, run: Run) -> None:
        """Write what a paused run's checkpoint holds into its row."""
        if run.checkpoint_id is not None:
            await self._store.commit(Unit([*await self.noted(run)]))

    async def noted(self, run: Run) -> list[Statement]:
        """The statements that do so; none where the run has no checkpoint."""
        if run.checkpoint_id is None:
            return []
        stands = await self.standing(run, run.checkpoint_id)
        program = await self._programs.of_run(run)
        state = program.state(stands.values)
        shown = checkpoint_json(run.checkpoint_id, stands.point.row.step, stands.next, state)
        return [statement("set_checkpoint_json", run_id=run.run_id, checkpoint_json=shown)]


def kept_states(states: Collection[NodeState], point: Snapshot, finished: set[str]) -> list[NodeState]:
    """The node states that still hold at a checkpoint: what finished by then, and what had been skipped."""
    return [
        state
        for state in states
        if state.node_id in finished
        or (
            state.status is NodeStatus.SKIPPED
            and state.completed_at is not None
            and state.completed_at <= point.row.created_at
        )
    ]
