"""Graphs that functions make: at once, later, and within a context."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict


class State(TypedDict):
    """Who made the graph."""

    made: str


def _graph(how: str) -> StateGraph[State]:
    async def tells(state: State) -> dict[str, str]:
        return {"made": how}

    return StateGraph(State).add_node("tells", tells).add_edge(START, "tells").add_edge("tells", END)


def make(config: RunnableConfig) -> Any:
    """With the config."""
    return _graph(f"with {sorted(config)}").compile()


async def make_later() -> Any:
    """Asynchronously, and not compiled."""
    return _graph("later")


@asynccontextmanager
async def make_open() -> AsyncIterator[Any]:
    """For as long as the server runs."""
    yield _graph("open").compile()
