"""Checks a whole definition and reports every problem at once, then plans each node of a valid one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langgraph._internal._constants import RESERVED
from pydantic import BaseModel, ValidationError

from milepost.graphs.children import MAX_NESTED, Child, Children, Reference, find
from milepost.graphs.definition import MAX_VARIABLES, Draft, EdgeSpec, NodeSpec, Placed, problems_of, read_draft
from milepost.graphs.expressions import Names
from milepost.graphs.json_values import NotJson, encode
from milepost.graphs.node_types import NodeType, Registry
from milepost.graphs.node_types.base import Inner
from milepost.graphs.problems import Problem, Report, step_into
from milepost.graphs.schemas import schema_problems
from milepost.graphs.templates import Resolved
from milepost.graphs.topology import ALWAYS, ELSE, ERROR, EXPRESSION, TIMEOUT, VALUE, Arc, Flaw, Topology

KEYWORDS = {"else": ELSE, "error": ERROR, "timeout": TIMEOUT}


@dataclass(slots=True)
class Node:
    """A node with what its checks found out."""

    placed: Placed[NodeSpec]
    type: NodeType[Any] | None
    config: Resolved
    sets: Resolved
    constant: BaseModel | None = None
    children: list[Child] = field(default_factory=list)
    body: Node | None = None
    """What the node runs for each item of a list."""
    tools: dict[str, Node] = field(default_factory=dict)
    """What the node may run when it likes, by name."""


@dataclass(slots=True)
class Edge:
    """An edge between nodes that exist."""

    placed: Placed[EdgeSpec]
    source: int
    target: int
    kind: str
    expression: Resolved | None = None
    label: str = ""


@dataclass(slots=True)
class Checked:
    """A definition and everything that was found out about it."""

    draft: Draft
    nodes: list[Node]
    edges: list[Edge]
    names: Names
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    not_runnable: list[Problem] = field(default_factory=list)
    topology: Topology | None = None
    children: Children | None = None
    """The workflows that the definition names; None where nobody can look them up."""
    secrets: dict[str, str] = field(default_factory=dict)
    """The secrets that it reads, those of nested workflows too, each with the first path that does."""

    def report(self) -> Report:
        """The problems, in the order of the definition."""
        return Report(tuple(self.errors), tuple(self.warnings + self.not_runnable), self.secrets)


def check(definition: Any, registry: Registry, children: Children | None = None) -> Checked:
    """Everything that is right and wrong about a definition. Never raises."""
    draft = read_draft(definition)
    names = Names(frozenset(draft.declared), frozenset(name for node in draft.nodes for name in node.spec.set))
    errors = list(draft.problems)
    checked = Checked(draft, [], [], names, errors, children=children)
    for placed in draft.nodes:
        checked.nodes.append(_check_node(placed, registry, checked, names))
    _check_size(checked)
    _check_ids(checked)
    _check_input_schema(checked)
    _check_edges(checked)
    _check_ways(checked)
    if draft.whole and len(draft.declared) == len(draft.nodes):
        _check_graph(checked)
    return checked


def _check_node(
    placed: Placed[NodeSpec], registry: Registry, checked: Checked, names: Names, config_path: str = ""
) -> Node:
    spec, path, errors = placed.spec, placed.path, checked.errors
    config_path = config_path or f"{path}.config"
    node_type = registry.get(spec.type)
    if node_type is None:
        why = registry.why_not(spec.type)
        rest = f": {why}" if why else f"; there are {', '.join(registry.names())}"
        errors.append(Problem(f"{path}.type", "unknown_type", f"there is no node type {spec.type!r}{rest}"))
    bare = (node_type.expressions, node_type.either, node_type.unresolved) if node_type else ()
    readable = replace(names, secrets=True) if node_type is not None and node_type.reads_secrets else names
    config = Resolved(spec.config, config_path, readable, errors, *bare)
    if config.secrets:
        checked.secrets = config.secrets | checked.secrets
    sets = Resolved(dict(spec.set), f"{path}.set", names, errors)
    node = Node(placed, node_type, config, sets)
    if spec.id.startswith("__"):
        errors.append(Problem(f"{path}.id", "bad_id", "ids that begin with two underscores are reserved"))
    elif spec.id in RESERVED:
        errors.append(Problem(f"{path}.id", "bad_id", f"the id {spec.id!r} is reserved"))
    errors.extend(_not_json(path, {"config": spec.config, "set": spec.set}))
    if node_type is not None:
        if _check_config(node, node_type, config_path, checked):
            _check_inner(node, node_type, config_path, registry, checked)
        if node_type.times_out and spec.timeout is not None:
            message = f"this limits the node's own code; how long a {node_type.name} waits stands in its config"
            checked.warnings.append(Problem(f"{path}.timeout", "timeout_without_effect", message))
    return node


def _not_json(path: str, parts: Mapping[str, Any]) -> Iterable[Problem]:
    """A problem for each part that could not be stored."""
    for key, value in parts.items():
        try:
            encode(value)
        except NotJson as error:
            yield Problem(step_into(path, key), "invalid_value", str(error))


def _check_inner(node: Node, node_type: NodeType[Any], path: str, registry: Registry, checked: Checked) -> None:
    """Check what a node with a correct config runs inside itself."""
    written, names = node.placed.spec.config, node.config.names
    body, tools = node_type.body(written, path), dict(node_type.tools(written, path))
    if body is None and not tools:
        _check_children(node, node_type, path, checked)
        return

    def found(inner: Inner) -> Node:
        placed, config_path, more = inner
        seen = replace(names, locals=names.locals | more, secrets=False)
        return _check_node(placed, registry, checked, seen, config_path)

    node.body = found(body) if body is not None else None
    node.tools = {name: found(tool) for name, tool in tools.items()}
    node.children = [child for inner in (node.body, *node.tools.values()) if inner for child in inner.children]


def _check_config(node: Node, node_type: NodeType[Any], path: str, checked: Checked) -> bool:
    """Whether the config is correct."""
    written, before = node.placed.spec.config, len(checked.errors)
    found: list[Problem] = []
    try:
        model = node_type.config_model.model_validate(written)
        node.constant = model if node.config.constant else None
    except ValidationError as error:
        found = [item for item in problems_of(error, path) if not _inside(item.path, node.config.templated)]
    checked.errors.extend(found)
    if not found:
        checked.errors.extend(node_type.check(written, path))
        checked.not_runnable.extend(node_type.not_runnable(written, path))
    right = len(checked.errors) == before
    if right:
        checked.warnings.extend(node_type.doubts(written, path))
    return right


def _check_children(node: Node, node_type: NodeType[Any], path: str, checked: Checked) -> None:
    for wanted in node_type.uses(node.placed.spec.config, path):
        child = find(wanted, checked.children, checked.errors)
        if child is not None:
            node.children.append(child)
            checked.secrets = dict.fromkeys(child.program.secrets, wanted.path) | checked.secrets
            checked.not_runnable.extend(
                Problem(wanted.path, problem.code, f"in workflow {child.workflow_id}: {problem}")
                for problem in child.program.not_runnable
            )


def _check_size(checked: Checked) -> None:
    """Each variable is a channel, and definitions in definitions multiply: a few could stand for millions of nodes."""
    size = len(checked.nodes) + sum(child.program.size for node in checked.nodes for child in node.children)
    variables = len(checked.names.variables)
    if variables > MAX_VARIABLES:
        message = f"{variables} variables; at most {MAX_VARIABLES} are allowed"
        checked.errors.append(Problem("", "too_many", message))
    if size > MAX_NESTED:
        message = f"{size} nodes, those of nested workflows included; at most {MAX_NESTED} are allowed"
        checked.errors.append(Problem("", "too_many", message))


def references(definition: Any, registry: Registry) -> list[Reference]:
    """The workflows that a definition names. Never raises."""
    found: list[Reference] = []
    waiting: list[tuple[str, Mapping[str, Any], str]] = [
        (placed.spec.type, placed.spec.config, f"{placed.path}.config") for placed in read_draft(definition).nodes
    ]
    while waiting:
        type_name, config, path = waiting.pop(0)
        node_type = registry.get(type_name)
        if node_type is not None:
            found.extend(node_type.uses(config, path))
            waiting.extend(node_type.holds(config, path))
    return found


def _inside(path: str, places: set[str]) -> bool:
    """True for a path at or below one of `places`, whose value is only known when the node runs."""
    return any(path == place or path.startswith((f"{place}.", f"{place}[")) for place in places)


def _check_ids(checked: Checked) -> None:
    seen: set[str] = set()
    for node in checked.nodes:
        if node.placed.spec.id in seen:
            message = f"there is more than one node {node.placed.spec.id!r}"
            checked.errors.append(Problem(f"{node.placed.path}.id", "duplicate_id", message))
        seen.add(node.placed.spec.id)


def _check_input_schema(checked: Checked) -> None:
    schema = checked.draft.frame.input_schema
    if schema is not None:
        checked.errors.extend(list(_not_json("", {"input_schema": schema})) or schema_problems(schema, "input_schema"))


def _check_edges(checked: Checked) -> None:
    numbers = {node.placed.spec.id: number for number, node in enumerate(checked.nodes)}
    for placed in checked.draft.edges:
        spec, path = placed.spec, placed.path
        for key, node in (("source", spec.source), ("target", spec.target)):
            if node not in checked.draft.declared:
                checked.errors.append(Problem(f"{path}.{key}", "unknown_node", f"there is no node {node!r}"))
        if spec.source in numbers and spec.target in numbers:
            edge = Edge(placed, numbers[spec.source], numbers[spec.target], ALWAYS)
            _check_when(edge, checked)
            checked.edges.append(edge)


def _check_when(edge: Edge, checked: Checked) -> None:
    spec, path = edge.placed.spec, f"{edge.placed.path}.when"
    if not spec.conditional:
        return
    if isinstance(spec.when, str) and spec.when in KEYWORDS:
        edge.kind = KEYWORDS[spec.when]
        return
    if isinstance(spec.when, str) and "{{" in spec.when:
        edge.kind = EXPRESSION
        edge.expression = Resolved(spec.when, path, checked.names, checked.errors)
        return
    edge.kind = VALUE
    try:
        encode(spec.when)
        edge.label = _label(spec.when)
    except NotJson as error:
        checked.errors.append(Problem(path, "invalid_value", str(error)))


def _label(value: Any) -> str:
    """The same text for values that are equal as JSON."""
    return json.dumps(_whole(value), sort_keys=True)


def _whole(value: Any) -> Any:
    """The value with whole numbers as integers."""
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_ways(checked: Checked) -> None:
    """Whether the `when`s of a node's edges fit its type."""
    ways: list[list[Edge]] = [[] for _ in checked.nodes]
    for edge in checked.edges:
        ways[edge.source].append(edge)
    for node, edges in zip(checked.nodes, ways, strict=True):
        if node.type is not None:
            cases = _cases(node, node.type)
            chosen = any(edge.kind in (VALUE, EXPRESSION) for edge in edges)
            for edge in edges:
                checked.errors.extend(_check_way(edge, node, node.type, cases))
                if edge.kind == ELSE and not chosen:
                    message = f"{node.placed.spec.id!r} has no other edge with a condition"
                    checked.errors.append(Problem(f"{edge.placed.path}.when", "else_without_case", message))
            checked.warnings.extend(_missing_ways(node, cases, edges))


def _cases(node: Node, node_type: NodeType[Any]) -> Mapping[str, int] | None:
    """The cases of a switch as labels, with their places; None where it has none, or none that can be compared."""
    cases = node.placed.spec.config.get("cases")
    if node_type.name != "switch" or not isinstance(cases, list):
        return None
    try:
        encode(cases)
    except NotJson:
        return None
    return {_label(case): index for index, case in enumerate(cases)}


def _check_way(edge: Edge, node: Node, node_type: NodeType[Any], cases: Mapping[str, int] | None) -> Iterable[Problem]:
    path, name = f"{edge.placed.path}.when", node.placed.spec.id
    if edge.kind == ALWAYS and node_type.branching:
        if edge.placed.path.startswith("steps"):
            yield Problem(f"{node.placed.path}.type", "branch_in_steps", f"a {node_type.name} has no place in steps")
        else:
            yield Problem(
                path, "missing_when", f"{name!r} is a {node_type.name}: say which of its values this edge is for"
            )
    if edge.kind == VALUE and not node_type.branching:
        yield Problem(
            path, "when_without_value", f"{name!r} is a {node_type.name}, which gives no value to compare with"
        )
    if edge.kind == VALUE and node_type.name == "condition" and not isinstance(edge.placed.spec.when, bool):
        yield Problem(path, "unknown_case", "a condition is true or false")
    if edge.kind == TIMEOUT and not node_type.times_out:
        yield Problem(path, "when_without_value", f"a {node_type.name} does not time out")
    if edge.kind == VALUE and cases is not None and edge.label not in cases:
        yield Problem(path, "unknown_case", f"{name!r} has no such case")


def _missing_ways(node: Node, cases: Mapping[str, int] | None, edges: Sequence[Edge]) -> Iterable[Problem]:
    """Cases that no edge is for; the run's branch ends there, which is allowed."""
    if not cases or not edges or any(edge.kind in (ELSE, EXPRESSION) for edge in edges):
        return
    taken = {edge.label for edge in edges if edge.kind == VALUE}
    for label, index in cases.items():
        if label not in taken:
            yield Problem(f"{node.placed.path}.config.cases[{index}]", "case_without_edge", "no edge is for this case")


def _check_graph(checked: Checked) -> None:
    arcs = [Arc(edge.source, edge.target, edge.kind, edge.label) for edge in checked.edges]
    topology = Topology(len(checked.nodes), arcs)
    flaws = topology.flaws()
    # Where edges are missing, what they would lead to proves nothing.
    known = flaws if len(checked.edges) == checked.draft.written_edges else []
    checked.errors.extend(_flaw_problem(flaw, checked) for flaw in known)
    if any(flaw.code == "no_start" for flaw in flaws):
        return
    for number in sorted(topology.back_edges):
        edge = checked.edges[number]
        node_type = checked.nodes[edge.source].type
        if node_type is not None and not node_type.branching:
            message = f"the cycle back to {edge.placed.spec.target!r} must come out of a condition or a switch"
            checked.errors.append(Problem(edge.placed.path, "cycle_without_condition", message))
    checked.topology = topology


FLAWS = {
    "no_start": "every node has an incoming edge, so nothing starts the run",
    "unreachable": "no start node leads here",
    "cycle_entered_twice": "a cycle is entered at its first node only; this edge enters the one of {nodes} elsewhere",
    "cycle_left_from_parallel": "this edge leaves or repeats the cycle of {nodes} from one of its parallel branches",
    "cycle_left_and_kept": "this edge leaves or repeats the cycle of {nodes} and may be taken with one that does not",
    "cycles_too_deep": "cycles are nested too deeply",
    "too_many_cycles": "there are too many cycles",
}


def _flaw_problem(flaw: Flaw, checked: Checked) -> Problem:
    path = ""
    if flaw.edge is not None:
        path = checked.edges[flaw.edge].placed.path
    elif flaw.node is not None:
        path = checked.nodes[flaw.node].placed.path
    elif flaw.code == "no_start":
        path = "nodes"
    names = ", ".join(checked.nodes[node].placed.spec.id for node in flaw.nodes[:20])
    return Problem(path, flaw.code, FLAWS[flaw.code].format(nodes=names))
