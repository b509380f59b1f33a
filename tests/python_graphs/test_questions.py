"""What Python graphs ask: any value, several at once, inside subgraphs."""

from typing import Any

import pytest

from milepost.server.errors import InvalidAnswer
from milepost.server.runs.control import Resume
from tests.engine.conftest import ACTOR
from tests.python_graphs.conftest import GraphBench


async def asked(graphs: GraphBench, run_id: str, after: int = 0) -> dict[str, dict[str, Any]]:
    """The open questions once the run waits, by node."""
    await graphs.until(run_id, "run.waiting", after=after)
    status = await graphs.app.read.status(graphs.project, run_id, 0)
    assert status["status"] == "WAITING"
    return {each["node_id"]: each for each in status["interrupts"]}


async def answer(graphs: GraphBench, run_id: str, answers: dict[str, Any]) -> int:
    """Answer questions by their ids; gives the number of the newest event before that."""
    before = (await graphs.app.store.run(run_id)).last_seq
    await graphs.app.control.resume(ACTOR, graphs.project, run_id, Resume(answers=answers))
    return before


async def test_any_value_can_be_asked_and_several_at_once(graphs: GraphBench) -> None:
    run_id = await graphs.run("asking", {"answers": []})
    open_ = await asked(graphs, run_id)
    assert (open_["left"]["question"], open_["left"]["value"]) == ("What is your name?", "What is your name?")
    right = open_["right"]
    assert (right["question"], right["assignees"], right["expires_at"]) == ("How many?", ["ada"], None)
    assert right["value"]["kind"] == "time"
    assert right["schema"] == {"type": "integer", "minimum": 1}

    with pytest.raises(InvalidAnswer):
        await answer(graphs, run_id, {right["interrupt_id"]: 0})
    before = await answer(graphs, run_id, {right["interrupt_id"]: 7, open_["left"]["interrupt_id"]: {"any": "thing"}})
    again = await asked(graphs, run_id, before)
    assert {node: each["value"] for node, each in again.items()} == {"left": ["anything", {"goes": True}]}
    assert again["left"]["question"] is None
    await answer(graphs, run_id, {again["left"]["interrupt_id"]: "last"})
    assert (await graphs.output(run_id))["answers"] == [{"any": "thing"}, "last", 7]
    waiting = next(event for event in await graphs.events(run_id) if event["type"] == "run.waiting")
    assert {each["node_id"] for each in waiting["data"]["interrupts"]} == {"left", "right"}
    assert "What is your name?" in [each["value"] for each in waiting["data"]["interrupts"]]


async def test_questions_show_in_the_inbox(graphs: GraphBench) -> None:
    run_id = await graphs.run("asking", {"answers": []})
    await asked(graphs, run_id)
    page = await graphs.app.inbox.page(graphs.project, None, 10, None)
    assert sorted(str(each["question"]) for each in page["items"]) == ["How many?", "What is your name?"]


async def test_a_graph_in_a_thread_asks_too(graphs: GraphBench) -> None:
    run_id = await graphs.run("asks_in_thread", {"ran": []})
    open_ = await asked(graphs, run_id)
    assert set(open_) == {"invokes/asks"}
    await answer(graphs, run_id, {open_["invokes/asks"]["interrupt_id"]: "this one"})
    assert (await graphs.output(run_id))["ran"] == ["this one"]


async def test_one_answer_at_a_time(graphs: GraphBench) -> None:
    run_id = await graphs.run("asking", {"answers": []})
    open_ = await asked(graphs, run_id)
    before = await answer(graphs, run_id, {open_["right"]["interrupt_id"]: 2})
    rest = await asked(graphs, run_id, before)
    assert set(rest) == {"left"}
    assert (await graphs.statuses(run_id))["right"] == "COMPLETED"
    starts = [event["node_id"] for event in await graphs.events(run_id) if event["type"] == "node.started"]
    assert starts == ["prepare", "left", "right", "right"]


async def test_questions_inside_subgraphs_are_those_of_the_inner_node(graphs: GraphBench) -> None:
    run_id = await graphs.run("asks_inside", {"answers": []})
    first = await asked(graphs, run_id)
    assert set(first) == {"sub/right"}
    assert (await graphs.statuses(run_id))["sub"] == "WAITING"
    before = await answer(graphs, run_id, {first["sub/right"]["interrupt_id"]: 1})
    second = await asked(graphs, run_id, before)
    assert set(second) == {"calls/right"}
    before = await answer(graphs, run_id, {second["calls/right"]["interrupt_id"]: 2})
    third = await asked(graphs, run_id, before)
    assert {node: each["question"] for node, each in third.items()} == {"calls": "And after that?"}
    await answer(graphs, run_id, {third["calls"]["interrupt_id"]: 3})
    assert (await graphs.output(run_id))["answers"] == [1, 2, 3]
    assert set((await graphs.statuses(run_id)).values()) == {"COMPLETED"}
