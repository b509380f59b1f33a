"""An opened app on a database of its own, driven through its use cases: no socket, everything else real."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.graphs import NodeType
from milepost.server.access.keys import Identity
from milepost.server.app import DEFAULT_SLUG, App, build, prepare
from milepost.server.config import load_settings
from milepost.server.runs.start import NewRun
from milepost.server.store.rows import NodeExecution, Project, Run
from milepost.server.store.store import wall_clock
from tests.probes import registry

ACTOR = Identity("tester", "tester", None)

ENDED = frozenset({"run.completed", "run.failed", "run.cancelled"})


class Bench:
    """An app, and short words for what tests do with it."""

    def __init__(self, app: App, project: Project) -> None:
        self.app = app
        self.project = project

    async def start(self, definition: Mapping[str, Any], input: Mapping[str, Any] | None = None) -> str:
        """The id of a new run of a new workflow, executed."""
        created = await self.app.workflows.create(self.project, "test", "", definition)
        return await self.start_again(created["workflow_id"], input)

    async def start_again(self, workflow_id: str, input: Mapping[str, Any] | None = None) -> str:
        """The same for a stored workflow."""
        new = NewRun(workflow_id, input=input, execute=True)
        return str(orjson.loads(await self.app.start.create(ACTOR, self.project, new))["run_id"])

    async def until(self, run_id: str, *types: str, after: int = 0, within: float = 20.0) -> dict[str, Any]:
        """The first event of these types behind ``after``; fails the test if there is none in time."""
        event = await self.app.hub.wait_for(run_id, frozenset(types), within, after=after)
        assert event is not None, f"no {types} within {within} s; the run is {await self.app.store.run(run_id)}"
        found: dict[str, Any] = orjson.loads(event.told().wire)
        return found

    async def until_node(self, run_id: str, type_: str, node_id: str) -> dict[str, Any]:
        """The first event of this type of this node."""
        after = 0
        while True:
            event = await self.until(run_id, type_, after=after)
            if event["node_id"] == node_id:
                return event
            after = event["seq"]

    async def ended(self, run_id: str, within: float = 20.0) -> Run:
        """The run once it has ended."""
        run = await self.app.store.run(run_id)
        if not run.ended:
            await self.until(run_id, *ENDED, after=run.last_seq, within=within)
        return await self.app.store.run(run_id)

    async def events(self, run_id: str) -> list[dict[str, Any]]:
        """All events so far; they are contiguous from 1."""
        events = [orjson.loads(event.wire) for event in await self.app.store.told(run_id, 0, 100_000)]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        return events

    async def executions(self, run_id: str) -> list[NodeExecution]:
        """Every time that a node ran."""
        return await self.app.store.executions(run_id, limit=10_000)

    async def statuses(self, run_id: str) -> dict[str, str]:
        """Status by node, of the nodes that were reached."""
        return {state.node_id: state.status for state in await self.app.store.node_states(run_id)}


@asynccontextmanager
async def opened(
    data: Path, clock: Callable[[], int] = wall_clock, *, types: Iterable[type[NodeType[Any]]] = (), **settings: Any
) -> AsyncIterator[Bench]:
    """An app on ``data`` that knows ``types`` as well, closed in order at the end."""
    known = registry()
    for node_type in types:
        known.register(node_type)
    app = build(load_settings(data=data, examples=False, **settings), known, clock)
    await asyncio.to_thread(app.open)
    app.hub.attach(asyncio.get_running_loop())
    await prepare(app)
    try:
        yield Bench(app, await app.store.project(DEFAULT_SLUG))
    finally:
        app.hub.close()
        await asyncio.to_thread(app.close)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """An app that starts empty."""
    async with opened(tmp_path / "data", shutdown_grace=1.0) as bench:
        yield bench
