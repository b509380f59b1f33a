"""Cancels: final at once for everybody, honest about what cannot be stopped, and deaf to what comes late."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest

from tests.acceptance.definitions import chain, graph, node, noops, trace
from tests.acceptance.process import Server, ServerProcess
from tests.acceptance.snapshot import Snapshot
from tests.acceptance.traces import Traces


def many() -> Iterable[Any]:
    """Runs that wait in nodes and runs that keep the engine busy: the quick form and the promised one."""
    return [(40, 10), pytest.param(200, 50, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]


@pytest.mark.parametrize(("waiting", "busy"), many())
async def test_many_runs_are_cancelled_while_others_keep_the_engine_busy(
    server: ServerProcess, traces: Traces, waiting: int, busy: int
) -> None:
    await server.kill()
    async with ServerProcess(server.data, max_concurrent_runs=300) as roomy:
        held = graph(
            "held", [trace("a"), node("b", "held", traces.path, 60), trace("c", traces.path)], ("a", "b"), ("b", "c")
        )
        idle = await roomy.runs(await roomy.workflow(held), waiting)
        await traces.count(waiting)
        hurried = await roomy.runs(await roomy.workflow(noops(400)), busy)
        answers = await asyncio.gather(*(roomy.post(f"/{run_id}/cancel") for run_id in idle))
        traces.read()
        assert [answer.status_code for answer in answers] == [200] * waiting
        assert {answer.json()["status"] for answer in answers} == {"CANCELLED"}
        assert all(answer.json()["still_running"] == [] for answer in answers)
        assert all(traces.of(run_id) == ["b began", "b stopped"] for run_id in idle)
        ends = await asyncio.gather(*(roomy.post(f"/{run_id}/cancel") for run_id in hurried))
        assert [answer.status_code for answer in ends] == [200] * busy
        await roomy.terminate()
    end = Snapshot(server.data)
    for run_id in idle + hurried:
        assert end.statuses[run_id] == "CANCELLED"
        assert end.events[run_id][-1].type == "run.cancelled"
    for run_id in idle:
        (stopped,) = [event.node_id for event in end.events[run_id] if event.type == "node.cancelled"]
        assert stopped == "b"
        assert traces.of(run_id) == ["b began", "b stopped"]


@pytest.mark.timed
async def test_nodes_that_cannot_be_stopped_are_named_and_what_they_write_changes_nothing(
    shared: Server, traces: Traces
) -> None:
    kinds = ["sync", "stubborn", "trace"]
    nodes = [trace("a"), *(node(kind, kind, traces.path, 1.5) for kind in kinds), trace("end", traces.path)]
    edges = [("a", kind) for kind in kinds] + [(kind, "end") for kind in kinds]
    run_id = await shared.start_run(graph("unstoppable", nodes, *edges))
    await traces.count(1)
    async with shared.watch(run_id) as watch:
        for kind in kinds:
            await shared.until(run_id, "node.started", node=kind)
        answer = await shared.post(f"/{run_id}/cancel")
        assert answer.status_code == 200
        assert answer.json()["still_running"] == ["stubborn", "sync"]
        whole = await shared.get(f"/{run_id}")
        assert whole["status"] == "CANCELLED"
        seen = [event async for event in watch.events()]
    assert watch.at_end
    assert [event["type"] for event in seen if event["type"].startswith("run.")][-2:] == [
        "run.cancelled",
        "run.stopped",
    ]
    assert seen[-1]["data"]["nodes"] == ["stubborn", "sync"]
    assert set(traces.of(run_id)) == {"stubborn ended", "stubborn swallowed", "sync began", "sync ended"}
    after = await shared.get(f"/{run_id}")
    assert after.pop("last_seq") == whole.pop("last_seq") + 1
    assert after == whole
    states = {state["node_id"]: state["status"] for state in (await shared.status(run_id))["node_states"]}
    assert states == {"a": "COMPLETED", **dict.fromkeys([*kinds, "end"], "CANCELLED")}
    again = await shared.post(f"/{run_id}/cancel")
    assert (again.status_code, again.json()["code"]) == (400, "invalid_state")


async def test_a_cancel_and_the_end_of_the_run_leave_one_terminal_event(shared: Server) -> None:
    workflow_id = await shared.workflow(noops(3))
    outcomes: set[str] = set()
    for turn in range(20):
        run_id = await shared.run(workflow_id, execute=False)
        async with shared.watch(run_id) as watch:
            await shared.post(f"/{run_id}/execute")
            if turn % 2:
                await watch.until("node.completed", node="n2")
            answer = await shared.post(f"/{run_id}/cancel")
        events = [event["type"] for event in await shared.events(run_id)]
        terminal = [type_ for type_ in events if type_ in ("run.completed", "run.cancelled")]
        assert terminal == (["run.cancelled"] if answer.status_code == 200 else ["run.completed"])
        outcomes.update(terminal)
    assert outcomes


async def test_a_cancel_over_the_socket_is_answered_before_the_end(shared: Server) -> None:
    run_id = await shared.start_run(chain(1, seconds=30))
    async with asyncio.timeout(10), shared.ws(run_id) as socket:
        await shared.until(run_id, "node.started")
        await socket.send(json.dumps({"type": "command", "id": 7, "command": "cancel"}))
        frames = [json.loads(message) async for message in socket]
    (result,) = [frame for frame in frames if frame["type"] == "result"]
    assert (result["id"], result["ok"], result["body"]["status"]) == (7, True, "CANCELLED")
    assert frames[-1]["type"] == "end"
    assert socket.close_code == 1000


@pytest.mark.timed
async def test_runs_whose_threads_go_on_delay_neither_an_innocent_run_nor_the_exit(
    server: ServerProcess, traces: Traces
) -> None:
    held = {"name": "held", "steps": [node("sync", "sync", traces.path, 60)]}
    run_ids = await server.runs(await server.workflow(held), 20)
    await traces.count(20)
    answers = await asyncio.gather(*(server.post(f"/{run_id}/cancel") for run_id in run_ids))
    assert [answer.json()["still_running"] for answer in answers] == [["sync"]] * 20
    innocent = {"name": "innocent", "steps": [trace("a"), node("b", "sync", seconds=0.0), trace("c")]}
    run = await server.ended(await server.start_run(innocent), within=2)
    assert run["status"] == "COMPLETED"
    code, seconds = await server.terminate()
    assert code == 0
    assert seconds < 2 + 2
