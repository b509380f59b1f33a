"""What the saver promises beyond LangGraph's interface: order, versions, sizes, units and types that fail the run."""

import asyncio
import copy
import operator
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.types import RESUME
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send, interrupt

from milepost.checkpoints.errors import UnreadableType, UnstorableType
from milepost.checkpoints.saver import Saver
from milepost.checkpoints.unit import CheckpointSaved, DirectSink, Row, Statement, TaskSaved

RUN = "0192f0c1-0000-7000-8000-000000000001"
CONFIG: Any = {"configurable": {"thread_id": RUN, "checkpoint_ns": ""}}


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]
    value: Any


class Colour(Enum):
    RED = "red"


@dataclass
class Order:
    lines: list[tuple[str, int]]


@dataclass
class Parcel:
    order: Order


class Typed(TypedDict, total=False):
    parcel: Parcel
    colour: Colour


def chain(length: int) -> Any:
    state = TypedDict("state", {f"out{number}": dict[str, str] for number in range(length)})  # type: ignore[misc]
    graph: Any = StateGraph(state)
    for number in range(length):
        graph.add_node(f"n{number}", lambda _, key=f"out{number}": {key: {"text": "x" * 490}})
        graph.add_edge(START if number == 0 else f"n{number - 1}", f"n{number}")
    return graph


def returns(value: Any) -> Any:
    graph: Any = StateGraph(State)
    graph.add_node("before", lambda _: {"log": ["before"]})
    graph.add_node("node", lambda _: {"value": value})
    graph.add_edge(START, "before")
    graph.add_edge("before", "node")
    return graph


def checkpoint(checkpoint_id: str, **values: Any) -> Any:
    made = empty_checkpoint()
    made["id"] = checkpoint_id
    made["channel_values"] = values
    made["channel_versions"] = dict.fromkeys(values, 1)
    return made


async def test_a_chain_of_1000_nodes_with_outputs_of_500_bytes_leaves_less_than_10_megabytes(database: Any) -> None:
    graph = chain(1000).compile(checkpointer=database.saver())
    await graph.ainvoke({}, {**CONFIG, "recursion_limit": 1010}, durability="sync")

    [[pages]] = database.rows("PRAGMA page_count")
    [[page_size]] = database.rows("PRAGMA page_size")
    assert pages * page_size < 10_000_000
    assert pages * page_size > 1_000_000  # it was all stored
    database.queries = 0
    state = await chain(1000).compile(checkpointer=database.saver()).aget_state(CONFIG)
    assert len(state.values) == 1000
    assert database.queries < 8


async def test_reading_any_checkpoint_of_a_long_run_gives_the_state_as_it_was_there(database: Any) -> None:
    graph = chain(100).compile(checkpointer=database.saver())
    await graph.ainvoke({}, {**CONFIG, "recursion_limit": 200}, durability="sync")

    depths = database.rows("SELECT depth FROM checkpoints ORDER BY ordinal")
    assert [depth for (depth,) in depths] == [ordinal % 32 for ordinal in range(102)]
    fresh = chain(100).compile(checkpointer=database.saver())
    async for state in fresh.aget_state_history(CONFIG):
        assert len(state.values) == max(state.metadata["step"], 0)


async def test_latest_and_list_go_by_the_order_of_writing_where_ids_go_back(database: Any) -> None:
    saver = database.saver()
    ids = ["1f000000-0000-6000-8000-000000000003", "1f000000-0000-6000-8000-000000000001"]
    config = CONFIG
    for number, checkpoint_id in enumerate(ids):
        config = await saver.aput(config, checkpoint(checkpoint_id, a=number), {"step": number}, {"a": number + 1})

    for each in (saver, database.saver()):
        latest = await each.aget_tuple(CONFIG)
        assert latest.checkpoint["id"] == ids[1]
        assert [found.checkpoint["id"] async for found in each.alist(CONFIG)] == ids[::-1]
        before = [found.checkpoint["id"] async for found in each.alist(CONFIG, before=config)]
        assert before == ids[:1]


async def test_a_branch_never_uses_a_version_or_an_ordinal_twice_also_after_a_restart(database: Any) -> None:
    graph = chain(3).compile(checkpointer=database.saver())
    await graph.ainvoke({}, CONFIG, durability="sync")
    history = [state async for state in graph.aget_state_history(CONFIG)]
    before = await database.saver().aget_tuple(CONFIG)
    highest = max(before.checkpoint["channel_versions"].values())

    again = chain(3).compile(checkpointer=database.saver())
    await again.ainvoke(None, history[2].config, durability="sync")

    after = await database.saver().aget_tuple(CONFIG)
    new = {name for name, version in after.checkpoint["channel_versions"].items() if version > highest}
    assert {"out1", "out2"} <= new
    ordinals = [ordinal for (ordinal,) in database.rows("SELECT ordinal FROM checkpoints ORDER BY 1")]
    assert ordinals == list(range(len(ordinals)))
    for state in history:  # the abandoned branch still reads as it was
        assert (await again.aget_state(state.config)).values == state.values


async def test_a_second_child_of_one_checkpoint_stands_by_itself(database: Any) -> None:
    saver = database.saver()
    root = await saver.aput(CONFIG, checkpoint("r", a=1, b=1), {"step": 0}, {"a": 1, "b": 1})
    for name in ("x", "y"):
        child = checkpoint(name, a=name, b=1)
        child["channel_versions"]["a"] = saver.get_next_version(1, None)
        await saver.aput(root, child, {"step": 1}, {"a": child["channel_versions"]["a"]})

    for name in ("x", "y"):
        found = await database.saver().aget_tuple({"configurable": {"thread_id": RUN, "checkpoint_id": name}})
        assert found.checkpoint["channel_values"] == {"a": name, "b": 1}
        assert found.parent_config == root


async def test_a_value_is_stored_once_for_each_version(database: Any) -> None:
    graph: Any = StateGraph(State)
    graph.add_node("big", lambda _: {"value": "x" * 10_000})
    previous = "big"
    graph.add_edge(START, "big")
    for number in range(50):
        graph.add_node(f"n{number}", lambda _: {"log": ["."]})
        graph.add_edge(previous, f"n{number}")
        previous = f"n{number}"
    compiled = graph.compile(checkpointer=database.saver())
    await compiled.ainvoke({}, {**CONFIG, "recursion_limit": 100}, durability="sync")

    [[size]] = database.rows("SELECT SUM(LENGTH(channels)) FROM checkpoint_values")
    assert size < 20_000


async def test_writes_are_handed_over_before_the_first_await(database: Any) -> None:
    class Slow:
        def submit(self, statements: Any) -> Future[None]:
            order.append(statements)
            return Future()

    order: list[Any] = []
    saver = Saver(database, DirectSink(Slow()))
    config: Any = {"configurable": {"thread_id": RUN, "checkpoint_ns": "", "checkpoint_id": "c"}}
    waiting = [saver.aput_writes(config, [("a", number)], f"task{number}") for number in range(3)]
    for number, coroutine in enumerate(waiting):
        coroutine.send(None)
        assert len(order) == number + 1
        coroutine.close()


async def test_a_cancelled_save_leaves_its_unit_with_the_writer() -> None:
    class Slow:
        def submit(self, statements: Any) -> Future[None]:
            return unit

        def fetch(self, sql: str, parameters: Any) -> Future[list[Row]]:
            raise AssertionError("a fresh run reads nothing")

    unit: Future[None] = Future()
    saver = Saver(Slow(), DirectSink(Slow()), fresh=True)
    await saver.aget_tuple(CONFIG)
    save = asyncio.create_task(saver.aput(CONFIG, checkpoint("c", a=1), {"step": 0}, {"a": 1}))
    await asyncio.sleep(0)
    save.cancel()
    with pytest.raises(asyncio.CancelledError):
        await save
    assert not unit.cancelled()
    unit.set_result(None)


async def test_an_answer_replaces_the_one_before_and_ordinary_writes_stay(database: Any) -> None:
    saver = database.saver()
    config = await saver.aput(CONFIG, checkpoint("c", a=1), {"step": 0}, {"a": 1})
    for number in (1, 2):
        await saver.aput_writes(config, [(RESUME, number)], "task")
        await saver.aput_writes(config, [("a", number)], "task")
    found = await database.saver().aget_tuple(CONFIG)
    assert found.pending_writes == [("task", RESUME, 2), ("task", "a", 1)]


async def test_a_growing_list_of_the_null_task_keeps_what_was_and_adds(database: Any) -> None:
    null = "00000000-0000-0000-0000-000000000000"
    saver = database.saver()
    config = await saver.aput(CONFIG, checkpoint("c", a=1), {"step": 0}, {"a": 1})
    await saver.aput_writes(config, [("a", 1)], null)
    await saver.aput_writes(config, [("a", 1), ("b", 2)], null)
    found = await database.saver().aget_tuple(CONFIG)
    assert found.pending_writes == [(null, "a", 1), (null, "b", 2)]


async def test_the_sink_sees_what_is_saved_and_can_add_to_the_unit(database: Any) -> None:
    class Adding(DirectSink):
        def task_saved(self, saved: TaskSaved, statements: list[Statement]) -> Future[None]:
            seen.append((saved.ns, saved.task_path, [channel for channel, _ in saved.writes]))
            return super().task_saved(saved, statements)

        def checkpoint_saved(self, saved: CheckpointSaved, statements: list[Statement]) -> Future[None]:
            seen.append((saved.step, saved.source, saved.ordinal, saved.next, saved.size > 0))
            return super().checkpoint_saved(
                saved, [*statements, Statement("DELETE FROM checkpoints WHERE run_id = 'none'", {}, 0)]
            )

    seen: list[Any] = []
    saver = Saver(database, Adding(database), next_nodes=lambda each, ns: [f"{len(each['channel_values'])} values"])
    graph = chain(1).compile(checkpointer=saver)
    await graph.ainvoke({}, CONFIG, durability="sync")

    assert seen == [
        (-1, "input", 0, ("1 values",), True),
        ("", "~__pregel_pull, __start__", ["branch:to:n0"]),
        (0, "loop", 1, ("1 values",), True),
        ("", "~__pregel_pull, n0", ["out0"]),
        (1, "loop", 2, ("1 values",), True),
    ]
    assert database.rows("SELECT next FROM checkpoints WHERE step = 1") == [('["1 values"]',)]


async def test_a_fresh_run_reads_nothing(database: Any) -> None:
    graph = chain(5).compile(checkpointer=database.saver(fresh=True))
    await graph.ainvoke({}, CONFIG, durability="sync")
    assert database.queries == 0


async def test_a_unit_that_failed_is_not_built_upon(database: Any) -> None:
    saver = database.saver()
    root = await saver.aput(CONFIG, checkpoint("r", a=1, b=1), {"step": 0}, {"a": 1, "b": 1})
    database.rows("SELECT 1")
    await database.saver().aput(root, checkpoint("other", a=2, b=1), {"step": 1}, {"a": 2})  # takes the next ordinal
    with pytest.raises(Exception, match="UNIQUE"):
        await saver.aput(root, checkpoint("mine", a=3, b=1), {"step": 1}, {"a": 3})
    config = {"configurable": {"thread_id": RUN, "checkpoint_ns": "", "checkpoint_id": "mine"}}
    await saver.aput(config, checkpoint("child", a=3, b=1), {"step": 2}, {})
    found = await database.saver().aget_tuple(CONFIG)
    assert found.checkpoint["channel_values"] == {"a": 3, "b": 1}


async def test_a_copy_of_a_saver_and_other_threads_share_its_counts(database: Any) -> None:
    saver = database.saver()
    await saver.aput(CONFIG, checkpoint("r", a=1), {"step": 0}, {"a": 1})
    other = copy.copy(saver)

    def put(number: int) -> None:
        other.put(CONFIG, checkpoint(f"t{number}", a=1), {"step": 1}, {"a": other.get_next_version(1, None)})

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ordinals = [ordinal for (ordinal,) in database.rows("SELECT ordinal FROM checkpoints ORDER BY 1")]
    assert ordinals == list(range(9))
    assert len(list(saver.list(CONFIG))) == 9


def test_synchronous_graphs_run_on_it_too(database: Any) -> None:
    graph: Any = StateGraph(State)
    graph.add_node("ask", lambda _: {"log": [interrupt("?")]})
    graph.add_node("work", lambda number: {"log": [str(number)]})
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", lambda _: [Send("work", number) for number in range(3)], ["work"])
    compiled = graph.compile(checkpointer=database.saver())
    compiled.invoke({}, CONFIG)
    assert compiled.get_state(CONFIG).next == ("ask",)
    assert compiled.invoke(Command(resume="yes"), CONFIG)["log"] == ["yes", "0", "1", "2"]
    assert len(list(compiled.get_state_history(CONFIG))) == 4


@pytest.mark.parametrize("value", [Parcel(Order([])), {"deep": [(Colour.RED,)]}, lambda: None, object()])
async def test_a_type_that_could_not_be_read_back_fails_the_run_at_its_step(value: Any, database: Any) -> None:
    graph = returns(value).compile(checkpointer=database.saver())
    with pytest.raises(UnstorableType):
        await graph.ainvoke({}, CONFIG, durability="sync")
    state = await returns(value).compile(checkpointer=database.saver()).aget_state(CONFIG)
    assert state.next == ("node",)
    assert state.values == {"log": ["before"]}


async def test_the_failure_names_the_type_and_the_setting(database: Any) -> None:
    with pytest.raises(UnstorableType, match=r"test_saver\.Order.*MILEPOST_ALLOWED_TYPES"):
        await returns(Order([])).compile(checkpointer=database.saver()).ainvoke({}, CONFIG, durability="sync")


async def test_an_allowed_type_comes_back_as_itself_and_without_the_setting_is_refused(database: Any) -> None:
    allowed = [f"{__name__}.Order"]
    value = Order([("book", 2)])
    await returns(value).compile(checkpointer=database.saver(allowed_types=allowed)).ainvoke({}, CONFIG)

    state = await returns(value).compile(checkpointer=database.saver(allowed_types=allowed)).aget_state(CONFIG)
    assert state.values["value"] == value
    assert type(state.values["value"].lines[0]) is tuple
    with pytest.raises(UnreadableType, match="MILEPOST_ALLOWED_TYPES"):
        await database.saver().aget_tuple(CONFIG)


async def test_the_types_in_a_graphs_annotations_are_allowed_for_that_graph(database: Any) -> None:
    def graph() -> Any:
        built: Any = StateGraph(Typed)
        built.add_node("node", lambda _: {"parcel": Parcel(Order([("pen", 1)])), "colour": Colour.RED})
        built.add_edge(START, "node")
        return built.compile(checkpointer=database.saver())

    await graph().ainvoke({}, CONFIG)
    state = await graph().aget_state(CONFIG)
    assert state.values == {"parcel": Parcel(Order([("pen", 1)])), "colour": Colour.RED}
    assert state.values["colour"] is Colour.RED


async def test_an_exception_of_a_node_is_kept_as_its_type_and_message(database: Any) -> None:
    def fail(_: Any) -> Any:
        raise ZeroDivisionError("by nothing")

    graph: Any = StateGraph(State)
    graph.add_node("node", fail)
    graph.add_edge(START, "node")
    with pytest.raises(ZeroDivisionError):
        await graph.compile(checkpointer=database.saver()).ainvoke({}, CONFIG)
    state = await graph.compile(checkpointer=database.saver()).aget_state(CONFIG)
    [task] = state.tasks
    assert repr(task.error) == "ZeroDivisionError('by nothing')"


async def test_deleting_and_copying_need_a_writer(database: Any) -> None:
    with pytest.raises(RuntimeError, match="without a writer"):
        await Saver(database, DirectSink(database)).adelete_thread(RUN)
