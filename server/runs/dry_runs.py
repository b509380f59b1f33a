"""Dry runs: side effects are simulated, questions answered, waits skipped, and a trace tells what the nodes did."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from milepost.graphs.executable import Executable
from milepost.graphs.python.program import KIND
from milepost.graphs.rehearsal import named
from milepost.server.access.keys import Identity
from milepost.server.errors import ExecutionTimeout, InvalidRequest, InvalidState, NotFound, NotRunnable
from milepost.server.hub.hub import Hub
from milepost.server.runs.control import Control
from milepost.server.runs.history import History
from milepost.server.runs.programs import ProgramSource
from milepost.server.runs.start import NewRun, Start
from milepost.server.runs.summaries import Json
from milepost.server.runs.traces import MAX_LINES, MAX_STEPS, trace_json
from milepost.server.runs.workflows import Workflows
from milepost.server.store.listings import node_totals
from milepost.server.store.rows import Project, Workflow
from milepost.server.store.store import Store

ENDED = frozenset({"run.completed", "run.failed", "run.cancelled"})

TIMEOUT = 60.0
"""Seconds that a dry run may take if nothing is said."""

MAX_TIMEOUT = 300.0


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a client asks for. ``definition`` is tried in the place of the stored version."""

    workflow_id: str
    input: Mapping[str, Any] | None = None
    version: int | None = None
    definition: Mapping[str, Any] | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    timeout_seconds: float = TIMEOUT
    replay_run_id: str | None = None


class DryRuns:
    """Makes dry runs. They go through the engine like any other run, and are kept and marked."""

    def __init__(
        self,
        store: Store,
        hub: Hub,
        programs: ProgramSource,
        workflows: Workflows,
        start: Start,
        control: Control,
        history: History,
    ) -> None:
        self._store = store
        self._hub = hub
        self._programs = programs
        self._workflows = workflows
        self._start = start
        self._control = control
        self._history = history

    async def test(self, actor: Identity, project: Project, asked: DryRun) -> Json:
        """Run a workflow without side effects to its end, and give its trace.

        Raises:
            NotFound, WorkflowArchived, InvalidDefinition, InvalidInput, InvalidRequest, NotRunnable, ProjectLimit.
            ExecutionTimeout: it took longer than ``timeout_seconds`` and was cancelled.
        """
        new = await self._new(project, asked)
        with self._hub.expecting(new.run_id, ENDED) as end:
            await self._start.create(actor, project, new)
            try:
                await end.within(asked.timeout_seconds)
            except asyncio.CancelledError:
                await asyncio.shield(self._cancel(actor, project, new.run_id))
                raise
        if not (await self._store.run(new.run_id)).ended and await self._cancel(actor, project, new.run_id):
            message = f"the dry run took longer than {asked.timeout_seconds:g} s and was cancelled"
            raise ExecutionTimeout(message, run_id=new.run_id)
        return await self.trace(project, new.run_id)

    async def trace(self, project: Project, run_id: str) -> Json:
        """What the nodes of an ended run did, and what it came to.

        Raises:
            NotFound.
        """
        run = await self._store.run_of(project.project_id, run_id)
        state: Json = {}
        if run.checkpoint_id is not None:
            state = (await self._history.checkpoint(project, run_id, run.checkpoint_id))["values"]
        return trace_json(
            run,
            await self._store.executions(run_id, limit=MAX_STEPS + 1),
            await self._store.fetch("logged", run_id=run_id, limit=MAX_LINES),
            await node_totals(self._store, run_id),
            dict(await self._store.fetch("stand_ins", run_id=run_id)),
            state.get("variables") if isinstance(state, dict) else None,
        )

    async def _new(self, project: Project, asked: DryRun) -> NewRun:
        workflow = await self._programs.workflow(project.project_id, asked.workflow_id, asked.version)
        if workflow.kind == KIND:
            # What its nodes do outside is not known, so it could not be simulated.
            raise NotRunnable("a graph written in Python has no dry run")
        kept: dict[str, Any] = {"answers": dict(asked.answers), "timeout_seconds": asked.timeout_seconds}
        if asked.definition is None:
            program = await self._programs.get(workflow)
        else:
            kept["draft"] = await self._draft(project, workflow, asked)
            program = await self._programs.draft(workflow.workflow_id, **kept["draft"])
        _check_answers(asked.answers, program)
        given = asked.input
        if asked.replay_run_id is not None:
            kept["replay_run_id"] = asked.replay_run_id
            given = await self._recorded_input(project, asked)
        dry_run = orjson.dumps(kept).decode()
        return NewRun(workflow.workflow_id, workflow.version, given, execute=True, dry_run=dry_run)

    async def _draft(self, project: Project, workflow: Workflow, asked: DryRun) -> dict[str, Any]:
        if asked.version is not None:
            raise InvalidRequest("give `version` or `definition`, not both")
        assert asked.definition is not None
        pinned = await self._workflows.checked(project, asked.definition, workflow.workflow_id)
        return {"definition": asked.definition, "pinned": pinned}

    async def _recorded_input(self, project: Project, asked: DryRun) -> Mapping[str, Any]:
        """The input of the run that is replayed: its results are worth nothing for another one."""
        recorded = await self._store.run_of(project.project_id, asked.replay_run_id or "")
        if recorded.workflow_id != asked.workflow_id:
            raise InvalidRequest(f"run {recorded.run_id} is of another workflow, {recorded.workflow_id}")
        # Refused here where this release does not accept that run's definition: the dry run would only fail.
        await self._programs.of_run(recorded)
        given: Mapping[str, Any] = orjson.loads(recorded.input)
        if asked.input is not None and dict(asked.input) != given:
            raise InvalidRequest(f"what run {recorded.run_id} recorded is for its own input: leave `input_data` out")
        return given

    async def _cancel(self, actor: Identity, project: Project, run_id: str) -> bool:
        """End the run; False where it has ended by itself."""
        try:
            await self._control.cancel(actor, project, run_id)
        except (InvalidState, NotFound):
            return False
        return True


def _check_answers(answers: Mapping[str, Any], program: Executable) -> None:
    """Refuse answers for nodes that there are none of; what is inside the items of a `map` is not known here."""
    known = {node.id for node in program.everything}
    inside = tuple(f"{node_id}/" for node_id in program.maps)
    lost = [key for key in answers if named(key) not in known and not named(key).startswith(inside)]
    if lost:
        errors = [
            {"path": f"answers.{key}", "code": "unknown_name", "message": f"there is no node {named(key)!r}"}
            for key in lost
        ]
        raise InvalidRequest(errors[0]["message"], errors=errors)
