"""What a run's nodes have come to: turns what nodes and the saver report into rows and events. No I/O, no clock."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import InitVar, dataclass, field
from typing import Any

import orjson

from milepost.graphs.executable import Executable
from milepost.graphs.failures import NodeFailure
from milepost.graphs.reporter import Outcome
from milepost.server.engine.estimate import Expectation
from milepost.server.engine.forecast import Forecast
from milepost.server.engine.items import Items
from milepost.server.engine.nodes import ENDED, Execution, Node, execution_row, state_rows
from milepost.server.engine.parking import Wait
from milepost.server.states import NodeStatus
from milepost.server.store.rows import NodeExecution, NodeState, Run, iso
from milepost.server.store.statements import event, statement
from milepost.server.store.unit import Unit


@dataclass(slots=True)
class Projection:
    """The view of one attempt of a run. ``drain`` gives what has changed since the last call."""

    run: Run
    program: Executable
    expected: InitVar[Expectation]
    nodes: dict[str, Node] = field(default_factory=dict)
    open: dict[str, Execution] = field(default_factory=dict)
    asked: Collection[str] = ()
    """Tasks that parked in earlier attempts: what they were given is used up when they end."""
    step: int = -1
    current_node: str | None = None
    count: int = 0
    _dirty_nodes: set[str] = field(default_factory=set)
    _dirty: dict[str, Execution] = field(default_factory=dict)
    _unit: Unit = field(default_factory=Unit)
    items: Items = field(init=False)
    _types: dict[str, str] = field(default_factory=dict)
    _below: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    forecast: Forecast = field(init=False)

    def __post_init__(self, expected: Expectation) -> None:
        self._types = {node.id: node.type for node in self.program.everything}
        self._below = self.program.below
        self.items = Items(self.run.run_id, self.nodes)
        self.forecast = Forecast(expected, self._below, self.run.progress)

    @property
    def progress(self) -> float:
        """How far the run is, 0..1, never less than before."""
        return self.forecast.progress

    def restore(
        self, states: Iterable[NodeState], waiting: Iterable[NodeExecution], work: Iterable[tuple[str, int, int]]
    ) -> None:
        """Go on from what an earlier attempt left; ``work`` is node, executions and milliseconds."""
        for state in states:
            self.nodes[state.node_id] = Node(
                state.status, state.progress, state.attempt, state.iterations, state.started_at, state.completed_at
            )
        for row in waiting:
            self.open[row.task_id] = Execution(
                row.execution_id,
                row.task_id,
                row.node_id,
                row.node_type,
                row.attempt,
                NodeStatus.WAITING,
                row.started_at,
                asked=True,
            )
        self.forecast.restore(self.nodes, work)

    @property
    def dirty(self) -> bool:
        """Whether ``drain`` would give anything."""
        return bool(self._dirty_nodes or self._dirty or self._unit.events or self._unit.statements or self.items.dirty)

    def started(self, task_id: str, node_id: str, resolved: Any, now: int) -> None:
        """A node's execution begins; one that waited goes on."""
        execution = self.open.get(task_id)
        if execution is None:
            self.count += 1
            execution = Execution(
                f"{self.run.run_attempt:04d}-{self.count:08d}",
                task_id,
                node_id,
                self._types.get(node_id, ""),
                1,
                NodeStatus.RUNNING,
                now,
                asked=task_id in self.asked,
                input=orjson.dumps(resolved, default=str).decode(),
            )
            self.open[task_id] = execution
        execution.status = NodeStatus.RUNNING
        self._dirty[task_id] = execution
        node = self._node(node_id)
        if node.iterations == 0 or node.status in ENDED:
            node.iterations += 1
        self._set(node_id, NodeStatus.RUNNING, attempt=execution.attempt, progress=0.0)
        self.forecast.began(task_id, node_id, node.iterations, now)
        node.started_at, node.completed_at = execution.started_at, None
        self.current_node = node_id
        self._event(
            "node.started",
            now,
            node_id,
            {"node_execution_id": execution.execution_id, "step": self.step + 1, "attempt": execution.attempt},
        )

    def retrying(self, task_id: str, failure: NodeFailure, attempt: int, delay: float, now: int) -> None:
        """A try failed and another follows ``delay`` seconds later."""
        execution = self.open[task_id]
        execution.attempt = attempt + 1
        self._dirty[task_id] = execution
        self._set(execution.node_id, NodeStatus.RUNNING, attempt=attempt + 1, progress=0.0)
        self._restart(self._below.get(execution.node_id, ()))
        self._event(
            "node.retrying",
            now,
            execution.node_id,
            {
                "node_execution_id": execution.execution_id,
                "attempt": attempt,
                "next_attempt_at": iso(now + round(delay * 1000)),
                "error": error_of(failure, traceback=False),
            },
        )

    def advanced(self, task_id: str, fraction: float, message: str | None, now: int) -> None:
        """A node reports how far it is, 0..1."""
        execution = self.open.get(task_id)
        if execution is None:
            return
        node = self._node(execution.node_id)
        # NaN compares false with everything: it is no progress.
        reached = min(fraction, 1.0) if fraction > 0.0 else 0.0
        self._set(execution.node_id, node.status, attempt=node.attempt, progress=reached)
        self.forecast.moved(execution.node_id, reached)
        data = {"node_execution_id": execution.execution_id, "progress": node.progress, "run_progress": self.progress}
        data["estimated_completion"] = self.forecast.completion_at(now)
        self._event("node.progress", now, execution.node_id, data | ({"message": message} if message else {}))

    def told_items(self, task_id: str, now: int) -> None:
        """How many items of a `map` have come to what."""
        execution = self.open.get(task_id)
        if execution is None:
            return
        counts = self.items.counts(task_id)
        if not counts.total:
            # After a stop in the middle of a window: the next one knows.
            return
        self._set(execution.node_id, execution.status, attempt=execution.attempt, progress=counts.fraction)
        data = {"node_execution_id": execution.execution_id, "progress": self._node(execution.node_id).progress}
        self.forecast.moved(execution.node_id, counts.fraction)
        data["estimated_completion"] = self.forecast.completion_at(now)
        told = {"total": counts.total, "completed": counts.completed, "failed": counts.failed}
        self._event("node.progress", now, execution.node_id, {**data, "run_progress": self.progress, "items": told})

    def logged(self, task_id: str, level: str, message: str, fields: Mapping[str, Any], now: int) -> None:
        """A node's log line."""
        data = {"level": level, "message": message, "fields": dict(fields)}
        self._event("node.log", now, self.node_of(task_id), data)

    def streamed(self, task_id: str, text: str, now: int) -> None:
        """Text of a model, joined."""
        self._event("node.delta", now, self.node_of(task_id), {"text": text})

    def ended(self, task_id: str, outcome: Outcome, now: int) -> None:
        """A node's result is about to be on disk, in the unit that ``drain`` goes into."""
        execution = self.open.pop(task_id, None)
        self.forecast.ended(execution, outcome, now)
        if execution is not None:
            self._end(execution, outcome, now)
        elif outcome.status == "SKIPPED":
            self._skip(outcome.node_id, now)
        for node_id in outcome.skipped:
            self._skip(node_id, now)
        for node_id in outcome.restarted:
            self._restart((node_id, *self._below.get(node_id, ())))

    def _restart(self, nodes: Collection[str]) -> None:
        self.forecast.again(nodes)
        for node_id in nodes:
            node = self._node(node_id)
            node.iterations += node.status in ENDED
            self._set(node_id, NodeStatus.PENDING, attempt=0, progress=0.0)

    def tick(self, now: int) -> bool:
        """Time passes while nodes execute: say how far the run is, if that changed and no event said it. True if so."""
        told = self.forecast.tick(now)
        if told is not None:
            self._event("run.progress", now, None, told)
        return told is not None

    def stopped_inside(self, node_id: str, now: int) -> list[str]:
        """What is still open inside a node ends with it, CANCELLED; gives the task ids."""
        if node_id not in self._below:
            return []
        stopped = [execution for execution in self.open.values() if execution.node_id.startswith(f"{node_id}/")]
        for execution in stopped:
            del self.open[execution.task_id]
            execution.status, execution.completed_at = NodeStatus.CANCELLED, now
            execution.duration_ms = max(0, now - execution.started_at)
            self._dirty[execution.task_id] = execution
            self._node(execution.node_id).completed_at = now
            self._set(execution.node_id, NodeStatus.CANCELLED, attempt=execution.attempt, progress=0.0)
            data = {"node_execution_id": execution.execution_id, "step": self.step}
            self._event("node.cancelled", now, execution.node_id, data)
            if execution.asked:
                self._unit.statements.append(
                    statement("consume_answers", run_id=self.run.run_id, task_id=execution.task_id)
                )
        return [execution.task_id for execution in stopped]

    def parked_inside(self, wait: Wait, now: int) -> None:
        """The graph inside a node parked: so does the node, without a question of its own."""
        execution = self.open[wait.task_id]
        execution.status, execution.people = NodeStatus.WAITING, True
        self.forecast.parked(wait.task_id)
        self._dirty[wait.task_id] = execution
        node = self._node(wait.node_id)
        if node.status is not NodeStatus.WAITING:
            self._event("node.waiting", now, wait.node_id, {"node_execution_id": execution.execution_id, **wait.news})
        self._set(wait.node_id, NodeStatus.WAITING, attempt=node.attempt, progress=node.progress)

    def _end(self, execution: Execution, outcome: Outcome, now: int) -> None:
        status = NodeStatus(outcome.status)
        execution.status, execution.attempt, execution.stand_in = status, outcome.attempt, outcome.stand_in
        execution.completed_at, execution.duration_ms = now, max(0, now - execution.started_at)
        if outcome.output is not None:
            execution.output = orjson.dumps(outcome.output, default=str).decode()
        data: dict[str, Any] = {"node_execution_id": execution.execution_id, "step": self.step + 1, **outcome.marks}
        if outcome.failure is not None:
            execution.error = orjson.dumps(error_of(outcome.failure)).decode()
            data["error"] = error_of(outcome.failure, traceback=False)
        self._dirty[execution.task_id] = execution
        self._node(execution.node_id).completed_at = now
        self._set(execution.node_id, status, attempt=outcome.attempt, progress=1.0)
        data |= {"progress": self.progress, "attempt": outcome.attempt, "duration_ms": execution.duration_ms}
        if outcome.restarted:
            data["restarted"] = list(outcome.restarted)
        data["estimated_completion"] = self.forecast.completion_at(now)
        self._event(f"node.{status.lower()}", now, execution.node_id, data)
        if execution.asked:
            self._unit.statements.append(
                statement("consume_answers", run_id=self.run.run_id, task_id=execution.task_id)
            )

    def waiting(self, wait: Wait, now: int) -> None:
        """A node parked, or an item of a `map`."""
        execution = self.open.get(wait.task_id)
        if execution is not None:
            execution.status, execution.asked = NodeStatus.WAITING, True
            execution.people = execution.people or wait.shown != "time"
            self._dirty[wait.task_id] = execution
            self.forecast.parked(wait.task_id)
        node = self._node(wait.node_id)
        self._set(wait.node_id, NodeStatus.WAITING, attempt=node.attempt, progress=node.progress)
        told = {"node_execution_id": execution and execution.execution_id, **wait.news}
        self._event("node.waiting", now, wait.node_id, told)

    def checkpointed(self, checkpoint_id: str, step: int, following: Iterable[str], now: int) -> None:
        """A checkpoint of the root graph is about to be on disk."""
        self.step = step
        data = {"checkpoint_id": checkpoint_id, "step": step, "next": list(following)}
        self._event("checkpoint.saved", now, None, data)

    def tell(self, type_: str, now: int, data: Mapping[str, Any] | None = None) -> None:
        """Any other event of the run."""
        self._event(type_, now, None, data)

    def drain(self) -> Unit:
        """Rows and events since the last call."""
        unit, self._unit = self._unit, Unit()
        if self.items.dirty:
            unit.statements += self.items.drain()
        unit.statements[:0] = state_rows(self.run.run_id, ((each, self.nodes[each]) for each in self._dirty_nodes))
        unit.statements[:0] = [execution_row(self.run, execution) for execution in self._dirty.values()]
        self._dirty_nodes, self._dirty = set(), {}
        return unit

    def _node(self, node_id: str) -> Node:
        node = self.nodes.get(node_id)
        if node is None:
            node = self.nodes[node_id] = Node()
        return node

    def node_of(self, task_id: str) -> str | None:
        """The node whose execution ``task_id`` is."""
        execution = self.open.get(task_id)
        return execution.node_id if execution else None

    def _skip(self, node_id: str, now: int) -> None:
        for skipped in (node_id, *self._below.get(node_id, ())):
            self._node(skipped).completed_at = now
            self._set(skipped, NodeStatus.SKIPPED, attempt=0, progress=0.0)
            self._event("node.skipped", now, skipped, {"progress": self.progress})

    def _set(self, node_id: str, status: NodeStatus, *, attempt: int, progress: float) -> None:
        node = self._node(node_id)
        node.status, node.attempt, node.progress = status, attempt, progress
        self._dirty_nodes.add(node_id)

    def _event(self, type_: str, now: int, node_id: str | None, data: Mapping[str, Any] | None) -> None:
        self._unit.events.append(event(self.run, type_, now, data, node_id=node_id))


def run_error(
    code: str, kind: str, message: str, *, node_id: str | None = None, traceback: str | None = None
) -> dict[str, Any]:
    """An error as a run's row, its events and its answers have it."""
    error = {"code": code, "type": kind, "message": message, "node_id": node_id}
    return error | ({"traceback": traceback} if traceback else {})


def error_of(failure: NodeFailure, *, traceback: bool = True) -> dict[str, Any]:
    """A node's failure as JSON, with its traceback where that is wanted."""
    text = failure.traceback if traceback else None
    return run_error(failure.code, failure.type, failure.message, node_id=failure.node_id, traceback=text)
