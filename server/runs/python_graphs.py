"""The graphs of a `langgraph.json` as workflows: each version of their code is a version of its workflow."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from uuid_utils import uuid7

from milepost.checkpoints.plain import to_json
from milepost.graphs.executable import Executable
from milepost.graphs.problems import Problem
from milepost.graphs.python.config import GraphsConfig
from milepost.graphs.python.loading import LoadedGraph, LoadFailure, failure_to_load, load_graph, prepare_environment
from milepost.graphs.python.program import KIND, GoneProgram, PythonProgram, failed_to_load
from milepost.graphs.python.source import source_hash
from milepost.server.store.rows import Project
from milepost.server.store.statements import statement
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

SHOWN = 4 << 20
"""Bytes of one value of a state, or of an output, as JSON."""

VERSION_GONE = "version_gone"

log = structlog.get_logger("milepost.graphs")


@dataclass(frozen=True, slots=True)
class Stored:
    """A Python graph's workflow as it was found at the start."""

    workflow_id: str
    graph: str
    version: int
    description: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """A graph of the `langgraph.json`: the workflow and version that it is served as, or was; and why it is not."""

    name: str
    place: str
    workflow_id: str | None
    version: int | None
    failure: LoadFailure | None


class PythonGraphs:
    """Loads the graphs once, at the start, on the loop that runs them. Read from any thread."""

    def __init__(self, store: Store, config: GraphsConfig | None) -> None:
        self._store = store
        self._config = config
        self._current: dict[str, PythonProgram] = {}
        self._names: dict[str, str] = {}
        """Graph by workflow."""
        self._failures: dict[str, LoadFailure] = {}
        self.listed: list[Listed] = []

    @property
    def configured(self) -> bool:
        """Whether there is a `langgraph.json`."""
        return self._config is not None

    @asynccontextmanager
    async def serving(self, project: Project | None) -> AsyncIterator[None]:
        """Load the graphs and store what changed, as workflows of ``project``; at the end close what they opened."""
        for row in await self._store.fetch("python_workflows"):
            self._names[row[0]] = row[1]
        if self._config is None or project is None:
            yield
            return
        prepare_environment(self._config)
        async with AsyncExitStack() as stack:
            for name, place in self._config.graphs.items():
                await self._serve(project, await load_graph(self._config, name, place, stack))
            yield

    async def _serve(self, project: Project, loaded: LoadedGraph) -> None:
        failure, program = loaded.failure, None
        if failure is None:
            try:
                program = await asyncio.to_thread(self._program, loaded)
            except Exception as error:  # noqa: BLE001 - whatever LangGraph cannot describe, the other graphs are served
                failure = failure_to_load(error)
        if program is None and failure is not None:
            self._failures[loaded.name] = failure
            known = await self._find(project, loaded.name)
            workflow_id, version = (known.workflow_id, known.version) if known else (None, None)
            self.listed.append(Listed(loaded.name, loaded.place, workflow_id, version, failure))
            log.error("a graph is not served", graph=loaded.name, at=loaded.place, traceback=failure.traceback)
        elif program is not None:
            stored = await self._store_version(project, program)
            self._current[stored.workflow_id] = program.at(stored.version)
            self._names[stored.workflow_id] = stored.graph
            self.listed.append(Listed(loaded.name, loaded.place, stored.workflow_id, stored.version, None))
            log.info("a graph is served", graph=loaded.name, workflow_id=stored.workflow_id, version=stored.version)

    def _program(self, loaded: LoadedGraph) -> PythonProgram:
        roots = self._config.roots if self._config else ()
        source = source_hash(loaded.module, roots) if loaded.module else ""
        return PythonProgram(loaded, source, show)

    async def _store_version(self, project: Project, program: PythonProgram) -> Stored:
        """The workflow's version that the program is: a new one where the code has changed."""
        known = await self._find(project, program.name)
        description = program.description()
        if known is not None and _same(known.description, description):
            await self._store.commit(Unit([statement("revive_workflow", workflow_id=known.workflow_id)]))
            return known
        now = self._store.clock()
        workflow_id = known.workflow_id if known else str(uuid7())
        version = known.version + 1 if known else 1
        names: dict[str, Any] = {"workflow_id": workflow_id, "version": version, "now": now}
        first = (
            statement("insert_python_workflow", 1, project_id=project.project_id, graph=program.name, **names)
            if known is None
            else statement("raise_python_version", 1, **names)
        )
        text = orjson.dumps(description).decode()
        second = statement("insert_version", 1, definition=text, pins="{}", **names)
        await self._store.commit(Unit([first, second]))
        return Stored(workflow_id, program.name, version, description)

    async def _find(self, project: Project, graph: str) -> Stored | None:
        row = await self._store.fetch_one("python_workflow", project_id=project.project_id, graph=graph)
        return Stored(row[0], graph, row[1], orjson.loads(row[2])) if row else None

    def known(self, workflow_id: str) -> bool:
        """Whether a workflow is a Python graph."""
        return workflow_id in self._names

    def current(self, workflow_id: str) -> PythonProgram | None:
        """The program of the newest version, if its graph is served."""
        return self._current.get(workflow_id)

    def program(self, workflow_id: str, version: int, description: Mapping[str, Any]) -> Executable:
        """The code that runs of a version go on with; where there is none, what is known of the version."""
        current = self._current.get(workflow_id)
        if current is not None and description.get("shape") == current.shape:
            return current
        return GoneProgram(description, self._reason(str(description.get("graph")), version, current), show)

    def _reason(self, graph: str, version: int, current: PythonProgram | None) -> Problem:
        if current is not None:
            message = (
                f"the nodes, edges or schemas of graph {graph!r} have changed since version {version}; "
                f"version {current.version} is served: fork the run to go on with that"
            )
            return Problem("version", VERSION_GONE, message)
        if graph in self._failures:
            return failed_to_load(self._failures[graph])
        return Problem("graph", "not_served", f"graph {graph!r} is not in the langgraph.json of this server")


def graph_json(listed: Listed) -> dict[str, Any]:
    """A graph as the list of graphs shows it."""
    failure = listed.failure
    return {
        "name": listed.name,
        "path": listed.place,
        "served": failure is None,
        "workflow_id": listed.workflow_id,
        "version": listed.version,
        "error": failure and {"type": failure.type, "message": failure.message, "traceback": failure.traceback},
    }


def show(value: Any) -> Any:
    """Any value as JSON."""
    return to_json(value, SHOWN).data


def _same(known: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return known.get("kind") == KIND and all(known.get(key) == now[key] for key in ("shape", "source"))
