"""How far one attempt of a run is and when it will end, from what its nodes do. No I/O, no clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from milepost.graphs.reporter import Outcome
from milepost.server.engine.durations import Work
from milepost.server.engine.estimate import MANY, Estimate, Expectation
from milepost.server.engine.nodes import OVER, Execution, Node, times_ended
from milepost.server.store.rows import NodeState, iso

TICK_MS = 1000
"""Milliseconds between two ``run.progress`` events, where no other event says how far the run is."""

NOTICED = 0.01
"""A change of progress that is worth such an event."""

KEPT_MS = 100
"""Milliseconds that an expected end is told again while ``MANY`` nodes execute or may be next: each costs a look."""


@dataclass(slots=True)
class Forecast:
    """The workflow's own nodes against their history: what happens inside one of them is a part of it."""

    expected: Expectation
    below: Mapping[str, tuple[str, ...]]
    """The nodes inside each node that holds a workflow."""
    reached: float = 0.0
    """How far the run was before."""
    work: Work = field(default_factory=Work)
    completion: int | None = None
    """When the run is expected to end, as it was told last."""
    _running: dict[str, tuple[str, int]] = field(default_factory=dict)
    _idle_since: int | None = None
    _told: tuple[int, float, int | None] = (0, 0.0, None)
    _done_inside: dict[str, set[str]] = field(default_factory=dict)
    _estimate: Estimate = field(init=False)

    def __post_init__(self) -> None:
        self._estimate = Estimate(self.expected, self.reached)

    @property
    def progress(self) -> float:
        """How far the run is, 0..1, never less than before."""
        return self._estimate.progress

    def restore(self, nodes: Mapping[str, Node | NodeState], work: Iterable[tuple[str, int, int]]) -> None:
        """Go on from what an earlier attempt left; ``work`` is node, executions and milliseconds."""
        for node_id, times, work_ms in work:
            # What time travel has abandoned is not the run's work.
            counted = min(times, times_ended(nodes[node_id])) if node_id in nodes else 0
            if counted:
                self.work.add(node_id, work_ms * counted // times, counted)
        self._estimate.restore(nodes)
        for node_id, node in nodes.items():
            holder, _, inner = node_id.partition("/")
            if inner and node.status in OVER and holder in nodes and nodes[holder].status not in OVER:
                self._done(holder, node_id)

    def began(self, task_id: str, node_id: str, iteration: int, now: int) -> None:
        """The node's code begins, or goes on."""
        if "/" in node_id:
            return
        if self._idle_since is not None and not self._running:
            self.work.gap_ms += max(0, now - self._idle_since)
        self.work.gaps += 1
        self._running[task_id] = (node_id, now)
        self._estimate.began(node_id, iteration)

    def go_on(self, nodes: Iterable[str]) -> None:
        """Nodes that waited are about to end: what they waited for was their time."""
        self._running |= {node_id: (node_id, 0) for node_id in nodes if "/" not in node_id}

    def moved(self, node_id: str, fraction: float) -> None:
        """The executing node is so far, 0..1."""
        if "/" not in node_id:
            self._estimate.moved(node_id, fraction)

    def parked(self, task_id: str) -> None:
        """The node waits: time that passes is no work."""
        self._running.pop(task_id, None)

    def ended(self, execution: Execution | None, outcome: Outcome, now: int) -> None:
        """A node has ended; without an execution nothing had begun."""
        if "/" in outcome.node_id:
            over = (outcome.node_id, *outcome.skipped)
            inside = chain.from_iterable(self.below.get(node_id, ()) for node_id in over)
            self._done(outcome.node_id.partition("/")[0], *over, *inside)
            return
        self._done_inside.pop(outcome.node_id, None)
        estimate = self._estimate
        if execution is not None:
            self._running.pop(execution.task_id, None)
            self._idle_since = now
            work_ms = 0 if execution.people else max(0, now - execution.started_at)
            self.work.add(execution.node_id, work_ms)
            estimate.ended(execution.node_id)
        elif outcome.status == "SKIPPED":
            estimate.skipped(outcome.node_id)
        for node_id in outcome.skipped:
            estimate.skipped(node_id)
        if outcome.restarted:
            estimate.restarted(outcome.node_id, outcome.restarted)

    def _done(self, holder: str, *inside: str) -> None:
        done = self._done_inside.setdefault(holder, set())
        done.update(inside)
        self._estimate.moved(holder, len(done) / max(1, len(self.below.get(holder, ()))))

    def again(self, nodes: Iterable[str]) -> None:
        """Nodes inside others are to run once more."""
        for node_id in nodes:
            holder, _, inner = node_id.partition("/")
            if inner and holder in self._done_inside:
                self._done_inside[holder].discard(node_id)

    def completion_at(self, now: int) -> str | None:
        """When the run is expected to end, as events tell it."""
        many = self._estimate.many or len(self._running) > MANY
        if not many or now - self._told[0] >= KEPT_MS:
            running = ((node_id, float(now - since)) for node_id, since in self._running.values())
            remaining = self._estimate.remaining(running)
            self.completion = None if remaining is None else now + round(remaining)
            self._told = (now, self.progress, self.completion)
        return iso(self.completion)

    def tick(self, now: int) -> dict[str, Any] | None:
        """Time passes while nodes execute: how far the run is, if that changed and no event said it."""
        if not self.expected.known or not self._running or now - self._told[0] < TICK_MS:
            return None
        told = self._told
        self._estimate.aged((node_id, float(now - since)) for node_id, since in self._running.values())
        expected_at = self.completion_at(now)
        late = abs((self.completion or now) - (told[2] or 0)) >= TICK_MS
        if not late and self.progress - told[1] < NOTICED:
            self._told = told
            return None
        return {"progress": self.progress, "estimated_completion": expected_at}
