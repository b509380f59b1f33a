"""Turns a checked definition into one LangGraph `StateGraph`: a node for each of the author's, a channel a value.

Validation comes before this; nothing here reports problems. Branches that run on without waiting for one another
become subgraphs of their own here, between `plans` and `build`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from milepost.graphs.channels import Barrier, LastWrite
from milepost.graphs.context import RunContext
from milepost.graphs.execution import NodeRunner
from milepost.graphs.plan import NodePlan
from milepost.graphs.topology import Topology

Graph = CompiledStateGraph[Any, RunContext, Any, Any]


def build(plans: Sequence[NodePlan], topology: Topology, variables: Sequence[str], name: str) -> Graph:
    """The compiled graph, without a checkpointer."""
    ids = [plan.id for plan in plans]
    schema = TypedDict("State", _channels(ids, topology, variables))  # type: ignore[misc]
    builder: StateGraph[Any, RunContext, Any, Any] = StateGraph(schema, context_schema=RunContext)
    for plan in plans:
        runner: Any = NodeRunner(plan)
        builder.add_node(plan.id, runner)
    for node in topology.starts:
        builder.add_edge(START, ids[node])
    graph = builder.compile(name=name)
    return _rewired(graph, plans, topology)


def _channels(ids: Sequence[str], topology: Topology, variables: Sequence[str]) -> Mapping[str, Any]:
    channels: dict[str, Any] = {"input": Annotated[Any, LastWrite(Any)]}
    channels |= {f"output:{node}": Annotated[Any, LastWrite(Any)] for node in ids}
    channels |= {f"var:{name}": Annotated[Any, LastWrite(Any)] for name in variables}
    starts = set(topology.starts)
    for number, node in enumerate(ids):
        if number not in starts:
            channels[f"join:{node}"] = Annotated[list, Barrier(len(topology.slots[number]))]
    for cycle in topology.cycles:
        channels[f"loop:{ids[cycle.header]}"] = Annotated[int, LastWrite(int)]
    return channels


def _rewired(graph: Graph, plans: Sequence[NodePlan], topology: Topology) -> Graph:
    """The graph with its nodes triggered by joins, reading only the channels that they need.

    The run's input is a channel of its own that the start nodes listen to, which spares the superstep in which
    LangGraph would copy it there.
    """
    starts = set(topology.starts)
    for plan in plans:
        node = graph.nodes[plan.id]
        node.triggers = ["input"] if plan.number in starts else [f"join:{plan.id}"]
        node.channels = _read_by(plan, topology, plan.number in starts)
        # The runner writes by itself; the writers stay for `update_state`.
        vars(node)["node"] = node.bound
        del graph.channels[f"branch:to:{plan.id}"]
    del graph.nodes[START]
    del graph.channels[START]
    graph.input_channels = ["input"]
    shown = [name for name in graph.channels if name.startswith(("input", "output:", "var:"))]
    graph.output_channels = graph.stream_channels = shown
    return graph.validate()


def _read_by(plan: NodePlan, topology: Topology, start: bool) -> list[str]:
    channels = ["input"] if start else ["input", f"join:{plan.id}"]
    channels += [channel for _, channel in (*plan.reads_outputs, *plan.reads_variables)]
    if any(way.edge in topology.back_edges for way in plan.ways):
        headers = {topology.arcs[way.edge].target for way in plan.ways if way.edge in topology.back_edges}
        ids = {cycle.header for cycle in topology.cycles if cycle.header in headers}
        channels += [f"loop:{plan.routing.ids[header]}" for header in sorted(ids)]
    return channels
