"""Random graphs for a differential test: branches, joins, subgraphs, `Send`, commands, questions, retries, threads."""

import operator
from collections.abc import Callable
from random import Random
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import get_runtime
from langgraph.types import Command, RetryPolicy, Send, interrupt
from typing_extensions import TypedDict

COUNT = 24


class State(TypedDict):
    """Who ran, and what was answered."""

    log: Annotated[list[str], operator.add]


class Item(TypedDict):
    """What one of several tasks is given."""

    item: str


class Refused(Exception):
    """What a first attempt raises."""


Node = Callable[..., Any]
POLICY = RetryPolicy(initial_interval=0.01, backoff_factor=1.0, jitter=False, retry_on=Refused)


def _plain(name: str) -> Node:
    async def plain(state: State) -> dict[str, list[str]]:
        return {"log": [f"{name} {len(state['log'])}"]}

    return plain


def _thread(name: str) -> Node:
    def thread(state: State) -> dict[str, list[str]]:
        return {"log": [f"{name} in a thread"]}

    return thread


def _asks(name: str) -> Node:
    async def asks(state: State) -> dict[str, list[str]]:
        return {"log": [f"{name}: {interrupt(f'{name}?')}"]}

    return asks


def _asks_twice(name: str) -> Node:
    def asks_twice(state: State) -> dict[str, list[str]]:
        return {"log": [f"{interrupt([name, 1])} {interrupt({'question': name, 'n': 2})}"]}

    return asks_twice


def _retries(name: str) -> Node:
    async def retries(state: State) -> dict[str, list[str]]:
        info = get_runtime().execution_info
        if info is not None and info.node_attempt < 2:
            raise Refused(name)
        return {"log": [f"{name} retried"]}

    return retries


def _calls(name: str, inner: Any) -> Node:
    async def calls(state: State) -> dict[str, list[str]]:
        found = await inner.ainvoke({"log": []})
        return {"log": [f"{name} called", *found["log"]]}

    return calls


def _item(name: str) -> Node:
    async def item(state: Item) -> dict[str, list[str]]:
        return {"log": [f"{name} {state['item']}"]}

    return item


def _fails(name: str) -> Node:
    async def fails(state: State) -> dict[str, list[str]]:
        raise ValueError(f"{name} fails")

    return fails


def make(rng: Random, prefix: str = "", depth: int = 0) -> Any:
    """A random graph. Every node after the first has an edge, a choice, a command or a `Send` that leads to it."""
    builder = StateGraph(State)
    names = [f"{prefix}{letter}" for letter in "abcde"[: rng.randint(2, 5 - depth)]]
    for name in names:
        _add(builder, rng, name, depth)
    builder.add_edge(START, names[0])
    for number, name in enumerate(names[1:], 1):
        before = names[:number]
        kind = rng.choice(["edge", "edge", "join", "choice", "send"])
        if kind == "join" and len(before) > 1:
            builder.add_edge(rng.sample(before, 2), name)
        elif kind == "choice":
            source = rng.choice(before)
            builder.add_conditional_edges(source, _choice(name, rng.randint(0, 1)), [name, END])
        elif kind == "send":
            each = f"{name}_each"
            builder.add_node(each, _item(each))
            builder.add_conditional_edges(rng.choice(before), _sends(each, rng.randint(1, 4)), [each])
            builder.add_edge(each, name)
        else:
            builder.add_edge(rng.choice(before), name)
    return builder.compile()


def _add(builder: Any, rng: Random, name: str, depth: int) -> None:
    kinds = ["plain", "plain", "thread", "asks", "asks_twice", "retries", "command", "fails"]
    weights = [4, 4, 3, 3, 2, 2, 2, 0.4]
    if depth < 2:
        kinds += ["graph", "calls"]
        weights += [3, 2]
    kind = rng.choices(kinds, weights)[0]
    if kind == "graph":
        builder.add_node(name, make(rng, f"{name}_", depth + 1))
    elif kind == "calls":
        builder.add_node(name, _calls(name, make(rng, f"{name}_", depth + 1)))
    elif kind == "retries":
        builder.add_node(name, _retries(name), retry_policy=POLICY)
    elif kind == "command":
        builder.add_node(name, _command(name), destinations=())
    else:
        makers = {"plain": _plain, "thread": _thread, "asks": _asks, "asks_twice": _asks_twice, "fails": _fails}
        builder.add_node(name, makers[kind](name))


def _command(name: str) -> Node:
    async def command(state: State) -> Command[Any]:
        return Command(update={"log": [f"{name} commands"]})

    return command


def _choice(name: str, parity: int) -> Callable[[State], str]:
    def choice(state: State) -> str:
        return name if len(state["log"]) % 2 == parity else END

    choice.__name__ = f"perhaps_{name}"
    return choice


def _sends(name: str, count: int) -> Callable[[State], list[Send]]:
    def sends(state: State) -> list[Send]:
        return [Send(name, {"item": str(number)}) for number in range(count)]

    sends.__name__ = f"several_{name}"
    return sends


for seed in range(COUNT):
    globals()[f"graph_{seed}"] = make(Random(seed))
