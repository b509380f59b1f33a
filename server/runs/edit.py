"""Edit a run's state: LangGraph's own update makes the new checkpoint, which is stored in one guarded unit."""

import asyncio
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import InvalidUpdateError

from milepost.checkpoints.saver import Saver
from milepost.checkpoints.unit import CheckpointSaved, Statement, TaskSaved
from milepost.graphs.executable import Executable
from milepost.graphs.problems import InvalidDefinition
from milepost.graphs.python.program import PythonProgram
from milepost.server.access.keys import Identity
from milepost.server.engine.threads import NodeThreads
from milepost.server.errors import Conflict, GuardFailed, HasOpenQuestions, InvalidEdit, MilepostError
from milepost.server.runs.programs import ProgramSource
from milepost.server.runs.travel import Travel
from milepost.server.states import RunStatus
from milepost.server.store.rows import Project, Run
from milepost.server.store.statements import event, statement
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

EDITORS = 8
"""Threads for what edits of Python graphs execute of their authors' code."""


@dataclass(frozen=True, slots=True)
class Edited:
    """A checkpoint that an edit makes, and the statements that store it."""

    statements: list[Statement]
    checkpoint: CheckpointSaved

    @property
    def data(self) -> dict[str, Any]:
        """What its ``checkpoint.saved`` event says."""
        saved = self.checkpoint
        return {"checkpoint_id": saved.checkpoint_id, "step": saved.step, "next": list(saved.next)}


class Edit:
    """Edits states."""

    def __init__(self, store: Store, programs: ProgramSource, travel: Travel, allowed_types: tuple[str, ...]) -> None:
        self._store = store
        self._programs = programs
        self._travel = travel
        self._allowed_types = allowed_types
        self._threads = NodeThreads(EDITORS)

    async def edit(
        self, actor: Identity, project: Project, run_id: str, values: Mapping[str, Any], as_node: str | None = None
    ) -> dict[str, Any]:
        """Change a PAUSED run's variables or outputs.

        Returns:
            The new checkpoint: its id, step, the nodes that run next and the state.

        Raises:
            NotFound, Conflict (``not_paused``), HasOpenQuestions, InvalidEdit (unknown names, ambiguous ``as_node``).
        """
        run = await self._store.run_of(project.project_id, run_id)
        edited = await self.apply(actor, run, values, as_node)
        program = await self._programs.of_run(run)
        return {**edited.data, "values": program.state(edited.checkpoint.checkpoint["channel_values"])}

    async def apply(self, actor: Identity, run: Run, values: Mapping[str, Any], as_node: str | None) -> Edited:
        """The same; gives the checkpoint as it was stored."""
        if run.status is not RunStatus.PAUSED:
            raise Conflict(f"run {run.run_id} is {run.status}; only a PAUSED run can be edited", code="not_paused")
        if run.checkpoint_id is None:
            raise Conflict(f"run {run.run_id} has no checkpoint yet: there is no state to edit", code="no_checkpoint")
        stands = await self._travel.standing(run, run.checkpoint_id)
        if (stands.branches or stands.writes) and run.resume_from is None:
            raise HasOpenQuestions(
                f"the step after checkpoint {run.checkpoint_id} has saved results or open questions; fork the run"
            )
        edited = await self.prepare(run, run.checkpoint_id, values, as_node)
        now = self._store.clock()
        guard = statement(
            "set_checkpoint",
            1,
            run_id=run.run_id,
            run_attempt=run.run_attempt,
            checkpoint_id=edited.checkpoint.checkpoint_id,
        )
        events = [
            event(run, "checkpoint.saved", now, edited.data),
            event(run, "state.edited", now, {"checkpoint_id": edited.checkpoint.checkpoint_id, "by": actor.name}),
        ]
        try:
            await self._store.commit(Unit([guard, *edited.statements], events))
        except GuardFailed as error:
            raise Conflict(f"run {run.run_id} is no longer paused", code="not_paused") from error
        await self._travel.note_checkpoint(replace(run, checkpoint_id=edited.checkpoint.checkpoint_id))
        return edited

    async def prepare(
        self, run: Run, checkpoint_id: str, values: Mapping[str, Any], as_node: str | None, *, target_id: str = ""
    ) -> Edited:
        """The checkpoint that an edit makes after ``checkpoint_id``, for ``run`` itself or its fork ``target_id``."""
        program = await self._programs.to_drive(run)
        updates = _updates(program, values)
        _check_node(program, as_node)
        sink = _Capture(target_id or run.run_id)
        saver = Saver(self._store.reader, sink, allowed_types=self._allowed_types, next_nodes=program.next_nodes)
        config: RunnableConfig = {"configurable": {"thread_id": run.run_id, "checkpoint_id": checkpoint_id}}
        graph = program.with_saver(saver)
        begun = bool(await self._store.node_states(run.run_id))
        try:
            update = graph.aupdate_state(config, updates, as_node=program.editor(as_node, begun=begun))
            # The reducers of a Python graph are its author's, and may take their time.
            await (self._aside(update) if isinstance(program, PythonProgram) else update)
        except MilepostError:
            raise
        except Exception as error:
            raise _refusal(error, program, as_node) from error
        return sink.edited()

    async def _aside(self, update: Coroutine[Any, Any, Any]) -> None:
        """Make an update on a loop of its own in a thread."""
        await asyncio.get_running_loop().run_in_executor(self._threads, asyncio.run, update)


class _Capture:
    """A sink that keeps statements, addressed to the run that is to get them."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._statements: list[Statement] = []
        self._checkpoint: CheckpointSaved | None = None

    def task_saved(self, saved: TaskSaved, statements: list[Statement]) -> "Future[None]":
        """Writes that belong to an edit."""
        return self._keep(statements)

    def checkpoint_saved(self, saved: CheckpointSaved, statements: list[Statement]) -> "Future[None]":
        """The checkpoint that an edit makes."""
        self._checkpoint = saved
        return self._keep(statements)

    def _keep(self, statements: list[Statement]) -> "Future[None]":
        self._statements += [
            each._replace(parameters={**each.parameters, "run_id": self._run_id}) for each in statements
        ]
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def edited(self) -> Edited:
        """What was kept."""
        if self._checkpoint is None:
            raise InvalidEdit("the edit changes nothing")
        return Edited(self._statements, self._checkpoint)


def _refusal(error: Exception, program: Executable, as_node: str | None) -> InvalidEdit:
    """Why LangGraph did not make an edit. The reducers and edges of a Python graph are its author's code."""
    if isinstance(error, InvalidUpdateError) and as_node is None:
        names = [node.id for node in program.nodes]
        return InvalidEdit(
            f"LangGraph calls this edit ambiguous: give `as_node`, one of {', '.join(names)}",
            code="as_node_required",
            errors=[{"path": "as_node", "code": "required", "message": name} for name in names],
        )
    return InvalidEdit(f"the graph does not take this edit: {type(error).__name__}: {error}")


def _updates(program: Executable, values: Mapping[str, Any]) -> dict[str, Any]:
    try:
        updates = program.edit(values)
    except InvalidDefinition as error:
        problems = [{"path": each.path, "code": each.code, "message": each.message} for each in error.problems]
        raise InvalidEdit(str(error), errors=problems) from error
    if not updates:
        raise InvalidEdit("nothing to edit: give `variables` or `outputs`")
    return updates


def _check_node(program: Executable, as_node: str | None) -> None:
    names = [node.id for node in program.nodes]
    if as_node is not None and as_node not in names:
        raise InvalidEdit(f"there is no node {as_node}; as_node is one of {', '.join(names)}")
