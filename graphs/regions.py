"""Finds the branches of a graph that can run on without waiting for one another: its regions, one inside another.

A region is entered at one node, or from one node, and what leaves it leads to one node, or to the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from milepost.graphs.topology import Cycle, Topology, members

MAX_DEPTH = 16
"""Regions inside one another. What lies deeper runs in step with the innermost."""


@dataclass(frozen=True, slots=True)
class Region:
    """A branch. `nodes` is the set of all its nodes; `direct` are those in none of the regions `inner`."""

    entries: tuple[int, ...]
    nodes: int
    direct: tuple[int, ...]
    inner: tuple[Region, ...]
    source: int | None
    """The one node that leads to all entries; None where the region is entered at one node, or where the run starts."""


@dataclass
class Regions:
    """The regions of one graph. Sets of nodes are integers used as bit sets, as in `topology`."""

    topology: Topology

    @cached_property
    def root(self) -> Region:
        """The whole graph as a region."""
        direct, inner = self._arranged(self._heads, 0)
        return Region(tuple(self.topology.starts), self._all, tuple(sorted(direct)), tuple(inner), None)

    @cached_property
    def _all(self) -> int:
        return sum(1 << node for node in self.topology.order)

    @cached_property
    def _places(self) -> dict[int, int]:
        return {node: place for place, node in enumerate(self.topology.order)}

    @cached_property
    def _into(self) -> dict[int, list[int]]:
        """Forward edges by target."""
        found: dict[int, list[int]] = {node: [] for node in self.topology.order}
        for node in self.topology.order:
            for edge in self.topology.forward[node]:
                found[self.topology.arcs[edge].target].append(edge)
        return found

    @cached_property
    def _dominators(self) -> dict[int, int]:
        """The last node that every way to a node leads through; -1 for the run's start."""
        found: dict[int, int] = {}
        for node in self.topology.order:
            sources = [self.topology.arcs[edge].source for edge in self._into[node]]
            common = sources[0] if sources else -1
            for source in sources[1:]:
                common = self._common(common, source, found)
            found[node] = common
        return found

    def _common(self, one: int, other: int, dominators: Mapping[int, int]) -> int:
        """The last node that every way to either of two leads through."""
        while one != other:
            if other == -1 or (one != -1 and self._places[one] > self._places[other]):
                one = dominators[one]
            else:
                other = dominators[other]
        return one

    @cached_property
    def _below(self) -> dict[int, list[int]]:
        """The nodes that each node dominates at once."""
        found: dict[int, list[int]] = {node: [] for node in self.topology.order}
        for node in self.topology.order:
            if (above := self._dominators[node]) != -1:
                found[above].append(node)
        return found

    @cached_property
    def _heads(self) -> list[int]:
        return [node for node in self.topology.order if self._dominators[node] == -1]

    @cached_property
    def _dominated(self) -> dict[int, int]:
        """For each node the set of nodes that are only reached through it, itself included."""
        found = {node: 1 << node for node in self.topology.order}
        for node in reversed(self.topology.order):
            if (above := self._dominators[node]) != -1:
                found[above] |= found[node]
        return found

    def _set(self, heads: Sequence[int]) -> int:
        nodes = 0
        for head in heads:
            nodes |= self._dominated[head]
        return nodes

    def _arranged(self, heads: Sequence[int], depth: int) -> tuple[list[int], list[Region]]:
        """The nodes and the regions that what `heads` dominate falls into."""
        direct: list[int] = []
        inner: list[Region] = []
        waiting = [list(heads)]
        while waiting:
            for block in self._blocks(waiting.pop()):
                parts, whole = self._parts(block), self._set(block)
                if len(parts) == 1:
                    # Not two branches but a knot: what can run on by itself are at most the trees of its nodes.
                    parts = [[head] for head in block]
                for part in parts:
                    region = self._region(part, whole, depth)
                    if region is not None:
                        inner.append(region)
                    elif len(part) > 1:
                        waiting.append(part)
                    else:
                        direct += part
                        waiting.append(self._below[part[0]])
        return sorted(direct), inner

    def _region(self, heads: Sequence[int], block: int, depth: int) -> Region | None:
        """What `heads` dominate as a region, if it can be one and something else of its block runs beside it."""
        nodes = self._set(heads)
        beside = block & ~nodes
        if nodes.bit_count() < 2 or not beside or depth >= MAX_DEPTH:
            return None
        way = self._way_in(nodes)
        if way is None or not self._together(nodes, beside) or not self._whole(nodes):
            return None
        first = list(heads) if len(heads) == 1 else []
        direct, inner = self._arranged(self._below[heads[0]] if first else heads, depth + 1)
        return Region(way[0], nodes, tuple(sorted(first + direct)), tuple(inner), way[1])

    def _blocks(self, heads: Sequence[int]) -> list[list[int]]:
        """`heads` cut wherever all that comes before leads to all that comes after."""
        if len(heads) < 2:
            return [list(heads)] if heads else []
        reach = [self.topology.descendants[head] for head in heads]
        later = [0] * (len(heads) + 1)
        for place in range(len(heads) - 1, -1, -1):
            later[place] = later[place + 1] | 1 << heads[place]
        earlier = -1
        blocks: list[list[int]] = [[]]
        for place, head in enumerate(heads):
            after = later[place + 1]
            if earlier >> head & 1 and reach[place] & after == after:
                blocks += [[head], []]
            else:
                blocks[-1].append(head)
            earlier &= reach[place]
        return [block for block in blocks if block]

    def _parts(self, block: Sequence[int]) -> list[list[int]]:
        """The heads of a block in groups that no edge connects."""
        groups: list[tuple[int, list[int]]] = []
        for head in block:
            nodes, group = self._dominated[head], [head]
            near = self._near[head]
            rest = []
            for other_nodes, other in groups:
                if near & other_nodes:
                    nodes, group = nodes | other_nodes, other + group
                else:
                    rest.append((other_nodes, other))
            groups = [*rest, (nodes, group)]
        return [group for _, group in groups]

    @cached_property
    def _near(self) -> dict[int, int]:
        """For each node the set of nodes that edges connect with what it dominates."""
        arcs = self.topology.arcs
        found = dict.fromkeys(self.topology.order, 0)
        for node in reversed(self.topology.order):
            for edge in self.topology.forward[node]:
                found[node] |= 1 << arcs[edge].target
            for edge in self._into[node]:
                found[node] |= 1 << arcs[edge].source
            if (above := self._dominators[node]) != -1:
                found[above] |= found[node]
        return found

    def _together(self, nodes: int, beside: int) -> bool:
        """True when something of `beside` may run while `nodes` do."""
        arcs = self.topology.arcs
        sources = {arcs[edge].source for node in members(nodes) for edge in self._into[node]}
        outside = [source for source in sources if not nodes >> source & 1]
        if len(outside) != 1:
            return bool(beside)
        for group in self.topology.taken_together(self.topology.forward[outside[0]]):
            targets = [arcs[edge].target for edge in group]
            if any(nodes >> target & 1 for target in targets) and any(beside >> target & 1 for target in targets):
                return True
        # Where another node leads to something beside it, that may run whatever this one source takes.
        return self._fed(beside, outside[0])

    def _fed(self, nodes: int, source: int) -> bool:
        """True when an edge leads to `nodes` from outside and not from `source`."""
        arcs = self.topology.arcs
        fed = (arcs[edge].source for node in members(nodes) for edge in self._into[node])
        return any(other != source and not nodes >> other & 1 for other in fed)

    def _whole(self, nodes: int) -> bool:
        """True when nobody outside waits longer because `nodes` tell their end at once, and no cycle is torn apart."""
        arcs, forward = self.topology.arcs, self.topology.forward
        leaving = [edge for node in members(nodes) for edge in forward[node] if not nodes >> arcs[edge].target & 1]
        if len({arcs[edge].target for edge in leaving}) > 1:
            solo = self.topology.solo(nodes)
            if any(not solo >> arcs[edge].source & 1 for edge in leaving):
                return False
        return not any(self._torn(cycle, nodes) for cycle in self.topology.cycles)

    def _torn(self, cycle: Cycle, nodes: int) -> bool:
        common = cycle.nodes & nodes
        if common in (0, cycle.nodes):
            return False
        ends = any(nodes >> self.topology.arcs[edge].source & 1 for edge in (*cycle.exits, *cycle.backs))
        return common != nodes or bool(nodes >> cycle.header & 1) or ends

    def _way_in(self, nodes: int) -> tuple[tuple[int, ...], int | None] | None:
        """The entries of a region and their source, or None where it is entered at and from several nodes."""
        arcs = self.topology.arcs
        entering = [edge for node in members(nodes) for edge in self._into[node] if not nodes >> arcs[edge].source & 1]
        entries = {arcs[edge].target for edge in entering} | {
            node for node in self.topology.starts if nodes >> node & 1
        }
        sources = {arcs[edge].source for edge in entering} | {-1 for node in self.topology.starts if nodes >> node & 1}
        if len(entries) == 1 or sources == {-1}:
            only = next(iter(entries))
            inside = any(nodes >> arcs[edge].source & 1 for edge in self._into[only])
            if len(entries) > 1 or not inside:
                return tuple(sorted(entries)), None
        return (tuple(sorted(entries)), sources.pop()) if len(sources) == 1 else None
