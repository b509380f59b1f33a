"""What can be known of a Python graph without running it: its nodes, edges and subgraphs, and what its state is."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from langgraph._internal._serde import build_serde_allowlist
from langgraph.constants import END, START
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel
from pydantic import BaseModel, TypeAdapter

from milepost.graphs.program import ProgramEdge, ProgramNode

Graph = Pregel[Any, Any, Any, Any]

NODE, SUBGRAPH = "python", "subgraph"
"""The types of the nodes of Python graphs."""

_MESSAGE = re.compile(r"(Message|MessageChunk)$")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Shape:
    """The nodes and edges of a graph and of the graphs inside its nodes, whose nodes are called `parent/child`."""

    nodes: tuple[ProgramNode, ...]
    """Those of the graph itself, in the order in which they were added."""
    edges: tuple[ProgramEdge, ...]
    everything: tuple[ProgramNode, ...]
    """Each node followed by those inside it."""
    inner_edges: tuple[ProgramEdge, ...]
    graphs: Mapping[str, Graph]
    """The graphs inside nodes, by node; the graph itself is ''."""


def shape_of(graph: Graph) -> Shape:
    """The shape of a compiled graph."""
    graphs = {"": graph, **dict(_inner(graph, ""))}
    everything = tuple(_nodes(graphs, ""))
    inner = [edge for place, each in graphs.items() if place for edge in _edges(each, f"{place}/")]
    own = tuple(node for node in everything if "/" not in node.id)
    return Shape(own, tuple(_edges(graph, "")), everything, tuple(inner), graphs)


def names_of(graph: Graph) -> list[str]:
    """A graph's own nodes, as their author calls them; what handles the errors of one is not drawn."""
    return [name for name, node in graph.nodes.items() if name != START and not node.is_error_handler]


def _inner(graph: Graph, prefix: str) -> Iterator[tuple[str, Graph]]:
    for name, inner in graph.get_subgraphs():
        if isinstance(inner, Pregel):
            yield prefix + name, inner
            yield from _inner(inner, f"{prefix}{name}/")


def _nodes(graphs: Mapping[str, Graph], place: str) -> Iterator[ProgramNode]:
    prefix = f"{place}/" if place else ""
    for name in names_of(graphs[place]):
        node_id = prefix + name
        yield ProgramNode(node_id, SUBGRAPH if node_id in graphs else NODE, name)
        if node_id in graphs:
            yield from _nodes(graphs, node_id)


def _edges(graph: Graph, prefix: str) -> list[ProgramEdge]:
    names = set(names_of(graph))
    drawn = [(edge.source, edge.target, edge.data, edge.conditional) for edge in _drawn(graph)]
    inside = [edge for edge in drawn if edge[0] in names and edge[1] in names]
    backs = _back_edges([name for name in graph.nodes if name in names], [edge[:2] for edge in inside])
    return [
        ProgramEdge(prefix + source, prefix + target, data, conditional, (source, target) in backs)
        for source, target, data, conditional in inside
    ]


def _drawn(graph: Graph) -> Sequence[Any]:
    with suppress(Exception):  # a drawing that LangGraph cannot make must not keep the graph from running
        return graph.get_graph().edges
    return ()


def _back_edges(names: Sequence[str], edges: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """The edges that close a cycle, found depth first in the order of the nodes."""
    after: dict[str, list[str]] = {}
    for source, target in edges:
        after.setdefault(source, []).append(target)
    found: set[tuple[str, str]] = set()
    done: set[str] = set()
    for first in names:
        if first in done:
            continue
        path, waiting = {first}, [(first, iter(after.get(first, ())))]
        while waiting:
            name, rest = waiting[-1]
            target = next(rest, "")
            if not target:
                waiting.pop()
                path.discard(name)
                done.add(name)
            elif target in path:
                found.add((name, target))
            elif target not in done:
                path.add(target)
                waiting.append((target, iter(after.get(target, ()))))
    return found


# What the state is.


def input_schema(graph: Graph) -> dict[str, Any] | None:
    """The JSON Schema that an input is held against, None where there is none.

    LangGraph demands no key of a state that is a TypedDict or a dataclass, so nor does this, unless the graph has an
    input schema of its own. Messages may be written in all the ways that LangGraph takes, so they are not looked into.
    """
    schema = _schema(graph, "input")
    if schema is None:
        return None
    messages = {name for name in schema.get("$defs", {}) if _MESSAGE.search(name)}
    kept = {name: {} if _names(each, messages) else each for name, each in dict(schema.get("properties", {})).items()}
    schema = {**schema, "properties": kept}
    if not _demands(graph):
        schema.pop("required", None)
    return schema


def _demands(graph: Graph) -> bool:
    builder = getattr(graph, "builder", None)
    if builder is None:
        return False
    given = builder.input_schema
    return given is not builder.state_schema or (inspect.isclass(given) and issubclass(given, BaseModel))


def _names(schema: Any, names: set[str]) -> bool:
    text = json.dumps(schema, default=str)
    return any(f'"#/$defs/{name}"' in text for name in names)


def _schema(graph: Graph, which: str) -> dict[str, Any] | None:
    with warnings.catch_warnings(), suppress(Exception):  # what pydantic has no schema for is a state all the same
        warnings.simplefilter("ignore")
        found: dict[str, Any] = graph.get_input_jsonschema() if which == "input" else graph.get_output_jsonschema()
        json.dumps(found)
        return found
    return None


def shape_hash(graph: Graph, shape: Shape) -> str:
    """A hash of topology and schemas: runs go on with other code where this is the same."""
    told = {
        "nodes": sorted((node.id, node.type) for node in shape.everything),
        "edges": sorted(
            (edge.source, edge.target, str(edge.when), edge.conditional) for edge in (*shape.edges, *shape.inner_edges)
        ),
        "ends": {place: sorted(_ends(each)) for place, each in shape.graphs.items()},
        "channels": {place: _channels(each) for place, each in shape.graphs.items()},
        "input": _schema(graph, "input"),
        "output": _schema(graph, "output"),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def _ends(graph: Graph) -> list[tuple[str, str]]:
    return [(edge.source, edge.target) for edge in _drawn(graph) if edge.source == START or edge.target == END]


def _channels(graph: Graph) -> dict[str, Any]:
    """Name to kind and type of what the state holds, and of what starts nodes."""
    return {name: [type(channel).__name__, _type(channel)] for name, channel in sorted(graph.channels.items())}


def _type(channel: Any) -> Any:
    value_type: Any = getattr(channel, "ValueType", None)
    with warnings.catch_warnings(), suppress(Exception):
        warnings.simplefilter("ignore")
        return TypeAdapter(value_type).json_schema()
    return _ADDRESS.sub("", repr(value_type))


def allowed_types(graphs: Iterable[Graph]) -> set[tuple[str, ...]]:
    """The classes that the schemas of graphs annotate: checkpoints may hold them.

    LangGraph has the list only where it was strict when it was imported.
    """
    found: set[tuple[str, ...]] = set()
    for graph in graphs:
        builder = getattr(graph, "builder", None)
        schemas = [] if builder is None else [*builder.schemas, builder.context_schema]
        found |= build_serde_allowlist(schemas=schemas, channels=dict(graph.channels))
    return found


def is_state_graph(graph: Graph) -> bool:
    """False for what the functional API makes."""
    return isinstance(graph, CompiledStateGraph)
