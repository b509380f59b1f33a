"""What a run's questions look like from outside: whose they are, when they are open, and what keeps their answers."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.server.errors import AlreadyAnswered, BadRequest, InvalidState
from milepost.server.runs.control import PauseMode, Resume
from milepost.server.states import RunStatus
from milepost.server.store.rows import Run
from tests.engine.conftest import ACTOR, Bench, opened
from tests.engine.test_maps import fan
from tests.engine.test_people import approval, definition, give, output, parked, send, status, wait_event
from tests.engine.test_regions import crashing
from tests.engine.test_subworkflows import chain, stored

ASKS = {"type": "approval", "config": {"question": "Fine?"}}


async def inbox(bench: Bench) -> list[dict[str, Any]]:
    """The first page of the project's open questions."""
    page: dict[str, Any] = orjson.loads(orjson.dumps(await bench.app.inbox.page(bench.project, None, 100, None)))
    return list(page["items"])


async def answer(bench: Bench, run_id: str, answers: dict[str, Any]) -> Run:
    """Answer questions by their ids."""
    return await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answers=answers))


def names(asked: list[dict[str, Any]]) -> dict[str, tuple[int | None, str]]:
    """Who asks, by the question's id."""
    return {each["interrupt_id"]: (each["item"], each["path"]) for each in asked}


# Items of a map.


async def test_equal_questions_of_items_are_told_apart_everywhere(bench: Bench) -> None:
    run_id = await bench.start(chain(fan(["a", "b", "c"], ASKS)))
    told = await parked(bench, run_id)
    shown = names((await status(bench, run_id))["interrupts"])
    assert list(shown.values()) == [(0, "fan/0"), (1, "fan/1"), (2, "fan/2")]
    for how in (Resume(), Resume(answer=1, has_answer=True)):
        with pytest.raises(BadRequest) as refused:
            await bench.app.control.resume(ACTOR, bench.project, run_id, how)
        named = {each["path"].removeprefix("answers."): each["message"] for each in refused.value.errors}
        assert named == {each: f"{path} asks" for each, (_, path) in shown.items()}
    assert names(await inbox(bench)) == names(told["data"]["interrupts"]) == shown
    assert await bench.statuses(run_id) == {"fan": "WAITING"}
    waits = [event["data"] for event in await bench.events(run_id) if event["type"] == "node.waiting"]
    assert sorted((each["item"], each["path"]) for each in waits) == sorted(shown.values())
    await answer(bench, run_id, {each: f"for {item}" for each, (item, _) in shown.items()})
    assert [each["answer"] for each in (await output(bench, run_id))["items"]] == ["for 0", "for 1", "for 2"]


async def test_items_are_answered_one_by_one_and_the_others_keep_still(bench: Bench) -> None:
    run_id = await bench.start(chain(fan(["a", "b", "c"], ASKS, max_concurrency=2)))
    given, after = 0, 0
    while given < 3:
        after = (await parked(bench, run_id, after))["seq"]
        asked = (await status(bench, run_id))["interrupts"]
        assert len(asked) == (1 if given else 2)
        await answer(bench, run_id, {asked[-1]["interrupt_id"]: asked[-1]["item"]})
        given += 1
    assert [each["answer"] for each in (await output(bench, run_id))["items"]] == [0, 1, 2]
    waits = [e["data"] for e in await bench.events(run_id) if e["type"] == "node.waiting"]
    assert Counter(data["item"] for data in waits if "item" in data) == {0: 1, 1: 1, 2: 1}


async def test_a_question_says_its_way_through_maps_and_workflows(bench: Bench) -> None:
    ask = approval("ask")
    inner = await stored(bench, chain(fan([1, 2], ASKS) | {"id": "each"}, ask))
    middle = await stored(bench, chain({"id": "sub", "type": "subworkflow", "config": {"workflow_id": inner}}))
    run_id = await bench.start(chain(fan([7], workflow={"workflow_id": middle})))
    first = await parked(bench, run_id)
    shown = names((await status(bench, run_id))["interrupts"])
    assert sorted(shown.values()) == [(0, "fan/0/sub/each/0"), (0, "fan/0/sub/each/1")]
    assert {each["node_id"] for each in first["data"]["interrupts"]} == {"fan"}
    await answer(bench, run_id, dict.fromkeys(shown, 1))
    await parked(bench, run_id, first["seq"])
    assert list(names((await status(bench, run_id))["interrupts"]).values()) == [(0, "fan/0/sub/ask")]
    await give(bench, run_id, 2)
    await output(bench, run_id)


async def test_a_question_outside_a_map_names_its_node(bench: Bench) -> None:
    run_id = await bench.start(definition(approval("ask")))
    told = await parked(bench, run_id)
    assert list(names(told["data"]["interrupts"]).values()) == [(None, "ask")]
    assert list(names(await inbox(bench)).values()) == [(None, "ask")]


async def test_a_fork_asks_for_the_same_items(bench: Bench) -> None:
    run_id = await bench.start(chain(approval("first"), fan(["a", "b"], ASKS)))
    after = (await parked(bench, run_id))["seq"]
    await give(bench, run_id, 1)
    await parked(bench, run_id, after)
    asked = names((await status(bench, run_id))["interrupts"])
    await answer(bench, run_id, {next(each for each in asked if asked[each][0] == 1): "b"})
    await parked(bench, run_id, after + 1)
    here = (await bench.app.store.run(run_id)).checkpoint_id
    child = await bench.app.fork.fork(ACTOR, bench.project, run_id, here or "", execute=True)
    told = await parked(bench, child.run_id)
    assert list(names(told["data"]["interrupts"]).values()) == [(0, "fan/0")]
    await give(bench, child.run_id, "forked")
    assert [each["answer"] for each in (await output(bench, child.run_id))["items"]] == ["forked", "b"]


async def test_no_answer_is_lost_that_comes_while_another_item_goes_on(bench: Bench, tmp_path: Path) -> None:
    body = {"type": "asks_then_works", "config": {"file": str(tmp_path / "t"), "text": "w", "seconds": 0.05}}
    created = await bench.app.workflows.create(bench.project, "asks", "", chain(fan([0, 1, 2], body)))

    async def answered_in_turn() -> None:
        run_id = await bench.start_again(created["workflow_id"])
        for each in (await parked(bench, run_id))["data"]["interrupts"]:
            await answer(bench, run_id, {each["interrupt_id"]: each["item"]})
        assert [each["answer"] for each in (await output(bench, run_id))["items"]] == [0, 1, 2]

    await asyncio.gather(*(answered_in_turn() for _ in range(10)))


# A fork that nobody has executed.


async def test_a_fork_asks_nobody_before_it_is_executed(bench: Bench) -> None:
    run_id = await bench.start(definition(approval("ask")))
    await parked(bench, run_id)
    here = (await bench.app.store.run(run_id)).checkpoint_id
    child = (await bench.app.fork.fork(ACTOR, bench.project, run_id, here or "")).run_id
    assert [each["run_id"] for each in await inbox(bench)] == [run_id]
    assert (await status(bench, child))["interrupts"] == []
    with pytest.raises(InvalidState, match="once it is executed"):
        await give(bench, child, 1)
    await bench.app.start.execute(ACTOR, bench.project, child)
    await parked(bench, child)
    assert sorted(each["run_id"] for each in await inbox(bench)) == sorted([run_id, child])
    await give(bench, child, "the fork's")
    assert await output(bench, child) == {"answer": "the fork's"}
    assert (await status(bench, run_id))["status"] == "WAITING"


# A status is of one moment.


async def test_a_waiting_run_shows_what_it_waits_for(bench: Bench) -> None:
    seen: list[dict[str, Any]] = []

    async def look(run_id: str, wait: float) -> None:
        while True:
            shown = await bench.app.read.status(bench.project, run_id, wait)
            if shown["status"] == "WAITING":
                seen.append(shown)
                assert [each["status"] for each in shown["node_states"]] == ["WAITING"]
                # Who only looks may meet it between the answer and the queue; who waits for it to rest does not.
                assert shown["interrupts"] or (not wait and shown["waiting_for"] is None)
            if shown["status"] == "COMPLETED":
                return

    created = await bench.app.workflows.create(bench.project, "asks", "", definition(approval("ask")))
    for number in range(40):
        run_id = await bench.start_again(created["workflow_id"])
        looking = [asyncio.ensure_future(look(run_id, wait)) for wait in (0, 0, 5, 5)]
        await bench.until(run_id, "node.waiting" if number % 2 else "run.waiting")
        await give(bench, run_id, 1)
        await asyncio.gather(*looking)
    assert seen


# Answers that come before the run has parked.


def branches(tmp_path: Path, asks: dict[str, Any], seconds: float = 0.6) -> dict[str, Any]:
    """A node that waits, beside one that takes its time."""
    slow = {"id": "slow", "type": "trace", "config": {"file": str(tmp_path / "t"), "seconds": seconds}}
    return definition(asks, slow)


async def answered_early(bench: Bench, run_id: str) -> str:
    """Answer the question `ask` of a run that still executes; gives its id."""
    await bench.until_node(run_id, "node.waiting", "ask")
    (asked,) = (await status(bench, run_id))["interrupts"]
    await give(bench, run_id, "early")
    assert (await bench.app.store.run(run_id)).status is RunStatus.RUNNING
    return str(asked["interrupt_id"])


async def test_an_early_answer_is_told_at_once_and_taken_once(bench: Bench, tmp_path: Path) -> None:
    run_id = await bench.start(branches(tmp_path, approval("ask")))
    question = await answered_early(bench, run_id)
    assert (await status(bench, run_id))["interrupts"] == await inbox(bench) == []
    told = (await bench.events(run_id))[-1]
    assert (told["type"], told["data"]) == ("run.resumed", {"answered": [question], "by": "tester"})
    for how in (Resume(answer="late", has_answer=True), Resume(answers={question: "late"})):
        with pytest.raises(AlreadyAnswered) as refused:
            await bench.app.control.resume(ACTOR, bench.project, run_id, how)
        assert refused.value.more["answered_by"] == "tester"
        assert refused.value.more["answered_at"].endswith("Z")
    assert (await output(bench, run_id))["ask"] == {"answer": "early"}
    (waits,) = [event["data"] for event in await bench.events(run_id) if event["type"] == "run.waiting"]
    assert (waits["for"], waits["interrupts"]) == ("answer", [])


async def test_a_node_that_asks_again_is_told_of(bench: Bench) -> None:
    twice = {"id": "ask", "type": "ask", "config": {"question": "Sure?", "times": 2}}
    run_id = await bench.start(definition(twice))
    first = await parked(bench, run_id)
    await give(bench, run_id, 1)
    second = await parked(bench, run_id, first["seq"])
    assert [len(told["data"]["interrupts"]) for told in (first, second)] == [1, 1]


@pytest.mark.parametrize("mode", ["step", "now"])
async def test_an_early_answer_is_kept_by_a_pause(bench: Bench, tmp_path: Path, mode: PauseMode) -> None:
    run_id = await bench.start(branches(tmp_path, approval("ask")))
    await answered_early(bench, run_id)
    await bench.app.control.pause(ACTOR, bench.project, run_id, mode)
    shown = await status(bench, run_id)
    assert (shown["status"], shown["interrupts"], shown["waiting_for"]) == ("PAUSED", [], None)
    with pytest.raises(AlreadyAnswered):
        await give(bench, run_id, "late")
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume())
    assert (await output(bench, run_id))["ask"] == {"answer": "early"}


async def test_an_early_answer_is_kept_by_a_crash(tmp_path: Path) -> None:
    async with crashing(tmp_path / "data") as bench:
        run_id = await bench.start(branches(tmp_path, approval("ask"), seconds=2))
        question = await answered_early(bench, run_id)
    async with opened(tmp_path / "data") as bench:
        await bench.until(run_id, "run.recovered")
        with pytest.raises(AlreadyAnswered):
            await answer(bench, run_id, {question: "late"})
        assert (await output(bench, run_id))["ask"] == {"answer": "early"}


async def test_after_a_cancel_it_is_still_told_who_answered(bench: Bench, tmp_path: Path) -> None:
    run_id = await bench.start(branches(tmp_path, approval("ask")))
    await answered_early(bench, run_id)
    await bench.app.control.cancel(ACTOR, bench.project, run_id)
    assert (await status(bench, run_id))["interrupts"] == await inbox(bench) == []
    with pytest.raises(AlreadyAnswered):
        await give(bench, run_id, "late")


@pytest.mark.parametrize("kind", ["answer", "event"])
async def test_a_fork_keeps_what_was_given_and_is_not_used_yet(bench: Bench, tmp_path: Path, kind: str) -> None:
    asks = approval("ask") if kind == "answer" else wait_event("ask")
    run_id = await bench.start(branches(tmp_path, asks))
    await bench.until_node(run_id, "node.waiting", "ask")
    await (give(bench, run_id, {"a": 1}) if kind == "answer" else send(bench, run_id, {"a": 1}))
    here = (await bench.app.store.run(run_id)).checkpoint_id
    child = (await bench.app.fork.fork(ACTOR, bench.project, run_id, here or "", execute=True)).run_id
    for each in (run_id, child):
        assert (await output(bench, each))["ask"] == {"a": 1}
    assert not [event for event in await bench.events(child) if event["type"] == "run.waiting"]


async def test_a_fork_with_a_state_asks_again(bench: Bench, tmp_path: Path) -> None:
    slow = {"id": "slow", "type": "trace", "config": {"file": str(tmp_path / "t"), "seconds": 0.6}}
    begin = {"id": "begin", "type": "process", "config": {"value": {}}}
    edges = tuple({"source": "begin", "target": target} for target in ("ask", "slow"))
    run_id = await bench.start(definition(begin, approval("ask"), slow, edges=edges))
    await answered_early(bench, run_id)
    here = (await bench.app.store.run(run_id)).checkpoint_id or ""
    state = {"variables": {}, "outputs": {"begin": {"edited": True}}}
    child = (await bench.app.fork.fork(ACTOR, bench.project, run_id, here, state, execute=True)).run_id
    await parked(bench, child)
    await give(bench, child, "again")
    assert (await output(bench, child))["ask"] == {"answer": "again"}
