"""The author's nodes and edges as a graph: which edges close cycles, what a cycle holds, what is wrong with one.

Nodes and edges are numbers here, in the order of the file. Sets of nodes are integers used as bit sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

MAX_CYCLES = 200
MAX_CYCLE_DEPTH = 8

ALWAYS, ERROR, TIMEOUT, ELSE, VALUE, EXPRESSION = "always", "error", "timeout", "else", "value", "expression"


@dataclass(frozen=True, slots=True)
class Arc:
    """An edge between node numbers. `kind` is what its `when` is; equal `label`s are values that are equal as JSON."""

    source: int
    target: int
    kind: str = ALWAYS
    label: str = ""


def members(bits: int) -> Iterator[int]:
    """The node numbers in a set, ascending."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


@dataclass(frozen=True, slots=True)
class Cycle:
    """Everything that can run again when a back edge to `header` is taken."""

    header: int
    nodes: int
    exits: tuple[int, ...]
    backs: tuple[int, ...]

    def holds(self, node: int) -> bool:
        """True when `node` is part of the cycle."""
        return bool(self.nodes >> node & 1)


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with the graph: a code, the edge or node that it stands at, and the nodes it is about."""

    code: str
    edge: int | None
    node: int | None
    nodes: tuple[int, ...] = ()


@dataclass
class Topology:
    """A graph of `size` nodes. Everything else is worked out on first use and then kept."""

    size: int
    arcs: Sequence[Arc]

    @cached_property
    def outgoing(self) -> list[list[int]]:
        """Edge numbers by source."""
        found: list[list[int]] = [[] for _ in range(self.size)]
        for index, arc in enumerate(self.arcs):
            found[arc.source].append(index)
        return found

    @cached_property
    def sources(self) -> list[list[int]]:
        """The nodes with an edge to each node."""
        found: list[list[int]] = [[] for _ in range(self.size)]
        for arc in self.arcs:
            found[arc.target].append(arc.source)
        return found

    @cached_property
    def starts(self) -> list[int]:
        """Nodes without an incoming edge."""
        targets = {arc.target for arc in self.arcs}
        return [node for node in range(self.size) if node not in targets]

    @cached_property
    def back_edges(self) -> frozenset[int]:
        """Edges that close a cycle, depth-first from the start nodes in the order of the file."""
        return self._search[0]

    @cached_property
    def order(self) -> list[int]:
        """The reachable nodes, each before all that follow it along forward edges."""
        return self._search[1]

    @cached_property
    def _search(self) -> tuple[frozenset[int], list[int]]:
        backs: set[int] = set()
        finished: list[int] = []
        state = [0] * self.size  # 0 unseen, 1 on the path, 2 done
        for start in self.starts:
            path = [(start, iter(self.outgoing[start]))]
            state[start] = 1
            while path:
                node, edges = path[-1]
                for edge in edges:
                    target = self.arcs[edge].target
                    if state[target] == 1:
                        backs.add(edge)
                    elif state[target] == 0:
                        state[target] = 1
                        path.append((target, iter(self.outgoing[target])))
                        break
                else:
                    state[node] = 2
                    finished.append(node)
                    path.pop()
        finished.reverse()
        return frozenset(backs), finished

    @cached_property
    def forward(self) -> list[list[int]]:
        """Forward edge numbers by source."""
        return [[edge for edge in edges if edge not in self.back_edges] for edges in self.outgoing]

    @cached_property
    def slots(self) -> list[dict[int, int]]:
        """For each node its forward predecessors, numbered in the order of the file."""
        sources: list[set[int]] = [set() for _ in range(self.size)]
        reachable = set(self.order)
        for index, arc in enumerate(self.arcs):
            if index not in self.back_edges and arc.source in reachable:
                sources[arc.target].add(arc.source)
        return [{source: slot for slot, source in enumerate(sorted(found))} for found in sources]

    @cached_property
    def descendants(self) -> list[int]:
        """For each node the set of nodes that forward edges lead to, itself included."""
        found = [1 << node for node in range(self.size)]
        for node in reversed(self.order):
            for edge in self.forward[node]:
                found[node] |= found[self.arcs[edge].target]
        return found

    @cached_property
    def cycles(self) -> list[Cycle]:
        """One cycle for each node that back edges lead to, the larger ones first."""
        headers: dict[int, list[int]] = {}
        for edge in sorted(self.back_edges):
            headers.setdefault(self.arcs[edge].target, []).append(edge)
        found = [self._cycle(header, backs) for header, backs in headers.items()]
        return sorted(found, key=lambda cycle: (-cycle.nodes.bit_count(), cycle.header))

    @cached_property
    def cycles_of(self) -> list[tuple[Cycle, ...]]:
        """For each node the cycles around it, innermost first."""
        return [tuple(cycle for cycle in reversed(self.cycles) if cycle.holds(node)) for node in range(self.size)]

    def _cycle(self, header: int, backs: list[int]) -> Cycle:
        sources = self.sources
        nodes = 1 << header
        waiting = [self.arcs[edge].source for edge in backs]
        while waiting:
            node = waiting.pop()
            if not nodes >> node & 1:
                nodes |= 1 << node
                waiting.extend(sources[node])
        exits = tuple(
            index for index, arc in enumerate(self.arcs) if nodes >> arc.source & 1 and not nodes >> arc.target & 1
        )
        return Cycle(header, nodes, exits, tuple(backs))

    def is_solo(self, cycle: Cycle, node: int) -> bool:
        """True when nothing else of the cycle runs, or waits to, while `node` does: where it ends, the cycle ends."""
        return bool(self._solos[cycle.header] >> node & 1)

    @cached_property
    def _solos(self) -> dict[int, int]:
        return {cycle.header: self.solo(cycle.nodes) for cycle in self.cycles}

    def solo(self, inside: int) -> int:
        """Nodes that no fork inside can leave with a parallel branch still going on."""
        descendants = [0] * self.size
        escapes = [0] * self.size
        crowded = 0
        for node in reversed(self.order):
            if not inside >> node & 1:
                continue
            edges = [edge for edge in self.forward[node] if inside >> self.arcs[edge].target & 1]
            descendants[node] = 1 << node
            for edge in edges:
                target = self.arcs[edge].target
                descendants[node] |= descendants[target]
                escapes[node] |= self._escape(target, descendants, escapes)
            crowded |= self._crowded(edges, descendants, escapes)
        return inside & ~crowded

    @staticmethod
    def _escape(target: int, descendants: list[int], escapes: list[int]) -> int:
        """The nodes that a branch starting at `target` can miss: it need not be over when they run."""
        return ~descendants[target] | (escapes[target] & ~(1 << target))

    def _crowded(self, edges: list[int], descendants: list[int], escapes: list[int]) -> int:
        """The nodes that one of these edges leads to while another, taken with it, leads past them."""
        found = 0
        for group in self.taken_together(edges):
            targets = [self.arcs[edge].target for edge in group]
            after = [0] * (len(targets) + 1)
            for index in range(len(targets) - 1, -1, -1):
                after[index] = after[index + 1] | descendants[targets[index]]
            before = 0
            for index, target in enumerate(targets):
                found |= (before | after[index + 1]) & self._escape(target, descendants, escapes)
                before |= descendants[target]
        return found

    def taken_together(self, edges: Iterable[int]) -> list[list[int]]:
        """Groups of these edges that one run of their source may take together."""
        kinds: dict[str, list[int]] = {}
        values: dict[str, list[int]] = {}
        for edge in edges:
            arc = self.arcs[edge]
            if arc.kind == VALUE:
                values.setdefault(arc.label, []).append(edge)
            else:
                kinds.setdefault(arc.kind, []).append(edge)
        always = kinds.get(ALWAYS, [])
        free = always + kinds.get(EXPRESSION, [])
        groups = [kinds.get(ERROR, []), kinds.get(TIMEOUT, []), always + kinds.get(ELSE, [])]
        if kinds.get(EXPRESSION):
            # An expression may be true beside any value, so these count as one group: rather too strict than wrong.
            groups.append(free + [edge for chosen in values.values() for edge in chosen])
        else:
            groups += [always + chosen for chosen in values.values()] or [always]
        return [group for group in groups if len(group) > 1]

    def flaws(self) -> list[Flaw]:
        """Everything that keeps the graph from being run."""
        if not self.starts:
            return [Flaw("no_start", None, None)]
        if len({self.arcs[edge].target for edge in self.back_edges}) > MAX_CYCLES:
            return [Flaw("too_many_cycles", min(self.back_edges), None)]
        reachable = set(self.order)
        found = [Flaw("unreachable", None, node) for node in range(self.size) if node not in reachable]
        if any(len(around) > MAX_CYCLE_DEPTH for around in self.cycles_of):
            return [*found, Flaw("cycles_too_deep", self.cycles[-1].backs[0], None)]
        for cycle in self.cycles:
            found += self._cycle_flaws(cycle, reachable)
        return found

    def _cycle_flaws(self, cycle: Cycle, reachable: set[int]) -> Iterator[Flaw]:
        core = cycle.nodes & self._reach_from(cycle.header)
        for index, arc in enumerate(self.arcs):
            enters = core >> arc.target & 1 and not core >> arc.source & 1
            if enters and arc.target != cycle.header and arc.source in reachable:
                yield Flaw("cycle_entered_twice", index, None, tuple(members(core)))
                return
        for edge in (*cycle.exits, *cycle.backs):
            node = self.arcs[edge].source
            if not self.is_solo(cycle, node):
                yield Flaw("cycle_left_from_parallel", edge, None, tuple(members(cycle.nodes)))
        for edge in self._ambiguous(cycle):
            yield Flaw("cycle_left_and_kept", edge, None, tuple(members(cycle.nodes)))

    def _reach_from(self, start: int) -> int:
        found = 1 << start
        waiting = [start]
        while waiting:
            for edge in self.outgoing[waiting.pop()]:
                target = self.arcs[edge].target
                if not found >> target & 1:
                    found |= 1 << target
                    waiting.append(target)
        return found

    def _ambiguous(self, cycle: Cycle) -> list[int]:
        """Exits and back edges that may be taken together with an edge that stays, or with each other."""
        backs, exits, found = set(cycle.backs), set(cycle.exits), set()
        for node in {self.arcs[edge].source for edge in (*cycle.exits, *cycle.backs)}:
            for group in self.taken_together(self.outgoing[node]):
                closing = [edge for edge in group if edge in backs]
                leaving = [edge for edge in group if edge in exits]
                if closing or (leaving and len(leaving) < len(group)):
                    found.add((closing or leaving)[0])
        return sorted(found)
