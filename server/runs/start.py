"""Start runs: create, execute, rerun. A start is claimed in the unit that queues it where a slot is free."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import orjson
import uuid_utils

from milepost.graphs.problems import Problem
from milepost.server.access.keys import Identity
from milepost.server.access.secrets import Secrets
from milepost.server.engine.claims import started
from milepost.server.engine.dispatcher import Dispatcher
from milepost.server.errors import (
    GuardFailed,
    IdempotencyMismatch,
    InvalidInput,
    InvalidState,
    NotFound,
    NotRunnable,
    RunFinished,
)
from milepost.server.hub.hub import Hub
from milepost.server.runs.limits import Limits
from milepost.server.runs.new import insertion, new_run
from milepost.server.runs.programs import ProgramSource
from milepost.server.runs.summaries import run_json
from milepost.server.states import Action, RunStatus, target
from milepost.server.store.rows import Event, Project, Run, Workflow, iso
from milepost.server.store.statements import event, hold_place, statement, to_json, transition
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

ENDED = frozenset({"run.completed", "run.failed", "run.cancelled"})

TRIES = 5
"""How often a creation is tried whose workflow or limits change meanwhile."""

MAX_PRIORITY = 1_000
"""The highest priority of a run, and below zero the lowest."""

DAY = 86_400_000
"""Milliseconds that an Idempotency-Key is kept."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """What a client asks for."""

    workflow_id: str
    version: int | None = None
    input: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    execute: bool = False
    idempotency_key: str | None = None
    body_hash: str = ""
    priority: int = 0
    start_at: int | None = None
    dry_run: str | None = None
    run_id: str = field(default_factory=lambda: str(uuid_utils.uuid7()))


@dataclass(frozen=True, slots=True)
class Timing:
    """When a run is to start: before others of its project, and not before a time. None: as it was created."""

    priority: int | None = None
    start_at: int | None = None

    def of(self, run: Run) -> Run:
        """``run`` with this timing."""
        return replace(
            run,
            priority=run.priority if self.priority is None else self.priority,
            start_at=run.start_at if self.start_at is None else self.start_at,
        )


AS_CREATED = Timing()


@dataclass(frozen=True, slots=True)
class Started:
    """An executed run: RUNNING, or QUEUED behind ``ahead`` others of its project."""

    run: Run
    ahead: int


@dataclass(frozen=True, slots=True)
class Launch:
    """A start on its way: the unit that commits it and what to do then."""

    run: Run
    unit: Unit
    reserved: bool


class Start:
    """Creates and executes runs."""

    def __init__(
        self,
        store: Store,
        hub: Hub,
        dispatcher: Dispatcher,
        programs: ProgramSource,
        limits: Limits,
        secrets: Secrets,
    ) -> None:
        self._store = store
        self._hub = hub
        self._dispatcher = dispatcher
        self._programs = programs
        self._limits = limits
        self._secrets = secrets
        self._answering: dict[tuple[str, str], asyncio.Lock] = {}

    async def create(self, actor: Identity, project: Project, new: NewRun) -> bytes:
        """A new run, as the JSON that the client gets; with ``new.execute`` it starts.

        With an Idempotency-Key the first answer is given again; one that arrives meanwhile waits for it.

        Raises:
            NotFound: no such workflow or version. NotRunnable, InvalidInput: it cannot start with this input.
            ProjectLimit, ConcurrencyLimit: there are as many runs as there may be.
            IdempotencyMismatch: the key was used with another body.
        """
        if new.idempotency_key is None:
            return await self._create(actor, project, new)
        scope = (f"{actor.key_id} {project.project_id} runs", new.idempotency_key)
        lock = self._answering.setdefault(scope, asyncio.Lock())
        try:
            async with lock:
                return await self._once(actor, project, new, scope)
        finally:
            if not lock.locked():
                self._answering.pop(scope, None)

    async def create_and_wait(self, actor: Identity, project: Project, new: NewRun, seconds: float) -> bytes:
        """As ``create``, but the run as it is once it has ended, or after ``seconds``."""
        with self._hub.expecting(new.run_id, ENDED) as end:
            run_id = orjson.loads(await self.create(actor, project, new))["run_id"]
            if run_id == new.run_id:
                await end.within(seconds)
            else:
                await self._hub.wait_for(run_id, ENDED, seconds, after=0)
        run = await self._store.run(run_id)
        return orjson.dumps({**run_json(run), "last_seq": run.last_seq})

    async def _once(self, actor: Identity, project: Project, new: NewRun, scope: tuple[str, str]) -> bytes:
        try:
            return await self._replayed(scope, new) or await self._create(actor, project, new, scope[0])
        except GuardFailed:
            # Another request with the key was quicker: its answer is the answer.
            if (first := await self._replayed(scope, new)) is None:
                raise
            return first

    async def _replayed(self, scope: tuple[str, str], new: NewRun) -> bytes | None:
        since = self._store.clock() - DAY
        row = await self._store.fetch_one("get_idempotent", scope=scope[0], key=scope[1], since=since)
        if row is None:
            return None
        body_hash, _, response = row
        if body_hash != new.body_hash:
            raise IdempotencyMismatch(f"Idempotency-Key {scope[1]!r} was used with another body; take a new key")
        return str(response).encode()

    async def _create(self, actor: Identity, project: Project, new: NewRun, scope: str | None = None) -> bytes:
        for _ in range(TRIES - 1):
            try:
                return await self._try_create(project, new, scope)
            except GuardFailed:
                # The workflow or its limits have changed since they were read; or the key was used meanwhile.
                if scope is not None and await self._replayed((scope, new.idempotency_key or ""), new) is not None:
                    raise
        return await self._try_create(project, new, scope)

    async def _try_create(self, project: Project, new: NewRun, scope: str | None) -> bytes:
        workflow = await self._programs.workflow(project.project_id, new.workflow_id, new.version)
        if workflow.archived_at is not None:
            raise NotFound(f"workflow {new.workflow_id} is archived")
        run = self._pending(project, new, workflow.version)
        unit = insertion(run, workflow, self._store.clock())
        if new.execute:
            await self._check(run, workflow)
            launch = await self._begin(run, workflow, Action.EXECUTE, inserted=True)
        else:
            launch = Launch(run, Unit(), reserved=False)
        unit.extend(launch.unit)
        body = orjson.dumps(run_json(launch.run))
        if scope is not None and new.idempotency_key is not None:
            now = self._store.clock()
            unit.statements += [
                statement("drop_idempotent", since=now - DAY),
                statement(
                    "put_idempotent",
                    scope=scope,
                    key=new.idempotency_key,
                    body_hash=new.body_hash,
                    run_id=run.run_id,
                    response=body.decode(),
                    now=now,
                ),
            ]
        await self.commit(launch, unit)
        return body

    def _pending(self, project: Project, new: NewRun, version: int) -> Run:
        return new_run(
            project.project_id,
            new.workflow_id,
            version,
            to_json(dict(new.input or {})),
            to_json(dict(new.metadata)),
            self._store.clock(),
            run_id=new.run_id,
            priority=new.priority,
            start_at=new.start_at,
            dry_run=new.dry_run,
        )

    async def execute(
        self,
        actor: Identity,
        project: Project,
        run_id: str,
        input: Mapping[str, Any] | None = None,
        timing: Timing = AS_CREATED,
    ) -> Started:
        """Start a PENDING run, with ``input`` in place of what it was created with where that is given.

        Raises:
            NotFound, InvalidState, RunFinished, InvalidInput, NotRunnable, WorkflowArchived, ProjectLimit,
            ConcurrencyLimit.
        """
        while True:
            run = timing.of(await self._store.run_of(project.project_id, run_id))
            _check_pending(run)
            changes: dict[str, Any] = {} if input is None else {"input": to_json(dict(input))}
            workflow = await self._programs.workflow(project.project_id, run.workflow_id, run.version)
            asked = new_input(run, changes.get("input"))
            await self._check(asked, workflow)
            launch = await self._begin(run, workflow, Action.EXECUTE, **changes)
            try:
                await self.commit(launch, launch.unit)
            except GuardFailed:
                continue
            return Started(launch.run, await self.ahead(launch.run))

    async def rerun(
        self,
        actor: Identity,
        project: Project,
        run_id: str,
        input: Mapping[str, Any] | None,
        *,
        execute: bool,
        timing: Timing = AS_CREATED,
    ) -> Run:
        """A new run of the same version, with the same input unless another is given."""
        run = await self._store.run_of(project.project_id, run_id)
        again = NewRun(
            run.workflow_id,
            run.version,
            orjson.loads(run.input) if input is None else input,
            {**orjson.loads(run.metadata), "rerun_of": run_id},
            execute,
            priority=run.priority if timing.priority is None else timing.priority,
            start_at=timing.start_at,
            dry_run=run.dry_run,
        )
        body = await self._create(actor, project, again)
        return await self._store.run_of(project.project_id, orjson.loads(body)["run_id"])

    async def begin(self, run: Run, action: Action, *, inserted: bool = False, **changes: Any) -> Launch:
        """As ``launch`` for a run that is not live: limits may refuse it, and it gets its place in the queue.

        ``inserted``: the run is stored in the same unit.

        Raises:
            WorkflowArchived, ProjectLimit, ConcurrencyLimit, InvalidInput (its concurrency key cannot be computed),
            IllegalTransition.
        """
        workflow = await self._programs.workflow(run.project_id, run.workflow_id, run.version)
        return await self._begin(run, workflow, action, inserted=inserted, **changes)

    async def _begin(
        self, run: Run, workflow: Workflow, action: Action, *, inserted: bool = False, **changes: Any
    ) -> Launch:
        now = self._store.clock()
        target(run.status, action)
        held = run.start_at if action is Action.EXECUTE and run.start_at is not None and run.start_at > now else None
        lane = self._limits.lane(workflow, changes.get("input") or run.input) if run.dry_run is None else None
        placed = replace(run, lane=lane, held_until=held)
        guards = await self._limits.admit(placed, workflow, inserted=inserted)
        launch = await self.launch(placed, action, **changes)
        if lane != run.lane or held is not None or (not inserted and (run.priority or run.start_at)):
            place = {"priority": run.priority, "start_at": run.start_at, "held_until": held, "lane": lane}
            guards.append(statement("set_place", 1, run_id=run.run_id, **place))
        launch.unit.statements[:0] = guards
        return launch

    async def launch(self, run: Run, action: Action, **changes: Any) -> Launch:
        """Queue ``run`` by ``action``, and claim it in the same unit where the engine has a slot for it and no limit
        holds it back.

        Raises:
            IllegalTransition: the run's status has no such exit.
        """
        now = self._store.clock()
        queued, first = transition(run, action, now, **changes)
        await self._programs.refuse_gone(run)
        told = {"why": str(action)} if run.held_until is None else {"why": str(action), "start_at": iso(run.held_until)}
        unit = Unit([first], [event(queued, "run.queued", now, told)])
        if run.held_until is not None or not await self._limits.has_place(queued):
            return Launch(queued, unit, reserved=False)
        limited = await self._limits.limits_running(queued)
        if not self._dispatcher.reserve(queued):
            return Launch(queued, unit, reserved=False)
        running, second = transition(queued, Action.CLAIM, now, owner=self._dispatcher.boot_id())
        unit.statements.append(second)
        if limited:
            unit.statements.append(hold_place(run.run_id))
        unit.events.append(event(running, "run.started", now, started(running)))
        return Launch(running, unit, reserved=True)

    async def commit(self, launch: Launch, unit: Unit) -> None:
        """Commit a unit that holds a launch, and let the engine drive the run or look for it."""
        landing = self._store.post(unit)
        landing.add_done_callback(partial(self._landed, launch))
        # A caller that goes away leaves a unit that is on its way: the run that it claims must be driven all the same.
        await asyncio.shield(landing)

    def _landed(self, launch: Launch, landing: "asyncio.Future[tuple[Event, ...]]") -> None:
        failed = landing.cancelled() or landing.exception() is not None
        if failed:
            self._programs.forget(launch.run.workflow_id)
        if failed and launch.reserved:
            self._dispatcher.unreserve(launch.run)
        elif not failed and launch.reserved:
            self._dispatcher.start_run(launch.run)
        elif not failed and launch.run.held_until is not None:
            self._dispatcher.watch_wake(launch.run.held_until)
        elif not failed and launch.run.status is RunStatus.QUEUED:
            self._dispatcher.wake()

    async def ahead(self, run: Run) -> int:
        """How many queued runs of its project are to start before this one."""
        if run.status is not RunStatus.QUEUED:
            return 0
        row = await self._store.fetch_one("queued_ahead", run_id=run.run_id)
        return int(row[0]) if row else 0

    async def _check(self, run: Run, workflow: Workflow) -> None:
        await self._programs.refuse_gone(run)
        program = await (self._programs.get(workflow) if run.dry_run is None else self._programs.of_run(run))
        lacks = [*program.not_runnable, *await self._secrets.unset(run.project_id, program.secrets)]
        if lacks:
            raise NotRunnable("; ".join(problem.message for problem in lacks), errors=problems_json(lacks))
        problems = program.check_input(orjson.loads(run.input))
        if problems:
            raise InvalidInput("; ".join(problem.message for problem in problems), errors=problems_json(problems))


def problems_json(problems: Iterable[Problem]) -> list[dict[str, str]]:
    """Problems as an error answer lists them."""
    return [{"path": each.path, "code": each.code, "message": each.message} for each in problems]


def new_input(run: Run, text: str | None) -> Run:
    """``run`` with another input, for checking it."""
    return run if text is None else replace(run, input=text)


def _check_pending(run: Run) -> None:
    if run.status is RunStatus.COMPLETED:
        raise RunFinished(f"run {run.run_id} has completed; start it anew with rerun")
    if run.status is RunStatus.FAILED:
        raise InvalidState(f"run {run.run_id} has failed; it goes on with retry")
    if run.status is not RunStatus.PENDING:
        raise InvalidState(f"run {run.run_id} is {run.status}; only a PENDING run can be executed")
