"""Workflows inside another Python program: the same store, hub and engine, without a socket."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from milepost.graphs.node_types import NodeType, Registry
from milepost.server.access.keys import Identity
from milepost.server.app import DEFAULT_SLUG, App, build, prepare
from milepost.server.config import load_settings
from milepost.server.errors import BadRequest, MilepostError, NotFound
from milepost.server.logs import Veils
from milepost.server.runs.control import PauseMode, Resume
from milepost.server.runs.dry_runs import TIMEOUT, DryRun
from milepost.server.runs.start import MAX_PRIORITY, NewRun
from milepost.server.states import RunStatus
from milepost.server.store.rows import Event, Project, Run

ENDED = frozenset({"run.completed", "run.failed", "run.cancelled"})
STOPPED = ENDED | {"run.paused", "run.waiting"}

LOCAL = Identity("local", "local", None)


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run stands: ``output`` once it is COMPLETED, ``error`` (code, type, message, node_id) once it is FAILED."""

    run_id: str
    status: RunStatus
    output: Any
    error: Mapping[str, Any] | None


class RunHandle:
    """A run that was started in this program, or any run of its data directory."""

    def __init__(self, app: App, project: Project, run_id: str) -> None:
        self.run_id = run_id
        self._app = app
        self._project = project

    async def events(self, after: int = 0) -> AsyncIterator[dict[str, Any]]:
        """The run's events with ``seq > after``, stored ones first, then live, until the run has ended."""
        async with self._app.hub.subscribe(self.run_id, after) as subscription:
            run = await self._app.store.run(self.run_id)
            if run.ended and run.last_seq <= after:
                return
            while True:
                for event in await subscription.next():
                    yield orjson.loads(event.wire)
                    if event.type in ENDED:
                        return

    async def result(self) -> RunResult:
        """How the run ends; waits for it, through pauses and questions."""
        await self._wait(ENDED)
        return await self.status()

    async def stopped(self) -> RunResult:
        """How the run stands once it has ended, paused or parked."""
        await self._wait(STOPPED)
        return await self.status()

    async def _wait(self, types: frozenset[str]) -> None:
        run = await self._app.store.run(self.run_id)
        parked = run.status in (RunStatus.PAUSED, RunStatus.WAITING) and types is STOPPED
        if not run.ended and not parked:
            event: Event | None = None
            while event is None:
                event = await self._app.hub.wait_for(self.run_id, types, 60.0, after=run.last_seq)

    async def status(self) -> RunResult:
        """How the run stands now."""
        return _result(await self._app.store.run(self.run_id))

    async def pause(self, mode: PauseMode = "step") -> RunResult:
        """Pause at the next boundary of a step, or at once."""
        await self._app.control.pause(LOCAL, self._project, self.run_id, mode)
        return await self.status()

    async def questions(self) -> list[dict[str, Any]]:
        """What the run asks people, oldest first, as `interrupts` of its status."""
        shown = await self._app.read.status(self._project, self.run_id, 0)
        return list(shown["interrupts"])

    async def resume(
        self,
        answer: Any = None,
        *,
        answers: Mapping[str, Any] | None = None,
        checkpoint_id: str | None = None,
        state: Mapping[str, Any] | None = None,
    ) -> RunResult:
        """Go on: with the answer to the one open question, with ``answers`` by `interrupt_id`, or after a pause.

        After a pause ``checkpoint_id`` is an earlier one to go on from, and ``state`` is merged before.
        """
        how = Resume(checkpoint_id, answer, answer is not None, answers, state)
        return _result(await self._app.control.resume(LOCAL, self._project, self.run_id, how))

    async def send(self, event: str, payload: Any = None) -> None:
        """Send the run an event: it is kept until a `wait_event` node takes it."""
        await self._app.signals.send(LOCAL, self._project, self.run_id, event, payload)

    async def retry(self) -> RunResult:
        """Let a FAILED run go on from its last checkpoint."""
        return _result(await self._app.control.retry(LOCAL, self._project, self.run_id))

    async def cancel(self) -> RunResult:
        """End the run for good."""
        await self._app.control.cancel(LOCAL, self._project, self.run_id)
        return await self.status()


class Milepost:
    """An engine in this process: ``async with Milepost(data="data") as m``. Nobody else may use ``data`` meanwhile.

    Args:
        data: directory of the database.
        node_types: further classes derived from ``NodeType``.
        settings: any of the server's settings by name, such as ``max_concurrent_runs``.
    """

    def __init__(
        self, data: str | Path = "data", *, node_types: Iterable[type[NodeType[Any]]] = (), **settings: Any
    ) -> None:
        registry = Registry.installed()
        for node_type in node_types:
            registry.register(node_type)
        self._app = build(load_settings(**{"data": Path(data), "examples": False, **settings}), registry)
        self._project: Project | None = None
        self._workflows: dict[str, str] = {}

    @property
    def veils(self) -> Veils:
        """What covers the values of secrets in logs; its ``cover`` is a processor for structlog."""
        return self._app.veils

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._app.open)
        try:
            self._app.hub.attach(asyncio.get_running_loop())
            await prepare(self._app)
            self._project = await self._app.store.project(DEFAULT_SLUG)
        except BaseException:
            await asyncio.to_thread(self._app.close)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._app.hub.close()
        await asyncio.to_thread(self._app.close)

    async def run(
        self, definition: Mapping[str, Any] | str, input: Mapping[str, Any] | None = None, **more: Any
    ) -> RunResult:
        """Run a definition, or a stored workflow by its id, to its end. Takes what ``start`` takes.

        Raises:
            InvalidDefinition, InvalidInput, NotRunnable, NotFound, ConcurrencyLimit, ProjectLimit.
        """
        handle = await self.start(definition, input, **more)
        return await handle.result()

    async def start(
        self,
        definition: Mapping[str, Any] | str,
        input: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        priority: int = 0,
        start_at: datetime | None = None,
        **metadata: Any,
    ) -> RunHandle:
        """The same, without waiting for the end: a handle to watch and steer the run.

        Args:
            definition: a definition, or the id of a stored workflow.
            input: what it starts with.
            version: of a stored workflow; the latest if nothing is said.
            priority: before others in the queue, -1000 to 1000.
            start_at: not before this time; UTC if it names no zone.
            metadata: kept with the run.
        """
        workflow_id = definition if isinstance(definition, str) else await self._stored(definition)
        if not -MAX_PRIORITY <= priority <= MAX_PRIORITY:
            raise BadRequest(f"priority is from {-MAX_PRIORITY} to {MAX_PRIORITY}, not {priority}")
        new = NewRun(workflow_id, version, input, metadata, execute=True, priority=priority, start_at=_epoch(start_at))
        body = await self._app.start.create(LOCAL, self._opened, new)
        return RunHandle(self._app, self._opened, orjson.loads(body)["run_id"])

    async def test(
        self,
        definition: Mapping[str, Any] | str,
        input: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        answers: Mapping[str, Any] | None = None,
        timeout_seconds: float = TIMEOUT,
        replay_run_id: str | None = None,
    ) -> dict[str, Any]:
        """A dry run: side effects are simulated, questions answered and waits skipped. Gives its trace.

        Args:
            definition: a definition, or the id of a stored workflow.
            input: what it starts with; with ``replay_run_id`` what that run started with.
            version: of a stored workflow; the latest if nothing is said.
            answers: to questions, and events, by node id.
            timeout_seconds: after which it is cancelled.
            replay_run_id: a run whose results stand in for the nodes that have not changed.

        Raises:
            ExecutionTimeout, InvalidDefinition, InvalidInput, InvalidRequest, NotRunnable, NotFound, ProjectLimit.
        """
        draft: Mapping[str, Any] | None = None
        if isinstance(definition, str):
            workflow_id = definition
        elif replay_run_id is not None:
            draft, workflow_id = definition, (await self._app.store.run(replay_run_id)).workflow_id
        else:
            workflow_id = await self._stored(definition)
        asked = DryRun(workflow_id, input, version, draft, answers or {}, timeout_seconds, replay_run_id)
        return await self._app.dry_runs.test(LOCAL, self._opened, asked)

    def handle(self, run_id: str) -> RunHandle:
        """A run of this data directory, started by whomever."""
        return RunHandle(self._app, self._opened, run_id)

    def graph(self, name: str) -> str:
        """The workflow of a graph of the `langgraph.json` that ``config`` names, for ``run`` and ``start``.

        Raises:
            NotFound: there is none of this name, or it could not be imported; the message says why.
        """
        for each in self._app.python.listed:
            if each.name == name and each.failure is None and each.workflow_id is not None:
                return each.workflow_id
            if each.name == name and each.failure is not None:
                raise NotFound(f"graph {name} is not served: {each.failure.type}: {each.failure.message}")
        raise NotFound(f"the langgraph.json has no graph {name}")

    async def set_secret(self, name: str, value: str) -> None:
        """Store a secret, which definitions read as ``{{ secrets.NAME }}``; one of that name is replaced."""
        await self._app.secrets.set(LOCAL, self._opened.project_id, name, value)

    async def delete_secret(self, name: str) -> None:
        """Forget a secret. Raises ``NotFound``."""
        await self._app.secrets.delete(LOCAL, self._opened.project_id, name)

    async def secret_names(self) -> list[str]:
        """The names of the secrets that are stored."""
        return [row.name for row in await self._app.secrets.page(self._opened.project_id)]

    @property
    def _opened(self) -> Project:
        if self._project is None:
            raise MilepostError("use `async with Milepost(…) as m` before calling it", code="not_opened")
        return self._project

    async def _stored(self, definition: Mapping[str, Any]) -> str:
        """The workflow of a definition; the same definition again is the same workflow."""
        key = hashlib.sha256(orjson.dumps(definition, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()
        if key not in self._workflows:
            name = str(definition.get("name") or "workflow")
            created = await self._app.workflows.create(self._opened, name, "", definition)
            self._workflows[key] = created["workflow_id"]
        return self._workflows[key]


def _epoch(moment: datetime | None) -> int | None:
    """In milliseconds; a time without a zone is UTC, as over HTTP."""
    if moment is None:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _result(run: Run) -> RunResult:
    output = None if run.output is None else orjson.loads(run.output)
    error = None if run.error is None else orjson.loads(run.error)
    return RunResult(run.run_id, run.status, output, error)
