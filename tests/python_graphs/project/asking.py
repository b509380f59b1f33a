"""Questions: a text, an object with a schema, two at once, and one inside a subgraph."""

import operator
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict


class State(TypedDict):
    """What was answered."""

    answers: Annotated[list[Any], operator.add]


async def prepare(state: State) -> dict[str, list[Any]]:
    """Nothing yet."""
    return {"answers": []}


async def left(state: State) -> dict[str, list[Any]]:
    """Ask with a text, twice."""
    first = interrupt("What is your name?")
    second = interrupt(["anything", {"goes": True}])
    return {"answers": [first, second]}


def right(state: State) -> dict[str, list[Any]]:
    """Ask with an object, in a thread."""
    given = interrupt(
        {
            "question": "How many?",
            "schema": {"type": "integer", "minimum": 1},
            "assignees": ["ada"],
            "kind": "time",
            "until": 1,
        }
    )
    return {"answers": [given]}


graph = (
    StateGraph(State)
    .add_node(prepare)
    .add_node(left)
    .add_node(right)
    .add_edge(START, "prepare")
    .add_edge("prepare", "left")
    .add_edge("prepare", "right")
    .add_edge("left", END)
    .add_edge("right", END)
    .compile()
)

inner = (
    StateGraph(State)
    .add_node(prepare)
    .add_node(right)
    .add_edge(START, "prepare")
    .add_edge("prepare", "right")
    .add_edge("right", END)
    .compile()
)


async def calls(state: State) -> dict[str, list[Any]]:
    """Call a graph that asks, then ask oneself."""
    found = await inner.ainvoke({"answers": []})
    return {"answers": [*found["answers"], interrupt("And after that?")]}


inside = (
    StateGraph(State)
    .add_node("sub", inner)
    .add_node(calls)
    .add_edge(START, "sub")
    .add_edge("sub", "calls")
    .add_edge("calls", END)
    .compile()
)
