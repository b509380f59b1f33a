"""Two nodes beside one another, and one after both."""

import operator
from typing import Annotated

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict


class State(TypedDict):
    """Who ran."""

    ran: Annotated[list[str], operator.add]


async def left(state: State) -> dict[str, list[str]]:
    """One."""
    return {"ran": ["left"]}


async def right(state: State) -> dict[str, list[str]]:
    """The other."""
    return {"ran": ["right"]}


async def both(state: State) -> dict[str, list[str]]:
    """After both."""
    return {"ran": ["both"]}


graph = (
    StateGraph(State)
    .add_node(left)
    .add_node(right)
    .add_node(both)
    .add_edge(START, "left")
    .add_edge(START, "right")
    .add_edge(["left", "right"], "both")
    .add_edge("both", END)
    .compile()
)
