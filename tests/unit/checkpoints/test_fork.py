"""Fork, time travel, pruning and deletion, on runs with questions, subgraphs and channels that store only changes."""

import operator
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from milepost.checkpoints.errors import MissingCheckpoint
from milepost.checkpoints.fork import delete, fork, supersede
from milepost.checkpoints.history import history, snapshot, values

RUN, NEW = "run-1", "run-2"
TABLES = ("checkpoints", "checkpoint_values", "checkpoint_writes")


def config(run_id: str, checkpoint_id: str | None = None) -> Any:
    return {"configurable": {"thread_id": run_id, "checkpoint_ns": "", "checkpoint_id": checkpoint_id}}


def gathered(state: list[Any], writes: Any) -> list[Any]:
    return [*state, *(item for write in writes for item in write)]


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]
    changes: Annotated[list[str], DeltaChannel(gathered, snapshot_frequency=4)]


Calls = list[str]


def noted(calls: Calls, name: str) -> Callable[[State], State]:
    def run(_: State) -> State:
        calls.append(name)
        return {"log": [name], "changes": [name]}

    return run


def chain(calls: Calls, length: int = 10) -> Any:
    graph: Any = StateGraph(State)
    for number in range(length):
        graph.add_node(f"n{number}", noted(calls, f"n{number}"))
        graph.add_edge(START if number == 0 else f"n{number - 1}", f"n{number}")
    return graph


def question(calls: Calls, name: str) -> Callable[[State], State]:
    def ask(_: State) -> State:
        answer = interrupt(name)
        calls.append(f"{name}={answer}")
        return {"log": [f"{name}={answer}"]}

    return ask


def questions(calls: Calls) -> Any:
    """A sibling that finishes, a question of the root and one in a subgraph, side by side; then an end."""
    inner: Any = StateGraph(State)
    inner.add_node("first", noted(calls, "first"))
    inner.add_node("ask", question(calls, "inner"))
    inner.add_edge(START, "first")
    inner.add_edge("first", "ask")
    graph: Any = StateGraph(State)
    graph.add_node("sibling", noted(calls, "sibling"))
    graph.add_node("ask", question(calls, "outer"))
    graph.add_node("sub", inner.compile())
    graph.add_node("end", noted(calls, "end"))
    for name in ("sibling", "ask", "sub"):
        graph.add_edge(START, name)
    graph.add_edge(["sibling", "ask", "sub"], "end")
    return graph


async def fork_into(database: Any, checkpoint_id: str, *, with_writes: bool) -> None:
    database.submit(await fork(database, RUN, checkpoint_id, NEW, with_writes=with_writes)).result()


async def test_a_fork_of_an_open_question_keeps_finished_siblings_and_asks_the_same(database: Any) -> None:
    calls: Calls = []
    graph = questions(calls).compile(checkpointer=database.saver())
    await graph.ainvoke({}, config(RUN), durability="sync")
    state = await graph.aget_state(config(RUN))
    await fork_into(database, state.config["configurable"]["checkpoint_id"], with_writes=True)

    forked = questions(calls).compile(checkpointer=database.saver())
    again = await forked.aget_state(config(NEW), subgraphs=True)
    assert [each.id for each in again.interrupts] == [each.id for each in state.interrupts]
    calls.clear()
    answers = {each.id: "yes" for each in again.interrupts}
    result = await forked.ainvoke(Command(resume=answers), config(NEW), durability="sync")
    assert sorted(calls) == ["end", "inner=yes", "outer=yes"]  # neither the sibling nor the subgraph's first node
    assert sorted(result["log"]) == ["end", "first", "inner=yes", "outer=yes", "sibling"]
    assert (await graph.aget_state(config(RUN))).interrupts == state.interrupts  # the old run is untouched


async def test_a_fork_without_writes_runs_the_siblings_again(database: Any) -> None:
    calls: Calls = []
    graph = questions(calls).compile(checkpointer=database.saver())
    await graph.ainvoke({}, config(RUN), durability="sync")
    state = await graph.aget_state(config(RUN))
    await fork_into(database, state.config["configurable"]["checkpoint_id"], with_writes=False)

    calls.clear()
    forked = questions(calls).compile(checkpointer=database.saver())
    await forked.ainvoke(None, config(NEW), durability="sync")
    assert sorted(calls) == ["first", "sibling"]


@pytest.mark.parametrize("step", range(1, 10))
async def test_a_fork_from_any_step_goes_on_from_its_state(step: int, database: Any) -> None:
    calls: Calls = []
    graph = chain(calls).compile(checkpointer=database.saver())
    done = await graph.ainvoke({"changes": ["in"]}, config(RUN), durability="sync")
    [row] = [row for row in await history(database, RUN) if row.step == step]
    await fork_into(database, row.checkpoint_id, with_writes=False)

    calls.clear()
    forked = chain(calls).compile(checkpointer=database.saver())
    assert (await forked.aget_state(config(NEW))).values == (
        await graph.aget_state(config(RUN, row.checkpoint_id))
    ).values
    assert await forked.ainvoke(None, config(NEW), durability="sync") == done
    assert calls == [f"n{number}" for number in range(step, 10)]
    kept = await history(database, NEW, before_ordinal=row.ordinal)
    assert len(kept) <= 4  # only the ancestors from which `changes` is rebuilt


async def test_a_fork_of_what_is_pruned_meanwhile_fails_whole(database: Any) -> None:
    graph = chain([]).compile(checkpointer=database.saver())
    await graph.ainvoke({}, config(RUN), durability="sync")
    rows = await history(database, RUN)
    statements = await fork(database, RUN, rows[4].checkpoint_id, NEW, with_writes=True)
    database.submit(delete(RUN)).result()
    with pytest.raises(LookupError):
        database.submit(statements).result()
    assert await history(database, NEW) == []


async def test_a_subgraph_that_keeps_its_state_is_forked_as_it_was_then(database: Any) -> None:
    def graph(calls: Calls) -> Any:
        inner: Any = StateGraph(State)
        inner.add_node("count", noted(calls, "count"))
        inner.add_edge(START, "count")
        built: Any = StateGraph(State)
        built.add_node("before", noted(calls, "before"))
        built.add_node("sub", inner.compile(checkpointer=True))
        built.add_edge(START, "before")
        built.add_edge("before", "sub")
        return built.compile(checkpointer=database.saver())

    for _ in range(3):
        await graph([]).ainvoke({}, config(RUN), durability="sync")
    rows = [row for row in await history(database, RUN) if row.step == 4]  # the second turn, in front of `sub`
    await fork_into(database, rows[0].checkpoint_id, with_writes=False)
    kept = await snapshot(database, NEW, None, ns="sub")
    assert kept.values["log"] == (await snapshot(database, RUN, kept.row.checkpoint_id, ns="sub")).values["log"]
    assert kept.row.ordinal < rows[0].ordinal
    all_of_it = await snapshot(database, RUN, None, ns="sub")
    assert len(kept.values["log"]) < len(all_of_it.values["log"])


async def test_forking_from_no_checkpoint_is_refused(database: Any) -> None:
    with pytest.raises(MissingCheckpoint):
        await fork(database, RUN, "none", NEW, with_writes=True)


async def test_travelling_back_marks_what_came_after_in_all_namespaces(database: Any) -> None:
    calls: Calls = []
    graph = questions(calls).compile(checkpointer=database.saver())
    await graph.ainvoke({}, config(RUN), durability="sync")
    interrupts = (await graph.aget_state(config(RUN))).interrupts
    await graph.ainvoke(Command(resume={each.id: "yes" for each in interrupts}), config(RUN), durability="sync")
    rows = await history(database, RUN)
    [target] = [row for row in rows if row.step == 0]
    database.submit([supersede(RUN, target.checkpoint_id)]).result()

    rows = await history(database, RUN)
    assert {row.step: row.superseded for row in rows} == {-1: False, 0: False, 1: True, 2: True}
    nested = database.rows("SELECT MIN(superseded) FROM checkpoints WHERE ns <> ''")
    assert nested == [(1,)]
    calls.clear()
    await graph.ainvoke(None, config(RUN, target.checkpoint_id), durability="sync")
    assert sorted(calls) == ["first", "sibling"]
    assert not (await history(database, RUN, limit=1))[0].superseded


async def test_pruning_keeps_a_state_that_is_rebuilt_from_its_ancestors(database: Any) -> None:
    graph = chain([]).compile(checkpointer=database.saver())
    await graph.ainvoke({"changes": ["in"]}, config(RUN), durability="sync")
    await graph.ainvoke({"changes": ["again"]}, config(RUN), durability="sync")
    before = (await graph.aget_state(config(RUN))).values
    count = len(await history(database, RUN))
    await database.saver().aprune([RUN])

    pruned = chain([]).compile(checkpointer=database.saver())
    assert (await pruned.aget_state(config(RUN))).values == before
    assert len(await history(database, RUN)) <= 5 < count
    await pruned.ainvoke({"changes": ["more"]}, config(RUN), durability="sync")
    assert (await pruned.aget_state(config(RUN))).values["changes"][: len(before["changes"])] == before["changes"]


async def test_pruning_leaves_the_latest_of_each_namespace_and_open_questions(database: Any) -> None:
    calls: Calls = []
    graph = questions(calls).compile(checkpointer=database.saver())
    await graph.ainvoke({}, config(RUN), durability="sync")
    interrupts = (await graph.aget_state(config(RUN))).interrupts
    await database.saver().aprune([RUN])

    assert database.rows("SELECT COUNT(*) FROM checkpoints WHERE ns = ''") == [(1,)]
    assert database.rows("SELECT COUNT(DISTINCT ns) FROM checkpoints") == [(2,)]
    calls.clear()
    pruned = questions(calls).compile(checkpointer=database.saver())
    await pruned.ainvoke(Command(resume={each.id: "no" for each in interrupts}), config(RUN), durability="sync")
    assert sorted(calls) == ["end", "inner=no", "outer=no"]


async def test_pruning_by_an_unknown_strategy_is_refused(database: Any) -> None:
    with pytest.raises(ValueError, match="keep_latest"):
        await database.saver().aprune([RUN], strategy="keep_some")


async def test_deleting_a_run_leaves_nothing_of_it_and_all_of_others(database: Any) -> None:
    for run_id in (RUN, NEW):
        await questions([]).compile(checkpointer=database.saver()).ainvoke({}, config(run_id), durability="sync")
    database.submit(delete(RUN)).result()
    for table in TABLES:
        assert {run_id for (run_id,) in database.rows(f"SELECT run_id FROM {table}")} == {NEW}


async def test_history_pages_and_values_are_readable_without_the_graph(database: Any) -> None:
    await chain([]).compile(checkpointer=database.saver()).ainvoke({}, config(RUN), durability="sync")
    first = await history(database, RUN, limit=5)
    rest = await history(database, RUN, before_ordinal=first[-1].ordinal)
    assert [row.step for row in first + rest] == list(range(10, -2, -1))
    assert first[0].parent_id == first[1].checkpoint_id
    assert first[0].created_at > 1_600_000_000_000
    state = await values(database, RUN, first[0].checkpoint_id)
    assert state["log"] == [f"n{number}" for number in range(10)]
    whole = await snapshot(database, RUN, first[1].checkpoint_id)
    assert ("log", ["n9"]) in [(write.channel, write.value) for write in whole.writes]
    assert whole.rebuilt == ["changes"]
