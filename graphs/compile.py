"""Turns a checked definition into a LangGraph `StateGraph`: a node for each of the author's, a channel a value.

Validation comes before this; nothing here reports problems. A branch that runs on without waiting for others is a graph
of its own and a node of the graph around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from milepost.graphs.branch import BranchRunner
from milepost.graphs.channels import Barrier, LastWrite, Letters
from milepost.graphs.context import RunContext
from milepost.graphs.execution import NodeRunner
from milepost.graphs.levels import OUT, Level
from milepost.graphs.plan import NodePlan
from milepost.graphs.topology import Topology

Graph = CompiledStateGraph[Any, RunContext, Any, Any]


def build(plans: Sequence[NodePlan], level: Level, variables: Sequence[str], name: str) -> Graph:
    """The compiled graph of a level, without a checkpointer."""
    by_id = {plan.id: plan for plan in plans}
    schema = TypedDict("State", _channels(by_id, level, variables))  # type: ignore[misc]
    builder: StateGraph[Any, RunContext, Any, Any] = StateGraph(schema, context_schema=RunContext)
    for node in level.direct:
        runner: Any = NodeRunner(by_id[node], None if level.flat else level)
        builder.add_node(node, runner)
    for branch in level.inner:
        told = [f"output:{node}" for node in branch.nodes] + sorted(_set_in(by_id, branch))
        nested: Any = BranchRunner(build(plans, branch, variables, name), branch, level, told)
        builder.add_node(branch.name, nested)
    builder.add_edge(START, (*level.direct, *(branch.name for branch in level.inner))[0])
    return _rewired(builder.compile(name=name), by_id, level)


def _channels(plans: Mapping[str, NodePlan], level: Level, variables: Sequence[str]) -> Mapping[str, Any]:
    outputs = [f"output:{node}" for node in plans if node in level.nodes]
    read = _read_in(plans, level) if level.name else set()
    outputs += sorted(read.difference(outputs))
    channels: dict[str, Any] = {"input": Annotated[Any, LastWrite(Any)]}
    channels |= {channel: Annotated[Any, LastWrite(Any)] for channel in outputs if channel.startswith("output:")}
    names = sorted(_set_in(plans, level).union(read)) if level.name else [f"var:{name}" for name in variables]
    channels |= {name: Annotated[Any, LastWrite(Any)] for name in names if name.startswith("var:")}
    channels |= {f"join:{node}": Annotated[list, Barrier(size)] for node, size in level.joins.items()}
    channels |= {f"loop:{node}": Annotated[int, LastWrite(int)] for node in _headers(level.topology, level)}
    letters = [f"enter:{branch.name}" for branch in level.inner] + ([OUT] if level.name else [])
    return channels | {channel: Annotated[dict, Letters()] for channel in letters}


def _headers(topology: Topology, level: Level) -> list[str]:
    return [level.ids[cycle.header] for cycle in topology.cycles if level.ids[cycle.header] in level.direct]


def _read_in(plans: Mapping[str, NodePlan], level: Level) -> set[str]:
    """The channels of outputs and variables that a branch's nodes read."""
    return {
        channel for node in level.nodes for _, channel in (*plans[node].reads_outputs, *plans[node].reads_variables)
    }


def _set_in(plans: Mapping[str, NodePlan], level: Level) -> set[str]:
    """The channels of variables that a branch's nodes set."""
    return {f"var:{name}" for node in level.nodes for name in plans[node].sets.value}


def _rewired(graph: Graph, plans: Mapping[str, NodePlan], level: Level) -> Graph:
    """The graph with its nodes triggered by joins, reading only the channels that they need.

    The run's input is a channel of its own that the start nodes listen to, which spares the superstep in which
    LangGraph would copy it there. A branch's graph is given values for any of its channels.
    """
    starts = set(level.starts)
    for node in level.direct:
        trigger = "input" if node in starts else f"join:{node}"
        _rewire(graph, node, trigger, _read_by(plans[node], level.topology, trigger))
    for branch in level.inner:
        trigger = level.trigger(branch)
        _rewire(graph, branch.name, trigger, [*dict.fromkeys(("input", trigger, *sorted(_read_in(plans, branch))))])
    del graph.nodes[START]
    del graph.channels[START]
    graph.input_channels = list(graph.channels) if level.name else ["input"]
    shown = [name for name in graph.channels if name.startswith(("input", "output:", "var:"))]
    graph.output_channels = graph.stream_channels = shown
    return graph.validate()


def _rewire(graph: Graph, name: str, trigger: str, channels: list[str]) -> None:
    node = graph.nodes[name]
    node.triggers = [trigger]
    node.channels = channels
    # The runner writes by itself; the writers stay for `update_state`.
    vars(node)["node"] = node.bound
    del graph.channels[f"branch:to:{name}"]


def _read_by(plan: NodePlan, topology: Topology, trigger: str) -> list[str]:
    channels = [*dict.fromkeys(("input", trigger))]
    channels += [channel for _, channel in (*plan.reads_outputs, *plan.reads_variables)]
    if any(way.edge in topology.back_edges for way in plan.ways):
        headers = {topology.arcs[way.edge].target for way in plan.ways if way.edge in topology.back_edges}
        ids = {cycle.header for cycle in topology.cycles if cycle.header in headers}
        channels += [f"loop:{plan.routing.ids[header]}" for header in sorted(ids)]
    return channels
