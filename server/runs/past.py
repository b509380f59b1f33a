"""Where a run's nodes stood at an earlier checkpoint, read from its events: a node's row has only its newest state."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from milepost.graphs.program import Program
from milepost.server.engine.estimate import Estimate, Expectation
from milepost.server.states import NodeStatus
from milepost.server.store.rows import NodeState

ENDED = frozenset({NodeStatus.COMPLETED, NodeStatus.FAILED})
KEPT = ENDED | {NodeStatus.SKIPPED}


@dataclass(frozen=True, slots=True)
class Told:
    """An event that says where nodes stand."""

    type: str
    node_id: str | None
    at: int
    data: Mapping[str, Any]

    @classmethod
    def of(cls, row: Sequence[Any]) -> "Told":
        """The event of a row of `standing_events`."""
        return cls(row[0], row[1], row[2], orjson.loads(row[3]))


def cycles(program: Program) -> dict[str, frozenset[str]]:
    """What each edge back starts over, by the node that it leads to."""
    before: dict[str, list[str]] = {}
    for edge in program.edges:
        if edge.source != edge.target:
            before.setdefault(edge.target, []).append(edge.source)
    found: dict[str, frozenset[str]] = {}
    for header in {edge.target for edge in program.edges if edge.back}:
        nodes = {header, *found.get(header, ())}
        waiting = [edge.source for edge in program.edges if edge.back and edge.target == header]
        while waiting:
            node_id = waiting.pop()
            if node_id not in nodes:
                nodes.add(node_id)
                waiting += before.get(node_id, ())
        found[header] = frozenset(nodes)
    return found


class Past:
    """Follows a run's events, and keeps where its nodes stood at each checkpoint that somebody will ask for."""

    def __init__(self, program: Program, first: str | None, begins: Iterable[NodeState]) -> None:
        """``first`` is the checkpoint that a fork starts with, ``begins`` how its nodes stood there."""
        self._cycles = cycles(program)
        self._states = {state.node_id: state for state in begins}
        self._at = first
        self._kept: dict[str | None, dict[str, NodeState]] = {first: dict(self._states)}

    def follow(self, told: Sequence[Told], parents: Mapping[str, str | None], wanted: str) -> list[NodeState] | None:
        """Where the nodes stood at ``wanted``; None if no event tells of it. ``parents`` are those of checkpoints."""
        asked = {wanted, *(parent for parent in parents.values() if parent is not None)}
        asked |= {each.data["checkpoint_id"] for each in told if each.type == "run.resumed" and _goes_on(each)}
        for each in told:
            if each.type == "checkpoint.saved":
                self._reach(each.data["checkpoint_id"], each.data.get("next", ()), parents, asked)
            elif each.type == "run.resumed":
                if _goes_on(each):
                    self._travel(each.data["checkpoint_id"])
            elif each.type == "run.failed":
                self._again((each.data.get("error") or {}).get("node_id"))
            elif each.node_id is not None:
                self._node(each, each.node_id)
        found = self._kept.get(wanted)
        return None if found is None else list(found.values())

    def _travel(self, checkpoint_id: str) -> None:
        if checkpoint_id != self._at and checkpoint_id in self._kept:
            self._states, self._at = dict(self._kept[checkpoint_id]), checkpoint_id

    def _reach(
        self, checkpoint_id: str, following: Collection[str], parents: Mapping[str, str | None], asked: Collection[str]
    ) -> None:
        parent = parents.get(checkpoint_id)
        if parent is not None and parent != self._at:
            # An edit of an earlier checkpoint: nothing else says that the run went there.
            self._travel(parent)
        self._at = checkpoint_id
        if checkpoint_id in asked:
            now, self._states = self._states, dict(self._states)
            for node_id in following:
                self._restart(node_id)
                self._again(node_id)
            self._kept[checkpoint_id] = {
                node_id: state for node_id, state in self._states.items() if state.status in KEPT or state.iterations
            }
            self._states = now

    def _again(self, node_id: str | None) -> None:
        """A node that did not end, or failed, is to run: in a cycle its row stays, for the iterations."""
        state = self._states.get(node_id or "")
        if state is None or node_id is None:
            return
        began = state.status is NodeStatus.RUNNING or state.status is NodeStatus.WAITING
        if began and state.iterations <= 1:
            del self._states[node_id]
        else:
            self._states[node_id] = replace(state, status=NodeStatus.PENDING, progress=0.0)

    def _restart(self, header: str) -> None:
        state = self._states.get(header)
        if header not in self._cycles or state is None or state.status not in ENDED:
            return
        for node_id, member in list(self._states.items()):
            # A node of a workflow inside is called after the node that stands for that.
            if node_id in self._cycles[header] or node_id.partition("/")[0] in self._cycles[header]:
                iterations = member.iterations + (member.status in ENDED)
                self._states[node_id] = replace(
                    member, status=NodeStatus.PENDING, progress=0.0, attempt=0, iterations=iterations
                )

    def _node(self, told: Told, node_id: str) -> None:
        kind = told.type.removeprefix("node.")
        if kind == "started":
            self._restart(node_id)
        state = self._states.get(node_id) or NodeState(node_id, NodeStatus.PENDING, 0.0, 0, 0, None, None)
        attempt = told.data.get("attempt", state.attempt)
        if kind == "started":
            first = state.iterations == 0 or state.status in ENDED
            since = state.started_at if state.status is NodeStatus.WAITING else told.at
            state = NodeState(node_id, NodeStatus.RUNNING, 0.0, attempt, max(1, state.iterations + first), since, None)
        elif kind == "waiting":
            state = replace(state, status=NodeStatus.WAITING)
        elif kind == "skipped":
            state = replace(state, status=NodeStatus.SKIPPED, progress=0.0, attempt=0, completed_at=told.at)
        elif kind in ("completed", "failed"):
            status = NodeStatus(kind.upper())
            state = replace(state, status=status, progress=1.0, attempt=attempt, completed_at=told.at)
        elif kind == "cancelled":
            state = replace(state, status=NodeStatus.PENDING, progress=0.0)
        self._states[node_id] = state


def _goes_on(told: Told) -> bool:
    return told.data.get("checkpoint_id") is not None


def begun_anew(states: Iterable[NodeState]) -> list[NodeState]:
    """Those states as a run has them that starts from where they stand: what was executing is to run again."""
    return [
        state if state.status in KEPT else replace(state, status=NodeStatus.PENDING, progress=0.0)
        for state in states
        if state.status in KEPT or state.iterations > 1
    ]


def progress_of(expected: Expectation, states: Sequence[NodeState]) -> float:
    """How far a run is whose nodes stand like this."""
    estimate = Estimate(expected)
    for state in states:
        if state.status is not NodeStatus.SKIPPED:
            open_ = state.status not in ENDED and state.iterations > 0
            estimate.restore(state.node_id, state.iterations - open_, state.iterations)
    for state in states:
        if state.status is NodeStatus.SKIPPED:
            estimate.skipped(state.node_id)
    return estimate.progress
