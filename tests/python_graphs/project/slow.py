"""Nodes that can be held up, so that tests can stop a run in the middle of one."""

import asyncio
import operator
import os
import time
from pathlib import Path
from typing import Annotated

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from typing_extensions import TypedDict


class State(TypedDict):
    """Where the marks are, and who ran."""

    marks: str
    ran: Annotated[list[str], operator.add]


def _mark(state: State, name: str) -> Path:
    """Leave a trace of this execution."""
    path = Path(state["marks"])
    with (path / "ran").open("a") as file:
        file.write(f"{name}\n")
        file.flush()
        os.fsync(file.fileno())
    return path


async def quick(state: State) -> dict[str, list[str]]:
    """At once."""
    _mark(state, "quick")
    return {"ran": ["quick"]}


async def held(state: State) -> dict[str, list[str]]:
    """Until there is a file `go`."""
    path = _mark(state, "held")
    while not (path / "go").exists():
        await asyncio.sleep(0.01)
    return {"ran": ["held"]}


def stuck(state: State) -> dict[str, list[str]]:
    """In a thread, until there is a file `go on`."""
    path = _mark(state, "stuck")
    while not (path / "go on").exists():
        time.sleep(0.01)
    return {"ran": ["stuck"]}


async def last(state: State) -> dict[str, list[str]]:
    """At once."""
    _mark(state, "last")
    return {"ran": ["last"]}


graph = (
    StateGraph(State)
    .add_node(quick)
    .add_node(held)
    .add_node(stuck)
    .add_node(last)
    .add_edge(START, "quick")
    .add_edge("quick", "held")
    .add_edge("held", "stuck")
    .add_edge("stuck", "last")
    .add_edge("last", END)
    .compile()
)

around = StateGraph(State).add_node("inside", graph).add_edge(START, "inside").add_edge("inside", END).compile()
before_last = (
    StateGraph(State)
    .add_node("inside", around)
    .add_node(last)
    .add_edge(START, "inside")
    .add_edge("inside", "last")
    .add_edge("last", END)
    .compile(interrupt_before=["last"])
)


class One(TypedDict):
    """Where the marks are, and whether this one is held up."""

    marks: str
    name: str


async def one(state: One) -> dict[str, list[str]]:
    """One of two, which may wait for a file."""
    while state["name"] == "held" and not (Path(state["marks"]) / "go").exists():
        await asyncio.sleep(0.01)
    return {"ran": [state["name"]]}


def both(state: State) -> list[Send]:
    """One that waits and one that does not."""
    return [Send("one", {"marks": state["marks"], "name": name}) for name in ("held", "quick")]


halves = StateGraph(State).add_node(one).add_conditional_edges(START, both, ["one"]).add_edge("one", END).compile()
