"""Sockets drop and the server restarts in the middle of a run, and the page shows what is."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.acceptance.process import ServerProcess
from tests.browser.gates import Gates
from tests.browser.viewer import Viewer
from tests.browser.wire import Wire

pytestmark = pytest.mark.asyncio(loop_scope="session")

ITEMS = 6


@pytest_asyncio.fixture(loop_scope="session")
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server that may be killed."""
    async with ServerProcess(tmp_path / "data", shutdown_grace=0) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def wire(server: ServerProcess) -> AsyncIterator[Wire]:
    """A network that can be cut."""
    async with Wire(server.url) as opened:
        yield opened


@pytest.fixture
def origin(wire: Wire) -> str:
    """The browser is behind that network."""
    return wire.url


def everything(gates: Gates, inner: str) -> dict[str, Any]:
    """A map, a loop, retries, a workflow inside, and a question when all that is done. Each waits at its gate."""
    item = {key: value for key, value in gates.node("item").items() if key != "id"}
    patience = {"max_attempts": 4, "initial_interval": 0.01, "jitter": False}
    return {
        "name": "everything",
        "nodes": [
            gates.node("start"),
            {"id": "each", "type": "map", "config": {"over": list(range(ITEMS)), "max_concurrency": 2, "node": item}},
            gates.node("flaky", retry=patience),
            gates.node("lap", set={"laps": "{{ (variables.laps or 0) + 1 }}"}),
            {"id": "more", "type": "condition", "config": {"expression": "variables.laps < 3"}},
            {"id": "inner", "type": "subworkflow", "config": {"workflow_id": inner}},
            {"id": "ask", "type": "approval", "config": {"question": "Enough?"}},
            {"id": "never", "type": "process", "config": {}},
            gates.node("last"),
        ],
        "edges": [
            *({"source": "start", "target": target} for target in ("each", "flaky", "lap", "inner")),
            {"source": "lap", "target": "more"},
            {"source": "more", "target": "lap", "when": True},
            {"source": "more", "target": "ask", "when": False},
            *({"source": source, "target": "ask"} for source in ("each", "flaky", "inner")),
            {"source": "ask", "target": "last"},
            {"source": "ask", "target": "never", "when": "{{ outputs.ask.answer == 'no' }}"},
        ],
    }


class Followed:
    """A run on the page, compared with the API at every quiet moment."""

    def __init__(self, viewer: Viewer, run_id: str) -> None:
        self._viewer = viewer
        self.run_id = run_id
        self.seen = 0

    async def quiet(self, within: float = 2.0) -> None:
        """Once nothing happens any more, the page agrees with the API."""
        self.seen = (await self._viewer.agrees(self.run_id, within))["last_seq"]

    async def come(self, kind: str, *nodes: str | None) -> None:
        """Wait until since the last quiet moment all these nodes, or the run, have come so far."""
        for node in nodes or (None,):
            await self._viewer.server.until(self.run_id, kind, node=node, after=self.seen)


async def test_three_dropped_sockets_and_a_restart_leave_no_gap_and_no_duplicate(
    viewer: Viewer, wire: Wire, gates: Gates
) -> None:
    server = viewer.server
    connection = viewer.page.locator("[data-connection]")
    inner = await server.workflow({"name": "inner", "steps": [gates.node("first"), gates.node("second")]})
    run = Followed(viewer, await server.start_run(everything(gates, inner)))
    await viewer.open_run(run.run_id, tab="list")
    await viewer.button("Open inner").click()
    await run.come("node.started", "start")
    await run.quiet(within=15)

    gates.open("start")
    await run.come("node.started", "each", "flaky", "lap", "inner/first")
    await run.quiet()

    # The first socket drops before events, the second among them; at the third drop nothing is reached for a while.
    assert wire.cut() > 0
    gates.open("item", 2)
    gates.fail("flaky", 2)
    await run.come("node.retrying", "flaky")
    await run.quiet()

    gates.open("lap")
    gates.open("first")
    await run.come("node.completed", "inner/first")
    assert wire.cut() > 0
    gates.open("lap")
    await run.come("node.completed", "lap", "more")
    await run.quiet()

    await wire.down()
    await expect(connection).to_have_attribute("data-connection", "down")
    gates.open("flaky")
    gates.open("lap")
    await run.come("node.completed", "flaky", "lap")
    await wire.up()
    await run.quiet()

    await server.kill()
    await expect(connection).to_have_attribute("data-connection", "down")
    await server.start()
    # A page looks again after half of the time that the server was away, at the latest.
    await run.quiet(within=max(2.0, server.start_seconds))
    gates.open("second")
    gates.open("item", ITEMS)
    await run.come("run.waiting")
    await run.quiet()
    assert (await server.status(run.run_id))["status"] == "WAITING"

    await viewer.page.get_by_label("Your answer").fill("yes")
    await viewer.button("Send the answer").click()
    await run.come("node.started", "last")
    await run.quiet()
    gates.open("last")
    await server.ended(run.run_id)
    await run.quiet()
    await expect(connection).to_have_attribute("data-connection", "ended")
    assert await viewer.node_states() == await viewer.api_states(run.run_id)
    assert (await viewer.node_states())["never"] == "SKIPPED"
    assert await viewer.log_seqs() == [event["seq"] for event in await server.events(run.run_id)]
