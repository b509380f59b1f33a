"""Where a run's nodes stood at an earlier checkpoint, read from its events: a node's row has only its newest state."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from milepost.graphs.executable import Executable
from milepost.server.engine.estimate import Expectation
from milepost.server.engine.forecast import Forecast
from milepost.server.engine.nodes import ENDED, OVER
from milepost.server.states import NodeStatus
from milepost.server.store.rows import NodeState


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


def cycles(program: Executable) -> dict[str, list[str]]:
    """What each edge back starts over, by the node that it leads to, with all that is inside those nodes."""
    before: dict[str, list[str]] = {}
    backs: dict[str, list[str]] = {}
    for edge in program.all_edges():
        if edge.source != edge.target:
            before.setdefault(edge.target, []).append(edge.source)
        if edge.back:
            backs.setdefault(edge.target, []).append(edge.source)
    return {header: _expanded(program, _members(header, sources, before)) for header, sources in backs.items()}


def _members(header: str, sources: Iterable[str], before: Mapping[str, Iterable[str]]) -> set[str]:
    nodes, waiting = {header}, list(sources)
    while waiting:
        node_id = waiting.pop()
        if node_id not in nodes:
            nodes.add(node_id)
            waiting += before.get(node_id, ())
    return nodes


def _expanded(program: Executable, nodes: Iterable[str]) -> list[str]:
    return [each for node_id in nodes for each in (node_id, *program.below.get(node_id, ()))]


class Past:
    """Follows a run's events up to a checkpoint."""

    def __init__(self, program: Executable, first: str | None, begins: Iterable[NodeState]) -> None:
        """``first`` is the checkpoint that a fork starts with, ``begins`` how its nodes stood there."""
        self._cycles = cycles(program)
        self._below = program.below
        self._states = {state.node_id: state for state in begins}
        self._at = first
        self._kept: dict[str | None, dict[str, NodeState]] = {first: dict(self._states)}

    def follow(self, told: Sequence[Told], parents: Mapping[str, str | None], wanted: str) -> list[NodeState] | None:
        """Where the nodes stood at ``wanted``; None if no event tells of it. ``parents`` are those of checkpoints."""
        asked = _left_for(told, parents, self._at) | {wanted}
        for each in told:
            if wanted in self._kept:
                break
            if each.type == "checkpoint.saved":
                self._reach(each.data["checkpoint_id"], each.data.get("next", ()), parents, asked)
            elif each.type == "run.resumed":
                if _goes_on(each):
                    self._travel(each.data["checkpoint_id"])
            elif each.type == "run.failed":
                self._failed((each.data.get("error") or {}).get("node_id"))
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
                for each_id in (node_id, *self._below.get(node_id, ())):
                    self._again(each_id)
            self._kept[checkpoint_id] = {
                node_id: state for node_id, state in self._states.items() if state.status in OVER or state.iterations
            }
            self._states = now

    def _failed(self, node_id: str | None) -> None:
        """The run failed in a node: if there is more to tell, it was tried again."""
        while node_id:
            self._again(node_id)
            node_id = node_id.rpartition("/")[0]
        for stopped in [each.node_id for each in self._states.values() if each.status is NodeStatus.CANCELLED]:
            self._again(stopped)

    def _again(self, node_id: str) -> None:
        """A node that did not end, or failed, is to run: in a cycle its row stays, for the iterations."""
        state = self._states.get(node_id)
        if state is None:
            return
        began = state.status is NodeStatus.RUNNING or state.status is NodeStatus.WAITING
        if began and state.iterations <= 1:
            del self._states[node_id]
        else:
            self._states[node_id] = replace(state, status=NodeStatus.PENDING, progress=0.0)

    def _restart(self, header: str) -> None:
        state = self._states.get(header)
        if header in self._cycles and state is not None and state.status in ENDED:
            self._anew(self._cycles[header])

    def _anew(self, nodes: Iterable[str]) -> None:
        for node_id in nodes:
            if (state := self._states.get(node_id)) is not None:
                iterations = state.iterations + (state.status in ENDED)
                self._states[node_id] = replace(
                    state, status=NodeStatus.PENDING, progress=0.0, attempt=0, iterations=iterations
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
        elif kind == "retrying":
            state = replace(state, status=NodeStatus.RUNNING, progress=0.0, attempt=attempt + 1)
            self._anew(self._below.get(node_id, ()))
        elif kind == "waiting":
            state = replace(state, status=NodeStatus.WAITING)
            self._park_around(node_id)
        elif kind == "skipped":
            state = replace(state, status=NodeStatus.SKIPPED, progress=0.0, attempt=0, completed_at=told.at)
        elif kind in ("completed", "failed"):
            status = NodeStatus(kind.upper())
            state = replace(state, status=status, progress=1.0, attempt=attempt, completed_at=told.at)
        elif kind == "cancelled":
            state = self._cancelled(state, told.at)
        self._states[node_id] = state

    def _park_around(self, node_id: str) -> None:
        """Nodes that hold a node which waits do so too, and have no event of their own."""
        while node_id := node_id.rpartition("/")[0]:
            if (around := self._states.get(node_id)) is not None:
                self._states[node_id] = replace(around, status=NodeStatus.WAITING)

    def _cancelled(self, state: NodeState, at: int) -> NodeState:
        """What was open inside a node that ended is over; what the end of the run stopped is to run again."""
        around = self._states.get(state.node_id.rpartition("/")[0])
        if around is not None and around.status is NodeStatus.RUNNING:
            return replace(state, status=NodeStatus.CANCELLED, progress=0.0, completed_at=at)
        for inner in self._below.get(state.node_id, ()):
            if inner in self._states and self._states[inner].status not in OVER:
                self._states[inner] = replace(self._states[inner], status=NodeStatus.PENDING, progress=0.0)
        return replace(state, status=NodeStatus.PENDING, progress=0.0)


def _left_for(told: Iterable[Told], parents: Mapping[str, str | None], first: str | None) -> set[str]:
    """The checkpoints that the run went on from when it had already gone further."""
    found: set[str] = set()
    at = first
    for each in told:
        if each.type == "run.resumed" and _goes_on(each):
            at = each.data["checkpoint_id"]
            found.add(at)
        elif each.type == "checkpoint.saved":
            parent = parents.get(each.data["checkpoint_id"])
            if parent is not None and parent != at:
                found.add(parent)
            at = each.data["checkpoint_id"]
    return found


def _goes_on(told: Told) -> bool:
    return told.data.get("checkpoint_id") is not None


def begun_anew(states: Iterable[NodeState]) -> list[NodeState]:
    """Those states as a run has them that starts from where they stand: what was executing is to run again."""
    known = {state.node_id: state for state in states}
    found: list[NodeState] = []
    for state in known.values():
        if _stays(state, known):
            found += [state] if state.status in OVER or state.iterations else []
        elif state.iterations > 1:
            found.append(replace(state, status=NodeStatus.PENDING, progress=0.0))
    return found


def _stays(state: NodeState, known: Mapping[str, NodeState]) -> bool:
    """Whether a node is done with: it has ended, or the node that it is in."""
    around = known.get(state.node_id.rpartition("/")[0])
    return state.status in OVER or (around is not None and around.status in OVER)


def progress_of(expected: Expectation, program: Executable, states: Sequence[NodeState]) -> float:
    """How far a run is whose nodes stand like this."""
    forecast = Forecast(expected, program.below)
    forecast.restore({state.node_id: state for state in states}, ())
    return forecast.progress
