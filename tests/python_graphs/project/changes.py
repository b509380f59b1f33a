"""A state of which checkpoints hold only the changes; and a module that runs a loop of its own at its import."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from langgraph.channels.delta import DeltaChannel
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict


def together(value: list[Any], updates: Sequence[list[Any]]) -> list[Any]:
    """All in one list."""
    return [*value, *(each for update in updates for each in update)]


class State(TypedDict):
    """A list that grows."""

    said: Annotated[list[str], DeltaChannel(together)]


async def one(state: State) -> dict[str, list[str]]:
    """The first."""
    return {"said": ["one"]}


async def two(state: State) -> dict[str, list[str]]:
    """The second."""
    return {"said": [f"two after {len(state['said'])}"]}


async def build() -> Any:
    """The graph."""
    return (
        StateGraph(State)
        .add_node(one)
        .add_node(two)
        .add_edge(START, "one")
        .add_edge("one", "two")
        .add_edge("two", END)
        .compile()
    )


graph = asyncio.run(build())
