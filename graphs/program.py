"""A compiled definition: the LangGraph graph, and what is known of it without running it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint

from milepost.graphs.compile import Graph, build
from milepost.graphs.json_values import NotJson, encode, own_copy
from milepost.graphs.levels import Level
from milepost.graphs.node_types import Registry
from milepost.graphs.problems import InvalidDefinition, Problem, Report, step_into
from milepost.graphs.regions import Regions
from milepost.graphs.schemas import violations
from milepost.graphs.topology import Topology
from milepost.graphs.validation import Checked, check, plan

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
        specs = [node.placed.spec for node in checked.nodes]
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
        level = self._levels.get(_branch_of(ns))
        return level.next_nodes(checkpoint) if level is not None else []

    @property
    def branched(self) -> bool:
        """True when there are branches that are graphs of their own: a run then stands in several namespaces."""
        return not self.level.flat

    def gathered(self, values: Mapping[str, Any], parts: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
        """Channel values of the root graph with those that its branches have come to, given by namespace.

        The namespace "" stands for what tasks of the root graph wrote since. Those around others come first.
        """
        merged = dict(values)
        for ns, inner in parts:
            level = self._levels[_branch_of(ns)]
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
            found = found.difference(self._levels[_branch_of(ns)].entries).union(inner)
        return [node.id for node in self.nodes if node.id in found]

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

    def check_input(self, run_input: Any) -> list[Problem]:
        """Every reason why the definition's `input_schema` refuses an input. Empty when it does not."""
        if not isinstance(run_input, Mapping):
            return [Problem("input_data", "invalid_input", "the input is a JSON object")]
        if self.input_schema is None:
            return []
        return violations(self.input_schema, dict(run_input), "input_data", "invalid_input")

    def drawing(self) -> dict[str, Any]:
        """The author's nodes and edges as JSON."""
        nodes = [{"id": node.id, "type": node.type, "name": node.name} for node in self.nodes]
        edges = []
        for edge in self.edges:
            drawn: dict[str, Any] = {"source": edge.source, "target": edge.target, "back": edge.back}
            edges.append({**drawn, "when": edge.when} if edge.conditional else drawn)
        return {"nodes": nodes, "edges": edges}

    def mermaid(self) -> str:
        """The author's nodes and edges as a Mermaid flowchart."""
        numbers = {node.id: f"n{number}" for number, node in enumerate(self.nodes)}
        lines = ["flowchart TD"]
        for node in self.nodes:
            opening, closing = ("{", "}") if node.type in ("condition", "switch") else ("[", "]")
            lines.append(f'    {numbers[node.id]}{opening}"{_quoted(node.name)}"{closing}')
        for edge in self.edges:
            arrow = "-.->" if edge.back else "-->"
            label = f'|"{_quoted(_when_text(edge.when))}"|' if edge.conditional else ""
            lines.append(f"    {numbers[edge.source]} {arrow}{label} {numbers[edge.target]}")
        return "\n".join(lines) + "\n"


def _branch_of(ns: str) -> str:
    """The name of the branch that a namespace belongs to, "" for the root's."""
    return ns.rpartition("|")[2].partition(":")[0]


def _when_text(when: Any) -> str:
    return when if isinstance(when, str) else encode(when).decode()


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace("\n", " ")


def load(definition: Any, registry: Registry) -> Program:
    """The compiled definition. Raises `InvalidDefinition` with every problem."""
    checked = check(definition, registry)
    if checked.errors or checked.topology is None:
        raise InvalidDefinition(checked.errors)
    return Program(checked, checked.topology)


def validate(definition: Any, registry: Registry) -> Report:
    """Every error and warning of a definition. Never raises."""
    return check(definition, registry).report()
