"""Orders of commands, crashes and full disks that leave little room: nothing is lost, repeated or left standing."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest

from milepost.checkpoints.unit import Statement
from milepost.graphs.context import NodeContext
from milepost.graphs.node_types import Config, NodeType
from milepost.server.engine.timer import Timer
from milepost.server.errors import Conflict, NotFound
from milepost.server.runs.control import Paused, Pausing, Resume
from milepost.server.runs.start import NewRun
from milepost.server.store.rows import Run
from milepost.server.store.statements import statement
from milepost.server.store.unit import Unit
from tests.engine.conftest import ACTOR, Bench, opened
from tests.engine.test_control import chain, lines, trace
from tests.probes import TraceConfig, leave


async def paused_at(bench: Bench, run_id: str, node_id: str) -> Run:
    """Pause the run in the step that ``node_id`` executes in."""
    await bench.until_node(run_id, "node.started", node_id)
    outcome = await bench.app.control.pause(ACTOR, bench.project, run_id)
    assert isinstance(outcome, Paused)
    return outcome.run


async def after_node(bench: Bench, run_id: str, following: str) -> str:
    """The checkpoint from which ``following`` runs next."""
    rows = await bench.app.history.checkpoints(bench.project, run_id, 50)
    return next(row.checkpoint_id for row in rows if row.next == [following])


async def test_a_run_that_travelled_back_and_pauses_again_goes_on_where_it_stands(bench: Bench, tmp_path: Path) -> None:
    run_id = await bench.start(chain(tmp_path / "t", 0, 0, 0.2, 0.2, 0))
    await paused_at(bench, run_id, "n2")
    back = await after_node(bench, run_id, "n1")
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(checkpoint_id=back))
    seen = (await bench.app.store.run(run_id)).last_seq
    while (await bench.until(run_id, "node.started", after=seen))["node_id"] != "n3":
        seen += 1
    await bench.app.control.pause(ACTOR, bench.project, run_id)
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume())
    assert (await bench.ended(run_id)).status == "COMPLETED"
    assert lines(tmp_path / "t") == ["n0", "n1", "n2", "n1", "n2", "n3", "n4"]


async def test_a_question_after_time_travel_can_be_answered(bench: Bench, tmp_path: Path) -> None:
    ask = {"id": "ask", "type": "ask", "config": {"question": "?"}}
    steps = [trace("a", tmp_path / "t"), trace("b", tmp_path / "t"), ask]
    run_id = await bench.start({"name": "q", "steps": steps})
    await bench.until(run_id, "run.waiting")
    await bench.app.control.pause(ACTOR, bench.project, run_id)
    back = await after_node(bench, run_id, "b")
    before = await bench.app.store.run(run_id)
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(checkpoint_id=back))
    await bench.until(run_id, "run.waiting", after=before.last_seq)
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer=7, has_answer=True))
    run = await bench.ended(run_id, within=5)
    assert orjson.loads(run.output or "") == {"answers": [7]}
    assert lines(tmp_path / "t") == ["a", "b", "b"]


async def test_crashes_before_a_checkpoint_no_longer_count_once_the_run_has_parked(tmp_path: Path) -> None:
    ask = {"id": "ask", "type": "ask", "config": {"question": "?"}}
    async with opened(tmp_path / "data", shutdown_grace=0.0) as bench:
        run_id = await bench.start({"name": "q", "steps": [trace("a", tmp_path / "t", 0.1), ask]})
        await bench.until(run_id, "node.started")
        bench.app.store.writer.close()
    async with opened(tmp_path / "data", shutdown_grace=1.0) as bench:
        await bench.until(run_id, "run.waiting")
        run = await bench.app.store.run(run_id)
        assert (run.status, run.crashes) == ("WAITING", 0)


class FailsAfterAnswer(NodeType[TraceConfig]):
    """Asks, then fails the first time and asks once more the second time."""

    name: ClassVar[str] = "fails_after_answer"
    config_model = TraceConfig

    async def run(self, ctx: NodeContext[TraceConfig]) -> Mapping[str, Any]:
        answer = ctx.interrupt("?")
        leave(ctx.config.file, "tried")
        if len(Path(ctx.config.file).read_text().splitlines()) == 1:
            raise RuntimeError("not yet")
        return {"answers": [answer, ctx.interrupt("again?")]}


async def test_an_answer_outlives_the_failure_of_the_node_that_asked(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", types=[FailsAfterAnswer], shutdown_grace=1.0) as bench:
        node = {"id": "f", "type": "fails_after_answer", "config": {"file": str(tmp_path / "t")}}
        run_id = await bench.start({"name": "q", "steps": [node]})
        await bench.until(run_id, "run.waiting")
        await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer=1, has_answer=True))
        failed = await bench.ended(run_id)
        assert failed.status == "FAILED"
        await bench.app.control.retry(ACTOR, bench.project, run_id)
        await bench.until(run_id, "run.waiting", after=failed.last_seq)
        await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer=2, has_answer=True))
        run = await bench.ended(run_id, within=5)
        assert orjson.loads(run.output or "") == {"answers": [1, 2]}


@pytest.mark.parametrize("where", ["none", "pause", "earlier"])
async def test_resume_merges_a_state_wherever_the_run_goes_on_from(bench: Bench, tmp_path: Path, where: str) -> None:
    run_id = await bench.start(chain(tmp_path / "t", 0, 0, 0.2, 0))
    run = await paused_at(bench, run_id, "n2")
    points = {"none": None, "pause": run.checkpoint_id, "earlier": await after_node(bench, run_id, "n2")}
    how = Resume(checkpoint_id=points[where], state={"outputs": {"n0": {"text": "edited"}}})
    await bench.app.control.resume(ACTOR, bench.project, run_id, how)
    assert (await bench.ended(run_id)).status == "COMPLETED"
    latest = (await bench.app.history.checkpoints(bench.project, run_id, 1))[0]
    shown = await bench.app.history.checkpoint(bench.project, run_id, latest.checkpoint_id)
    assert shown["values"]["outputs"]["n0"] == {"text": "edited"}
    again = ["n2"] if where == "earlier" else []
    assert lines(tmp_path / "t") == ["n0", "n1", "n2", *again, "n3"]


async def test_an_answer_that_a_crash_cut_off_from_its_wake_up_is_used_after_the_start(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", shutdown_grace=0.0) as bench:
        run_id = await bench.start({"name": "q", "steps": [{"id": "ask", "type": "ask", "config": {"question": "?"}}]})
        await bench.until(run_id, "run.waiting")
        [row] = await bench.app.store.interrupts(run_id)
        answered = statement(
            "answer_interrupt",
            1,
            run_id=run_id,
            interrupt_id=row.interrupt_id,
            answer="3",
            answered_by="tester",
            now=bench.app.store.clock(),
        )
        await bench.app.store.commit(Unit([answered]))
    async with opened(tmp_path / "data", shutdown_grace=1.0) as bench:
        run = await bench.ended(run_id, within=5)
        assert orjson.loads(run.output or "") == {"answers": [3]}


async def test_a_pause_that_was_taken_back_in_the_database_does_not_take_hold(bench: Bench, tmp_path: Path) -> None:
    run_id = await bench.start(chain(tmp_path / "t", 0.2, 0))
    await bench.until(run_id, "node.started")
    run = await bench.app.store.run(run_id)
    asked = statement("request_pause", 1, run_id=run_id, run_attempt=run.run_attempt, mode="step")
    await bench.app.store.commit(Unit([asked]))
    await asyncio.wrap_future(bench.app.engine.pause(run, "step"))
    back = statement("withdraw_pause", 1, run_id=run_id, run_attempt=run.run_attempt)
    await bench.app.store.commit(Unit([back]))
    assert (await bench.ended(run_id, within=5)).status == "COMPLETED"
    assert lines(tmp_path / "t") == ["n0", "n1"]


async def pages(bench: Bench, limit: int) -> None:
    """Let the database grow to ``limit`` pages beyond what it has: a full disk."""
    rows = await asyncio.wrap_future(bench.app.store.reader.fetch("PRAGMA page_count", {}))
    pragma = Statement(f"PRAGMA max_page_count = {rows[0][0] + limit}", {})
    await bench.app.store.commit(Unit([pragma]))


class Big(NodeType[TraceConfig]):
    """Gives a large output."""

    name: ClassVar[str] = "big"
    config_model = TraceConfig

    async def run(self, ctx: NodeContext[TraceConfig]) -> Mapping[str, Any]:
        leave(ctx.config.file, ctx.config.text)
        await asyncio.sleep(ctx.config.seconds)
        return {"text": "x" * 1_000_000}


async def test_a_full_disk_leaves_no_execution_behind_as_running(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", types=[Big], shutdown_grace=1.0) as bench:
        steps = [{"id": "b", "type": "big", "config": {"file": str(tmp_path / "t"), "seconds": 0.3}}]
        run_id = await bench.start({"name": "b", "steps": steps})
        await bench.until(run_id, "node.started")
        await pages(bench, 20)
        await bench.until(run_id, "run.queued", after=2)
        await pages(bench, 100_000)
        assert (await bench.ended(run_id)).status == "COMPLETED"
        statuses = [row.status for row in await bench.executions(run_id)]
        assert "RUNNING" not in statuses
        assert statuses[-1] == "COMPLETED"


async def test_a_retry_leaves_a_failure_alone_that_was_handled(bench: Bench, tmp_path: Path) -> None:
    steps = [
        {**trace("a", tmp_path / "a", fail_first=9), "on_error": "continue"},
        trace("b", tmp_path / "b", fail_first=1),
    ]
    run_id = await bench.start({"name": "r", "steps": steps})
    failed = await bench.ended(run_id)
    assert failed.status == "FAILED"
    await bench.app.control.retry(ACTOR, bench.project, run_id)
    await bench.until(run_id, "run.completed", after=failed.last_seq)
    assert await bench.statuses(run_id) == {"a": "FAILED", "b": "COMPLETED"}


async def test_an_edit_of_a_checkpoint_that_is_no_longer_the_newest_is_refused(bench: Bench, tmp_path: Path) -> None:
    run_id = await bench.start(chain(tmp_path / "t", 0, 0.2, 0))
    run = await paused_at(bench, run_id, "n1")
    await bench.app.edit.apply(ACTOR, run, {"outputs": {"n0": {"text": "first"}}}, None)
    with pytest.raises(Conflict):
        await bench.app.edit.apply(ACTOR, run, {"outputs": {"n1": {"text": "second"}}}, None)


async def test_a_start_whose_caller_went_away_still_runs(bench: Bench, tmp_path: Path) -> None:
    created = await bench.app.workflows.create(bench.project, "c", "", chain(tmp_path / "t", 0))
    await bench.start_again(created["workflow_id"])
    runs = []
    for turns in range(12):
        new = NewRun(created["workflow_id"], execute=True)
        start = asyncio.ensure_future(bench.app.start.create(ACTOR, bench.project, new))
        for _ in range(turns):
            await asyncio.sleep(0)
        start.cancel()
        await asyncio.wait([start])
        runs.append(new.run_id)
    await bench.ended(await bench.start_again(created["workflow_id"]))
    for run_id in runs:
        if await bench.app.store.events(run_id, 0, 1):
            assert (await bench.ended(run_id, within=5)).status == "COMPLETED"


async def test_run_waiting_tells_what_is_asked(bench: Bench) -> None:
    run_id = await bench.start({"name": "q", "steps": [{"id": "ask", "type": "ask", "config": {"question": "Go?"}}]})
    waiting = await bench.until(run_id, "run.waiting")
    [row] = await bench.app.store.interrupts(run_id)
    [asked] = waiting["data"]["interrupts"]
    assert asked["interrupt_id"] == row.interrupt_id
    assert asked["node_id"] == "ask"
    assert asked["value"]["question"] == "Go?"


def no_number_type(stored: Future[None]) -> type[NodeType[Config]]:
    class NoNumber(NodeType[Config]):
        """Reports a progress that is no number, and goes on once that is stored."""

        name: ClassVar[str] = "no_number"
        config_model = Config

        async def run(self, ctx: NodeContext[Config]) -> Mapping[str, Any]:
            ctx.progress(float("nan"))
            ctx.log("info", "behind it")
            await asyncio.wrap_future(stored)
            return {}

    return NoNumber


async def test_a_progress_that_is_no_number_does_no_harm(tmp_path: Path) -> None:
    stored: Future[None] = Future()
    async with opened(tmp_path / "data", types=[no_number_type(stored)], shutdown_grace=1.0) as bench:
        run_id = await bench.start({"name": "n", "steps": [{"id": "n", "type": "no_number", "config": {}}]})
        await bench.until(run_id, "node.log")
        stored.set_result(None)
        assert (await bench.ended(run_id)).status == "COMPLETED"


async def test_a_pause_that_takes_hold_at_the_claim_is_told_and_kept_as_any_other(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", shutdown_grace=0.0) as bench:
        run_id = await bench.start(chain(tmp_path / "t", 0, 30, 0))
        await bench.until_node(run_id, "node.started", "n1")
        run = await bench.app.store.run(run_id)
        asked = statement("request_pause", 1, run_id=run_id, run_attempt=run.run_attempt, mode="step")
        await bench.app.store.commit(Unit([asked]))
        bench.app.store.writer.close()
    async with opened(tmp_path / "data", shutdown_grace=1.0) as bench:
        paused = await bench.until(run_id, "run.paused")
        run = await bench.app.store.run(run_id)
        assert paused["data"] == {"mode": "step", "checkpoint_id": run.checkpoint_id}
        query = "SELECT checkpoint_json FROM workflow_runs WHERE run_id = :run_id"
        rows = await asyncio.wrap_future(bench.app.store.reader.fetch(query, {"run_id": run_id}))
        kept = orjson.loads(rows[0][0])
        assert (kept["checkpoint_id"], kept["next"]) == (run.checkpoint_id, ["n1"])
        assert kept["values"]["outputs"]["n0"] == {"text": "n0"}


@pytest.mark.timed
async def test_a_pause_is_taken_back_in_time_while_a_node_blocks_the_loop(bench: Bench, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    careless = {"id": "careless", "type": "blocking", "config": {"file": str(tmp_path / "t"), "seconds": 2.0}}
    run_id = await bench.start(
        {"name": "b", "steps": [trace("before", tmp_path / "t"), careless, trace("after", tmp_path / "t")]}
    )
    while "careless" not in bench.app.engine.executing(run_id):
        await asyncio.sleep(0)
    pausing = await bench.app.control.pause(ACTOR, bench.project, run_id, "step", 0)
    assert isinstance(pausing, Pausing)
    asked = loop.time()
    run = await bench.app.control.resume(ACTOR, bench.project, run_id, Resume())
    assert loop.time() - asked < 0.6
    assert (run.status, run.pause_requested) == ("RUNNING", None)
    assert "careless" in bench.app.engine.executing(run_id)
    assert (await bench.ended(run_id)).status == "COMPLETED"


async def test_a_pause_that_is_asked_for_while_a_node_blocks_the_loop_takes_hold(bench: Bench, tmp_path: Path) -> None:
    careless = {"id": "careless", "type": "blocking", "config": {"file": str(tmp_path / "t"), "seconds": 1.0}}
    run_id = await bench.start(
        {"name": "b", "steps": [trace("before", tmp_path / "t"), careless, trace("after", tmp_path / "a")]}
    )
    while "careless" not in bench.app.engine.executing(run_id):
        await asyncio.sleep(0)
    assert isinstance(await bench.app.control.pause(ACTOR, bench.project, run_id, "step", 5), Paused)
    assert not (tmp_path / "a").exists()


async def test_who_parks_while_the_timer_looks_is_not_forgotten(bench: Bench) -> None:
    timer = Timer(bench.app.store, lambda: None, 1)
    look = asyncio.ensure_future(timer._look())
    await asyncio.sleep(0)
    timer.expect(123)
    await look
    assert timer._earliest == 123


async def test_a_second_question_is_not_answered_with_the_first_answer(bench: Bench) -> None:
    ask = {"id": "ask", "type": "ask", "config": {"question": "Again?", "times": 2}}
    run_id = await bench.start({"name": "q", "steps": [ask]})
    first = await bench.until(run_id, "run.waiting")
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer=1, has_answer=True))
    second = await bench.until(run_id, "run.waiting", after=first["seq"])
    rows = await bench.app.store.interrupts(run_id)
    assert [(row.answer, row.consumed) for row in rows] == [("1", 1), (None, 0)]
    await bench.app.control.pause(ACTOR, bench.project, run_id)
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume())
    await bench.until(run_id, "run.waiting", after=second["seq"])
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer=2, has_answer=True))
    run = await bench.ended(run_id)
    assert orjson.loads(run.output or "") == {"answers": [1, 2]}


async def test_a_fork_asks_only_what_is_still_open(bench: Bench) -> None:
    nodes = [{"id": name, "type": "ask", "config": {"question": name}} for name in ("left", "right")]
    run_id = await bench.start({"name": "two", "nodes": nodes, "edges": []})
    waiting = await bench.until(run_id, "run.waiting")
    ids = {asked["node_id"]: asked["interrupt_id"] for asked in waiting["data"]["interrupts"]}
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answers={ids["left"]: 1}))
    await bench.until(run_id, "run.waiting", after=waiting["seq"])
    stands = await bench.app.store.run(run_id)
    fork = await bench.app.fork.fork(ACTOR, bench.project, run_id, stands.checkpoint_id or "", execute=True)
    await bench.until(fork.run_id, "run.waiting")
    for each, answer in ((fork.run_id, 3), (run_id, 2)):
        await bench.app.control.resume(ACTOR, bench.project, each, Resume(answer=answer, has_answer=True))
        run = await bench.ended(each)
        assert orjson.loads(run.output or "") == {"left": {"answers": [1]}, "right": {"answers": [answer]}}


async def test_a_run_that_timed_out_says_so_and_can_be_retried(bench: Bench, tmp_path: Path) -> None:
    steps = [trace("a", tmp_path / "t"), trace("b", tmp_path / "t", 0.35)]
    run_id = await bench.start({"name": "t", "timeout": 0.3, "steps": steps})
    failed = await bench.ended(run_id)
    error = orjson.loads(failed.error or "")
    assert (error["code"], error["message"]) == ("timed_out", "the run took longer than its timeout of 0.3 s")
    await bench.app.control.retry(ACTOR, bench.project, run_id)
    again = await bench.until(run_id, "node.started", after=failed.last_seq)
    assert again["node_id"] == "b"


async def test_viewers_of_a_run_that_is_deleted_are_told(bench: Bench, tmp_path: Path) -> None:
    created = await bench.app.workflows.create(bench.project, "d", "", chain(tmp_path / "t", 0))
    new = NewRun(created["workflow_id"])
    await bench.app.start.create(ACTOR, bench.project, new)
    async with bench.app.hub.subscribe(new.run_id, 0) as viewer:
        await viewer.next()
        await bench.app.control.delete(ACTOR, bench.project, new.run_id)
        with pytest.raises(NotFound):
            await asyncio.wait_for(viewer.next(), 2)
