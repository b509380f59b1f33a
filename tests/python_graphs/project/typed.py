"""A state of a pydantic model and a dataclass that the schema names, and one that holds a class nobody listed."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel
from typing_extensions import TypedDict


class Order(BaseModel):
    """A model of the state."""

    item: str
    at: datetime


@dataclass
class Parcel:
    """A dataclass of the state."""

    weight: float


class State(TypedDict):
    """Annotated, so that checkpoints may hold it."""

    order: Order
    parcel: Parcel | None
    anything: Any


class Secretive:
    """What no schema names."""


async def orders(state: State) -> dict[str, Any]:
    """Make an order and a parcel."""
    return {"order": Order(item="lamp", at=datetime(2026, 1, 2, tzinfo=UTC)), "parcel": Parcel(1.5)}


async def looks(state: State) -> dict[str, Any]:
    """See that both are what they were."""
    assert isinstance(state["order"], Order)
    assert isinstance(state["parcel"], Parcel)
    return {"anything": [state["order"].item]}


async def hides(state: State) -> dict[str, Any]:
    """Return something that cannot be stored."""
    return {"anything": Secretive()}


graph = (
    StateGraph(State)
    .add_node(orders)
    .add_node(looks)
    .add_edge(START, "orders")
    .add_edge("orders", "looks")
    .add_edge("looks", END)
    .compile()
)
unlisted = StateGraph(State).add_node(hides).add_edge(START, "hides").add_edge("hides", END).compile()


@dataclass
class Label:
    """What only the inner graph knows."""

    text: str


class Inner(TypedDict):
    """What the inner graph has."""

    label: Label


async def labels(state: Inner) -> dict[str, Any]:
    """Make a label."""
    return {"label": Label("fragile")}


async def reads(state: Inner) -> dict[str, Any]:
    """See that it is one."""
    assert isinstance(state["label"], Label)
    return {}


inner = (
    StateGraph(Inner).add_node(labels).add_node(reads).add_edge(START, "labels").add_edge("labels", "reads").compile()
)


async def calls(state: State) -> dict[str, Any]:
    """Call the inner graph."""
    return {"anything": (await inner.ainvoke({}))["label"].text}


typed_inside = StateGraph(State).add_node(calls).add_edge(START, "calls").add_edge("calls", END).compile()
