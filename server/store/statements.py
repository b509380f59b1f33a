"""Named statements become guarded `Statement` values here; the status of a run is written by `transition` alone."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from milepost.checkpoints.sql import load
from milepost.checkpoints.unit import Statement
from milepost.server.states import TERMINAL, Action, RunStatus, target
from milepost.server.store.histogram import bucket
from milepost.server.store.periods import day_of, week_of
from milepost.server.store.rows import Run
from milepost.server.store.unit import NewEvent, Returning, encode

_FILES = ("access", "comparison", "events", "nodes", "people", "runs", "secrets", "sessions", "statistics", "workflows")

SQL: Mapping[str, str] = MappingProxyType(
    {name: sql for file in _FILES for name, sql in load(Path(__file__).parent / "sql" / f"{file}.sql").items()}
)


def statement(name: str, rows: int | None = None, /, **parameters: Any) -> Statement:
    """The statement called ``name``; its unit is rolled back unless it touches ``rows`` rows (None: any number)."""
    return Statement(SQL[name], parameters, rows)


def event(
    run: Run, type_: str, now: int, data: Mapping[str, Any] | None = None, *, node_id: str | None = None
) -> NewEvent:
    """An event of ``run`` under the attempt that ``run`` has."""
    return NewEvent(run.run_id, type_, now, run.run_attempt, encode(data) if data else "{}", node_id)


def transition(run: Run, action: Action, now: int, **changes: Any) -> tuple[Run, Statement]:
    """What ``run`` becomes by ``action``, and the guarded statement that writes it.

    The statement touches no row, and its unit fails with ``GuardFailed``, if the run no longer is what ``run`` says.

    Args:
        run: the row as the caller saw it.
        action: what happens to it.
        now: epoch milliseconds, for the time columns that the new status sets.
        changes: further lifecycle columns (output, error, wake_at, …).

    Raises:
        IllegalTransition: the table has no such exit from the run's status.
    """
    status = target(run.status, action)
    after = replace(
        run, status=status, estimated_completion=None, **{**_lifecycle(run, status, action, now), **changes}
    )
    if status is RunStatus.COMPLETED:
        after = replace(after, progress=1.0)
    return after, statement(
        "set_status",
        1,
        run_id=run.run_id,
        seen_status=run.status,
        seen_attempt=run.run_attempt,
        seen_pause=run.pause_requested or "",
        seen_resume_from=run.resume_from or "",
        seen_crashes=run.crashes,
        seen_blamed=run.blamed,
        **{column: getattr(after, column) for column in _LIFECYCLE_COLUMNS},
    )


_LIFECYCLE_COLUMNS = (
    "status",
    "run_attempt",
    "owner",
    "input",
    "output",
    "error",
    "pause_requested",
    "resume_from",
    "wake_at",
    "crashes",
    "blamed",
    "spent_ms",
    "queued_at",
    "started_at",
    "paused_at",
    "cancelled_at",
    "finished_at",
)


def _lifecycle(run: Run, status: RunStatus, action: Action, now: int) -> dict[str, Any]:
    changes: dict[str, Any] = {"owner": None, "pause_requested": None}
    if status in TERMINAL:
        changes |= {"finished_at": now, "wake_at": None}
    if status is RunStatus.CANCELLED:
        changes["cancelled_at"] = now
    elif status is RunStatus.PAUSED:
        changes["paused_at"] = now
    elif status is RunStatus.QUEUED:
        changes |= {"queued_at": now, "finished_at": None, "error": None, "wake_at": None}
        if action is Action.RELEASE:
            # What had begun goes on before what has not.
            changes |= {"pause_requested": run.pause_requested, "queued_at": run.queued_at or now}
    elif status is RunStatus.RUNNING:
        changes |= {"started_at": run.started_at or now, "run_attempt": run.run_attempt + 1}
    return changes


def hold_place(run_id: str) -> Returning:
    """The guard of a claim, behind it in its unit: the run's lane and its project have room for it."""
    return Returning(statement("hold_place", 1, run_id=run_id), lambda rows: ())


def rollup(run: Run) -> list[Statement]:
    """Count the ended ``run`` in its workflow's hour, and what its nodes did; a dry run is not counted.

    The statements follow in their unit those that write how its last nodes ended.
    """
    if run.dry_run is not None:
        return []
    ended = run.finished_at or 0
    duration = max(0, ended - (run.started_at or run.created_at))
    day = day_of(ended)
    counted = statement(
        "add_to_rollup",
        workflow_id=run.workflow_id,
        project_id=run.project_id,
        hour=ended // 3_600_000,
        day=day,
        status=run.status,
        bucket=bucket(duration),
        duration_ms=duration,
    )
    if not run.run_attempt:
        return [counted]
    names = {"run_id": run.run_id, "workflow_id": run.workflow_id, "day": day, "week": week_of(day)}
    return [counted, statement("add_to_node_rollups", **names)]


def to_json(value: Any) -> str:
    """``value`` as JSON text for a column.

    Raises:
        TypeError: it is no JSON value.
    """
    return orjson.dumps(value).decode()
