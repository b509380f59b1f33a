"""Sockets drop and the server restarts in the middle of a run, and the page shows what is."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import expect

from tests.acceptance.process import ServerProcess
from tests.browser.gates import Gates
from tests.browser.viewer import Viewer
from tests.browser.wire import Wire

ITEMS = 6


@pytest.fixture
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


async def test_three_dropped_sockets_and_a_restart_leave_no_gap_and_no_duplicate(
    viewer: Viewer, wire: Wire, gates: Gates
) -> None:
    server, page = viewer.server, viewer.page
    inner = await server.workflow({"name": "inner", "steps": [gates.node("first"), gates.node("second")]})
    run_id = await server.start_run(everything(gates, inner))
    await server.until(run_id, "node.started", node="start")
    await viewer.open_run(run_id, tab="list")
    await viewer.button("Open inner").click()
    seen = (await viewer.agrees(run_id, within=15))["last_seq"]

    async def come(kind: str, *nodes: str) -> int:
        """These nodes have got so far since the last quiet moment; at the next one the page agrees with the API."""
        for node in nodes:
            await server.until(run_id, kind, node=node, after=seen)
        return int((await viewer.agrees(run_id))["last_seq"])

    gates.open("start")
    seen = await come("node.started", "each", "flaky", "lap", "inner/first")

    # The first drop falls between events, the second among them, the third takes the network away for a while.
    assert wire.cut() > 0
    gates.open("item", 2)
    gates.fail("flaky", 2)
    seen = await come("node.retrying", "flaky")

    gates.open("lap", 2)
    gates.open("first")
    assert wire.cut() > 0
    seen = await come("node.started", "lap", "inner/second")

    await wire.down()
    await expect(page.locator("[data-connection]")).to_have_attribute("data-connection", "down")
    gates.open("flaky")
    gates.open("lap")
    await server.until(run_id, "node.completed", node="more", after=seen)
    await server.until(run_id, "node.completed", node="flaky", after=seen)
    await wire.up()
    seen = await come("node.completed", "flaky")

    await server.kill()
    await expect(page.locator("[data-connection]")).to_have_attribute("data-connection", "down")
    await server.start()
    seen = await come("node.started", "each", "inner/second")

    gates.open("second")
    gates.open("item", ITEMS)
    seen = await come("run.waiting", "")
    assert (await server.status(run_id))["status"] == "WAITING"
