"""Nodes that fail: for good, and under LangGraph's own retries."""

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import get_runtime
from langgraph.types import RetryPolicy
from typing_extensions import TypedDict


class Refused(Exception):
    """What the nodes raise."""


class State(TypedDict):
    """Which attempt succeeded."""

    attempt: int


async def fine(state: State) -> dict[str, int]:
    """Works."""
    return {"attempt": 0}


async def fails(state: State) -> dict[str, int]:
    """Never works."""
    raise Refused("not today")


async def later(state: State) -> dict[str, int]:
    """Works at the third attempt."""
    info = get_runtime().execution_info
    attempt = info.node_attempt if info is not None else 0
    if attempt < 3:
        raise Refused(f"attempt {attempt}")
    return {"attempt": attempt}


inner = StateGraph(State).add_node(fails).add_edge(START, "fails").compile()
graph = (
    StateGraph(State)
    .add_node(fine)
    .add_node("inside", inner)
    .add_edge(START, "fine")
    .add_edge("fine", "inside")
    .add_edge("inside", END)
    .compile()
)
slowly = RetryPolicy(initial_interval=30.0, jitter=False, retry_on=Refused)
retried_slowly = (
    StateGraph(State).add_node(later, retry_policy=slowly).add_edge(START, "later").add_edge("later", END).compile()
)
policy = RetryPolicy(initial_interval=0.02, backoff_factor=1.0, jitter=False, retry_on=Refused)
retried = (
    StateGraph(State).add_node(later, retry_policy=policy).add_edge(START, "later").add_edge("later", END).compile()
)
