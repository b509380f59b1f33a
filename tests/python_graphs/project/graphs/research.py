"""A graph in a package called graphs."""

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from .words import WORD


class State(TypedDict):
    """One word."""

    word: str


async def tells(state: State) -> dict[str, str]:
    """The word."""
    return {"word": WORD}


graph = StateGraph(State).add_node(tells).add_edge(START, "tells").add_edge("tells", END).compile()
