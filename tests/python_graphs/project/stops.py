"""Compiled with breakpoints, one of them inside a subgraph."""

import operator
from typing import Annotated

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict


class State(TypedDict):
    """Who ran."""

    ran: Annotated[list[str], operator.add]


async def one(state: State) -> dict[str, list[str]]:
    """First."""
    return {"ran": ["one"]}


async def two(state: State) -> dict[str, list[str]]:
    """Second."""
    return {"ran": ["two"]}


inner = (
    StateGraph(State)
    .add_node(one)
    .add_node(two)
    .add_edge(START, "one")
    .add_edge("one", "two")
    .add_edge("two", END)
    .compile(interrupt_before=["two"])
)
graph = (
    StateGraph(State)
    .add_node(one)
    .add_node(two)
    .add_node("sub", inner)
    .add_edge(START, "one")
    .add_edge("one", "two")
    .add_edge("two", "sub")
    .add_edge("sub", END)
    .compile(interrupt_after=["one"])
)
