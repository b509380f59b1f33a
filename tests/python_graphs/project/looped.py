"""An uncompiled graph with a cycle."""

from typing import Literal

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict


class State(TypedDict):
    """A number that grows."""

    n: int


async def grow(state: State) -> dict[str, int]:
    """One more."""
    return {"n": state.get("n", 0) + 1}


async def look(state: State) -> dict[str, int]:
    """Nothing changes."""
    return {}


def enough(state: State) -> Literal["grow", "__end__"]:
    """Three are enough."""
    return END if state["n"] >= 3 else "grow"


builder = (
    StateGraph(State)
    .add_node(grow)
    .add_node(look)
    .add_edge(START, "grow")
    .add_edge("grow", "look")
    .add_conditional_edges("look", enough)
)

short = builder.compile().with_config(recursion_limit=3)
