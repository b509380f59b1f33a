"""Everything about one node that is known before any run: worked out at compile time, read by the node's execution."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from milepost.graphs.definition import Retry
from milepost.graphs.expressions import Names, Scope
from milepost.graphs.json_values import json_equal
from milepost.graphs.nested import Nested
from milepost.graphs.node_types import NodeType
from milepost.graphs.routing import Decision, Routing
from milepost.graphs.templates import Resolved
from milepost.graphs.topology import ALWAYS, ELSE, ERROR, EXPRESSION, TIMEOUT, VALUE


@dataclass(frozen=True, slots=True)
class Way:
    """One outgoing edge: its number, the kind of its `when`, and what that compares with or computes."""

    edge: int
    kind: str
    value: Any = None
    expression: Resolved | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a definition allows each of its runs."""

    max_iterations: int
    max_state_bytes: int


@dataclass(slots=True)
class NodePlan:
    """One node, ready to be executed any number of times."""

    id: str
    number: int
    type: NodeType[Any]
    config: Resolved
    constant: BaseModel | None
    """The validated config, where it has no expressions."""
    sets: Resolved
    timeout: float | None
    retry: Retry | None
    goes_on: bool
    """True for `on_error: continue`."""
    ways: tuple[Way, ...]
    predecessors: tuple[str, ...]
    """Ids by slot of the node's join."""
    back_sources: Mapping[int, str]
    """Ids of the nodes that back edges to this one come from, by edge number."""
    cyclic: bool
    names: Names
    reads_outputs: tuple[tuple[str, str], ...]
    """Node ids and the channels of their outputs."""
    reads_variables: tuple[tuple[str, str], ...]
    limits: Limits
    routing: Routing
    nested: Nested | None = None
    """The graph that the node runs, in the place of code of its own."""
    synchronous: bool = False
    always: Decision | None = None
    """The one decision of a node whose edges are all unconditional."""

    def __post_init__(self) -> None:
        self.synchronous = self.nested is None and not inspect.iscoroutinefunction(self.type.run)
        if all(way.kind == ALWAYS for way in self.ways):
            self.always = self.routing.took(self.number, (way.edge for way in self.ways))

    @property
    def max_attempts(self) -> int:
        """How often the node is tried."""
        return self.retry.max_attempts if self.retry else 1

    def edges(self, kind: str) -> list[int]:
        """The outgoing edges of a kind."""
        return [way.edge for way in self.ways if way.kind == kind]

    def taken(self, output: Mapping[str, Any], resolve: Resolver) -> list[int]:
        """The outgoing edges that an output takes; `resolve` computes the expressions among them."""
        chosen = [way.edge for way in self.ways if self._chosen(way, output, resolve)]
        return self.edges(ALWAYS) + (chosen or self.edges(ELSE))

    def _chosen(self, way: Way, output: Mapping[str, Any], resolve: Resolver) -> bool:
        if way.kind == VALUE:
            return "value" in output and json_equal(way.value, output["value"])
        return way.kind == EXPRESSION and way.expression is not None and bool(resolve(way.expression))

    def handled(self) -> list[int]:
        """The edges that a failure takes, none when it has no `error` edge."""
        return self.edges(ERROR)

    def late(self) -> list[int]:
        """The edges that are taken when the node gave up waiting."""
        return self.edges(TIMEOUT)

    def scope(self, state: Mapping[str, Any], run: Mapping[str, Any]) -> Scope:
        """What the node's expressions see of the graph's state."""
        outputs = {node: state[channel] for node, channel in self.reads_outputs if channel in state}
        variables = {name: state[channel] for name, channel in self.reads_variables if channel in state}
        return Scope(self.names, state.get("input"), variables, outputs, run)


class Resolver:
    """Computes the expressions of one execution, on one budget."""

    __slots__ = ("budget", "scope")

    def __init__(self, scope: Scope, budget: Any) -> None:
        self.scope = scope
        self.budget = budget

    def __call__(self, resolved: Resolved) -> Any:
        """The value with its expressions computed. Raises `ExpressionError`."""
        return resolved.resolve(self.scope, self.budget)
