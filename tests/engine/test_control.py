"""Pause, resume, cancel, retry, answers: what the commands do to runs that really execute."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.server.errors import AlreadyAnswered, InvalidAnswer, InvalidDefinition, InvalidState, PauseOvertaken
from milepost.server.runs.control import Paused, Pausing, Resume
from milepost.server.store.rows import iso
from tests.engine.conftest import ACTOR, Bench


def trace(node_id: str, file: Path, seconds: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "trace", "config": {"file": str(file), "text": node_id, "seconds": seconds, **more}}


def chain(file: Path, *seconds: float) -> dict[str, Any]:
    return {"name": "chain", "steps": [trace(f"n{i}", file, each) for i, each in enumerate(seconds)]}


def pair(file: Path, quick: float, slow: float) -> dict[str, Any]:
    nodes = [trace("a", file), trace("quick", file, quick), trace("slow", file, slow), trace("end", file)]
    edges = [("a", "quick"), ("a", "slow"), ("quick", "end"), ("slow", "end")]
    return {"name": "pair", "nodes": nodes, "edges": [{"source": s, "target": t} for s, t in edges]}


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


async def test_a_chain_completes_and_says_so_once(bench: Bench, tmp_path: Path) -> None:
    run_id = await bench.start(chain(tmp_path / "t", 0, 0, 0))
    run = await bench.ended(run_id)
    assert run.status == "COMPLETED"
    assert run.progress == 1
    assert orjson.loads(run.output or "") == {"text": "n2"}
    assert lines(tmp_path / "t") == ["n0", "n1", "n2"]
    types = [event["type"] for event in await bench.events(run_id)]
    assert types.count("run.completed") == 1
    assert types.count("node.completed") == 3


async def test_pause_at_a_step_lets_the_node_finish_and_resume_goes_on(bench: Bench, tmp_path: Path) -> None:
    run_id = await bench.start(chain(tmp_path / "t", 0, 0.3, 0))
    await bench.until_node(run_id, "node.started", "n1")
    paused = await bench.app.control.pause(ACTOR, bench.project, run_id)
    assert isinstance(paused, Paused)
    assert paused.run.status == "PAUSED"
    assert lines(tmp_path / "t") == ["n0", "n1"]
    query = "SELECT checkpoint_json FROM workflow_runs WHERE run_id = :run_id"
    rows = await asyncio.wrap_future(bench.app.store.reader.fetch(query, {"run_id": run_id}))
    shown = orjson.loads(rows[0][0])
    assert shown["next"] == ["n2"]
    assert shown["values"]["outputs"] == {"n0": {"text": "n0"}, "n1": {"text": "n1"}}
    resumed = await bench.app.control.resume(
        ACTOR, bench.project, run_id, Resume(checkpoint_id=paused.run.checkpoint_id)
    )
    assert resumed.status == "RUNNING"
    assert (await bench.ended(run_id)).status == "COMPLETED"
    assert lines(tmp_path / "t") == ["n0", "n1", "n2"]


async def test_pause_now_stops_at_once_and_a_finished_sibling_does_not_run_again(bench: Bench, tmp_path: Path) -> None:
    run_id = await bench.start(pair(tmp_path / "t", 0.0, 30.0))
    await bench.until_node(run_id, "node.completed", "quick")
    paused = await bench.app.control.pause(ACTOR, bench.project, run_id, "now")
    assert isinstance(paused, Paused)
    assert paused.still_running == []
    assert await bench.statuses(run_id) == {"a": "COMPLETED", "quick": "COMPLETED", "slow": "PENDING"}
    assert sorted(lines(tmp_path / "t")) == ["a", "quick"]
    # The slow branch cannot be waited for: go on with it, and cancel.
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(checkpoint_id=paused.run.checkpoint_id))
    started = await bench.until(run_id, "node.started", after=paused.run.last_seq)
    assert started["node_id"] == "slow"
    await bench.app.control.cancel(ACTOR, bench.project, run_id)
    assert sorted(lines(tmp_path / "t")) == ["a", "quick"]


async def test_a_pause_that_takes_long_is_pending_and_resume_takes_it_back(bench: Bench, tmp_path: Path) -> None:
    run_id = await bench.start(chain(tmp_path / "t", 0.5, 0))
    await bench.until(run_id, "node.started")
    pausing = await bench.app.control.pause(ACTOR, bench.project, run_id, "step", 0.05)
    assert isinstance(pausing, Pausing)
    resumed = await bench.app.control.resume(ACTOR, bench.project, run_id, Resume())
    assert resumed.status == "RUNNING"
    assert (await bench.ended(run_id)).status == "COMPLETED"
    assert lines(tmp_path / "t") == ["n0", "n1"]


async def test_a_pause_that_the_end_overtakes_says_so(bench: Bench, tmp_path: Path) -> None:
    run_id = await bench.start(chain(tmp_path / "t", 0.3))
    await bench.until(run_id, "node.started")
    with pytest.raises(PauseOvertaken):
        await bench.app.control.pause(ACTOR, bench.project, run_id)
    assert (await bench.ended(run_id)).status == "COMPLETED"


async def test_cancel_ends_every_node_and_is_final(bench: Bench, tmp_path: Path) -> None:
    run_id = await bench.start(pair(tmp_path / "t", 30.0, 30.0))
    await bench.until_node(run_id, "node.started", "quick")
    await bench.until_node(run_id, "node.started", "slow")
    cancelled = await bench.app.control.cancel(ACTOR, bench.project, run_id)
    assert cancelled.still_running == []
    assert await bench.statuses(run_id) == {"a": "COMPLETED", "quick": "CANCELLED", "slow": "CANCELLED"}
    with pytest.raises(InvalidState):
        await bench.app.control.cancel(ACTOR, bench.project, run_id)
    events = await bench.events(run_id)
    assert {event["type"] for event in events[-3:]} == {"node.cancelled", "run.cancelled"}


@pytest.mark.parametrize("kind", ["sync", "stubborn"])
async def test_a_node_that_does_not_stop_is_named_and_its_end_is_told(bench: Bench, tmp_path: Path, kind: str) -> None:
    config = {"file": str(tmp_path / "t"), "text": "x", "seconds": 1.0}
    run_id = await bench.start({"name": "n", "steps": [{"id": "deaf", "type": kind, "config": config}]})
    await bench.until(run_id, "node.started")
    cancelled = await bench.app.control.cancel(ACTOR, bench.project, run_id)
    assert cancelled.still_running == ["deaf"]
    stopped = await bench.until(run_id, "run.stopped")
    assert stopped["data"] == {"nodes": ["deaf"]}
    assert lines(tmp_path / "t")[-1] == "x ended"
    run = await bench.app.store.run(run_id)
    assert run.status == "CANCELLED"
    assert (await bench.events(run_id))[-1]["type"] == "run.stopped"


async def test_a_failed_run_goes_on_from_its_last_checkpoint(bench: Bench, tmp_path: Path) -> None:
    nodes = [trace("a", tmp_path / "a"), trace("b", tmp_path / "b", fail_first=1), trace("c", tmp_path / "c")]
    run_id = await bench.start({"name": "f", "steps": nodes})
    run = await bench.ended(run_id)
    assert run.status == "FAILED"
    error = orjson.loads(run.error or "")
    assert (error["code"], error["type"], error["message"], error["node_id"]) == (
        "node_error",
        "RuntimeError",
        "not yet",
        "b",
    )
    assert "probes.py" in error["traceback"]
    assert "milepost/graphs" not in error["traceback"]
    await bench.app.control.retry(ACTOR, bench.project, run_id)
    await bench.until(run_id, "run.completed")
    assert lines(tmp_path / "a") == ["a"]
    assert lines(tmp_path / "b") == ["b"]


async def test_an_earlier_checkpoint_runs_what_came_after_it_again(bench: Bench, tmp_path: Path) -> None:
    run_id = await bench.start(chain(tmp_path / "t", 0, 0, 0.4, 0))
    await bench.until_node(run_id, "node.started", "n2")
    paused = await bench.app.control.pause(ACTOR, bench.project, run_id)
    assert isinstance(paused, Paused)
    rows = await bench.app.history.checkpoints(bench.project, run_id, 50)
    after_first = next(row for row in rows if row.next == ["n1"])
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(checkpoint_id=after_first.checkpoint_id))
    assert (await bench.ended(run_id)).status == "COMPLETED"
    assert lines(tmp_path / "t") == ["n0", "n1", "n2", "n1", "n2", "n3"]
    rows = await bench.app.history.checkpoints(bench.project, run_id, 50)
    assert sum(row.superseded for row in rows) == 2


async def test_a_question_parks_the_run_and_the_first_answer_wins(bench: Bench, tmp_path: Path) -> None:
    schema = {"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}}
    ask = {"id": "ask", "type": "ask", "config": {"question": "Go?", "answer_schema": schema}}
    run_id = await bench.start({"name": "q", "steps": [trace("a", tmp_path / "a"), ask, trace("c", tmp_path / "c")]})
    waiting = await bench.until(run_id, "run.waiting")
    assert waiting["data"]["for"] == "answer"
    run = await bench.app.store.run(run_id)
    assert run.status == "WAITING"
    with pytest.raises(InvalidAnswer):
        await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer={"ok": 1}, has_answer=True))
    answers = [
        bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer={"ok": bool(n)}, has_answer=True))
        for n in range(2)
    ]
    outcomes = await asyncio.gather(*answers, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) in (
        ["AlreadyAnswered", "Run"],
        ["InvalidState", "Run"],
    )
    assert (await bench.ended(run_id)).status == "COMPLETED"
    assert lines(tmp_path / "a") == ["a"]
    with pytest.raises((AlreadyAnswered, InvalidState)):
        await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer={"ok": True}, has_answer=True))


async def test_two_questions_of_one_node_are_asked_one_after_the_other(bench: Bench) -> None:
    ask = {"id": "ask", "type": "ask", "config": {"question": "Again?", "times": 2}}
    run_id = await bench.start({"name": "q", "steps": [ask]})
    first = await bench.until(run_id, "run.waiting")
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer=1, has_answer=True))
    await bench.until(run_id, "run.waiting", after=first["seq"])
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer=2, has_answer=True))
    run = await bench.ended(run_id)
    assert orjson.loads(run.output or "") == {"answers": [1, 2]}


async def test_a_run_that_is_paused_while_it_waits_keeps_its_question(bench: Bench) -> None:
    run_id = await bench.start({"name": "q", "steps": [{"id": "ask", "type": "ask", "config": {"question": "?"}}]})
    await bench.until(run_id, "run.waiting")
    paused = await bench.app.control.pause(ACTOR, bench.project, run_id)
    assert isinstance(paused, Paused)
    assert [row.answer for row in await bench.app.store.interrupts(run_id)] == [None]
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer="yes", has_answer=True))
    run = await bench.ended(run_id)
    assert orjson.loads(run.output or "") == {"answers": ["yes"]}


@pytest.mark.timed
async def test_a_long_wait_parks_and_wakes_on_time(bench: Bench) -> None:
    until = bench.app.store.clock() + 5_400
    wait = {"id": "wait", "type": "wait", "config": {"until": "{{ input.until }}"}}
    run_id = await bench.start({"name": "w", "steps": [wait]}, {"until": until})
    waiting = await bench.until(run_id, "run.waiting")
    assert waiting["data"]["until"] == iso(until)
    run = await bench.app.store.run(run_id)
    assert (run.status, run.owner, run.wake_at) == ("WAITING", None, until)
    assert (await bench.ended(run_id)).status == "COMPLETED"
    assert 0 <= bench.app.store.clock() - until < 1_000


async def test_a_hundred_pauses_change_nothing(bench: Bench, tmp_path: Path) -> None:
    steps = [trace(f"n{i}", tmp_path / "t", 0.002) for i in range(120)]
    run_id = await bench.start({"name": "p", "steps": steps})
    pauses = 0
    for turn in range(400):
        try:
            outcome = await bench.app.control.pause(ACTOR, bench.project, run_id, "now" if turn % 2 else "step")
        except (PauseOvertaken, InvalidState):
            break
        assert isinstance(outcome, Paused)
        pauses += 1
        await bench.app.control.resume(ACTOR, bench.project, run_id, Resume())
        if pauses == 100:
            break
        await bench.until(run_id, "checkpoint.saved", *ENDED, after=outcome.run.last_seq)
    run = await bench.ended(run_id)
    assert run.status == "COMPLETED"
    assert orjson.loads(run.output or "") == {"text": "n119"}
    assert pauses >= 50
    done = [event["node_id"] for event in await bench.events(run_id) if event["type"] == "node.completed"]
    assert done == [f"n{i}" for i in range(120)]


ENDED = ("run.completed", "run.failed", "run.cancelled")


@pytest.mark.parametrize("until", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
async def test_a_wait_until_a_time_that_utc_does_not_have_is_refused(bench: Bench, until: str) -> None:
    wait = {"id": "wait", "type": "wait", "config": {"until": until}}
    with pytest.raises(InvalidDefinition, match="its year"):
        await bench.start({"name": "w", "steps": [wait]})
