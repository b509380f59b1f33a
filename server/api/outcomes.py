"""The answers of commands on runs, the same over HTTP and over a socket: status and body."""

from typing import Any

from milepost.server.runs.control import Cancelled, Paused, Pausing
from milepost.server.runs.start import Started
from milepost.server.states import RunStatus
from milepost.server.store.rows import Run, iso

Outcome = tuple[int, dict[str, Any]]


def executed(started: Started) -> Outcome:
    """RUNNING, or QUEUED with how many are ahead."""
    run = started.run
    message = "Workflow execution started"
    if run.status is RunStatus.QUEUED:
        message = f"Workflow execution queued; {started.ahead} of its project are ahead of it"
        if run.held_until is not None:
            message = f"Workflow execution starts at {iso(run.held_until)}"
    body = {"run_id": run.run_id, "status": run.status, "started_at": iso(run.started_at), "message": message}
    return 202, {**body, "ahead": started.ahead}


def cancelled(outcome: Cancelled) -> Outcome:
    """CANCELLED, with the nodes whose code still executes."""
    return 200, {
        "run_id": outcome.run.run_id,
        "status": outcome.run.status,
        "cancelled_at": iso(outcome.run.cancelled_at),
        "message": "Workflow execution cancelled",
        "still_running": outcome.still_running,
    }


def paused(outcome: Paused | Pausing) -> Outcome:
    """PAUSED at a checkpoint; or that the pause is still to take hold."""
    run = outcome.run
    if isinstance(outcome, Pausing):
        return 202, {
            "run_id": run.run_id,
            "status": run.status,
            "pausing": True,
            "message": "Workflow pauses when the nodes that are executing have ended",
        }
    return 200, {
        "run_id": run.run_id,
        "status": run.status,
        "paused_at": iso(run.paused_at),
        "checkpoint_id": run.checkpoint_id,
        "message": "Workflow paused at checkpoint",
        "still_running": outcome.still_running,
    }


def resumed(run: Run, now: int) -> Outcome:
    """RUNNING, or QUEUED where every slot is taken."""
    queued = run.status is RunStatus.QUEUED
    return 202, {
        "run_id": run.run_id,
        "status": run.status,
        "resumed_at": iso(now),
        "message": "Workflow queued to resume" if queued else "Workflow resumed from checkpoint",
    }


def retried(run: Run, now: int) -> Outcome:
    """RUNNING, or QUEUED where every slot is taken."""
    return 202, {
        "run_id": run.run_id,
        "status": run.status,
        "retried_at": iso(now),
        "message": "Workflow goes on from its last checkpoint",
    }
