"""Three nodes in sequence, two of them asynchronous; compiled with a checkpointer of its own."""

import operator
import os
from typing import Annotated

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict


class State(TypedDict):
    """A topic, and what was said of it."""

    topic: str
    said: Annotated[list[str], operator.add]


async def first(state: State) -> dict[str, list[str]]:
    """Say the first thing."""
    return {"said": [f"{os.environ['SHOP_GREETING']} {state['topic']}"]}


def second(state: State) -> dict[str, list[str]]:
    """Say the second."""
    return {"said": [f"{len(state['said'])} so far"]}


async def third(state: State) -> dict[str, list[str]]:
    """Say the last."""
    return {"said": ["done"]}


graph = (
    StateGraph(State)
    .add_node(first)
    .add_node(second)
    .add_node(third)
    .add_edge(START, "first")
    .add_edge("first", "second")
    .add_edge("second", "third")
    .add_edge("third", END)
    .compile(checkpointer=InMemorySaver())
)
