"""The same graphs on the stock SQLite saver and on ours: same histories, states, next nodes and pending writes."""

import asyncio
import itertools
import operator
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, Overwrite, Send, interrupt

CONFIG: Any = {"configurable": {"thread_id": "run-1"}}


def gathered(state: list[Any], writes: Any) -> list[Any]:
    return [*state, *(item for write in writes for item in write)]


class State(TypedDict, total=False):
    text: str
    log: Annotated[list[str], operator.add]
    messages: Annotated[list[AnyMessage], add_messages]
    changes: Annotated[list[Any], DeltaChannel(gathered, snapshot_frequency=3)]
    items: list[int]


def step(name: str) -> Callable[[State], State]:
    def run(state: State) -> State:
        count = len(state.get("log", []))
        return {
            "text": f"{name}{count}",
            "log": [name],
            "messages": [AIMessage(f"from {name}", id=f"{name}{count}")],
            "changes": [{name: count}],
        }

    return run


def ask(state: State) -> State:
    answer = interrupt({"question": state.get("text")})
    return {"text": answer, "log": ["ask"], "changes": [answer]}


def chain() -> Any:
    graph: Any = StateGraph(State)
    names = ["a", "b", "c", "d", "e", "f"]
    for name in names:
        graph.add_node(name, step(name))
    graph.add_edge(START, "a")
    for before, after in itertools.pairwise(names):
        graph.add_edge(before, after)
    return graph


def parallel_with_question() -> Any:
    graph: Any = StateGraph(State)
    for name in ("a", "b", "join"):
        graph.add_node(name, step(name) if name != "b" else lambda _: {"log": ["b"], "changes": ["b"]})
    graph.add_node("ask", lambda state: {"log": ask(state)["log"]})
    for name in ("a", "b", "ask"):
        graph.add_edge(START, name)
    graph.add_edge(["a", "b", "ask"], "join")
    return graph


def inner() -> Any:
    graph: Any = StateGraph(State)
    graph.add_node("first", lambda _: {"log": ["first"]})
    graph.add_node("question", lambda state: {"log": [interrupt(state.get("text", "?"))]})
    graph.add_node("last", lambda _: {"log": ["last"]})
    graph.add_edge(START, "first")
    graph.add_edge("first", "question")
    graph.add_edge("question", "last")
    return graph


def keeping() -> Any:
    return outer(keeps_state=True)


def outer(*, keeps_state: bool = False) -> Any:
    graph: Any = StateGraph(State)
    graph.add_node("before", step("before"))
    graph.add_node("sub", inner().compile(checkpointer=True if keeps_state else None))
    graph.add_node("after", step("after"))
    graph.add_edge(START, "before")
    graph.add_edge("before", "sub")
    graph.add_edge("sub", "after")
    return graph


def fan_out() -> Any:
    graph: Any = StateGraph(State)
    graph.add_node("plan", lambda _: {"items": [3, 1, 2], "log": ["plan"]})
    graph.add_node("work", lambda item: {"log": [f"work{item}"], "changes": [item]})
    graph.add_node("end", step("end"))
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", lambda state: [Send("work", item) for item in state["items"]], ["work"])
    graph.add_edge("work", "end")
    return graph


def failing() -> Any:
    good_ended = asyncio.Event()

    async def good(_: State) -> State:
        good_ended.set()
        return {"log": ["good"]}

    async def fail(state: State) -> State:
        await good_ended.wait()
        await asyncio.sleep(0)  # lets the sibling's task end too, which would otherwise be cancelled
        if state.get("text") != "mended":
            raise ValueError("not yet")
        return {"log": ["mended"]}

    graph: Any = StateGraph(State)
    graph.add_node("good", good)
    graph.add_node("bad", fail)
    graph.add_node("end", step("end"))
    graph.add_edge(START, "good")
    graph.add_edge(START, "bad")
    graph.add_edge(["good", "bad"], "end")
    return graph


async def run_chain(graph: Any) -> None:
    await graph.ainvoke({"text": "in", "messages": [HumanMessage("hi", id="h")]}, CONFIG)


async def answer(graph: Any) -> None:
    await graph.ainvoke({"text": "in"}, CONFIG)
    await graph.ainvoke(Command(resume="yes"), CONFIG)


async def stop_at_question(graph: Any) -> None:
    await graph.ainvoke({"text": "in"}, CONFIG)


async def answer_with_update(graph: Any) -> None:
    await graph.ainvoke({"text": "in"}, CONFIG)
    await graph.ainvoke(Command(resume="yes", update={"log": ["by command"], "changes": ["by command"]}), CONFIG)


async def travel(graph: Any) -> None:
    await graph.ainvoke({"text": "in"}, CONFIG)
    if (await graph.aget_state(CONFIG)).next:
        await graph.ainvoke(Command(resume="yes"), CONFIG)
    history = [state async for state in graph.aget_state_history(CONFIG)]
    for target in history[2:4]:
        await graph.ainvoke(None, target.config)
        if (await graph.aget_state(CONFIG)).next:
            await graph.ainvoke(Command(resume="other"), CONFIG)


async def edit(graph: Any) -> None:
    await graph.ainvoke({"text": "in"}, CONFIG)
    history = [state async for state in graph.aget_state_history(CONFIG)]
    await graph.aupdate_state(history[min(2, len(history) - 1)].config, {"text": "edited", "changes": [1]}, as_node="a")
    await graph.aupdate_state(CONFIG, {"changes": Overwrite(["over"]), "log": ["edit"]}, as_node="b")
    await graph.ainvoke(None, CONFIG)
    await graph.aupdate_state(CONFIG, None, as_node="__copy__")


async def fail_then_mend(graph: Any) -> None:
    with pytest.raises(ValueError, match="not yet"):
        await graph.ainvoke({"text": "in"}, CONFIG)
    await graph.aupdate_state(CONFIG, {"text": "mended"}, as_node="good")
    await graph.ainvoke(None, CONFIG)


async def twice(graph: Any) -> None:
    await graph.ainvoke({"text": "in"}, CONFIG)
    await graph.ainvoke({"text": "again"}, CONFIG)


Story = Callable[[Any], Awaitable[None]]

STORIES: dict[str, tuple[Callable[[], Any], Story]] = {
    "chain": (chain, run_chain),
    "chain twice": (chain, twice),
    "open question beside finished siblings": (parallel_with_question, stop_at_question),
    "answered question": (parallel_with_question, answer),
    "answer with update": (parallel_with_question, answer_with_update),
    "question in a subgraph": (outer, answer),
    "question in a subgraph that keeps its state": (keeping, answer),
    "open question in a subgraph": (outer, stop_at_question),
    "fan-out": (fan_out, run_chain),
    "time travel in a chain": (chain, travel),
    "time travel over a question": (parallel_with_question, travel),
    "time travel over a subgraph": (outer, travel),
    "time travel over a subgraph that keeps its state": (keeping, travel),
    "edited": (chain, edit),
    "failed, edited, gone on": (failing, fail_then_mend),
}


@pytest.fixture
async def stock(tmp_path: Any) -> AsyncIterator[AsyncSqliteSaver]:
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "stock.db")) as saver:
        yield saver


# A run that is stored only at its end has no checkpoint to travel to.
@pytest.mark.parametrize(
    ("name", "durability"),
    [(name, mode) for name in STORIES for mode in ("sync", "exit") if mode == "sync" or "travel" not in name],
)
async def test_a_run_leaves_what_the_stock_saver_leaves(
    name: str, durability: str, database: Any, stock: AsyncSqliteSaver
) -> None:
    build, story = STORIES[name]
    left = []
    for saver in (stock, database.saver()):
        graph = build()
        compiled = _Durable(graph.compile(checkpointer=saver), durability)
        await story(compiled)
        # A saver that begins anew must read what the first one wrote, and not what that one remembers.
        reader = saver if saver is stock else database.saver()
        left.append(await _left_by(graph.compile(checkpointer=reader), reader))
    assert left[1] == left[0]


class _Durable:
    def __init__(self, graph: Any, durability: str) -> None:
        self._graph = graph
        self._durability = durability

    def __getattr__(self, name: str) -> Any:
        return getattr(self._graph, name)

    async def ainvoke(self, *args: Any) -> Any:
        return await self._graph.ainvoke(*args, durability=self._durability)


async def _left_by(graph: Any, saver: BaseCheckpointSaver[Any]) -> dict[str, Any]:
    """What both savers must agree on, with random ids replaced by the order of their first appearance."""
    names: dict[str, str] = {}
    history = [state async for state in graph.aget_state_history(CONFIG)]
    tuples = [each async for each in saver.alist(CONFIG)]
    latest = await graph.aget_state(CONFIG, subgraphs=True)
    return {
        "states": [_state(state, names) for state in history],
        "latest": _state(latest, names),
        "tuples": sorted((_tuple(each, names) for each in tuples), key=repr),
    }


def _state(state: Any, names: dict[str, str]) -> Any:
    tasks = [
        (task.name, _plain(task.error), _plain(task.interrupts), _plain(task.result), _nested(task.state, names))
        for task in state.tasks
    ]
    described = {key: value for key, value in state.metadata.items() if key != "parents"}
    return _plain(state.values), state.next, described, tasks, _plain(state.interrupts)


def _nested(state: Any, names: dict[str, str]) -> Any:
    return _state(state, names) if hasattr(state, "values") and hasattr(state, "next") else state is not None


def _tuple(each: Any, names: dict[str, str]) -> Any:
    checkpoint = each.checkpoint
    # A snapshot counts for its channel's version, so later checkpoints with that version have it too. The stock saver
    # shows it at one of them only and rebuilds it from writes at the others: the states are what must be equal.
    values = {
        name: value for name, value in checkpoint["channel_values"].items() if not isinstance(value, _DeltaSnapshot)
    }
    writes = [(channel, _plain(value)) for _, channel, value in each.pending_writes]
    return (
        each.config["configurable"]["checkpoint_ns"].count("|"),
        each.metadata["step"],
        each.metadata.get("source"),
        sorted(_plain(values).items(), key=repr),
        sorted(checkpoint["channel_versions"]),
        sorted(checkpoint["versions_seen"]),
        checkpoint.get("updated_channels"),
        each.parent_config is not None,
        sorted(writes, key=repr),
    )


def _plain(value: Any) -> Any:
    """Tuples are lists and exceptions texts, as the stock saver makes them; ids of interrupts are left out."""
    if isinstance(value, BaseException):
        return repr(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if not key.startswith("branch:")}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return [_plain(item) for item in value]
    if type(value).__name__ == "Interrupt":
        return ("interrupt", value.value)
    return value
