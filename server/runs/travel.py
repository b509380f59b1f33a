"""Time travel: what a run forgets when it goes on from an earlier checkpoint, and where its row says it stands."""

from collections.abc import Sequence
from dataclasses import dataclass

from milepost.checkpoints.errors import MissingCheckpoint
from milepost.checkpoints.fork import supersede
from milepost.checkpoints.history import Snapshot, history
from milepost.checkpoints.reading import LAST
from milepost.checkpoints.unit import Statement
from milepost.graphs.executable import Executable
from milepost.server.engine.durations import stored_expectation
from milepost.server.engine.nodes import state_rows, times_ended
from milepost.server.engine.standing import Standing, standing
from milepost.server.engine.verdict import checkpoint_json
from milepost.server.errors import NotFound
from milepost.server.runs.past import Past, Told, progress_of
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
    progress: float


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
        program = await self._programs.of_run(run)
        then = await self.states(run, program, checkpoint_id)
        progress = await self.progress(run, program, then)
        kept = {state.node_id: times_ended(state) for state in then}
        now = set(await self._store.node_states(run.run_id))
        return Back(
            checkpoint_id,
            [
                supersede(run.run_id, checkpoint_id),
                statement("return_signals", run_id=run.run_id),
                statement("drop_open_interrupts", run_id=run.run_id),
                statement("cancel_open_executions", run_id=run.run_id, now=self._store.clock()),
                *(
                    statement("reset_node", run_id=run.run_id, node_id=state.node_id)
                    for state in now
                    if state.node_id not in kept
                ),
                *state_rows(run.run_id, ((state.node_id, state) for state in then if state not in now)),
                *(
                    statement("forget_items", run_id=run.run_id, node_id=node_id, iteration=kept.get(node_id, 0) + 1)
                    for node_id in program.maps
                ),
                statement("travel", 1, run_id=run.run_id, progress=progress, checkpoint_id=checkpoint_id),
            ],
            progress,
        )

    async def states(self, run: Run, program: Executable, checkpoint_id: str) -> list[NodeState]:
        """How the nodes stood at a checkpoint, before anything ran from it."""
        rows = await history(self._store.reader, run.run_id, limit=LAST)
        parents = {row.checkpoint_id: row.parent_id for row in rows}
        told = [Told.of(row) for row in await self._store.fetch("standing_events", run_id=run.run_id)]
        begins: list[NodeState] = []
        if run.parent_run_id is not None and run.forked_from is not None:
            begins = await self._begins(run, program)
        found = Past(program, run.forked_from, begins).follow(told, parents, checkpoint_id)
        states = {state.node_id: state for state in (begins if found is None else found)}
        point = await self.snapshot(run, checkpoint_id)
        # What had finished beside the checkpoint that a fork started with is told by no event of the fork.
        beside = [state for state in _finished(program, point) if state.node_id.partition("/")[0] not in states]
        return [*states.values(), *beside]

    async def _begins(self, run: Run, program: Executable) -> list[NodeState]:
        """How the nodes stood where a fork starts; once its parent is deleted, as the checkpoint has it."""
        try:
            parent = await self._store.run(run.parent_run_id or "")
            return await self.states(parent, program, run.forked_from or "")
        except NotFound:
            point = await self.snapshot(run, run.forked_from or "")
            return _finished(program, point)

    async def progress(self, run: Run, program: Executable, states: Sequence[NodeState]) -> float:
        """How far a run is whose nodes stand so, weighted like everywhere."""
        row = await self._store.fetch_one("node_durations", workflow_id=run.workflow_id)
        return progress_of(stored_expectation(row[0] if row else None, program), program, states)

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


def _finished(program: Executable, point: Snapshot) -> list[NodeState]:
    """The nodes with an output, as far as a checkpoint tells of them."""
    at = point.row.created_at
    outputs = program.finished(point.values) or ()
    return [NodeState(node_id, NodeStatus.COMPLETED, 1.0, 1, 1, at, at) for node_id in outputs]
