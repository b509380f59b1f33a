"""What follows from a node's outcome: tokens for joins, nodes that can no longer be reached, cycles that start over.

Pure functions of the graph's shape. A decision is the same for every run, so it is worked out once and kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from milepost.graphs.channels import CLEAR, DEAD, LIVE, SPENT, back_token, token
from milepost.graphs.topology import Cycle, Topology, members


@dataclass(frozen=True, slots=True)
class Decision:
    """The consequences of one outcome of one node."""

    updates: dict[str, Any]
    """What to write to the graph's channels, the node's own output apart."""
    skipped: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    cycle: str | None = None
    """The id of the node that a taken back edge leads to."""


@dataclass(slots=True)
class Routing:
    """Answers `decide` for every node of one graph, from `ids` and shape alone."""

    topology: Topology
    ids: tuple[str, ...]
    _known: dict[tuple[int, frozenset[int], bool, bool], Decision] = field(default_factory=dict)

    def took(self, node: int, live: Iterable[int]) -> Decision:
        """What follows when `node` ran and took the edges `live`."""
        return self._recall((node, frozenset(live), False, False))

    def left_out(self, node: int, spent: bool) -> Decision:
        """What follows when all that leads to the join `node` is dead; `spent` when a branch ended on the way."""
        return self._recall((node, frozenset(), True, spent))

    def _recall(self, key: tuple[int, frozenset[int], bool, bool]) -> Decision:
        decision = self._known.get(key)
        if decision is None:
            decision = self._known[key] = self._decide(*key)
        return decision

    def _decide(self, node: int, live: frozenset[int], dead: bool, spent: bool) -> Decision:
        around = self.topology.cycles_of[node]
        if dead and around and around[0].header == node:
            around = around[1:]
        for edge in live & self.topology.back_edges:
            return self._start_over(node, edge)
        dying = not live and (spent or not dead)
        left = self._left(node, live, around, dying)
        closure = _Closure(self, node, live, active=around[len(left) :], left=left, dying=dying)
        return closure.decision()

    def _left(self, node: int, live: frozenset[int], around: tuple[Cycle, ...], dying: bool) -> tuple[Cycle, ...]:
        """The cycles that this outcome ends, innermost first."""
        targets = [self.topology.arcs[edge].target for edge in live]
        if not targets and not dying:
            return ()
        over = (
            (lambda cycle: not any(map(cycle.holds, targets)))
            if targets
            else (lambda cycle: self.topology.is_solo(cycle, node))
        )
        return around[: _leading(over, around)]

    def _start_over(self, node: int, edge: int) -> Decision:
        header = self.topology.arcs[edge].target
        around = self.topology.cycles_of[node]
        cycle = next(cycle for cycle in around if cycle.header == header)
        updates: dict[str, Any] = {f"join:{self.ids[other]}": [CLEAR] for other in joins_in(self.topology, cycle)}
        for inner in around[: around.index(cycle)]:
            updates[f"loop:{self.ids[inner.header]}"] = 0
        updates[f"join:{self.ids[header]}"] = [back_token(edge)]
        restarted = tuple(self.ids[other] for other in members(cycle.nodes))
        return Decision(updates, restarted=restarted, cycle=self.ids[header])


def joins_in(topology: Topology, cycle: Cycle) -> list[int]:
    """The nodes inside a cycle that can have collected tokens."""
    return [node for node in members(cycle.nodes) if node != cycle.header and len(topology.slots[node]) > 1]


def _leading(condition: Callable[[Cycle], bool], cycles: tuple[Cycle, ...]) -> int:
    for count, cycle in enumerate(cycles):
        if not condition(cycle):
            return count
    return len(cycles)


class _Closure:
    """Follows dead edges from one node until they reach a join that still waits for another predecessor."""

    def __init__(
        self,
        routing: Routing,
        node: int,
        live: frozenset[int],
        *,
        active: tuple[Cycle, ...],
        left: tuple[Cycle, ...],
        dying: bool,
    ) -> None:
        self.topology = routing.topology
        self.ids = routing.ids
        self.node = node
        self.live = live
        self.active = active
        self.left = left
        self.dead_kind = SPENT if dying else DEAD
        self.skipped = 0
        self.tokens: dict[int, dict[int, int]] = {}

    def decision(self) -> Decision:
        """The tokens and skips that follow."""
        arcs, slots = self.topology.arcs, self.topology.slots
        for edge in self.live:
            target = arcs[edge].target
            self.tokens.setdefault(target, {})[slots[target][self.node]] = LIVE
        self._follow(deque(self._dead_edges()))
        updates = self._cleared()
        for target, found in self.tokens.items():
            if not self.skipped >> target & 1:
                updates[f"join:{self.ids[target]}"] = [token(slot, kind) for slot, kind in sorted(found.items())]
        for other in members(self.skipped):
            if self.topology.cycles_of[other]:
                updates[f"output:{self.ids[other]}"] = None
        return Decision(updates, skipped=tuple(self.ids[other] for other in members(self.skipped)))

    def _dead_edges(self) -> list[int]:
        own = [edge for edge in self.topology.forward[self.node] if edge not in self.live]
        if not self.left:
            return own
        outer = self.left[-1]
        self.skipped = self.topology.descendants[self.node] & outer.nodes & ~(1 << self.node)
        return [edge for edge in outer.exits if edge not in self.live and edge not in self.topology.back_edges]

    def _follow(self, waiting: deque[int]) -> None:
        arcs, slots, forward = self.topology.arcs, self.topology.slots, self.topology.forward
        while waiting:
            arc = arcs[waiting.popleft()]
            if self._undecided(arc.source, arc.target):
                continue
            found = self.tokens.setdefault(arc.target, {})
            if found.setdefault(slots[arc.target][arc.source], self.dead_kind) == LIVE:
                continue
            complete = len(found) == len(slots[arc.target]) and LIVE not in found.values()
            if complete and not self.skipped >> arc.target & 1:
                self.skipped |= 1 << arc.target
                waiting.extend(forward[arc.target])

    def _undecided(self, source: int, target: int) -> bool:
        """True for an edge that leaves a cycle which goes on: its source may run again and take it."""
        return any(cycle.holds(source) and not cycle.holds(target) for cycle in self.active)

    def _cleared(self) -> dict[str, Any]:
        updates: dict[str, Any] = {}
        if self.left:
            updates = {f"join:{self.ids[node]}": [CLEAR] for node in joins_in(self.topology, self.left[-1])}
            updates |= {f"loop:{self.ids[cycle.header]}": 0 for cycle in self.left}
        return updates
