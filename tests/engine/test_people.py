"""Questions, events and deadlines: what people and other systems tell a run, and what happens when they do not."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.server.errors import AlreadyAnswered, BadRequest, InvalidAnswer, InvalidState, QuestionExpired
from milepost.server.runs.concurrency import ConcurrencyRule
from milepost.server.runs.control import Resume
from milepost.server.runs.start import NewRun
from milepost.server.states import RunStatus
from milepost.server.store.store import wall_clock
from tests.engine.conftest import ACTOR, Bench, opened

HOUR = 3600.0
SCHEMA = {
    "type": "object",
    "required": ["publish"],
    "properties": {"publish": {"type": "boolean"}, "note": {"type": "string"}},
}


class Clock:
    """The wall clock, moved by hand."""

    def __init__(self) -> None:
        self.offset = 0

    def __call__(self) -> int:
        return wall_clock() + self.offset

    def step(self, seconds: float) -> None:
        self.offset += round(seconds * 1000)


def approval(node_id: str, **config: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "approval", "config": {"question": f"{node_id}?", **config}}


def wait_event(node_id: str, event: str = "paid", **config: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "wait_event", "config": {"event": event, **config}}


def says(node_id: str, value: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "output", "config": {"value": value}}


def edge(source: str, target: str, **more: Any) -> dict[str, Any]:
    return {"source": source, "target": target, **more}


def definition(*nodes: dict[str, Any], edges: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"name": "people", "nodes": list(nodes), "edges": list(edges)}


async def give(bench: Bench, run_id: str, answer: Any) -> None:
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer=answer, has_answer=True))


async def send(bench: Bench, run_id: str, payload: Any, event: str = "paid") -> None:
    await bench.app.signals.send(ACTOR, bench.project, run_id, event, payload)


async def parked(bench: Bench, run_id: str, after: int = 0) -> dict[str, Any]:
    return await bench.until(run_id, "run.waiting", after=after)


async def output(bench: Bench, run_id: str) -> Any:
    run = await bench.ended(run_id)
    assert run.status is RunStatus.COMPLETED, run.error
    return orjson.loads(run.output or "")


async def status(bench: Bench, run_id: str) -> Mapping[str, Any]:
    found: dict[str, Any] = orjson.loads(orjson.dumps(await bench.app.read.status(bench.project, run_id, 0)))
    return found


# Questions.


async def test_status_shows_an_open_question_and_the_answer_is_the_output(bench: Bench) -> None:
    asks = approval("ask", schema=SCHEMA, assignees=["ada", "bob"], timeout=60)
    run_id = await bench.start(
        definition(asks, says("done", "{{ outputs.ask.publish }}"), edges=(edge("ask", "done"),))
    )
    await parked(bench, run_id)
    shown = await status(bench, run_id)
    (question,) = shown["interrupts"]
    assert (question["node_id"], question["question"]) == ("ask", "ask?")
    assert (question["schema"], question["assignees"]) == (SCHEMA, ["ada", "bob"])
    assert question["asked_at"] < question["expires_at"]
    assert shown["waiting_for"] == {"for": "answer", "until": question["expires_at"], "node_ids": ["ask"]}
    with pytest.raises(InvalidAnswer) as refused:
        await give(bench, run_id, {"publish": "yes", "note": 1})
    assert sorted(problem["path"] for problem in refused.value.errors) == ["answer.note", "answer.publish"]
    await give(bench, run_id, {"publish": True})
    assert await output(bench, run_id) is True
    assert (await status(bench, run_id))["interrupts"] == []


async def test_an_answer_that_is_no_object_is_wrapped(bench: Bench) -> None:
    run_id = await bench.start(definition(approval("ask")))
    await parked(bench, run_id)
    await give(bench, run_id, None)
    assert await output(bench, run_id) == {"answer": None}


async def test_an_answer_cannot_pretend_that_it_came_too_late(bench: Bench) -> None:
    nodes = (approval("ask", timeout=60), says("in_time", 1), says("late", 2))
    run_id = await bench.start(definition(*nodes, edges=(edge("ask", "in_time"), edge("ask", "late", when="timeout"))))
    await parked(bench, run_id)
    await give(bench, run_id, {"timed_out": True})
    assert await output(bench, run_id) == 1


async def test_several_questions_are_answered_one_by_one_and_the_others_keep_still(bench: Bench) -> None:
    nodes = (approval("a"), approval("b", timeout=HOUR), approval("c"))
    run_id = await bench.start(definition(*nodes))
    waiting = await parked(bench, run_id)
    before = {row["node_id"]: row for row in (await status(bench, run_id))["interrupts"]}
    for name in ("a", "c"):
        answers = {before[name]["interrupt_id"]: name}
        await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answers=answers))
        waiting = await parked(bench, run_id, waiting["seq"])
        (left,) = [row for row in (await status(bench, run_id))["interrupts"] if row["node_id"] == "b"]
        assert left == before["b"]
    await give(bench, run_id, "b")
    assert await output(bench, run_id) == {name: {"answer": name} for name in "abc"}
    told = [(event["node_id"], event["type"]) for event in await bench.events(run_id) if event["node_id"]]
    for name in "abc":
        expected = ["node.started", "node.waiting", "node.started", "node.completed"]
        assert [type_ for node_id, type_ in told if node_id == name] == expected
    assert sorted(row.node_id for row in await bench.executions(run_id)) == ["a", "b", "c"]


async def test_answers_given_together_are_stored_all_or_none(bench: Bench) -> None:
    run_id = await bench.start(definition(approval("a", schema={"type": "integer"}), approval("b")))
    await parked(bench, run_id)
    ids = {row["node_id"]: row["interrupt_id"] for row in (await status(bench, run_id))["interrupts"]}
    with pytest.raises(InvalidAnswer):
        await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answers={ids["a"]: "x", ids["b"]: 2}))
    assert len((await status(bench, run_id))["interrupts"]) == 2
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answers={ids["a"]: 1, ids["b"]: 2}))
    assert await output(bench, run_id) == {"a": {"answer": 1}, "b": {"answer": 2}}


async def test_a_second_answer_is_told_of_the_first_after_the_run_has_ended_too(bench: Bench) -> None:
    run_id = await bench.start(definition(approval("ask")))
    waiting = await parked(bench, run_id)
    await give(bench, run_id, 1)
    await bench.ended(run_id)
    (asked,) = waiting["data"]["interrupts"]
    for how in (Resume(answer=2, has_answer=True), Resume(answers={asked["interrupt_id"]: 2})):
        with pytest.raises(AlreadyAnswered) as refused:
            await bench.app.control.resume(ACTOR, bench.project, run_id, how)
        assert refused.value.more["answered_by"] == "tester"


async def test_a_paused_run_still_shows_what_it_asks(bench: Bench) -> None:
    run_id = await bench.start(definition(approval("ask")))
    await parked(bench, run_id)
    await bench.app.control.pause(ACTOR, bench.project, run_id)
    shown = await status(bench, run_id)
    assert shown["waiting_for"] == {"for": "answer", "until": None, "node_ids": ["ask"]}
    assert [row["node_id"] for row in shown["interrupts"]] == ["ask"]


async def test_an_answer_is_used_up_by_the_node_that_was_stopped_after_it_too(bench: Bench) -> None:
    works = {"id": "works", "type": "asks_then_works", "config": {"seconds": 0.3}}
    run_id = await bench.start({"name": "w", "steps": [works, approval("next")]})
    await parked(bench, run_id)
    await give(bench, run_id, 1)
    await bench.until(run_id, "node.log")
    await bench.app.control.pause(ACTOR, bench.project, run_id, "now")
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume())
    await bench.until_node(run_id, "node.waiting", "next")
    rows = await bench.app.store.interrupts(run_id)
    assert [(row.node_id, row.consumed) for row in rows] == [("works", 1), ("next", 0)]


@pytest.mark.parametrize("kind", ["answer", "event"])
async def test_what_comes_while_another_branch_executes_is_used_when_it_has_ended(
    bench: Bench, tmp_path: Path, kind: str
) -> None:
    asks = approval("ask") if kind == "answer" else wait_event("ask")
    slow = {"id": "slow", "type": "trace", "config": {"file": str(tmp_path / "t"), "seconds": 0.4}}
    run_id = await bench.start(definition(asks, slow))
    await bench.until_node(run_id, "node.waiting", "ask")
    shown = await status(bench, run_id)
    assert (shown["status"], len(shown["interrupts"])) == ("RUNNING", 1 if kind == "answer" else 0)
    await (give(bench, run_id, {"a": 1}) if kind == "answer" else send(bench, run_id, {"a": 1}))
    assert (await output(bench, run_id))["ask"] == {"a": 1}
    assert len((tmp_path / "t").read_text().splitlines()) == 1
    assert len(await bench.executions(run_id)) == 2


# Deadlines.


LATE = (edge("ask", "in_time"), edge("ask", "late", when="timeout"))


@pytest.mark.parametrize("restart", [False, True], ids=["at once", "after a restart"])
async def test_a_question_that_nobody_answers_takes_its_timeout_edge(tmp_path: Path, *, restart: bool) -> None:
    clock = Clock()
    nodes = (approval("ask", timeout=HOUR), approval("other"), says("in_time", 1), says("late", "{{ outputs.ask }}"))
    async with opened(tmp_path / "data", clock) as bench:
        run_id = await bench.start(definition(*nodes, edges=LATE))
        waiting = await parked(bench, run_id)
        if not restart:
            clock.step(HOUR)
            await parked(bench, run_id, waiting["seq"])
    if restart:
        clock.step(HOUR)
    async with opened(tmp_path / "data", clock) as bench:
        await bench.until_node(run_id, "node.completed", "ask")
        ids = {asked["node_id"]: asked["interrupt_id"] for asked in waiting["data"]["interrupts"]}
        with pytest.raises(QuestionExpired):
            await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answers={ids["ask"]: 1}))
        clock.step(-HOUR)
        with pytest.raises(QuestionExpired):
            await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answers={ids["ask"]: 1}))
        await bench.until(run_id, "run.waiting", after=waiting["seq"])
        await give(bench, run_id, "mine")
        assert await output(bench, run_id) == {"timed_out": True}
        assert (await bench.statuses(run_id))["ask"] == "COMPLETED"


async def test_without_a_timeout_edge_the_node_fails(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path / "data", clock) as bench:
        run_id = await bench.start(definition(approval("ask", timeout=HOUR)))
        await parked(bench, run_id)
        clock.step(HOUR)
        run = await bench.ended(run_id)
        error = orjson.loads(run.error or "")
        assert (run.status, error["code"], error["node_id"]) == (RunStatus.FAILED, "timeout", "ask")
        assert error["message"] == "nobody answered within 3600 s"


async def test_a_timeout_without_its_edge_takes_the_error_edge(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path / "data", clock) as bench:
        nodes = (wait_event("ask", timeout=HOUR), says("in_time", 1), says("failed", "{{ outputs.ask.error.code }}"))
        edges = (edge("ask", "in_time"), edge("ask", "failed", when="error"))
        run_id = await bench.start(definition(*nodes, edges=edges))
        await parked(bench, run_id)
        clock.step(HOUR)
        assert await output(bench, run_id) == "timeout"


async def test_a_deadline_that_passes_while_the_run_is_paused_fires_when_it_goes_on(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path / "data", clock) as bench:
        nodes = (approval("ask", timeout=HOUR), says("in_time", 1), says("late", 2))
        run_id = await bench.start(definition(*nodes, edges=LATE))
        await parked(bench, run_id)
        await bench.app.control.pause(ACTOR, bench.project, run_id)
        clock.step(HOUR)
        with pytest.raises(QuestionExpired):
            await give(bench, run_id, 1)
        assert (await status(bench, run_id))["interrupts"] == []
        await bench.app.control.resume(ACTOR, bench.project, run_id, Resume())
        assert await output(bench, run_id) == 2


async def test_a_deadline_stays_what_it_was_when_another_question_is_answered(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path / "data", clock) as bench:
        nodes = (approval("ask", timeout=HOUR), approval("other"), says("in_time", 1), says("late", 2))
        run_id = await bench.start(definition(*nodes, edges=LATE))
        waiting = await parked(bench, run_id)
        ids = {asked["node_id"]: asked["interrupt_id"] for asked in waiting["data"]["interrupts"]}
        clock.step(HOUR / 2)
        await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answers={ids["other"]: 1}))
        again = await parked(bench, run_id, waiting["seq"])
        assert again["data"]["until"] == waiting["data"]["until"]
        clock.step(HOUR / 2)
        assert await output(bench, run_id) == 2


# Events.


@pytest.mark.parametrize("early", [True, False], ids=["before the node", "after it parked"])
async def test_an_event_is_given_to_the_node_that_waits_for_it(bench: Bench, *, early: bool) -> None:
    nodes = (approval("first"), wait_event("paid"), says("done", "{{ outputs.paid.amount }}"))
    run_id = await bench.start(definition(*nodes, edges=(edge("first", "paid"), edge("paid", "done"))))
    waiting = await parked(bench, run_id)
    if early:
        await send(bench, run_id, {"amount": 12})
    await give(bench, run_id, "go")
    if not early:
        await bench.until_node(run_id, "node.waiting", "paid")
        await parked(bench, run_id, waiting["seq"])
        await send(bench, run_id, "another", event="refunded")
        assert (await status(bench, run_id))["waiting_for"]["for"] == "event"
        await send(bench, run_id, {"amount": 12})
    assert await output(bench, run_id) == 12
    with pytest.raises(InvalidState):
        await send(bench, run_id, {"amount": 13})


async def test_two_nodes_that_wait_for_one_name_take_one_event_each(bench: Bench) -> None:
    run_id = await bench.start(definition(wait_event("a"), wait_event("b")))
    waiting = await parked(bench, run_id)
    await send(bench, run_id, 1)
    await parked(bench, run_id, waiting["seq"])
    assert sorted((await bench.statuses(run_id)).values()) == ["COMPLETED", "WAITING"]
    await send(bench, run_id, 2)
    found = await output(bench, run_id)
    assert sorted(item["payload"] for item in found.values()) == [1, 2]


async def test_a_loop_takes_events_one_by_one_oldest_first(bench: Bench) -> None:
    nodes = (
        {"id": "begin", "type": "process", "config": {}},
        {**wait_event("take"), "set": {"seen": "{{ (variables.seen or []) + [outputs.take.payload] }}"}},
        {"id": "more", "type": "condition", "config": {"expression": "variables.seen | length < 5"}},
        says("done", "{{ variables.seen }}"),
    )
    edges = (edge("begin", "take"), edge("take", "more"), edge("more", "take", when=True))
    run_id = await bench.start(definition(*nodes, edges=(*edges, edge("more", "done", when=False))))
    await asyncio.gather(*(send(bench, run_id, number) for number in range(2)))
    for number in range(2, 5):
        await send(bench, run_id, number)
    seen = await output(bench, run_id)
    assert sorted(seen[:2]) == [0, 1]
    assert seen[2:] == [2, 3, 4]


async def test_time_travel_gives_back_an_event_that_was_not_used(bench: Bench, tmp_path: Path) -> None:
    steps = [{"id": "a", "type": "process", "config": {}}, {"id": "b", "type": "process", "config": {}}]
    run_id = await bench.start({"name": "t", "steps": [*steps, wait_event("take")]})
    await parked(bench, run_id)
    await bench.app.control.pause(ACTOR, bench.project, run_id)
    await send(bench, run_id, 7)
    saved = await bench.until(run_id, "checkpoint.saved")
    earliest = saved["data"]["checkpoint_id"]
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(checkpoint_id=earliest))
    assert await output(bench, run_id) == {"payload": 7}


# Retries that park, and many runs at once.


async def test_a_long_retry_parks_the_run_and_its_attempts_survive_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    config = {"file": str(tmp_path / "t"), "text": "x", "fail_first": 2}
    retry = {"max_attempts": 3, "initial_interval": HOUR, "backoff_factor": 1, "max_interval": HOUR, "jitter": False}
    flaky = {"id": "flaky", "type": "trace", "config": config, "retry": retry}
    async with opened(tmp_path / "data", clock) as bench:
        run_id = await bench.start(definition(flaky, approval("ask")))
        waiting = await parked(bench, run_id)
        retrying = await bench.until(run_id, "node.retrying")
        why = await bench.app.read.why(bench.project, run_id)
        assert why["code"] == "answer"
        await give(bench, run_id, 1)
        waiting = await parked(bench, run_id, waiting["seq"])
        why = await bench.app.read.why(bench.project, run_id)
        announced = datetime.fromisoformat(retrying["data"]["next_attempt_at"])
        assert why["code"] == "retry"
        assert abs((datetime.fromisoformat(why["until"]) - announced).total_seconds()) < 0.5
        assert (await status(bench, run_id))["waiting_for"]["for"] == "time"
        clock.step(HOUR)
        await parked(bench, run_id, waiting["seq"])
    clock.step(HOUR)
    async with opened(tmp_path / "data", clock) as bench:
        await bench.ended(run_id)
        told = [event for event in await bench.events(run_id) if event["node_id"] == "flaky"]
        attempts = [(event["type"], event["data"].get("attempt")) for event in told if event["type"] != "node.waiting"]
        assert attempts == [
            ("node.started", 1),
            ("node.retrying", 1),
            ("node.started", 2),
            ("node.retrying", 2),
            ("node.started", 3),
            ("node.completed", 3),
        ]
        assert len(await bench.executions(run_id)) == 2


async def test_a_node_that_asked_before_its_retry_parked_is_given_its_answer_again(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path / "data", clock) as bench:
        retry = {"max_attempts": 3, "initial_interval": HOUR, "max_interval": HOUR, "jitter": False}
        node = {"id": "f", "type": "asks_then_fails", "config": {"file": str(tmp_path / "t")}, "retry": retry}
        run_id = await bench.start(definition(node))
        waiting = await parked(bench, run_id)
        await give(bench, run_id, "mine")
        waiting = await parked(bench, run_id, waiting["seq"])
        clock.step(HOUR)
        waiting = await parked(bench, run_id, waiting["seq"])
        assert waiting["data"]["for"] == "answer"
        await give(bench, run_id, "again")
        assert await output(bench, run_id) == {"answers": ["mine", "again"]}


@pytest.mark.parametrize("lane", [None, 2, 1], ids=["no limit", "as wide as the slots", "narrower"])
async def test_a_new_run_waits_behind_a_few_woken_ones_however_many_are_due(tmp_path: Path, lane: int | None) -> None:
    clock = Clock()
    due = 40
    async with opened(tmp_path / "data", clock, max_concurrent_runs=2) as bench:
        steps = [{"id": "w", "type": "wait", "config": {"seconds": HOUR}}, trace(0.02)]
        rule = ConcurrencyRule(lane)
        workflow = await bench.app.workflows.create(bench.project, "w", "", {"name": "w", "steps": steps}, rule)
        waiting = [await bench.start_again(workflow["workflow_id"]) for _ in range(due)]
        for run_id in waiting:
            await parked(bench, run_id)
        clock.step(HOUR)
        await bench.until(waiting[0], "node.completed")
        new = await bench.start_again(workflow["workflow_id"]) if lane else None
        other = await bench.start({"name": "new", "steps": [trace(0.0)]})
        await bench.ended(other)
        if new is not None:
            await bench.until(new, "run.waiting")
        runs = [await bench.app.store.run(run_id) for run_id in waiting]
        assert sum(run.status is RunStatus.WAITING for run in runs) > due / 2
        for run_id in waiting:
            assert (await bench.ended(run_id)).status is RunStatus.COMPLETED


async def test_waits_end_at_their_time_though_the_clock_steps_back_and_forward(tmp_path: Path) -> None:
    clock = Clock()
    wait = {"name": "w", "steps": [{"id": "w", "type": "wait", "config": {"seconds": HOUR}}]}
    async with opened(tmp_path / "data", clock) as bench:
        first = await bench.start(wait)
        await parked(bench, first)
        clock.step(-2 * HOUR)
        # Parked by the clock as it is now: its time comes two hours before the other's.
        second = await bench.start(wait)
        await parked(bench, second)
        clock.step(HOUR)
        assert (await bench.ended(second, within=5)).status is RunStatus.COMPLETED
        clock.step(-HOUR)
        assert (await bench.app.store.run(first)).status is RunStatus.WAITING
        clock.step(3 * HOUR)
        assert (await bench.ended(first, within=5)).status is RunStatus.COMPLETED


async def test_a_run_starts_at_its_time_while_many_are_woken(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path / "data", clock, max_concurrent_runs=2) as bench:
        steps = [{"id": "w", "type": "wait", "config": {"seconds": HOUR}}, trace(0.02)]
        workflow = await bench.app.workflows.create(bench.project, "w", "", {"name": "w", "steps": steps})
        waiting = [await bench.start_again(workflow["workflow_id"]) for _ in range(40)]
        for run_id in waiting:
            await parked(bench, run_id)
        clock.step(HOUR)
        await bench.until(waiting[0], "node.completed")
        short = await bench.app.workflows.create(bench.project, "s", "", {"name": "s", "steps": [trace(0.0)]})
        new = NewRun(short["workflow_id"], execute=True, start_at=clock() + 50)
        run_id = orjson.loads(await bench.app.start.create(ACTOR, bench.project, new))["run_id"]
        await bench.ended(run_id)
        assert (await bench.app.store.run(waiting[-1])).status is RunStatus.WAITING


def trace(seconds: float) -> dict[str, Any]:
    return {"id": "t", "type": "trace", "config": {"seconds": seconds}}


# The inbox.


async def test_the_inbox_lists_what_is_open_and_nothing_else(bench: Bench) -> None:
    nodes = (approval("ada", assignees=["ada"]), approval("bob", assignees=["bob", "b"]), approval("all"))
    first, second = [await bench.start(definition(*nodes)) for _ in range(2)]
    for run_id in (first, second):
        await parked(bench, run_id)

    async def page(assignee: str | None = None, limit: int = 50, cursor: str | None = None) -> dict[str, Any]:
        return await bench.app.inbox.page(bench.project, assignee, limit, cursor)

    assert len((await page())["items"]) == 6
    assert sorted({item["node_id"] for item in (await page("b"))["items"]}) == ["all", "bob"]
    assert {item["node_id"] for item in (await page("bo"))["items"]} == {"all"}
    seen, cursor = [], None
    while True:
        part = await page(None, 4, cursor)
        seen += [(item["run_id"], item["node_id"]) for item in part["items"]]
        if (cursor := part["next_cursor"]) is None:
            break
    assert sorted(seen) == sorted((run_id, name) for run_id in (first, second) for name in ("ada", "bob", "all"))
    (asked,) = [item for item in (await page("ada"))["items"] if (item["run_id"], item["node_id"]) == (first, "ada")]
    assert (asked["workflow_name"], asked["run_status"]) == ("test", "WAITING")
    await bench.app.control.resume(ACTOR, bench.project, first, Resume(answers={asked["interrupt_id"]: 1}))
    assert len((await page())["items"]) == 5
    await bench.app.control.cancel(ACTOR, bench.project, second)
    assert {item["run_id"] for item in (await page())["items"]} == {first}


async def test_an_answer_that_names_no_question_does_not_come_with_others(bench: Bench) -> None:
    ask = {"id": "ask", "type": "approval", "config": {"question": "Publish?"}}
    run_id = await bench.start({"name": "w", "steps": [ask]})
    await bench.until(run_id, "run.waiting")
    [row] = await bench.app.store.interrupts(run_id)
    both = Resume(answer=1, has_answer=True, answers={row.interrupt_id: 2})
    with pytest.raises(BadRequest, match="not both"):
        await bench.app.control.resume(ACTOR, bench.project, run_id, both)


async def test_a_resume_says_that_the_run_waits_for_an_event(bench: Bench) -> None:
    wait = {"id": "wait", "type": "wait_event", "config": {"event": "go"}}
    run_id = await bench.start({"name": "w", "steps": [wait]})
    await bench.until(run_id, "run.waiting")
    with pytest.raises(InvalidState, match="waits for an event"):
        await bench.app.control.resume(ACTOR, bench.project, run_id, Resume())
