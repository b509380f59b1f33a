"""`Command(goto=…)`, also from a subgraph to a node of the graph around it."""

import operator
from typing import Annotated, Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from typing_extensions import TypedDict


class State(TypedDict):
    """A number, and the way that it took."""

    n: int
    way: Annotated[list[str], operator.add]


async def choose(state: State) -> Command[Literal["even", "inside"]]:
    """Even numbers go one way."""
    return Command(goto="inside" if state["n"] % 2 else "even", update={"way": ["choose"]})


async def even(state: State) -> dict[str, list[str]]:
    """The even way."""
    return {"way": ["even"]}


async def leaves(state: State) -> Command[Any]:
    """Out of the subgraph."""
    return Command(goto="even", graph=Command.PARENT, update={"way": ["left"]})


inner = StateGraph(State).add_node(leaves).add_edge(START, "leaves").compile()
graph = (
    StateGraph(State)
    .add_node(choose)
    .add_node(even)
    .add_node("inside", inner)
    .add_edge(START, "choose")
    .add_edge("even", END)
    .compile()
)
