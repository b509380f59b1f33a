"""Servers die in the middle of many runs, and nothing is lost and nothing that was on disk runs again."""

from collections import Counter
from pathlib import Path

import pytest

from tests.acceptance.definitions import chain, graph, ladder, node, trace
from tests.acceptance.killing import kill_often
from tests.acceptance.process import ServerProcess, StartFailed
from tests.acceptance.snapshot import Snapshot
from tests.acceptance.traces import Traces

RUNS = 50

NODES = 5


async def halfway(server: ServerProcess, traces: Traces) -> list[str]:
    """Fifty runs of five one-second nodes, two of which have ended in every run."""
    run_ids = await server.runs(await server.workflow(chain(NODES, traces.path, 1.0)), RUNS)
    await traces.count(2 * RUNS)
    return run_ids


def check_all_complete(data: Path, run_ids: list[str], nodes: int) -> Snapshot:
    """Every run ended well and once, and every node of it completed once; events are contiguous (Snapshot)."""
    end = Snapshot(data)
    assert set(end.statuses) == set(run_ids)
    assert set(end.statuses.values()) == {"COMPLETED"}
    for run_id in run_ids:
        types = Counter(event.type for event in end.events[run_id])
        assert types["run.completed"] == 1
        assert types["node.completed"] == nodes
        assert end.events[run_id][-1].type == "run.completed"
    return end


async def goes_on(server: ServerProcess, traces: Traces, run_ids: list[str]) -> None:
    """Start the server again and wait, without a request, until every run's last node has left its trace."""
    await server.start()
    last = {(run_id, f"n{NODES - 1}") for run_id in run_ids}
    await traces.until(lambda _: last <= traces.counted().keys())
    # The trace is left before the end is committed; a stop in good order commits it.
    code, _ = await server.terminate()
    assert code == 0


def first_step_after(snapshot: Snapshot, before: Snapshot) -> int:
    """When the first node of any run began after a restart, epoch milliseconds."""
    return min(
        event.ts
        for run_id, events in snapshot.events.items()
        for event in events[len(before.events[run_id]) :]
        if event.type == "node.started"
    )


@pytest.mark.timed
@pytest.mark.parametrize("fatal", [True, False], ids=["SIGKILL", "SIGTERM"])
async def test_fifty_runs_go_on_by_themselves_after_the_server_was_stopped(
    server: ServerProcess, traces: Traces, fatal: bool
) -> None:
    run_ids = await halfway(server, traces)
    if fatal:
        await server.kill()
    else:
        code, seconds = await server.terminate()
        assert code == 0
        assert seconds < 4
    traces.read()
    ran = traces.counted()
    before = Snapshot(server.data)
    completed = before.completed()
    assert len(completed) >= RUNS
    assert set(before.statuses.values()) == ({"RUNNING"} if fatal else {"QUEUED"})

    await goes_on(server, traces, run_ids)
    end = check_all_complete(server.data, run_ids, NODES)
    assert first_step_after(end, before) / 1000 <= server.ready_at + 1
    counted = traces.counted()
    assert {key: counted[key] for key in completed} == dict.fromkeys(completed, 1)
    repeated = {key for key, times in counted.items() if times > 1}
    if fatal:
        assert all(ran[key] == 1 and counted[key] == 2 for key in repeated)
    else:
        assert not repeated


async def test_fifty_runs_execute_at_once_by_default(server: ServerProcess, traces: Traces) -> None:
    held = {"name": "held", "steps": [node("n", "held", traces.path, 3600)]}
    run_ids = await server.runs(await server.workflow(held), RUNS)
    await traces.count(RUNS)
    assert traces.counted() == {(run_id, "n began"): 1 for run_id in run_ids}, "none ended and made room"


def restarts() -> list[object]:
    """The quick form, and the one with as many as the product promises."""
    return [6, pytest.param(30, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]


@pytest.mark.parametrize("kills", restarts())
async def test_no_completed_node_runs_again_however_often_the_server_is_killed(
    server: ServerProcess, traces: Traces, kills: int
) -> None:
    stages = 2 * kills
    run_ids = await server.runs(await server.workflow(ladder(stages, traces.path, 0.004, 0.012)), RUNS)
    await kill_often(server, traces, kills, most=3 * RUNS)
    last = {(run_id, f"s{stages}") for run_id in run_ids}
    await traces.until(lambda _: last <= traces.counted().keys(), within=300)
    await server.terminate()
    check_all_complete(server.data, run_ids, 3 * stages + 1)
    # Where a kill fell between a node's end and its commit it ran again, once for each such kill.
    assert max(traces.counted().values()) <= 1 + kills


async def test_what_a_viewer_was_shown_is_on_disk(server: ServerProcess, traces: Traces) -> None:
    workflow_id = await server.workflow(ladder(40, traces.path, 0.002, 0.006))
    run_ids = await server.runs(workflow_id, 10)
    shown: dict[str, list[tuple[int, str]]] = {run_id: [] for run_id in run_ids}
    async with server.watch(run_ids[0]) as watch:
        async for event in watch.events():
            shown[run_ids[0]].append((event["seq"], event["type"]))
            if len(shown[run_ids[0]]) > 100:
                break
        await server.kill()
        watch.socket.transport.abort()
    stored = [(event.seq, event.type) for event in Snapshot(server.data).events[run_ids[0]]]
    seen = shown[run_ids[0]]
    assert seen == stored[: len(seen)]


async def test_runs_that_wait_when_the_server_is_killed_are_not_to_blame(server: ServerProcess, traces: Traces) -> None:
    run_ids = await server.runs(await server.workflow(graph("held", [node("a", "held", traces.path, 3.0)])), 3)
    for kill in range(4):
        await traces.count(3 * (kill + 1))
        await server.kill()
        await server.start()
    for run_id in run_ids:
        assert (await server.ended(run_id))["status"] == "COMPLETED"


async def start_and_die(server: ServerProcess) -> int:
    """Start the server; its exit code, which may come before its port is open."""
    try:
        await server.start()
    except StartFailed as failure:
        return failure.code
    return await server.exited()


@pytest.mark.parametrize("seconds", [0.0, 0.05])
async def test_a_run_that_takes_the_process_down_fails_alone(
    server: ServerProcess, traces: Traces, seconds: float
) -> None:
    crashing = graph("crashing", [trace("a", traces.path), node("b", "exits", traces.path, seconds)], ("a", "b"))
    innocent = await server.runs(await server.workflow(chain(3, traces.path, 0.4)), 5)
    guilty = await server.run(await server.workflow(crashing))
    assert await server.exited() == 42
    assert [await start_and_die(server), await start_and_die(server)] == [42, 42]
    await server.start()
    run = await server.ended(guilty)
    assert run["status"] == "FAILED"
    assert run["error"]["code"] == "crashed_process"
    assert run["error"]["node_id"] == "b"
    assert traces.of(guilty) == ["a", "b", "b", "b"]
    for run_id in innocent:
        assert (await server.ended(run_id))["status"] == "COMPLETED"
