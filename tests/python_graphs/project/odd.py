"""Errors that another node handles, a time limit, a node that blocks the loop, and questions from a thread's graph."""

import asyncio
import operator
import time
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict


class State(TypedDict):
    """Who ran."""

    ran: Annotated[list[Any], operator.add]


async def fails(state: State) -> dict[str, list[Any]]:
    """Does not work."""
    raise ValueError("no")


async def mends(state: State) -> Command[Any]:
    """Handles that."""
    return Command(update={"ran": ["mended"]}, goto="after")


async def after(state: State) -> dict[str, list[Any]]:
    """Goes on."""
    return {"ran": ["after"]}


handled = (
    StateGraph(State)
    .add_node("fails", fails, error_handler=mends)
    .add_node(after)
    .add_edge(START, "fails")
    .add_edge("after", END)
    .compile()
)


async def takes_long(state: State) -> dict[str, list[Any]]:
    """Longer than it may."""
    await asyncio.sleep(30)
    return {"ran": ["too late"]}


limited = StateGraph(State).add_node("takes_long", takes_long, timeout=0.05).add_edge(START, "takes_long").compile()


async def blocks(state: State) -> dict[str, list[Any]]:
    """Holds the loop."""
    time.sleep(1.4)
    return {"ran": ["blocks"]}


blocking = StateGraph(State).add_node(blocks).add_edge(START, "blocks").add_edge("blocks", END).compile()


def asks(state: State) -> dict[str, list[Any]]:
    """Ask from a thread of a thread."""
    return {"ran": [interrupt("Which?")]}


inner = StateGraph(State).add_node(asks).add_edge(START, "asks").add_edge("asks", END).compile()


def invokes(state: State) -> dict[str, list[Any]]:
    """Run a graph that asks, synchronously."""
    return {"ran": inner.invoke({"ran": []})["ran"]}


asks_in_thread = StateGraph(State).add_node(invokes).add_edge(START, "invokes").add_edge("invokes", END).compile()


async def swallows(state: State) -> dict[str, list[Any]]:
    """Catch what a graph inside raises."""
    try:
        await handled_inside.ainvoke({"ran": []})
    except ValueError:
        return {"ran": ["swallowed"]}
    return {}


handled_inside = StateGraph(State).add_node(fails).add_edge(START, "fails").compile()
swallowing = StateGraph(State).add_node(swallows).add_edge(START, "swallows").add_edge("swallows", END).compile()


unkept = (
    StateGraph(State)
    .add_node(after)
    .add_node(fails)
    .add_edge(START, "after")
    .add_edge("after", "fails")
    .compile(checkpointer=False)
)


async def tries(state: State) -> dict[str, list[Any]]:
    """Run a graph that is not kept and whose last node fails."""
    try:
        await unkept.ainvoke({"ran": []})
    except ValueError:
        return {"ran": ["tried"]}
    return {}


unkept_inside = StateGraph(State).add_node(tries).add_edge(START, "tries").add_edge("tries", END).compile()
