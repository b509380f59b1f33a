"""New runs: their rows, and the unit that stores one."""

from typing import Any

import uuid_utils

from milepost.server.states import RunStatus
from milepost.server.store.rows import Run, Workflow
from milepost.server.store.statements import event, statement
from milepost.server.store.unit import Unit


def new_run(
    project_id: str,
    workflow_id: str,
    version: int,
    input: str,
    metadata: str,
    now: int,
    *,
    checkpoint_id: str | None = None,
    parent_run_id: str | None = None,
    forked_from: str | None = None,
    run_id: str = "",
    priority: int = 0,
    start_at: int | None = None,
    dry_run: str | None = None,
) -> Run:
    """A PENDING run that is not stored yet."""
    return Run(
        run_id=run_id or str(uuid_utils.uuid7()),
        project_id=project_id,
        workflow_id=workflow_id,
        version=version,
        status=RunStatus.PENDING,
        run_attempt=0,
        owner=None,
        progress=0.0,
        current_node=None,
        input=input,
        output=None,
        error=None,
        metadata=metadata,
        checkpoint_id=checkpoint_id,
        resume_from=None,
        pause_requested=None,
        wake_at=None,
        parent_run_id=parent_run_id,
        forked_from=forked_from,
        crashes=0,
        blamed=0,
        spent_ms=0,
        created_at=now,
        queued_at=None,
        started_at=None,
        paused_at=None,
        cancelled_at=None,
        finished_at=None,
        estimated_completion=None,
        last_seq=0,
        priority=priority,
        start_at=start_at,
        dry_run=dry_run,
    )


def insertion(run: Run, workflow: Workflow, now: int) -> Unit:
    """The unit that stores a new run of ``workflow`` as the caller saw it; its guard fails where that has changed."""
    row = statement(
        "insert_run",
        run_id=run.run_id,
        project_id=run.project_id,
        workflow_id=run.workflow_id,
        version=run.version,
        input=run.input,
        metadata=run.metadata,
        checkpoint_id=run.checkpoint_id,
        parent_run_id=run.parent_run_id,
        forked_from=run.forked_from,
        created_at=run.created_at,
        priority=run.priority,
        start_at=run.start_at,
        dry_run=run.dry_run,
        **seen_limits(workflow),
    )
    data: dict[str, Any] = {"workflow_id": run.workflow_id, "version": run.version, "input_bytes": len(run.input)}
    if run.dry_run is not None:
        data["test_mode"] = True
    return Unit([row], [event(run, "run.created", now, data)])


def seen_limits(workflow: Workflow) -> dict[str, Any]:
    """The limits of a workflow that a start was prepared with, for the guard that compares them."""
    return {"seen_max": workflow.max_concurrent_runs or 0, "seen_key": workflow.concurrency_key or ""}
