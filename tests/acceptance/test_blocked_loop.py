"""A node that blocks the engine's loop stops its own kind only: requests, cancels and the watchdog go on."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from tests.acceptance.definitions import node, noops, trace
from tests.acceptance.process import ServerProcess
from tests.acceptance.traces import Traces


def blocks() -> Iterable[Any]:
    """Seconds of the block, and runs of nodes that do nothing: the quick form and the promised one."""
    return [(4.0, 10), pytest.param(5.0, 50, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]


@pytest.mark.timed
@pytest.mark.parametrize(("seconds", "busy"), blocks())
async def test_a_node_that_blocks_the_loop_is_named_and_stops_no_request(
    server: ServerProcess, traces: Traces, seconds: float, busy: int
) -> None:
    loop = asyncio.get_running_loop()
    await server.runs(await server.workflow(noops(200)), busy)
    steps = [trace("before", traces.path), node("careless", "blocking", traces.path, seconds)]
    run_id = await server.start_run({"name": "careless", "steps": steps})
    await traces.count(1)
    began, took = loop.time(), []
    async with server.watch(run_id) as watch:
        told = asyncio.create_task(watch.until("node.log"))
        while not told.done():
            asked = loop.time()
            assert (await server.get(f"/{run_id}/status"))["status"] == "RUNNING"
            took.append(loop.time() - asked)
        event = await told
        assert event["node_id"] == "careless"
        assert "careless has blocked the event loop" in event["data"]["message"]
        assert "probes.py:" in event["data"]["fields"]["stack"][-1]
        # Still blocked: only then this says something.
        assert loop.time() - began < seconds
        asked = loop.time()
        answer = await server.post(f"/{run_id}/cancel")
        assert loop.time() - asked < 1.0
        assert answer.status_code == 200
        assert answer.json()["status"] == "CANCELLED"
    assert sorted(took)[len(took) * 9 // 10] < 0.5
    assert "the engine's loop is blocked" in server.log()
    assert (await server.ended(await server.start_run({"name": "after", "steps": [trace("a")]})))[
        "status"
    ] == "COMPLETED"
