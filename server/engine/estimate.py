"""How far a run is and how long it will still take, from what its workflow's nodes took before. No I/O, no clock."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from milepost.graphs.executable import Executable
from milepost.server.engine.nodes import ENDED, OVER, Node, times_ended
from milepost.server.states import NodeStatus
from milepost.server.store.rows import NodeState

ALMOST = 0.99
"""A run's progress is 1 only when it is COMPLETED."""

SHORTEST = 0.5
"""Milliseconds that a node weighs at least: one that does nothing is still a step."""

MANY = 50
"""Nodes that execute, or may be next, of which an expected end is not worked out with every event."""

OVERDUE = 0.95
"""The part of a running node that its time alone can make."""


@dataclass(slots=True)
class NodeHistory:
    """What one node did in ended runs: in how many it could run, in how many it did, how often, how long in all."""

    type: str
    runs: float = 0.0
    taken: float = 0.0
    executions: float = 0.0
    work_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Round:
    """A cycle: its members, how often it is gone round once entered, and milliseconds of one round."""

    header: str
    nodes: frozenset[str]
    rounds: float
    length: float


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of each run of one version, worked out from its shape and its history."""

    known: bool
    """Whether there is any history: without it nothing is said about time."""
    starts: tuple[str, ...]
    """The nodes that no forward edge leads to."""
    cost: Mapping[str, float]
    """Milliseconds of one execution."""
    chance: Mapping[str, float]
    executions: Mapping[str, float]
    """How often the node runs in a run that reaches it."""
    after: Mapping[str, tuple[str, ...]]
    """The nodes that forward edges lead to."""
    only_after: Mapping[str, tuple[str, ...]]
    """Those among them that nothing else leads to."""
    tail: Mapping[str, float]
    """Milliseconds from the node's start to the end of the run, each cycle gone round as often as usual."""
    entry: Mapping[str, float]
    """The same, seen from outside the cycles that begin there."""
    rounds: Mapping[str, tuple[Round, ...]]
    """The cycles around a node, innermost first."""


def expect(program: Executable, nodes: Mapping[str, NodeHistory], gap_ms: float) -> Expectation:
    """The expectation of a version; ``gap_ms`` is what passes between two nodes."""
    seen = {
        node.id: found
        for node in program.nodes
        if (found := nodes.get(node.id)) is not None and found.type == node.type and found.runs > 0
    }
    ran = [found for found in seen.values() if found.executions > 0]
    means = [found.work_ms / found.executions for found in ran]
    usual = sum(means) / len(means) if means else 1.0
    ids = [node.id for node in program.nodes]
    cost, chance, executions = {}, {}, {}
    for node_id in ids:
        found = seen.get(node_id)
        done = found is not None and found.executions > 0
        cost[node_id] = gap_ms + max(SHORTEST, found.work_ms / found.executions if found and done else usual)
        chance[node_id] = found.taken / found.runs if found else 1.0
        executions[node_id] = max(1.0, found.executions / found.taken) if found and done else 1.0
    return _Shape(program, cost, chance, executions).expectation(known=bool(ran))


class _Shape:
    """Works the paths through one version out, last nodes first."""

    def __init__(
        self,
        program: Executable,
        cost: Mapping[str, float],
        chance: Mapping[str, float],
        executions: Mapping[str, float],
    ) -> None:
        self._cost, self._chance, self._executions = cost, chance, executions
        self._ids = [node.id for node in program.nodes]
        self._after: dict[str, dict[str, bool]] = {node_id: {} for node_id in self._ids}
        """Target to whether every edge there is conditional."""
        self._before: dict[str, set[str]] = {node_id: set() for node_id in self._ids}
        self._backs: dict[str, list[str]] = {}
        for edge in program.edges:
            if edge.back:
                self._backs.setdefault(edge.target, []).append(edge.source)
            else:
                targets = self._after[edge.source]
                targets[edge.target] = edge.conditional and targets.get(edge.target, True)
                self._before[edge.target].add(edge.source)
        self._order = self._sorted()
        self._entry: dict[str, float] = {}

    def expectation(self, *, known: bool) -> Expectation:
        rounds = self._rounds()
        tail = self._tails(frozenset(self._ids), self._entry)
        return Expectation(
            known,
            tuple(node_id for node_id in self._ids if not self._before[node_id]),
            self._cost,
            self._chance,
            self._executions,
            {node_id: tuple(targets) for node_id, targets in self._after.items()},
            {
                node_id: tuple(target for target in targets if len(self._before[target]) == 1)
                for node_id, targets in self._after.items()
            },
            tail,
            {node_id: tail[node_id] + self._entry.get(node_id, 0.0) for node_id in self._ids},
            rounds,
        )

    def _sorted(self) -> list[str]:
        """The nodes, each after all that lead to it along forward edges."""
        missing = {node_id: len(before) for node_id, before in self._before.items()}
        order = [node_id for node_id in self._ids if missing[node_id] == 0]
        for node_id in order:
            for target in self._after[node_id]:
                missing[target] -= 1
                if missing[target] == 0:
                    order.append(target)
        return order

    def _rounds(self) -> dict[str, tuple[Round, ...]]:
        """The cycles around each node, the smallest first, so that a larger one counts those inside it."""
        cycles = sorted(((header, self._members(header)) for header in self._backs), key=lambda cycle: len(cycle[1]))
        found: dict[str, tuple[Round, ...]] = {}
        for header, nodes in cycles:
            around = min(
                (outer for outer in cycles if outer[0] != header and header in outer[1]),
                key=lambda outer: len(outer[1]),
                default=None,
            )
            entered = self._executions[around[0]] if around else 1.0
            rounds = max(1.0, self._executions[header] / entered)
            length = self._tails(nodes, self._entry)[header]
            self._entry[header] = self._entry.get(header, 0.0) + (rounds - 1) * length
            for node_id in nodes:
                found[node_id] = (*found.get(node_id, ()), Round(header, nodes, rounds, length))
        return found

    def _members(self, header: str) -> frozenset[str]:
        nodes, waiting = {header}, list(self._backs[header])
        while waiting:
            node_id = waiting.pop()
            if node_id not in nodes:
                nodes.add(node_id)
                waiting += [*self._before[node_id], *self._backs.get(node_id, ())]
        return frozenset(nodes)

    def _tails(self, within: frozenset[str], entry: Mapping[str, float]) -> dict[str, float]:
        """Milliseconds from the start of each node to the last one ``within``: the longest of parallel branches, the
        mean of those between which the node chooses."""
        tails: dict[str, float] = {}
        for node_id in reversed(self._order):
            if node_id not in within:
                continue
            targets = {
                target: tails[target] + entry.get(target, 0.0) for target in self._after[node_id] if target in tails
            }
            tails[node_id] = self._cost[node_id] + self._following(node_id, targets)
        return tails

    def _following(self, node_id: str, targets: Mapping[str, float]) -> float:
        conditional = self._after[node_id]
        chosen = {target: length for target, length in targets.items() if conditional[target]}
        longest = max((length for target, length in targets.items() if target not in chosen), default=0.0)
        if not chosen:
            return longest
        reached = max(self._chance[node_id], 1e-9)
        own = {target: min(1.0, self._chance[target] / reached) for target in chosen if len(self._before[target]) == 1}
        shared = [target for target in chosen if target not in own]
        left = max(0.0, 1.0 - sum(own.values())) / len(shared) if shared else 0.0
        weights = {target: own.get(target, left) for target in chosen}
        whole = max(1.0, sum(weights.values()))
        mean = sum(weights[target] / whole * length for target, length in chosen.items())
        return max(longest, mean)


@dataclass(slots=True)
class Estimate:
    """One run against its expectation. What a node tells costs the same, however many execute."""

    expected: Expectation
    progress: float = 0.0
    _done: float = 0.0
    _left: dict[str, float] = field(default_factory=dict)
    _part: dict[str, float] = field(default_factory=dict)
    _chance: dict[str, float] = field(default_factory=dict)
    _rounds: dict[str, int] = field(default_factory=dict)
    _ended: dict[str, int] = field(default_factory=dict)
    _next: set[str] = field(default_factory=set)
    _remaining: float = 0.0
    """Of each node ``_chance`` × ``_left``, together."""
    _parts: float = 0.0
    """``_part`` of all nodes."""
    _begun: float = 0.0
    """As much of the parts as ``_remaining`` has of the same nodes."""

    def __post_init__(self) -> None:
        expected = self.expected
        self._chance = dict(expected.chance)
        self._left = {node: each * expected.executions[node] for node, each in expected.cost.items()}
        self._remaining = sum(self._chance[node] * left for node, left in self._left.items())
        self._next = set(expected.starts)

    def restore(self, states: Mapping[str, Node | NodeState]) -> None:
        """Go on from where the nodes stand; those of workflows inside are left out."""
        shown = {node_id: state for node_id, state in states.items() if node_id in self._left}
        for node_id, state in shown.items():
            if state.iterations:
                self._rounds[node_id] = state.iterations
            if ended := times_ended(state):
                self._count(node_id, ended)
            if state.status is NodeStatus.SKIPPED:
                self._rule_out(node_id)
        for node_id, state in shown.items():
            if state.status in _BEGUN:
                self._reach(node_id)
        self._next = {node_id for node_id in self._waiting(shown) if _to_run(shown.get(node_id))}
        self._settle()

    def _waiting(self, shown: Mapping[str, Node | NodeState]) -> Iterable[str]:
        """What may be next: where runs begin, what ended nodes lead to, cycles that start over."""
        yield from self.expected.starts
        for node_id, state in shown.items():
            if state.status in ENDED:
                yield from self.expected.after[node_id]
            elif state.iterations > 1 and any(
                node_id == cycle.header for cycle in self.expected.rounds.get(node_id, ())
            ):
                yield node_id

    def began(self, node_id: str, iteration: int) -> None:
        """The node executes for the ``iteration``-th time."""
        if node_id in self._left:
            self._rounds[node_id] = iteration
            self._next.discard(node_id)
            self._reach(node_id)

    def moved(self, node_id: str, fraction: float) -> None:
        """The executing node is so far, 0..1."""
        if node_id in self._left:
            self._change(node_id, part=min(1.0, max(0.0, fraction)) * self.expected.cost[node_id])
            self._settle()

    def ended(self, node_id: str) -> None:
        """The node's execution is over. What it does not lead to is to be ``skipped`` then."""
        if node_id in self._left:
            self._change(node_id, part=0.0)
            self._count(node_id, 1)
            self._next.update(self.expected.after[node_id])
            self._settle()

    def skipped(self, node_id: str) -> None:
        """The node will not run, unless a cycle around it starts over."""
        if node_id in self._left:
            self._rule_out(node_id)
            self._settle()

    def _rule_out(self, node_id: str) -> None:
        self._change(node_id, chance=0.0)
        self._next.discard(node_id)

    def restarted(self, source: str, nodes: Sequence[str]) -> None:
        """``source`` took a back edge, so that ``nodes`` may run again."""
        for node_id in nodes:
            self._change(node_id, chance=self.expected.chance[node_id])
        self._next -= {*nodes, *self.expected.after[source]}
        for cycle in self.expected.rounds.get(source, ()):
            if len(cycle.nodes) == len(nodes):
                self._next.add(cycle.header)
                self._rounds[cycle.header] = self._rounds.get(cycle.header, 0) + 1

    @property
    def many(self) -> bool:
        """Whether so much may run next that ``remaining`` is not to be asked with every event."""
        return len(self._next) > MANY

    def remaining(self, executing: Iterable[tuple[str, float]]) -> float | None:
        """Milliseconds until the run ends, along the longest path that is still likely; None without history.

        Args:
            executing: nodes that execute, and for how many milliseconds they have.
        """
        expected = self.expected
        if not expected.known:
            return None
        longest = 0.0
        for node, spent in executing:
            if node in expected.tail:
                rest = expected.tail[node] - min(spent, expected.cost[node]) + self._around(node)
                longest = max(longest, rest)
        for node in self._next:
            tails = expected.tail if node in self._rounds else expected.entry
            longest = max(longest, tails[node] + self._around(node))
        return longest

    def aged(self, executing: Iterable[tuple[str, float]]) -> None:
        """Time has passed: nodes that say nothing of themselves are as far as they usually are by now."""
        if not self.expected.known:
            return
        for node_id, spent in executing:
            if (whole := self.expected.cost.get(node_id)) is not None:
                self._change(node_id, part=max(self._part.get(node_id, 0.0), min(spent, whole * OVERDUE)))
        self._settle()

    def _around(self, node_id: str) -> float:
        """What is still to come of the cycles that the node is in."""
        extra, outer = 0.0, 1.0
        for cycle in reversed(self.expected.rounds.get(node_id, ())):
            total = self._rounds.get(cycle.header, 0)
            if total == 0:
                continue
            here = max(1.0, total - cycle.rounds * (outer - 1))
            extra += max(0.0, cycle.rounds - here) * cycle.length
            outer = total
        return extra

    def _count(self, node_id: str, times: int) -> None:
        each = self.expected.cost[node_id]
        ended = self._ended[node_id] = self._ended.get(node_id, 0) + times
        self._done += each * times
        left = max(0.0, self.expected.executions[node_id] - ended) * each
        # One that began has ended: what it still has to do is what further rounds usually bring.
        self._change(node_id, left=left)

    def _reach(self, node_id: str) -> None:
        """The node runs for certain, and what only it leads to becomes as likely as it is after it."""
        waiting = [(node_id, 1.0)]
        while waiting:
            node, chance = waiting.pop()
            before = self._chance[node]
            if chance <= before:
                continue
            self._change(node, chance=chance)
            usual = self.expected.chance[node]
            for target in self.expected.only_after[node]:
                if self._chance[target] > 0:
                    ratio = self.expected.chance[target] / usual if usual > 0 else 1.0
                    waiting.append((target, min(1.0, chance * ratio)))

    def _change(
        self, node_id: str, *, chance: float | None = None, left: float | None = None, part: float | None = None
    ) -> None:
        """Change what is known of a node, and the sums with it."""
        part_before = self._part.get(node_id, 0.0)
        rest_before = self._chance[node_id] * self._left[node_id]
        if chance is not None:
            self._chance[node_id] = chance
        if left is not None:
            self._left[node_id] = left
        part = part_before if part is None else part
        rest = self._chance[node_id] * self._left[node_id]
        self._remaining += rest - rest_before
        self._parts += part - part_before
        self._begun += min(part, rest) - min(part_before, rest_before)
        if part > 0.0:
            self._part[node_id] = part
        elif self._part.pop(node_id, None) is not None and not self._part:
            # What rounding has left in them.
            self._parts = self._begun = 0.0

    def _settle(self) -> None:
        done = self._done + self._parts
        whole = done + max(0.0, self._remaining - self._begun)
        reached = min(done / whole, ALMOST) if whole > 0 else 0.0
        self.progress = max(self.progress, round(reached, 4))


_BEGUN = ENDED | {NodeStatus.RUNNING, NodeStatus.WAITING}


def _to_run(state: Node | NodeState | None) -> bool:
    return state is None or (state.status not in OVER and state.status not in _BEGUN)
