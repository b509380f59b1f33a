"""The JSON of runs, workflows and projects: the one place that says which fields there are."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from milepost.graphs.problems import Problem
from milepost.graphs.python.questions import GIVEN
from milepost.server.states import NodeStatus, RunStatus
from milepost.server.store.listings import NodeTotal
from milepost.server.store.rows import (
    Asked,
    NodeExecution,
    NodeState,
    Notification,
    OpenInterrupt,
    Project,
    Run,
    Task,
    Workflow,
    iso,
    place,
)

Json = dict[str, Any]


def run_summary(run: Run) -> Json:
    """A run as lists show it: without its input and output."""
    return {
        "run_id": run.run_id,
        "project_id": run.project_id,
        "workflow_id": run.workflow_id,
        "version": run.version,
        "status": run.status,
        "progress": run.progress,
        "current_node": run.current_node,
        "error": run_error(run),
        "metadata": orjson.Fragment(run.metadata),
        "run_attempt": run.run_attempt,
        "pausing": run.pause_requested is not None,
        "checkpoint_id": run.checkpoint_id,
        "parent_run_id": run.parent_run_id,
        "forked_from": run.forked_from,
        "wake_at": iso(run.wake_at),
        "priority": run.priority,
        "start_at": iso(run.start_at),
        "test_mode": run.dry_run is not None,
        "created_at": iso(run.created_at),
        "queued_at": iso(run.queued_at),
        "started_at": iso(run.started_at),
        "paused_at": iso(run.paused_at),
        "cancelled_at": iso(run.cancelled_at),
        "finished_at": iso(run.finished_at),
        "estimated_completion": iso(run.estimated_completion),
    }


def run_json(run: Run) -> Json:
    """A run with its input and output; for ``orjson.dumps``, the JSON columns are passed through as they are."""
    return {
        **run_summary(run),
        "error": _fragment(run.error),
        "input_data": orjson.Fragment(run.input),
        "output_data": _fragment(run.output),
    }


def dry_run_json(run: Run) -> Json:
    """What a dry run was asked with: its answers, the run that it replays, the unsaved definition that it tries."""
    asked = orjson.loads(run.dry_run or "{}")
    return {
        "answers": asked.get("answers") or {},
        "replay_run_id": asked.get("replay_run_id"),
        "definition": (asked.get("draft") or {}).get("definition"),
    }


def run_error(run: Run) -> Json | None:
    """A failed run's error without its traceback."""
    if run.error is None:
        return None
    error = orjson.loads(run.error)
    return {key: error.get(key) for key in ("code", "type", "message", "node_id")}


def status_json(
    run: Run, nodes: Iterable[str], states: Iterable[NodeState], interrupts: Sequence[OpenInterrupt], now: int
) -> Json:
    """What the status route answers; ``nodes`` are the workflow's nodes in their author's order."""
    asks_nobody = run.ended or run.status is RunStatus.PENDING
    open_questions = [] if asks_nobody else [row for row in interrupts if row.open(now)]
    return {
        "run_id": run.run_id,
        "status": run.status,
        "progress": run.progress,
        "current_node": run.current_node,
        "started_at": iso(run.started_at),
        "estimated_completion": iso(run.estimated_completion),
        "error": run_error(run),
        "interrupts": [interrupt_json(row) for row in sorted(open_questions, key=OpenInterrupt.turn)],
        "waiting_for": waiting_for(run, interrupts),
        "node_states": node_states_json(run, nodes, states),
        "pausing": run.pause_requested is not None,
        "checkpoint_id": run.checkpoint_id,
        "paused_at": iso(run.paused_at),
        "finished_at": iso(run.finished_at),
        "last_seq": run.last_seq,
    }


def interrupt_json(row: OpenInterrupt) -> Json:
    """An open question."""
    value = orjson.loads(row.value)
    said = value if isinstance(value, dict) else {}
    return {
        "interrupt_id": row.interrupt_id,
        "node_id": row.node_id,
        **place(row.node_id, row.item),
        "question": said.get("question"),
        "schema": said.get("schema"),
        "assignees": said.get("assignees") or [],
        "asked_at": iso(row.created_at),
        "expires_at": iso(row.wake_at),
        "value": said.get(GIVEN, value),
    }


def task_json(task: Task) -> Json:
    """A task of a project."""
    shown = {name: getattr(task, name) for name in Task.__dataclass_fields__}
    return shown | {name: iso(shown[name]) for name in ("due", "created_at", "updated_at", "done_at")}


def notification_json(row: Notification) -> Json:
    """What a person was told."""
    return {
        "notification_id": row.notification_id,
        "project_id": row.project_id,
        "to": row.recipient,
        "title": row.title,
        "body": row.body,
        "run_id": row.run_id,
        "node_id": row.node_id,
        "created_at": iso(row.created_at),
        "read_at": iso(row.read_at),
    }


def asked_json(asked: Asked) -> Json:
    """An open question as the inbox shows it."""
    return {
        "run_id": asked.run_id,
        "run_status": asked.run_status,
        "workflow_id": asked.workflow_id,
        "workflow_name": asked.workflow_name,
        **interrupt_json(asked.question),
    }


def waiting_for(run: Run, interrupts: Iterable[OpenInterrupt]) -> Json | None:
    """What a parked run, WAITING or PAUSED, waits for: an answer before an event before a time; None for other runs."""
    rows = [row for row in interrupts if row.unanswered]
    if not rows or run.status not in (RunStatus.WAITING, RunStatus.PAUSED):
        return None
    kinds = {"time" if row.kind == "retry" else row.kind for row in rows}
    kind = next((kind for kind in ("answer", "event") if kind in kinds), "time")
    meant = {kind, "retry"} if kind == "time" else {kind}
    return {
        "for": kind,
        "until": iso(min((row.wake_at for row in rows if row.wake_at is not None), default=run.wake_at)),
        "node_ids": sorted({row.node_id for row in rows if row.kind in meant}),
    }


def node_states_json(run: Run, nodes: Iterable[str], states: Iterable[NodeState]) -> list[Json]:
    """Every node's state; nodes that were not reached are PENDING, or what the run's end makes of that."""
    known = {state.node_id: state for state in states}
    return [_node_state(run, node_id, known.get(node_id)) for node_id in dict.fromkeys((*nodes, *known))]


def _node_state(run: Run, node_id: str, state: NodeState | None) -> Json:
    if state is None:
        state = NodeState(node_id, NodeStatus.PENDING, 0.0, 0, 0, None, None)
    return {
        "node_id": node_id,
        "status": _LEFT_PENDING.get(run.status, state.status) if state.status is NodeStatus.PENDING else state.status,
        "progress": state.progress,
        "started_at": iso(state.started_at),
        "completed_at": iso(state.completed_at),
        "attempt": state.attempt,
        "iterations": state.iterations,
    }


_LEFT_PENDING = {
    RunStatus.COMPLETED: NodeStatus.SKIPPED,
    RunStatus.FAILED: NodeStatus.SKIPPED,
    RunStatus.CANCELLED: NodeStatus.CANCELLED,
}


def execution_json(row: NodeExecution) -> Json:
    """One time that a node ran."""
    return {
        "node_execution_id": row.execution_id,
        "task_id": row.task_id,
        "node_id": row.node_id,
        "node_type": row.node_type,
        "run_attempt": row.run_attempt,
        "attempt": row.attempt,
        "status": row.status,
        "input": _fragment(row.input),
        "output": _fragment(row.output),
        "error": _fragment(row.error),
        "started_at": iso(row.started_at),
        "completed_at": iso(row.completed_at),
        "duration_ms": row.duration_ms,
        "stand_in": row.stand_in,
    }


def item_json(
    node_id: str, item: int, status: str, attempt: int, output: str | None, error: str | None, began: int, ended: int
) -> Json:
    """One item of a `map`. A result that is too long to keep twice stands in the node's output only."""
    return {
        "node_id": node_id,
        "item": item,
        "status": status,
        "attempt": attempt,
        "output": _fragment(output),
        "error": _fragment(error),
        "started_at": iso(began),
        "completed_at": iso(ended),
        "duration_ms": max(0, ended - began),
    }


def metrics_json(run: Run, totals: Sequence[NodeTotal], now: int) -> Json:
    """Figures about a run: milliseconds in the queue and since its start, and what each node cost."""
    end = run.finished_at or now
    return {
        "duration_ms": max(0, end - run.started_at) if run.started_at is not None else None,
        "queued_ms": max(0, run.started_at - run.created_at) if run.started_at is not None else None,
        "executions": sum(total.executions for total in totals),
        "failures": sum(total.failed for total in totals),
        "nodes": [
            {
                "node_id": total.node_id,
                "executions": total.executions,
                "duration_ms": total.duration_ms,
                "attempts": total.attempts,
                "failures": total.failed,
            }
            for total in totals
        ],
    }


def workflow_summary(row: Workflow) -> Json:
    """A workflow as lists show it."""
    return {
        "workflow_id": row.workflow_id,
        "project_id": row.project_id,
        "kind": row.kind,
        "name": row.name,
        "description": row.description,
        "latest_version": row.latest_version,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "archived_at": iso(row.archived_at),
        "concurrency": concurrency_json(row.max_concurrent_runs, row.concurrency_key, row.on_limit),
    }


def concurrency_json(max_concurrent_runs: int | None, concurrency_key: str | None, on_limit: str) -> Json | None:
    """How many runs of a workflow may run at once; None where there is no limit."""
    if max_concurrent_runs is None:
        return None
    return {
        "max_concurrent_runs": max_concurrent_runs,
        "concurrency_key": concurrency_key,
        "on_limit": on_limit,
    }


def workflow_json(row: Workflow, warnings: Iterable[Problem] = ()) -> Json:
    """A workflow with the definition of one version; ``warnings`` are what its validation found."""
    return {
        **workflow_summary(row),
        "version": row.version,
        "version_created_at": iso(row.version_created_at),
        "definition": orjson.Fragment(row.definition),
        "pins": orjson.Fragment(row.pins),
        "warnings": problems_json(warnings),
    }


def problems_json(problems: Iterable[Problem]) -> list[Json]:
    """Problems of a definition, an input or an edit."""
    return [{"path": problem.path, "code": problem.code, "message": problem.message} for problem in problems]


def project_json(project: Project) -> Json:
    """A project."""
    return {
        "project_id": project.project_id,
        "slug": project.slug,
        "name": project.name,
        "created_at": iso(project.created_at),
    }


def _fragment(text: str | None) -> orjson.Fragment | None:
    return None if text is None else orjson.Fragment(text)
