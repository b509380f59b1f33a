"""A node for each of several words, with `Send`."""

import operator
from typing import Annotated

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from typing_extensions import TypedDict


class State(TypedDict):
    """Words, and their lengths."""

    words: list[str]
    lengths: Annotated[list[int], operator.add]
    total: int


class One(TypedDict):
    """One word."""

    word: str


async def measure(state: One) -> dict[str, list[int]]:
    """The length of one word."""
    return {"lengths": [len(state["word"])]}


async def total(state: State) -> dict[str, int]:
    """All lengths together."""
    return {"total": sum(state["lengths"])}


def each(state: State) -> list[Send]:
    """One task for each word."""
    return [Send("measure", {"word": word}) for word in state["words"]]


graph = (
    StateGraph(State)
    .add_node(measure)
    .add_node(total)
    .add_conditional_edges(START, each, ["measure"])
    .add_edge("measure", "total")
    .add_edge("total", END)
    .compile()
)
