"""Pauses and resumes over HTTP: where a run stops, what runs again, and that the output is the same as without."""

from pathlib import Path
from typing import Any

from tests.acceptance.definitions import Definition, chain, graph, node, trace
from tests.acceptance.process import Server, ServerProcess
from tests.acceptance.traces import Traces


def pair(file: Path, slow: float) -> Definition:
    """Two parallel branches: one ends at once, the other takes its time."""
    nodes = [trace("a", file), trace("quick", file), node("slow", "held", file, slow), trace("end", file)]
    return graph("pair", nodes, ("a", "quick"), ("a", "slow"), ("quick", "end"), ("slow", "end"))


async def paused(server: Server, run_id: str, mode: str) -> dict[str, Any]:
    """The answer of a pause that took hold."""
    answer = await server.post(f"/{run_id}/pause", {"mode": mode})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert body["status"] == "PAUSED"
    assert body["checkpoint_id"]
    return body


async def resume(server: Server, run_id: str, **how: Any) -> None:
    """Let a run go on."""
    answer = await server.post(f"/{run_id}/resume", how)
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "RUNNING"


async def test_a_pause_at_a_step_lets_the_node_end_and_no_other_begin(shared: Server, traces: Traces) -> None:
    run_id = await shared.start_run(chain(4, traces.path, 0.3))
    await shared.until(run_id, "node.started", node="n1")
    body = await paused(shared, run_id, "step")
    assert traces.of(run_id) == ["n0", "n1"]
    status = await shared.status(run_id)
    assert status["progress"] == 0.5
    assert [state["status"] for state in status["node_states"]] == ["COMPLETED", "COMPLETED", "PENDING", "PENDING"]
    newest = (await shared.get(f"/{run_id}/checkpoints"))["items"][0]
    assert (newest["checkpoint_id"], newest["next"]) == (body["checkpoint_id"], ["n2"])
    await resume(shared, run_id, checkpoint_id=body["checkpoint_id"])
    run = await shared.ended(run_id)
    assert run["output_data"] == {"text": f"{run_id} n3"}
    assert traces.of(run_id) == ["n0", "n1", "n2", "n3"]


async def test_a_pause_of_a_slow_step_is_promised_and_kept(shared: Server, traces: Traces) -> None:
    run_id = await shared.start_run(chain(2, traces.path, 1.0))
    await shared.until(run_id, "node.started", node="n0")
    answer = await shared.post(f"/{run_id}/pause", {"mode": "step", "wait_seconds": 0.1})
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["pausing"]) == ("RUNNING", True)
    await shared.until(run_id, "run.paused")
    assert traces.of(run_id) == ["n0"]


async def test_pause_now_stops_at_once_and_the_finished_sibling_does_not_run_again(
    shared: Server, traces: Traces
) -> None:
    run_id = await shared.start_run(pair(traces.path, 1.5))
    await shared.until(run_id, "node.completed", node="quick")
    body = await paused(shared, run_id, "now")
    assert body["still_running"] == []
    traces.read()
    assert sorted(traces.of(run_id)) == ["a", "quick", "slow began", "slow stopped"]
    await resume(shared, run_id, checkpoint_id=body["checkpoint_id"])
    run = await shared.ended(run_id)
    assert run["status"] == "COMPLETED"
    assert sorted(traces.of(run_id)) == sorted(
        ["a", "quick", "slow began", "slow stopped", "slow began", "slow ended", "end"]
    )


async def test_a_pause_survives_a_restart_of_the_server(server: ServerProcess, traces: Traces) -> None:
    run_id = await server.start_run(pair(traces.path, 0.5))
    await server.until(run_id, "node.completed", node="quick")
    body = await paused(server, run_id, "now")
    await server.kill()
    await server.start()
    assert (await server.status(run_id))["status"] == "PAUSED"
    await resume(server, run_id, checkpoint_id=body["checkpoint_id"])
    assert (await server.ended(run_id))["status"] == "COMPLETED"
    assert traces.counted()[run_id, "quick"] == 1


async def test_an_earlier_checkpoint_runs_what_follows_it_again(shared: Server, traces: Traces) -> None:
    run_id = await shared.start_run(chain(5, traces.path, 0.2))
    await shared.until(run_id, "node.started", node="n2")
    await paused(shared, run_id, "step")
    rows = (await shared.get(f"/{run_id}/checkpoints"))["items"]
    (earlier,) = [row["checkpoint_id"] for row in rows if row["next"] == ["n1"]]
    await resume(shared, run_id, checkpoint_id=earlier)
    run = await shared.ended(run_id)
    assert run["output_data"] == {"text": f"{run_id} n4"}
    assert traces.of(run_id) == ["n0", "n1", "n2", "n1", "n2", "n3", "n4"]
    rows = (await shared.get(f"/{run_id}/checkpoints"))["items"]
    assert [row["next"] for row in rows if row["superseded"]] == [["n3"], ["n2"]]
    states = (await shared.status(run_id))["node_states"]
    assert [state["status"] for state in states] == ["COMPLETED"] * 5


async def test_a_hundred_pauses_end_with_the_output_of_none(shared: Server, traces: Traces) -> None:
    """Pauses of both kinds in turn; a node that `now` stopped runs again, and no other does."""
    steps = 400
    workflow_id = await shared.workflow(chain(steps, traces.path, 0.01))
    run_id = await shared.run(workflow_id)
    for turn in range(100):
        body = await paused(shared, run_id, "now" if turn % 2 else "step")
        await resume(shared, run_id, **({"checkpoint_id": body["checkpoint_id"]} if turn % 3 else {}))
    run = await shared.ended(run_id)
    assert run["status"] == "COMPLETED"
    assert run["output_data"] == {"text": f"{run_id} n{steps - 1}"}
    done = [event["node_id"] for event in await shared.events(run_id) if event["type"] == "node.completed"]
    assert done == [f"n{number}" for number in range(steps)]
    other = await shared.ended(await shared.run(workflow_id))
    assert other["output_data"] == {"text": run["output_data"]["text"].replace(run_id, other["run_id"])}
