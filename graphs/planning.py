"""Plans each node of a definition that was checked. What can be wrong with one is in `validation`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from milepost.graphs.definition import NodeSpec, Retry
from milepost.graphs.expressions import Names, References
from milepost.graphs.fan_out import MapRun
from milepost.graphs.nested import ChildRun, Nested
from milepost.graphs.plan import Limits, NodePlan, Way
from milepost.graphs.routing import Routing
from milepost.graphs.templates import Resolved
from milepost.graphs.tool_loop import ANYTHING, Tool, ToolLoop
from milepost.graphs.topology import Topology
from milepost.graphs.validation import Checked, Edge, Node


def plan(checked: Checked, topology: Topology) -> list[NodePlan]:
    """The plans of a valid definition's nodes, in the order of the file."""
    ids = tuple(node.placed.spec.id for node in checked.nodes)
    routing = Routing(topology, ids)
    frame = checked.draft.frame
    limits = Limits(frame.max_iterations, frame.max_state_bytes)
    return [_plan_node(number, checked, routing, limits) for number in range(len(ids))]


def _plan_node(number: int, checked: Checked, routing: Routing, limits: Limits) -> NodePlan:
    node, topology, ids = checked.nodes[number], routing.topology, routing.ids
    spec = node.placed.spec
    assert node.type is not None
    ways = tuple(_way(edge, checked.edges[edge]) for edge in topology.outgoing[number])
    predecessors = tuple(ids[source] for source in topology.slots[number])
    back_sources = {
        edge: ids[topology.arcs[edge].source] for edge in topology.back_edges if topology.arcs[edge].target == number
    }
    near = (*predecessors, *back_sources.values()) if node.type.reads_predecessors else ()
    outputs, variables = _reads(node, ways, near, checked.names)
    return NodePlan(
        id=spec.id,
        number=number,
        type=node.type,
        config=node.config,
        constant=node.constant,
        sets=node.sets,
        timeout=spec.timeout,
        retry=_retry(spec),
        goes_on=spec.on_error == "continue",
        ways=ways,
        predecessors=predecessors,
        back_sources=back_sources,
        cyclic=bool(topology.cycles_of[number]),
        names=checked.names,
        reads_outputs=tuple((name, f"output:{name}") for name in ids if name in outputs),
        reads_variables=tuple((name, f"var:{name}") for name in sorted(variables)),
        limits=limits,
        routing=routing,
        nested=_nested(node, spec.id, limits),
    )


def _nested(node: Node, node_id: str, limits: Limits) -> Nested | None:
    """The graph that the node runs."""
    if node.body is not None:
        return MapRun(_plan_body(node.body, node_id, limits), str(node.placed.spec.config.get("as", "item")))
    if node.tools:
        return ToolLoop(_tools(node, node_id, limits), node_id, _retry(node.placed.spec), limits.max_state_bytes)
    return ChildRun(node.children[0], node_id) if node.children else None


def _tools(node: Node, node_id: str, limits: Limits) -> Iterable[Tool]:
    """What the node's model may run, and how it is told of it."""
    for written in node.placed.spec.config["tools"]:
        inner = node.tools[written["name"]]
        known = inner.children[0].program.input_schema if written.get("workflow") else None
        parameters = written.get("parameters") or (known if isinstance(known, dict) else None)
        body = _plan_body(inner, node_id, limits)
        yield Tool(written["name"], written.get("description", ""), parameters or ANYTHING, body)


def _retry(spec: NodeSpec) -> Retry | None:
    return spec.retry or (Retry() if spec.on_error == "retry" else None)


def _plan_body(node: Node, node_id: str, limits: Limits) -> NodePlan:
    """The plan of a node without a place in the graph."""
    spec = node.placed.spec
    assert node.type is not None
    return NodePlan(
        id=node_id,
        number=0,
        type=node.type,
        config=node.config,
        constant=node.constant,
        sets=node.sets,
        timeout=spec.timeout,
        retry=spec.retry,
        goes_on=spec.on_error == "continue",
        ways=(),
        predecessors=(),
        back_sources={},
        cyclic=False,
        names=node.config.names,
        reads_outputs=(),
        reads_variables=(),
        limits=limits,
        routing=Routing(Topology(1, ()), (node_id,)),
        nested=_nested(node, node_id, limits),
    )


def _way(number: int, edge: Edge) -> Way:
    return Way(number, edge.kind, edge.placed.spec.when, edge.expression)


def _configs(node: Node) -> Iterable[Resolved]:
    """The node's config, and those of what it runs inside itself."""
    yield node.config
    for inner in (node.body, *node.tools.values()):
        if inner is not None:
            yield from _configs(inner)


def _reads(node: Node, ways: Sequence[Way], near: Iterable[str], names: Names) -> tuple[set[str], set[str]]:
    """The outputs and the variables that a node's execution looks at."""
    found = References()
    for resolved in (*_configs(node), node.sets, *(way.expression for way in ways)):
        if resolved is not None:
            found.add(resolved.references)
    everything = node.type is not None and node.type.reads_everything
    outputs = set(names.outputs) if everything or found.outputs is None else found.outputs | set(near)
    variables = set(names.variables) if everything or found.variables is None else found.variables
    return outputs, variables
