"""A state whose reducer tells in which thread it was called."""

import threading
from typing import Annotated

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict


def told(before: list[str], new: list[str]) -> list[str]:
    """What was there, what is new, and the thread."""
    return [*before, *new, threading.current_thread().name]


class State(TypedDict):
    """Who wrote, and where."""

    said: Annotated[list[str], told]


async def one(state: State) -> dict[str, list[str]]:
    """First."""
    return {"said": ["one"]}


async def two(state: State) -> dict[str, list[str]]:
    """Second."""
    return {"said": ["two"]}


graph = (
    StateGraph(State)
    .add_node(one)
    .add_node(two)
    .add_edge(START, "one")
    .add_edge("one", "two")
    .add_edge("two", END)
    .compile(interrupt_after=["one"])
)
