"""A compiled definition: the LangGraph graph, and what is known of it without running it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint

from milepost.graphs.children import Child, Children
from milepost.graphs.compile import Graph, build
from milepost.graphs.json_values import NotJson, encode, own_copy
from milepost.graphs.levels import Level
from milepost.graphs.node_types import Registry
from milepost.graphs.planning import plan
from milepost.graphs.problems import InvalidDefinition, Problem, Report, step_into
from milepost.graphs.regions import Regions
from milepost.graphs.schemas import violations
from milepost.graphs.topology import Topology
from milepost.graphs.validation import Checked, check

RECURSION_LIMIT = 10_007


@dataclass(frozen=True, slots=True)
class ProgramNode:
    """One of the author's nodes."""

    id: str
    type: str
    name: str


@dataclass(frozen=True, slots=True)
class ProgramEdge:
    """One of the author's edges. `conditional` tells a `when` of null from none; `back` closes a cycle."""

    source: str
    target: str
    when: Any
    conditional: bool
    back: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A graph among those of a program: its level, and what the ids of its nodes begin with."""

    prefix: str
    level: Level


class Program:
    """A compiled definition. Immutable, and safe to share between runs and threads."""

    recursion_limit = RECURSION_LIMIT

    def __init__(self, checked: Checked, topology: Topology) -> None:
        frame, plans = checked.draft.frame, plan(checked, topology)
        self.name = frame.name or ""
        self.timeout = frame.timeout
        self.input_schema = frame.input_schema
        self.warnings = tuple(checked.warnings)
        self.not_runnable = tuple(checked.not_runnable)
        self.secrets: Mapping[str, str] = checked.secrets
        """The secrets that its nodes read, nested ones too, each with a path that does."""
        specs = [node.placed.spec for node in checked.nodes]
        self.specs = {spec.id: spec for spec in specs}
        """The nodes as their author wrote them."""
        self.nodes = tuple(ProgramNode(spec.id, spec.type, spec.name or spec.id) for spec in specs)
        self.edges = tuple(
            ProgramEdge(
                edge.placed.spec.source,
                edge.placed.spec.target,
                edge.placed.spec.when,
                edge.placed.spec.conditional,
                number in topology.back_edges,
            )
            for number, edge in enumerate(checked.edges)
        )
        self.variables = tuple(sorted(checked.names.variables))
        self.level = Level(Regions(topology).root, topology, [node.id for node in self.nodes])
        self._levels = {level.name: level for level in self.level.all()}
        self.graph: Graph = build(plans, self.level, self.variables, self.name or "workflow")
        self._after = {
            node.id: [self.nodes[topology.arcs[edge].target].id for edge in topology.forward[number]]
            for number, node in enumerate(self.nodes)
        }
        self._outputs = [node.id for node in self.nodes if node.type == "output"]
        self.named = {node.placed.spec.id: node.children for node in checked.nodes if node.children}
        """The workflows that each node names: its own, its items', its tools'."""
        self.uses = tuple(child for children in self.named.values() for child in children)
        """All of them."""
        self.levels: int = 1 + max((child.program.levels for child in self.uses), default=0)
        self.size: int = len(self.nodes) + sum(child.program.size for child in self.uses)
        self._children: dict[str, Child] = {
            node.placed.spec.id: node.children[0]
            for node in checked.nodes
            if node.children and node.placed.spec.type == "subworkflow"
        }
        self.everything = tuple(self._all_nodes())
        """The author's nodes, each followed by those of the workflow in it, which are called `parent/child`."""
        self.containers = frozenset(plan.id for plan in plans if plan.nested is not None)
        """The nodes that run a graph of their own."""
        kept = [node.placed.spec.id for node in checked.nodes if node.body is not None or node.tools]
        inside = (f"{node}/{inner}" for node, child in self._children.items() for inner in child.program.maps)
        self.maps: tuple[str, ...] = (*kept, *inside)
        """The nodes, nested ones too, that run something many times: a `map`, an `ai` with tools."""
        self.below: dict[str, tuple[str, ...]] = dict(self._all_below())
        """The nodes inside each node that holds a workflow."""

    def _all_nodes(self) -> Iterable[ProgramNode]:
        for node in self.nodes:
            yield node
            if (child := self._children.get(node.id)) is not None:
                for inner in child.program.everything:
                    yield ProgramNode(f"{node.id}/{inner.id}", inner.type, inner.name)

    def _all_below(self) -> Iterable[tuple[str, tuple[str, ...]]]:
        for node_id, child in self._children.items():
            yield node_id, tuple(f"{node_id}/{inner.id}" for inner in child.program.everything)
            for holder, inside in child.program.below.items():
                yield f"{node_id}/{holder}", tuple(f"{node_id}/{inner}" for inner in inside)

    @property
    def children(self) -> Mapping[str, Child]:
        """The workflows that its `subworkflow` nodes run, by node id."""
        return self._children

    def holds(self, node_id: str) -> bool:
        """True for a node, of this or of a nested workflow, that runs a graph of its own."""
        first, _, rest = node_id.partition("/")
        if not rest:
            return first in self.containers
        child = self._children.get(first)
        return child is not None and child.program.holds(rest)

    def with_saver(self, saver: BaseCheckpointSaver[Any]) -> Graph:
        """The graph with a checkpointer of its own. Costs microseconds: all else is shared."""
        graph = copy(self.graph)
        graph.checkpointer = saver
        return graph

    def graph_input(self, run_input: Mapping[str, Any]) -> dict[str, Any]:
        """What to start the graph with."""
        return {"input": dict(run_input)}

    def output(self, values: Mapping[str, Any]) -> Any:
        """The run's output, from the graph's final channel values.

        What the `output` nodes that ran give; in a definition without one, the outputs of the nodes that nothing ran
        after. One is given as it is, several as `{node id: output}`; None when nothing ran.
        """
        ran = {
            node.id: values[f"output:{node.id}"] for node in self.nodes if values.get(f"output:{node.id}") is not None
        }
        if self._outputs:
            found = {node: ran[node].get("value") for node in self._outputs if node in ran}
        else:
            found = {
                node: output for node, output in ran.items() if not any(after in ran for after in self._after[node])
            }
        return next(iter(found.values()), None) if len(found) < 2 else found

    def next_nodes(self, checkpoint: Checkpoint, ns: str = "") -> list[str]:
        """The nodes that run next from a checkpoint of a namespace, in the order of the file."""
        place = self._place(ns)
        return [place.prefix + node for node in place.level.next_nodes(checkpoint)] if place is not None else []

    def _place(self, ns: str) -> Place | None:
        """Where a namespace stands; None for one inside a `map`."""
        program: Any = self
        prefix, level = "", self.level
        for part in ns.split("|") if ns else ():
            name = part.partition(":")[0]
            if name in program._levels:
                level = program._levels[name]
            elif name in program._children:
                program, prefix = program._children[name].program, f"{prefix}{name}/"
                level = program.level
            elif not name.isdigit():
                return None
        return Place(prefix, level)

    @property
    def branched(self) -> bool:
        """True when there are graphs inside the graph: a run then stands in several namespaces."""
        return not self.level.flat or bool(self.containers)

    def gathered(self, values: Mapping[str, Any], parts: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
        """Channel values of the root graph with those that its branches have come to, given by namespace.

        The namespace "" stands for what tasks of the root graph wrote since. Those around others come first.
        """
        merged = dict(values)
        for ns, inner in parts:
            place = self._place(ns)
            if place is None or place.prefix:
                continue
            level = place.level
            for channel, value in inner.items():
                kind, _, name = channel.partition(":")
                own = kind == "output" and name in level.nodes
                if own or (kind == "var" and (channel not in values or encode(values[channel]) != encode(value))):
                    merged[channel] = value
        return merged

    def following(self, nodes: Iterable[str], parts: Iterable[tuple[str, Iterable[str]]]) -> list[str]:
        """The nodes that run next, from those of the root graph and those of its branches by namespace."""
        found = set(nodes)
        for ns, inner in parts:
            place, inside = self._place(ns), list(inner)
            if place is None or (place.prefix and not inside):
                continue
            before = [place.prefix + node for node in place.level.entries] if place.level.name else [place.prefix[:-1]]
            found = found.difference(before).union(inside)
        return [node.id for node in self.everything if node.id in found]

    def finished(self, values: Mapping[str, Any], parts: Iterable[tuple[str, Mapping[str, Any]]] = ()) -> set[str]:
        """The nodes whose output is known, those of nested workflows included; arguments as for `gathered`."""
        found = set(self.state(values)["outputs"])
        for ns, inner in parts:
            place = self._place(ns)
            if place is not None and place.prefix:
                outputs = (channel.partition(":") for channel, value in inner.items() if value is not None)
                found |= {place.prefix + name for kind, _, name in outputs if kind == "output"}
        return found.union(*(self.below.get(node, ()) for node in found))

    def state(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A checkpoint's values as users see them: `{"input", "variables", "outputs"}`."""
        return {
            "input": values.get("input"),
            "variables": {name: values[f"var:{name}"] for name in self.variables if f"var:{name}" in values},
            "outputs": {
                node.id: values[f"output:{node.id}"]
                for node in self.nodes
                if values.get(f"output:{node.id}") is not None
            },
        }

    def edit(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A user's `{"variables": …, "outputs": …}` as channel updates; `{"$replace": v}` stands for v.

        Raises `InvalidDefinition` with every name that does not exist and every value that cannot be stored.
        """
        problems: list[Problem] = []
        updates: dict[str, Any] = {}
        for part, items in values.items():
            if part not in ("variables", "outputs") or not isinstance(items, Mapping):
                problems.append(
                    Problem(str(part), "unknown_key", "only the objects variables and outputs can be edited")
                )
                continue
            for name, value in items.items():
                self._edit_one(part, name, value, updates, problems)
        if problems:
            raise InvalidDefinition(problems)
        return updates

    def _edit_one(self, part: str, name: Any, value: Any, updates: dict[str, Any], problems: list[Problem]) -> None:
        path = step_into(part, str(name))
        known = self.variables if part == "variables" else [node.id for node in self.nodes]
        if name not in known:
            what = "variable" if part == "variables" else "node"
            problems.append(Problem(path, "unknown_name", f"there is no {what} {name!r}"))
            return
        if isinstance(value, Mapping) and value.keys() == {"$replace"}:
            value = value["$replace"]
        if part == "outputs" and value is not None and not isinstance(value, Mapping):
            problems.append(Problem(path, "invalid_value", "an output is an object or null"))
            return
        try:
            updates[f"{'var' if part == 'variables' else 'output'}:{name}"] = own_copy(value)[0]
        except NotJson as error:
            problems.append(Problem(path, "invalid_value", str(error)))

    def editor(self, node_id: str | None, *, begun: bool) -> str | None:
        """LangGraph's name of the node that an edit is made as; before any has run, the first."""
        node = node_id if node_id or begun else self.nodes[0].id
        return node and self.level.node_of(node)

    def check_input(self, run_input: Any) -> list[Problem]:
        """Every reason why the definition's `input_schema` refuses an input. Empty when it does not."""
        if not isinstance(run_input, Mapping):
            return [Problem("input_data", "invalid_input", "the input is a JSON object")]
        if self.input_schema is None:
            return []
        return violations(self.input_schema, dict(run_input), "input_data", "invalid_input")

    def drawing(self) -> dict[str, Any]:
        """The author's nodes and edges as JSON."""
        nodes = [{"id": node.id, "type": node.type, "name": node.name} for node in self.everything]
        edges = []
        for edge in self.all_edges():
            drawn: dict[str, Any] = {"source": edge.source, "target": edge.target, "back": edge.back}
            edges.append({**drawn, "when": edge.when} if edge.conditional else drawn)
        return {"nodes": nodes, "edges": edges}

    def all_edges(self) -> Iterable[ProgramEdge]:
        """The author's edges, and those of the workflows inside."""
        yield from self.edges
        for node_id, child in self._children.items():
            inner: Iterable[Any] = child.program.all_edges()
            for edge in inner:
                yield replace(edge, source=f"{node_id}/{edge.source}", target=f"{node_id}/{edge.target}")

    def mermaid(self) -> str:
        """The author's nodes and edges as a Mermaid flowchart."""
        numbers = {node.id: f"n{number}" for number, node in enumerate(self.everything)}
        lines = ["flowchart TD", *self._mermaid_nodes(numbers, "")]
        for edge in self.all_edges():
            arrow = "-.->" if edge.back else "-->"
            label = f'|"{_quoted(_when_text(edge.when))}"|' if edge.conditional else ""
            lines.append(f"    {numbers[edge.source]} {arrow}{label} {numbers[edge.target]}")
        return "\n".join(lines) + "\n"

    def _mermaid_nodes(self, numbers: Mapping[str, str], prefix: str) -> Iterable[str]:
        indent = "    " * (1 + prefix.count("/"))
        for node in self.nodes:
            number, name = numbers[prefix + node.id], _quoted(node.name)
            if (child := self._children.get(node.id)) is not None:
                yield f'{indent}subgraph {number}["{name}"]'
                yield from child.program._mermaid_nodes(numbers, f"{prefix}{node.id}/")
                yield f"{indent}end"
            else:
                opening, closing = ("{", "}") if node.type in ("condition", "switch") else ("[", "]")
                yield f'{indent}{number}{opening}"{name}"{closing}'


def _when_text(when: Any) -> str:
    return when if isinstance(when, str) else encode(when).decode()


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace("\n", " ")


def load(definition: Any, registry: Registry, children: Children | None = None) -> Program:
    """The compiled definition. Raises `InvalidDefinition` with every problem."""
    checked = check(definition, registry, children)
    if checked.errors or checked.topology is None:
        raise InvalidDefinition(checked.errors)
    return Program(checked, checked.topology)


def validate(definition: Any, registry: Registry, children: Children | None = None) -> Report:
    """Every error and warning of a definition. Never raises."""
    return check(definition, registry, children).report()
