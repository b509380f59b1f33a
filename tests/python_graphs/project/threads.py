"""Synchronous nodes, one of which runs a graph synchronously."""

import operator
import threading
from typing import Annotated

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict


class State(TypedDict):
    """What ran where."""

    threads: Annotated[list[str], operator.add]


def here(state: State) -> dict[str, list[str]]:
    """The name of this thread."""
    return {"threads": [threading.current_thread().name]}


def below(state: State) -> dict[str, list[str]]:
    """A node of the inner graph."""
    return {"threads": ["below"]}


inner = StateGraph(State).add_node(below).add_edge(START, "below").add_edge("below", END).compile()


def invokes(state: State) -> dict[str, list[str]]:
    """Run a graph from a thread."""
    return {"threads": inner.invoke({"threads": []})["threads"]}


graph = (
    StateGraph(State)
    .add_node(here)
    .add_node(invokes)
    .add_edge(START, "here")
    .add_edge("here", "invokes")
    .add_edge("invokes", END)
    .compile()
)
