"""Progress and expected end of runs that really execute, against the history that they leave."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.server.runs.control import Paused, Resume
from milepost.server.runs.start import NewRun
from milepost.server.states import Action
from milepost.server.store.rows import Run
from milepost.server.store.statements import transition
from milepost.server.store.unit import Unit
from tests.engine.conftest import ACTOR, Bench, opened


def timed(node_id: str, seconds: float, **more: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "trace", "config": {"text": node_id, "seconds": seconds}, **more}


def steps(*seconds: float) -> dict[str, Any]:
    return {"name": "steps", "steps": [timed(f"n{number}", each) for number, each in enumerate(seconds)]}


async def passing(seconds: float) -> None:
    """So much time, which is what the test is about."""
    passed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, passed.set_result, None)
    await passed


async def workflow(bench: Bench, definition: Mapping[str, Any]) -> str:
    created = await bench.app.workflows.create(bench.project, "test", "", definition)
    return str(created["workflow_id"])


async def told(bench: Bench, run_id: str, *keys: str) -> list[Any]:
    """The progress (or another figure) that each event of the run carries."""
    key = keys[0] if keys else "progress"
    kinds = {"node.completed", "node.skipped", "run.progress", "run.completed"}
    return [each["data"][key] for each in await bench.events(run_id) if each["type"] in kinds and key in each["data"]]


@pytest.mark.timed
async def test_progress_is_weighted_by_earlier_runs(bench: Bench) -> None:
    workflow_id = await workflow(bench, steps(0.01, 0.3))
    first = await bench.start_again(workflow_id)
    await bench.ended(first)
    assert await told(bench, first) == [0.5, 0.99, 1.0]
    assert await told(bench, first, "estimated_completion") == [None, None]
    second = await bench.start_again(workflow_id)
    assert (await bench.ended(second)).estimated_completion is None
    progress = await told(bench, second)
    assert progress[0] < 0.25
    assert progress[-1] == 1
    assert all(isinstance(each, str) for each in await told(bench, second, "estimated_completion"))


@pytest.mark.timed
async def test_the_history_survives_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as bench:
        workflow_id = await workflow(bench, steps(0.01, 0.2))
        await bench.ended(await bench.start_again(workflow_id))
    async with opened(tmp_path / "data") as bench:
        run_id = await bench.start_again(workflow_id)
        await bench.ended(run_id)
        assert (await told(bench, run_id))[0] < 0.3


@pytest.mark.timed
async def test_a_branch_that_is_rarely_taken_weighs_little_until_it_is(bench: Bench) -> None:
    nodes = [
        {"id": "choose", "type": "condition", "config": {"expression": "input.long"}},
        timed("long", 0.25),
        timed("end", 0.05),
    ]
    edges = [
        {"source": "choose", "target": "long", "when": True},
        {"source": "choose", "target": "end", "when": False},
        {"source": "long", "target": "end"},
    ]
    workflow_id = await workflow(bench, {"name": "b", "nodes": nodes, "edges": edges})
    for long in (True, False, False):
        await bench.ended(await bench.start_again(workflow_id, {"long": long}))
    quick = await bench.start_again(workflow_id, {"long": False})
    await bench.ended(quick)
    slow = await bench.start_again(workflow_id, {"long": True})
    await bench.until_node(slow, "node.started", "long")
    await bench.ended(slow)
    for run_id in (quick, slow):
        progress = await told(bench, run_id)
        assert progress == sorted(progress)
    remaining = [await _remaining(bench, run_id, "choose") for run_id in (quick, slow)]
    assert remaining[0] < 150
    assert remaining[1] > 250


async def _remaining(bench: Bench, run_id: str, node_id: str) -> float:
    """Milliseconds from a node's end to the run's expected end, as its event told."""
    event = await bench.until_node(run_id, "node.completed", node_id)
    expected = event["data"]["estimated_completion"]
    run = await bench.app.store.run(run_id)
    assert run.started_at is not None
    return float(_ms(expected) - _ms(event["ts"]))


def _ms(time: str) -> int:
    hours, minutes, seconds = time[11:-1].split(":")
    return int((int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * 1000)


async def test_time_spent_waiting_for_people_is_no_work(bench: Bench) -> None:
    ask = {"id": "ask", "type": "ask", "config": {"question": "?"}}
    definition = {"name": "q", "steps": [ask, timed("work", 0.1)]}
    workflow_id = await workflow(bench, definition)
    run_id = await bench.start_again(workflow_id)
    await bench.until(run_id, "run.waiting")
    await passing(0.4)
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer=1, has_answer=True))
    await bench.ended(run_id)
    (row,) = await bench.app.store.fetch("node_durations", workflow_id=workflow_id)
    nodes = orjson.loads(row[0])["nodes"]
    assert nodes["ask"][1:] == [1.0, 1.0, 1.0, 0.0]
    assert nodes["work"][4] >= 100


@pytest.mark.timed
async def test_a_long_node_tells_how_far_the_run_is_once_a_second(bench: Bench) -> None:
    workflow_id = await workflow(bench, steps(1.6, 0.01))
    await bench.ended(await bench.start_again(workflow_id))
    run_id = await bench.start_again(workflow_id)
    event = await bench.until(run_id, "run.progress")
    began = await bench.until_node(run_id, "node.started", "n0")
    # When in its second the engine looks is chance.
    assert event["data"]["progress"] == pytest.approx((_ms(event["ts"]) - _ms(began["ts"])) / 1610, abs=0.1)
    assert event["data"]["estimated_completion"] is not None
    stored = await bench.app.store.run(run_id)
    assert stored.estimated_completion is not None
    await bench.ended(run_id)
    progress = await told(bench, run_id)
    assert progress == sorted(progress)


@pytest.mark.timed
async def test_time_spent_before_a_pause_counts_for_the_timeout(bench: Bench) -> None:
    run_id = await bench.start({**steps(0.0, 30.0), "timeout": 0.8})
    await bench.until_node(run_id, "node.started", "n1")
    await passing(0.4)
    paused = await bench.app.control.pause(ACTOR, bench.project, run_id, "now")
    assert isinstance(paused, Paused)
    assert 400 <= paused.run.spent_ms < 800
    resumed_at = asyncio.get_running_loop().time()
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume())
    run = await bench.ended(run_id)
    assert orjson.loads(run.error or "")["code"] == "timed_out"
    assert asyncio.get_running_loop().time() - resumed_at < 0.6


@pytest.mark.timed
async def test_a_run_that_timed_out_has_all_its_time_again_when_retried(bench: Bench, tmp_path: Path) -> None:
    definition = {"name": "t", "steps": [timed("a", 0.3), timed("b", 0.3)], "timeout": 0.45}
    run_id = await bench.start(definition)
    run = await bench.ended(run_id)
    assert run.status == "FAILED"
    assert run.spent_ms >= 450
    await bench.app.control.retry(ACTOR, bench.project, run_id)
    await bench.until(run_id, "run.completed")


async def test_an_attempt_whose_run_was_taken_stops_its_long_node(bench: Bench, tmp_path: Path) -> None:
    trace = tmp_path / "held"
    nodes = [
        {"id": "held", "type": "held", "config": {"file": str(trace), "text": "held", "seconds": 30}},
        {"id": "chatty", "type": "chatty", "config": {"lines": 1000, "every": 0.02}},
    ]
    run_id = await bench.start({"name": "l", "nodes": nodes, "edges": []})
    await bench.until_node(run_id, "node.started", "held")
    await _take(bench, await bench.app.store.run(run_id))
    async with asyncio.timeout(5):
        while bench.app.engine.active(run_id):
            await asyncio.wrap_future(bench.app.engine.settled(run_id))
    assert trace.read_text().splitlines() == ["held began", "held stopped"]


async def _take(bench: Bench, run: Run) -> None:
    """Cancel a run in the database alone, as another process would."""
    after, change = transition(run, Action.CANCEL, bench.app.store.clock())
    assert after.ended
    await bench.app.store.commit(Unit([change]))


@pytest.mark.parametrize("rounds", [1, 4])
async def test_loops_count_by_their_usual_rounds(bench: Bench, rounds: int) -> None:
    count = timed("work", 0.25, set={"n": "{{ (variables.n or 0) + 1 }}"})
    begin = {"id": "begin", "type": "process", "config": {}}
    nodes = [begin, count, {"id": "again", "type": "condition", "config": {"expression": "variables.n < input.rounds"}}]
    edges: list[dict[str, Any]] = [{"source": "begin", "target": "work"}, {"source": "work", "target": "again"}]
    edges.append({"source": "again", "target": "work", "when": True})
    workflow_id = await workflow(bench, {"name": "l", "nodes": nodes, "edges": edges})
    for _ in range(2):
        await bench.ended(await bench.start_again(workflow_id, {"rounds": rounds}))
    run_id = await bench.start_again(workflow_id, {"rounds": rounds})
    await bench.ended(run_id)
    progress = await told(bench, run_id)
    assert progress == sorted(progress)
    assert progress[1] == pytest.approx(1 / rounds, abs=0.2)
    ended = await bench.until(run_id, "run.completed")
    first = await bench.until_node(run_id, "node.completed", "work")
    actual = _ms(ended["ts"]) - _ms(first["ts"])
    assert await _remaining(bench, run_id, "work") == pytest.approx(actual, rel=0.3, abs=80)


async def history(bench: Bench, workflow_id: str) -> dict[str, list[Any]]:
    """What is kept of each node: type, runs, runs that took it, executions, milliseconds."""
    (row,) = await bench.app.store.fetch("node_durations", workflow_id=workflow_id)
    nodes: dict[str, list[Any]] = orjson.loads(row[0])["nodes"]
    return nodes


@pytest.mark.timed
async def test_a_queued_run_tells_when_it_would_end(bench: Bench) -> None:
    workflow_id = await workflow(bench, steps(0.01, 0.3))
    start_at = bench.app.store.clock() + 3_600_000

    async def queued() -> tuple[str, str | None]:
        new = NewRun(workflow_id, execute=True, start_at=start_at)
        run_id = orjson.loads(await bench.app.start.create(ACTOR, bench.project, new))["run_id"]
        status = await bench.app.read.status(bench.project, run_id, 0)
        assert (await bench.app.read.get(bench.project, run_id))["estimated_completion"] == status[
            "estimated_completion"
        ]
        return status["status"], status["estimated_completion"]

    assert await queued() == ("QUEUED", None)
    first = await bench.ended(await bench.start_again(workflow_id))
    status, expected = await queued()
    assert status == "QUEUED"
    assert expected is not None
    took = (first.finished_at or 0) - (first.started_at or 0)
    whole = datetime.fromisoformat(expected).timestamp() * 1000 - start_at
    assert 310 * 0.95 <= whole <= took * 1.2, "what the nodes worked, and no more than the run took"


async def test_a_fork_counts_nothing(bench: Bench) -> None:
    workflow_id = await workflow(bench, steps(0.0, 0.0))
    run = await bench.ended(await bench.start_again(workflow_id))
    before = await history(bench, workflow_id)
    rows = await bench.app.history.checkpoints(bench.project, run.run_id, 100)
    fork = await bench.app.fork.fork(ACTOR, bench.project, run.run_id, rows[1].checkpoint_id, execute=True)
    assert (await bench.ended(fork.run_id)).status == "COMPLETED"
    assert await history(bench, workflow_id) == before


async def test_what_time_travel_abandons_counts_nothing(bench: Bench) -> None:
    ask = {"id": "ask", "type": "ask", "config": {"question": "?"}}
    workflow_id = await workflow(bench, {"name": "q", "steps": [timed("work", 0.0), ask]})
    run_id = await bench.start_again(workflow_id)
    await bench.until(run_id, "run.waiting")
    await bench.app.control.pause(ACTOR, bench.project, run_id)
    first = (await bench.app.history.checkpoints(bench.project, run_id, 100))[-1]
    back = await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(checkpoint_id=first.checkpoint_id))
    await bench.until(run_id, "run.waiting", after=back.last_seq)
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer=1, has_answer=True))
    assert (await bench.ended(run_id)).status == "COMPLETED"
    assert len([row for row in await bench.executions(run_id) if row.node_id == "work"]) == 2
    assert (await history(bench, workflow_id))["work"][1:4] == [1.0, 1.0, 1.0]
