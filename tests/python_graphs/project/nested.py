"""Graphs inside nodes: one that is a node, one with another state that a function calls, and two levels of them."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict


class State(TypedDict):
    """What all levels share."""

    text: str


class Other(TypedDict):
    """What the called graph has."""

    letters: int


async def lower(state: State) -> dict[str, str]:
    """Small letters."""
    return {"text": state["text"].lower()}


async def trim(state: State) -> dict[str, str]:
    """Without blanks around."""
    return {"text": state["text"].strip()}


async def count(state: Other) -> dict[str, int]:
    """One more letter."""
    return {"letters": state["letters"] + 1}


innermost = StateGraph(State).add_node(lower).add_edge(START, "lower").add_edge("lower", END).compile()
inner = (
    StateGraph(State)
    .add_node(trim)
    .add_node("deep", innermost)
    .add_edge(START, "trim")
    .add_edge("trim", "deep")
    .add_edge("deep", END)
    .compile()
)
counter = StateGraph(Other).add_node(count).add_edge(START, "count").add_edge("count", END).compile()
CALLED: dict[str, Any] = {"counter": counter}


async def calls(state: State) -> dict[str, str]:
    """Call a graph from a function, in a way that LangGraph cannot see beforehand."""
    found = await CALLED["counter"].ainvoke({"letters": len(state["text"])})
    return {"text": f"{state['text']} {found['letters']}"}


graph = (
    StateGraph(State)
    .add_node("tidy", inner)
    .add_node(calls)
    .add_edge(START, "tidy")
    .add_edge("tidy", "calls")
    .add_edge("calls", END)
    .compile()
)
