"""A node's newest state and its executions, as the engine holds them and as their rows."""

from collections.abc import Iterable
from dataclasses import dataclass

from milepost.checkpoints.unit import Statement
from milepost.server.states import NodeStatus
from milepost.server.store.rows import NodeState, Run
from milepost.server.store.statements import statement, to_json

ENDED = frozenset({NodeStatus.COMPLETED, NodeStatus.FAILED})
OVER = ENDED | {NodeStatus.SKIPPED}


@dataclass(slots=True)
class Node:
    """A node's newest state, mutable."""

    status: NodeStatus = NodeStatus.PENDING
    progress: float = 0.0
    attempt: int = 0
    iterations: int = 0
    started_at: int | None = None
    completed_at: int | None = None


@dataclass(slots=True)
class Execution:
    """One time a node runs."""

    execution_id: str
    task_id: str
    node_id: str
    node_type: str
    attempt: int
    status: NodeStatus
    started_at: int
    asked: bool = False
    people: bool = False
    """Whether it waited for a person or an event, which is no work."""
    input: str | None = None
    output: str | None = None
    error: str | None = None
    completed_at: int | None = None
    duration_ms: int | None = None
    stand_in: str | None = None


def times_ended(node: Node | NodeState) -> int:
    """How many of a node's iterations have ended: the newest one may have yet to run."""
    return node.iterations if node.status in ENDED else max(0, node.iterations - 1)


def state_rows(run_id: str, nodes: Iterable[tuple[str, Node | NodeState]]) -> list[Statement]:
    """What keeps the newest states of nodes: one statement, however many there are; none where there is no node."""
    rows = [
        (node_id, node.status, node.progress, node.attempt, node.iterations, node.started_at, node.completed_at)
        for node_id, node in nodes
    ]
    return [statement("put_node_states", run_id=run_id, states=to_json(rows))] if rows else []


def execution_row(run: Run, execution: Execution) -> Statement:
    """The statement that keeps an execution as it stands."""
    return statement(
        "put_execution",
        run_id=run.run_id,
        run_attempt=run.run_attempt,
        execution_id=execution.execution_id,
        task_id=execution.task_id,
        node_id=execution.node_id,
        node_type=execution.node_type,
        attempt=execution.attempt,
        status=execution.status,
        input=execution.input,
        output=execution.output,
        error=execution.error,
        started_at=execution.started_at,
        completed_at=execution.completed_at,
        duration_ms=execution.duration_ms,
        stand_in=execution.stand_in,
    )
