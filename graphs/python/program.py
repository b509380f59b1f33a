"""A Python graph as the engine and the use cases see it; and one that is gone, of which only a description is left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from types import MappingProxyType
from typing import Any, NoReturn

from langgraph._internal._constants import TASKS
from langgraph._internal._typing import MISSING
from langgraph.channels.base import BaseChannel
from langgraph.channels.binop import BinaryOperatorAggregate
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint
from langgraph.constants import START
from langgraph.types import Overwrite, RetryPolicy

from milepost.graphs.problems import InvalidDefinition, Problem
from milepost.graphs.program import RECURSION_LIMIT, ProgramEdge, ProgramNode
from milepost.graphs.python.loading import LoadedGraph, LoadFailure
from milepost.graphs.python.places import node_of
from milepost.graphs.python.shape import (
    Graph,
    Shape,
    allowed_types,
    input_schema,
    is_state_graph,
    names_of,
    shape_hash,
    shape_of,
)
from milepost.graphs.schemas import violations

Show = Callable[[Any], Any]
"""Makes JSON of any value."""

KIND = "python"


class _Described:
    """What a description tells: enough to show a graph, its runs and their checkpoints."""

    timeout: float | None = None
    recursion_limit: int = RECURSION_LIMIT
    warnings: Sequence[Problem] = ()
    not_runnable: Sequence[Problem] = ()
    secrets: Mapping[str, str] = MappingProxyType({})
    maps: Sequence[str] = ()
    branched = True

    def __init__(
        self,
        nodes: Sequence[ProgramNode],
        edges: Sequence[ProgramEdge],
        everything: Sequence[ProgramNode],
        inner_edges: Sequence[ProgramEdge],
        chart: str,
        show: Show,
    ) -> None:
        self.nodes = tuple(nodes)
        self.edges = tuple(edges)
        self.everything = tuple(everything)
        self._inner_edges = tuple(inner_edges)
        self._chart = chart
        self._show = show
        ids = [node.id for node in everything]
        self.below = {
            holder: inside
            for holder in ids
            if (inside := tuple(node_id for node_id in ids if node_id.startswith(f"{holder}/")))
        }

    def holds(self, node_id: str) -> bool:
        """False: a node that runs a graph of its own may also ask something itself."""
        return False

    def state(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A checkpoint's values as users see them: the state, as JSON."""
        return {name: self._show(value) for name, value in values.items() if self._is_state(name)}

    def _is_state(self, name: str) -> bool:
        return not name.startswith(("__", "branch:", "join:"))

    def gathered(self, values: Mapping[str, Any], parts: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
        """The values of the root graph: what is inside a node becomes known when that ends."""
        return dict(values)

    def following(self, nodes: Iterable[str], parts: Iterable[tuple[str, Iterable[str]]]) -> list[str]:
        """The nodes that run next: inside a node that holds a graph, those of that graph."""
        found = dict.fromkeys(nodes)
        for ns, inner in parts:
            inside = list(inner)
            if inside:
                found.pop(node_of(ns), None)
                found |= dict.fromkeys(inside)
        return list(found)

    def finished(
        self, values: Mapping[str, Any], parts: Iterable[tuple[str, Mapping[str, Any]]] = ()
    ) -> set[str] | None:
        """None: a state does not tell who made it."""
        return None

    def all_edges(self) -> Iterable[ProgramEdge]:
        """The edges of the graph and of those inside its nodes."""
        return (*self.edges, *self._inner_edges)

    def drawing(self) -> dict[str, Any]:
        """Nodes and edges as LangGraph has them, those of subgraphs included, as JSON."""
        nodes = [{"id": node.id, "type": node.type, "name": node.name} for node in self.everything]
        edges: list[dict[str, Any]] = []
        for edge in self.all_edges():
            drawn = {"source": edge.source, "target": edge.target, "back": edge.back}
            edges.append({**drawn, "when": edge.when} if edge.conditional else drawn)
        return {"nodes": nodes, "edges": edges}

    def mermaid(self) -> str:
        """LangGraph's own flowchart."""
        return self._chart


class PythonProgram(_Described):
    """A compiled Python graph. Immutable, and safe to share between runs and threads."""

    def __init__(self, loaded: LoadedGraph, source: str, show: Show) -> None:
        """``source`` is the hash of its source. Raises `ValueError` for a graph that did not load."""
        if loaded.graph is None:
            raise ValueError(f"graph {loaded.name} did not load")
        self.version = 0
        """Which one of its workflow's versions it is."""
        self.name = loaded.name
        self.place = loaded.place
        self.graph: Graph = loaded.graph
        shape = shape_of(self.graph)
        super().__init__(shape.nodes, shape.edges, shape.everything, shape.inner_edges, _chart(self.graph), show)
        self.graphs = shape.graphs
        self.shape = shape_hash(self.graph, shape)
        self.source = source
        self.input_schema = input_schema(self.graph)
        self.recursion_limit = int((self.graph.config or {}).get("recursion_limit", RECURSION_LIMIT))
        self._retries = _retries(shape)
        self._allowed = allowed_types(shape.graphs.values())
        self.rebuilt = any(isinstance(channel, DeltaChannel) for channel in self.graph.channels.values())
        """Whether checkpoints hold only the changes of some values."""
        streamed = self.graph.stream_channels_asis
        self._state = frozenset([streamed] if isinstance(streamed, str) else streamed)

    def at(self, version: int) -> PythonProgram:
        """The program, known to be this version of its workflow."""
        known = copy(self)
        known.version = version
        return known

    def description(self) -> dict[str, Any]:
        """What is stored of the version: enough to show it when the code has changed."""
        return {
            "kind": KIND,
            "graph": self.name,
            "path": self.place,
            "shape": self.shape,
            "source": self.source,
            "input_schema": self.input_schema,
            **self.drawing(),
            "mermaid": self._chart,
        }

    def _is_state(self, name: str) -> bool:
        return name in self._state

    def retries(self, node_id: str) -> Sequence[RetryPolicy]:
        """LangGraph's retry policies of a node; empty where it is tried once, or is not known."""
        return self._retries.get(node_id, ())

    def with_saver(self, saver: BaseCheckpointSaver[Any]) -> Graph:
        """The graph with this checkpointer in the place of its own."""
        graph = copy(self.graph)
        graph.checkpointer = saver.with_allowlist(self._allowed)
        return graph

    def graph_input(self, run_input: Mapping[str, Any]) -> Any:
        """What to start the graph with: the input as it is."""
        return dict(run_input)

    def check_input(self, run_input: Any) -> list[Problem]:
        """Every reason why the graph's input schema refuses an input. Empty when it does not."""
        if not isinstance(run_input, Mapping):
            return [Problem("input_data", "invalid_input", "the input is a JSON object")]
        if self.input_schema is None:
            return []
        return violations(self.input_schema, dict(run_input), "input_data", "invalid_input")

    def output(self, values: Mapping[str, Any]) -> Any:
        """The graph's output channels as JSON."""
        channels = self.graph.output_channels
        if isinstance(channels, str):
            return self._show(values.get(channels))
        return {name: self._show(values[name]) for name in channels if name in values}

    def next_nodes(self, checkpoint: Checkpoint, ns: str = "") -> list[str]:
        """The nodes that run next from a checkpoint, in the order in which they were added."""
        place = node_of(ns)
        graph = self.graphs.get(place)
        if graph is None:
            return []
        prefix = f"{place}/" if place else ""
        sends = checkpoint["channel_values"].get(TASKS) or ()
        triggered = {name for name in names_of(graph) if _is_triggered(graph, name, checkpoint)}
        triggered |= {send.node for send in sends if hasattr(send, "node")}
        return [prefix + name for name in names_of(graph) if name in triggered]

    def edit(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A user's values by name as updates, which pass the reducers; `{"$replace": v}` stands in the place of all.

        Raises `InvalidDefinition` with every name that does not exist.
        """
        if not is_state_graph(self.graph):
            raise InvalidDefinition([Problem("values", "unknown_name", "the state of an entrypoint cannot be edited")])
        unknown = [name for name in values if name not in self._state]
        if unknown:
            known = ", ".join(sorted(self._state))
            raise InvalidDefinition(
                [Problem(name, "unknown_name", f"the state has no {name!r}, but {known}") for name in unknown]
            )
        return {name: self._update(name, value) for name, value in values.items()}

    def _update(self, name: str, value: Any) -> Any:
        if not isinstance(value, Mapping) or value.keys() != {"$replace"}:
            return value
        reduced = isinstance(self.graph.channels.get(name), BinaryOperatorAggregate)
        return Overwrite(value["$replace"]) if reduced else value["$replace"]

    def editor(self, node_id: str | None, *, begun: bool) -> str | None:
        """The node itself. Before any has run the edit is made like an input."""
        return node_id or (None if begun else START)


class GoneProgram(_Described):
    """A version whose code is not here any more: it can be looked at and not run."""

    def __init__(self, description: Mapping[str, Any], reason: Problem, show: Show) -> None:
        nodes = [ProgramNode(each["id"], each["type"], each["name"]) for each in description.get("nodes", ())]
        edges = [
            ProgramEdge(each["source"], each["target"], each.get("when"), "when" in each, each["back"])
            for each in description.get("edges", ())
        ]
        super().__init__(
            [node for node in nodes if "/" not in node.id],
            [edge for edge in edges if "/" not in edge.source],
            nodes,
            [edge for edge in edges if "/" in edge.source],
            str(description.get("mermaid", "")),
            show,
        )
        self.not_runnable = (reason,)

    def _refuse(self) -> NoReturn:
        raise InvalidDefinition(list(self.not_runnable))

    def with_saver(self, saver: BaseCheckpointSaver[Any]) -> Graph:
        """Raises `InvalidDefinition`: there is no graph."""
        self._refuse()

    def graph_input(self, run_input: Mapping[str, Any]) -> Any:
        """Raises `InvalidDefinition`: there is no graph."""
        self._refuse()

    def check_input(self, run_input: Any) -> list[Problem]:
        """Why no run can be started."""
        return list(self.not_runnable)

    def output(self, values: Mapping[str, Any]) -> Any:
        """The state: what of it was the output is not known."""
        return self.state(values)

    def next_nodes(self, checkpoint: Checkpoint, ns: str = "") -> list[str]:
        """Nothing runs next."""
        return []

    def edit(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Raises `InvalidDefinition`: there is no graph."""
        self._refuse()

    def editor(self, node_id: str | None, *, begun: bool) -> str | None:
        """Nobody."""
        return None


def failed_to_load(failure: LoadFailure) -> Problem:
    """Why a graph that is in the `langgraph.json` cannot run."""
    return Problem("graph", "import_failed", f"the graph cannot be imported: {failure.type}: {failure.message}")


def _is_triggered(graph: Graph, name: str, checkpoint: Checkpoint) -> bool:
    """Whether something that starts the node was written since it ran last."""
    versions, seen = checkpoint["channel_versions"], checkpoint["versions_seen"].get(name, {})
    return any(
        _is_available(graph, channel, checkpoint) and versions.get(channel, 0) > seen.get(channel, 0)  # type: ignore[operator]
        for channel in graph.nodes[name].triggers
    )


def _is_available(graph: Graph, channel: str, checkpoint: Checkpoint) -> bool:
    spec = graph.channels.get(channel)
    if not isinstance(spec, BaseChannel):
        return False
    value = checkpoint["channel_values"].get(channel, MISSING)
    return value is not MISSING and spec.from_checkpoint(value).is_available()


def _retries(shape: Shape) -> Mapping[str, Sequence[RetryPolicy]]:
    found: dict[str, Sequence[RetryPolicy]] = {}
    for place, graph in shape.graphs.items():
        for name in names_of(graph):
            policies = graph.nodes[name].retry_policy or graph.retry_policy
            if policies:
                found[f"{place}/{name}" if place else name] = tuple(policies)
    return found


def _chart(graph: Graph) -> str:
    for deep in (True, False):
        with suppress(Exception):  # a drawing that LangGraph cannot make must not keep the graph from running
            return graph.get_graph(xray=deep).draw_mermaid()
    return "flowchart TD\n"
