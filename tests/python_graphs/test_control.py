"""Pause, resume, cancel, retry, fork, time travel and edits of runs of Python graphs."""

import asyncio
import threading
from pathlib import Path
from typing import Any, Literal

import orjson
import pytest

from milepost.server.errors import HasOpenQuestions, InvalidEdit
from milepost.server.runs.control import Paused, Resume
from tests.engine.conftest import ACTOR, opened
from tests.python_graphs.conftest import PROJECT, GraphBench, of


def ran(marks: Path) -> list[str]:
    """The nodes that began, in order."""
    return (marks / "ran").read_text().splitlines()


async def begun(graphs: GraphBench, marks: Path, node_id: str, graph: str = "slow") -> str:
    """A run of the slow graph whose node has begun, by its own mark: its thread may come later than its event."""
    run_id = await graphs.run(graph, {"marks": str(marks), "ran": []})
    await graphs.until_node(run_id, "node.started", node_id)
    async with asyncio.timeout(20):
        while node_id.rpartition("/")[2] not in (ran(marks) if (marks / "ran").exists() else []):
            await asyncio.sleep(0)
    return run_id


async def checkpoints(graphs: GraphBench, run_id: str) -> dict[int, str]:
    """The ids of a run's checkpoints by step, the newest of each."""
    rows = await graphs.app.history.checkpoints(graphs.project, run_id, 100)
    return {row.step: row.checkpoint_id for row in reversed(rows)}


async def test_a_pause_at_a_step_lets_the_node_finish(graphs: GraphBench, tmp_path: Path) -> None:
    run_id = await begun(graphs, tmp_path, "held")
    pausing = asyncio.ensure_future(graphs.app.control.pause(ACTOR, graphs.project, run_id))
    await graphs.until(run_id, "run.pausing")
    (tmp_path / "go").touch()
    paused = await pausing
    assert isinstance(paused, Paused)
    assert ran(tmp_path) == ["quick", "held"]
    shown = await graphs.app.history.checkpoint(graphs.project, run_id, paused.run.checkpoint_id or "")
    assert (shown["next"], shown["values"]["ran"]) == (["stuck"], ["quick", "held"])
    (tmp_path / "go on").touch()
    await graphs.app.control.resume(ACTOR, graphs.project, run_id, Resume())
    assert (await graphs.output(run_id))["ran"] == ["quick", "held", "stuck", "last"]
    assert ran(tmp_path) == ["quick", "held", "stuck", "last"]


async def test_a_pause_now_stops_the_node_and_it_runs_again(graphs: GraphBench, tmp_path: Path) -> None:
    run_id = await begun(graphs, tmp_path, "held")
    paused = await graphs.app.control.pause(ACTOR, graphs.project, run_id, "now")
    assert isinstance(paused, Paused)
    assert paused.still_running == []
    for name in ("go", "go on"):
        (tmp_path / name).touch()
    await graphs.app.control.resume(ACTOR, graphs.project, run_id, Resume())
    await graphs.output(run_id)
    assert ran(tmp_path) == ["quick", "held", "held", "stuck", "last"]


@pytest.mark.parametrize("mode", ["step", "now"])
async def test_a_pause_inside_a_subgraph_goes_on_inside_it(
    graphs: GraphBench, tmp_path: Path, mode: Literal["step", "now"]
) -> None:
    run_id = await begun(graphs, tmp_path, "inside/held", "slow_inside")
    pausing = asyncio.ensure_future(graphs.app.control.pause(ACTOR, graphs.project, run_id, mode))
    if mode == "step":
        await graphs.until(run_id, "run.pausing")
        (tmp_path / "go").touch()
    paused = await pausing
    assert isinstance(paused, Paused)
    shown = await graphs.app.read.get(graphs.project, run_id)
    assert shown["status"] == "PAUSED"
    assert ran(tmp_path) == ["quick", "held"]
    for name in ("go", "go on"):
        (tmp_path / name).touch()
    await graphs.app.control.resume(ACTOR, graphs.project, run_id, Resume())
    assert (await graphs.output(run_id))["ran"] == ["quick", "held", "stuck", "last"]
    again = [] if mode == "step" else ["held"]
    assert ran(tmp_path) == ["quick", "held", *again, "stuck", "last"]
    assert set((await graphs.statuses(run_id)).values()) == {"COMPLETED"}


async def test_a_node_between_two_tries_can_be_paused(graphs: GraphBench) -> None:
    run_id = await graphs.run("retried_slowly", {})
    told = await graphs.until(run_id, "node.retrying")
    assert told["data"]["next_attempt_at"] > told["ts"]
    why = await graphs.app.read.why(graphs.project, run_id)
    assert (why["code"], why["node_ids"]) == ("retry", ["later"])
    paused = await graphs.app.control.pause(ACTOR, graphs.project, run_id, "now")
    assert isinstance(paused, Paused)
    assert paused.still_running == []
    await graphs.app.control.resume(ACTOR, graphs.project, run_id, Resume())
    again = await graphs.until(run_id, "node.retrying", after=told["seq"])
    assert again["data"]["attempt"] == 1
    cancelled = await graphs.app.control.cancel(ACTOR, graphs.project, run_id)
    assert cancelled.still_running == []


async def test_a_cancel_stops_an_asynchronous_node(graphs: GraphBench, tmp_path: Path) -> None:
    run_id = await begun(graphs, tmp_path, "held")
    cancelled = await graphs.app.control.cancel(ACTOR, graphs.project, run_id)
    assert (cancelled.run.status, cancelled.still_running) == ("CANCELLED", [])
    assert (await graphs.statuses(run_id))["held"] == "CANCELLED"


async def test_a_cancel_names_a_thread_that_goes_on(graphs: GraphBench, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    run_id = await begun(graphs, tmp_path, "stuck")
    cancelled = await graphs.app.control.cancel(ACTOR, graphs.project, run_id)
    assert cancelled.still_running == ["stuck"]
    (tmp_path / "go on").touch()
    stopped = await graphs.until(run_id, "run.stopped")
    assert stopped["data"] == {"nodes": ["stuck"]}
    assert ran(tmp_path) == ["quick", "held", "stuck"]


async def test_the_witness_knows_whose_thread_it_is(graphs: GraphBench, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    run_id = await begun(graphs, tmp_path, "stuck")
    marks = (graphs.app.settings.data / "executing").read_bytes()
    assert f"{run_id} stuck".encode() in marks
    (tmp_path / "go on").touch()
    await graphs.output(run_id)
    assert run_id.encode() not in (graphs.app.settings.data / "executing").read_bytes()


async def test_a_breakpoint_is_a_pause(graphs: GraphBench) -> None:
    run_id = await graphs.run("stops", {"ran": []})
    first = await graphs.until(run_id, "run.paused")
    assert first["data"]["mode"] == "breakpoint"
    status = await graphs.app.read.status(graphs.project, run_id, 0)
    assert (status["status"], status["interrupts"]) == ("PAUSED", [])
    await graphs.app.control.resume(ACTOR, graphs.project, run_id, Resume())
    second = await graphs.until(run_id, "run.paused", after=first["seq"])
    shown = await graphs.app.history.checkpoint(graphs.project, run_id, second["data"]["checkpoint_id"])
    assert shown["values"]["ran"] == ["one", "two"]
    await graphs.app.control.resume(ACTOR, graphs.project, run_id, Resume())
    assert (await graphs.output(run_id))["ran"] == ["one", "two", "one", "two", "one", "two"]
    completed = [event["node_id"] for event in await graphs.events(run_id) if event["type"] == "node.completed"]
    assert completed == ["one", "two", "sub/one", "sub/two", "sub"]


async def test_an_edit_passes_the_reducers_or_replaces(graphs: GraphBench, tmp_path: Path) -> None:
    run_id = await begun(graphs, tmp_path, "held")
    await graphs.app.control.pause(ACTOR, graphs.project, run_id, "now")
    edited = await graphs.app.edit.edit(ACTOR, graphs.project, run_id, {"ran": ["edited"]}, "quick")
    assert edited["values"]["ran"] == ["quick", "edited"]
    assert edited["next"] == ["held"]
    again = await graphs.app.edit.edit(ACTOR, graphs.project, run_id, {"ran": {"$replace": ["new"]}}, "held")
    assert (again["values"]["ran"], again["next"]) == (["new"], ["stuck"])
    with pytest.raises(InvalidEdit) as refused:
        await graphs.app.edit.edit(ACTOR, graphs.project, run_id, {"runs": []})
    assert "runs" in str(refused.value)
    with pytest.raises(InvalidEdit, match="as_node is one of quick, held, stuck, last"):
        await graphs.app.edit.edit(ACTOR, graphs.project, run_id, {"ran": []}, "nobody")
    (tmp_path / "go on").touch()
    await graphs.app.control.resume(ACTOR, graphs.project, run_id, Resume())
    assert (await graphs.output(run_id))["ran"] == ["new", "stuck", "last"]


async def test_the_reducers_of_an_edit_hold_up_no_loop(graphs: GraphBench) -> None:
    run_id = await graphs.run("reduced", {"said": []})
    await graphs.until(run_id, "run.paused")
    edited = await graphs.app.edit.edit(ACTOR, graphs.project, run_id, {"said": ["edited"]}, "one")
    *_, said, thread = edited["values"]["said"]
    assert said == "edited"
    assert thread not in (threading.current_thread().name, "milepost-engine")


async def test_an_ambiguous_edit_names_the_candidates(graphs: GraphBench) -> None:
    run_id = await graphs.run("wide", {"ran": []})
    await graphs.output(run_id)
    point = (await checkpoints(graphs, run_id))[1]
    with pytest.raises(InvalidEdit) as refused:
        await graphs.app.fork.fork(ACTOR, graphs.project, run_id, point, {"ran": ["edited"]})
    assert refused.value.code == "as_node_required"
    assert [each["message"] for each in refused.value.errors] == ["left", "right", "both"]


async def test_questions_must_be_answered_before_an_edit(graphs: GraphBench) -> None:
    run_id = await graphs.run("asking", {"answers": []})
    await graphs.until(run_id, "run.waiting")
    await graphs.app.control.pause(ACTOR, graphs.project, run_id)
    with pytest.raises(HasOpenQuestions):
        await graphs.app.edit.edit(ACTOR, graphs.project, run_id, {"answers": []}, "prepare")


async def test_a_run_goes_back_to_an_earlier_checkpoint(graphs: GraphBench, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    run_id = await begun(graphs, tmp_path, "stuck")
    await graphs.app.control.pause(ACTOR, graphs.project, run_id, "now")
    (tmp_path / "go on").touch()
    early = (await checkpoints(graphs, run_id))[1]
    resumed = await graphs.app.control.resume(ACTOR, graphs.project, run_id, Resume(checkpoint_id=early))
    assert resumed.status in ("RUNNING", "QUEUED")
    assert (await graphs.output(run_id))["ran"] == ["quick", "held", "stuck", "last"]
    assert ran(tmp_path) == ["quick", "held", "stuck", "held", "stuck", "last"]
    rows = await graphs.app.history.checkpoints(graphs.project, run_id, 100)
    assert [row.step for row in rows if row.superseded] == [2]


async def test_going_back_before_a_subgraph_runs_all_of_it_again(graphs: GraphBench, tmp_path: Path) -> None:
    for name in ("go", "go on"):
        (tmp_path / name).touch()
    run_id = await graphs.run("before_last", {"marks": str(tmp_path), "ran": []})
    at_last = await graphs.until(run_id, "run.paused")
    once = ["quick", "held", "stuck", "last"]
    assert ran(tmp_path) == once
    early = (await checkpoints(graphs, run_id))[0]
    await graphs.app.control.resume(ACTOR, graphs.project, run_id, Resume(checkpoint_id=early))
    await graphs.until(run_id, "run.paused", after=at_last["seq"])
    assert ran(tmp_path) == [*once, *once]
    assert (await graphs.statuses(run_id))["inside/inside/stuck"] == "COMPLETED"
    fork = await graphs.app.fork.fork(ACTOR, graphs.project, run_id, early, execute=True)
    await graphs.until(fork.run_id, "run.paused")
    assert ran(tmp_path) == [*once, *once, *once]
    await graphs.app.control.resume(ACTOR, graphs.project, fork.run_id, Resume())
    assert (await graphs.output(fork.run_id))["ran"] == [*once, "last"]


async def test_a_fork_takes_finished_siblings_and_open_questions_along(graphs: GraphBench) -> None:
    run_id = await graphs.run("asking", {"answers": []})
    await graphs.until(run_id, "run.waiting")
    parent = await graphs.app.store.run(run_id)
    fork = await graphs.app.fork.fork(ACTOR, graphs.project, run_id, parent.checkpoint_id or "", execute=True)
    await graphs.until(fork.run_id, "run.waiting")
    status = await graphs.app.read.status(graphs.project, fork.run_id, 0)
    answers: dict[str, Any] = {each["interrupt_id"]: 4 for each in status["interrupts"]}
    assert len(answers) == 2
    before = (await graphs.app.store.run(fork.run_id)).last_seq
    await graphs.app.control.resume(ACTOR, graphs.project, fork.run_id, Resume(answers=answers))
    await graphs.until(fork.run_id, "run.waiting", after=before)
    await graphs.app.control.resume(ACTOR, graphs.project, fork.run_id, Resume(answer=5, has_answer=True))
    assert (await graphs.output(fork.run_id))["answers"] == [4, 5, 4]
    assert (await graphs.app.store.run(run_id)).status == "WAITING"


async def test_a_failed_run_goes_on_where_it_failed(graphs: GraphBench) -> None:
    run_id = await graphs.run("failing", {})
    await graphs.ended(run_id)
    before = (await graphs.app.store.run(run_id)).last_seq
    await graphs.app.control.retry(ACTOR, graphs.project, run_id)
    await graphs.until(run_id, "run.failed", after=before)
    starts = [event["node_id"] for event in await graphs.events(run_id) if event["type"] == "node.started"]
    assert starts == ["fine", "inside", "inside/fails", "inside", "inside/fails"]


async def test_a_run_goes_on_after_an_orderly_restart(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    async with opened(tmp_path / "data", shutdown_grace=0.0, config=PROJECT) as bench:
        run_id = await begun(of(bench), marks, "held")
    (marks / "go").touch()
    (marks / "go on").touch()
    async with opened(tmp_path / "data", shutdown_grace=1.0, config=PROJECT) as bench:
        assert (await of(bench).output(run_id))["ran"] == ["quick", "held", "stuck", "last"]
        assert "run.code_changed" not in [event["type"] for event in await bench.events(run_id)]
        assert orjson.loads((await bench.app.store.run(run_id)).metadata) == {}
    assert ran(marks) == ["quick", "held", "held", "stuck", "last"]
