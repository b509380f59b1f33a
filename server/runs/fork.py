"""Fork: a new run that starts where a checkpoint of another stands. The old run is untouched."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from milepost.checkpoints.errors import MissingCheckpoint
from milepost.checkpoints.fork import fork
from milepost.checkpoints.unit import Statement
from milepost.graphs.executable import Executable
from milepost.server.access.keys import Identity
from milepost.server.engine.nodes import ENDED, state_rows, times_ended
from milepost.server.engine.standing import Standing
from milepost.server.errors import GuardFailed, NotFound, WorkflowArchived
from milepost.server.runs.edit import Edit, Edited
from milepost.server.runs.new import insertion, new_run
from milepost.server.runs.past import begun_anew
from milepost.server.runs.programs import ProgramSource
from milepost.server.runs.start import AS_CREATED, Launch, Start, Timing
from milepost.server.runs.travel import Travel
from milepost.server.states import Action
from milepost.server.store.rows import NodeState, Project, Run
from milepost.server.store.statements import event, statement
from milepost.server.store.store import Store
from milepost.server.store.unit import Returning, Unit

TRIES = 20
"""How often a fork is tried whose parent, workflow or limits change meanwhile."""


class Fork:
    """Forks runs."""

    def __init__(self, store: Store, start: Start, programs: ProgramSource, travel: Travel, edit: Edit) -> None:
        self._store = store
        self._start = start
        self._programs = programs
        self._travel = travel
        self._edit = edit

    async def fork(
        self,
        actor: Identity,
        project: Project,
        run_id: str,
        checkpoint_id: str,
        state: Mapping[str, Any] | None = None,
        *,
        execute: bool = False,
        timing: Timing = AS_CREATED,
    ) -> Run:
        """A new run of the same version from ``checkpoint_id``.

        Where the parent still stands there, finished siblings and open questions come along, unless ``state`` is given.
        From a checkpoint that the parent has gone on from, or with ``state``, the step starts anew; so it does where
        the parent's nodes end so fast that its results and states cannot be read as of one moment.

        Raises:
            NotFound (run or checkpoint), InvalidEdit, WorkflowArchived, ProjectLimit, ConcurrencyLimit.
        """
        for _ in range(TRIES - 1):
            with suppress(GuardFailed):
                # Its workflow, the limits or where the parent stands may change meanwhile.
                return await self._fork(actor, project, run_id, checkpoint_id, state, timing, False, execute=execute)
        # A parent whose nodes end all the time must not keep anybody from forking it.
        return await self._fork(actor, project, run_id, checkpoint_id, state, timing, True, execute=execute)

    async def _fork(
        self,
        actor: Identity,
        project: Project,
        run_id: str,
        checkpoint_id: str,
        state: Mapping[str, Any] | None,
        timing: Timing,
        anew: bool,
        *,
        execute: bool,
    ) -> Run:
        parent = await self._store.run_of(project.project_id, run_id)
        row = await self._store.fetch_one("ended_executions", run_id=run_id)
        point = await self._travel.standing(parent, checkpoint_id)
        version = await self._programs.version_to_fork(parent)
        child = new_run(
            project.project_id,
            parent.workflow_id,
            version,
            parent.input,
            parent.metadata,
            self._store.clock(),
            checkpoint_id=checkpoint_id,
            parent_run_id=run_id,
            forked_from=checkpoint_id,
            priority=parent.priority,
            dry_run=parent.dry_run,
        )
        child = timing.of(child)
        workflow = await self._programs.workflow(project.project_id, parent.workflow_id, version)
        if workflow.archived_at is not None:
            raise WorkflowArchived(f"workflow {parent.workflow_id} is archived; its runs cannot be forked")
        edited = None
        if state is not None:
            lead = replace(parent, version=version)
            edited = await self._edit.prepare(lead, checkpoint_id, state, None, target_id=child.run_id)
            child = replace(child, checkpoint_id=edited.checkpoint.checkpoint_id)
        unit = insertion(child, workflow, child.created_at)
        # A parent that has travelled here and not moved on yet has left behind what was written from here before.
        stands = checkpoint_id == parent.checkpoint_id and parent.resume_from is None and version == parent.version
        with_writes = stands and edited is None and not anew
        unit.extend(await self._copy(parent, child, point, edited, with_writes=with_writes))
        if with_writes:
            # The writes are copied as they are at the commit: the states have to be of the same moment.
            seen = {"run_id": run_id, "checkpoint_id": checkpoint_id, "ended": row[0] if row else 0}
            unit.statements.append(Returning(statement("still_stands", 1, **seen), lambda rows: ()))
        self._tell(unit, actor, parent, child, edited)
        launch = Launch(child, Unit(), reserved=False)
        if execute:
            launch = await self._start.begin(child, Action.EXECUTE, inserted=True)
        unit.extend(launch.unit)
        await self._start.commit(launch, unit)
        return await self._store.run(child.run_id)

    async def _copy(
        self, parent: Run, child: Run, point: Standing, edited: Edited | None, *, with_writes: bool
    ) -> Unit:
        unit = Unit()
        checkpoint_id = child.forked_from or ""
        try:
            unit.statements += await fork(
                self._store.reader, parent.run_id, checkpoint_id, child.run_id, with_writes=with_writes
            )
        except MissingCheckpoint as error:
            raise NotFound(str(error)) from error
        if edited is not None:
            unit.statements += edited.statements
        program = await self._programs.of_run(parent)
        kept = await self._states(parent, program, point, with_writes=with_writes)
        progress = await self._travel.progress(parent, program, kept)
        unit.statements += state_rows(child.run_id, ((state.node_id, state) for state in kept))
        unit.statements.append(statement("set_progress", run_id=child.run_id, progress=progress))
        unit.statements += await self._items(parent, child, program, kept, with_writes=with_writes)
        if with_writes:
            unit.statements += [
                statement("copy_interrupt", run_id=child.run_id, source=parent.run_id, interrupt_id=interrupt_id)
                for interrupt_id in point.interrupt_ids
            ]
        return unit

    async def _states(self, parent: Run, program: Executable, point: Standing, *, with_writes: bool) -> list[NodeState]:
        if not with_writes:
            return await self._travel.states(parent, program, point.point.row.checkpoint_id)
        finished = point.finished(program)
        states = begun_anew(await self._store.node_states(parent.run_id))
        return [state for state in states if state.status not in ENDED or finished is None or state.node_id in finished]

    async def _items(
        self, parent: Run, child: Run, program: Executable, kept: list[NodeState], *, with_writes: bool
    ) -> list[Statement]:
        """What the items of `map` nodes had come to, those of a map that goes on in its middle included."""
        maps = set(program.maps)
        if not maps:
            return []
        reached = {state.node_id: times_ended(state) for state in kept}
        if with_writes:
            reached = {state.node_id: state.iterations for state in await self._store.node_states(parent.run_id)}
        return [
            statement("copy_items", run_id=child.run_id, source=parent.run_id, node_id=node_id, iteration=iteration)
            for node_id, iteration in reached.items()
            if node_id in maps
        ]

    def _tell(self, unit: Unit, actor: Identity, parent: Run, child: Run, edited: Edited | None) -> None:
        now = child.created_at
        data = {"parent_run_id": parent.run_id, "checkpoint_id": child.forked_from, "by": actor.name}
        unit.events.append(event(child, "run.forked_from", now, data))
        if edited is not None:
            told = {"checkpoint_id": edited.checkpoint.checkpoint_id, "by": actor.name}
            unit.events += [
                event(child, "checkpoint.saved", now, edited.data),
                event(child, "state.edited", now, told),
            ]
