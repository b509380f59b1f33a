"""The trace of a run as JSON: what each node was given, gave and logged, within a limit of bytes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from milepost.checkpoints.plain import to_json
from milepost.server.runs.summaries import Json, dry_run_json, run_error
from milepost.server.states import RunStatus
from milepost.server.store.listings import NodeTotal
from milepost.server.store.rows import NodeExecution, Run, iso

MAX_STEPS = 1_000
"""Executions in one trace; `/logs` has them all."""

MAX_VALUE = 16 * 1024
"""Bytes of one input or output."""

MAX_BYTES = 4 << 20
"""Bytes of all of them, with the variables and the output."""

MAX_LINES = 10_000
"""Rows that are read for what was logged."""

LOGS = 100
"""Log lines of one execution."""


class _Space:
    """What is left of a trace's bytes."""

    def __init__(self) -> None:
        self._left = MAX_BYTES
        self.cut = False

    def take(self, value: Any, most: int = MAX_VALUE) -> Any:
        """The value, cut where it is too long."""
        shown = to_json(value, min(most, max(0, self._left)))
        self.cut = self.cut or shown.cut
        self._left -= len(orjson.dumps(shown.data))
        return shown.data

    def text(self, text: str | None) -> Any:
        """The value of a JSON text."""
        return None if text is None else self.take(orjson.loads(text))


def trace_json(
    run: Run,
    executions: Sequence[NodeExecution],
    logged: Iterable[Sequence[Any]],
    totals: Sequence[NodeTotal],
    stood_in: Mapping[str, int],
    variables: Any,
) -> Json:
    """What the nodes of an ended run did, in order, and what it came to."""
    space, lines = _Space(), _lines(logged)
    seconds = max(0, (run.finished_at or 0) - (run.started_at or run.created_at)) / 1000
    final = {"variables": space.take(variables or {}, MAX_BYTES), "output": None}
    if run.output is not None:
        final["output"] = space.take(orjson.loads(run.output), MAX_BYTES)
    trace = [_step(row, lines.get(row.execution_id, []), space) for row in executions[:MAX_STEPS]]
    return {
        "run_id": run.run_id,
        "execution_id": run.run_id,
        "workflow_id": run.workflow_id,
        "version": None if dry_run_json(run).get("definition") else run.version,
        "test_mode": run.dry_run is not None,
        "status": run.status,
        "started_at": iso(run.started_at),
        "finished_at": iso(run.finished_at),
        "execution_time_seconds": seconds,
        "error": run_error(run),
        "trace": trace,
        "final_variables": final["variables"],
        "final_output": final["output"],
        "summary": {
            "nodes_executed": len(totals),
            "nodes_failed": sum(total.failed > 0 for total in totals),
            "executions": sum(total.executions for total in totals),
            "simulated": stood_in.get("simulated", 0),
            "answered": stood_in.get("answered", 0),
            "replayed": stood_in.get("replayed", 0),
            "total_duration": seconds,
            "passed": run.status is RunStatus.COMPLETED,
        },
        "cut": space.cut or len(executions) > MAX_STEPS,
    }


def _step(row: NodeExecution, logs: list[str], space: _Space) -> Json:
    error = {} if row.error is None else orjson.loads(row.error)
    return {
        "node_execution_id": row.execution_id,
        "node_id": row.node_id,
        "node_type": row.node_type,
        "status": row.status,
        "attempt": row.attempt,
        "duration_seconds": None if row.duration_ms is None else row.duration_ms / 1000,
        "input": space.text(row.input),
        "output": space.text(row.output),
        "logs": space.take(logs),
        "error": error.get("message"),
        "error_type": error.get("type"),
        "error_code": error.get("code"),
        "simulated": row.stand_in == "simulated",
        "answered": row.stand_in == "answered",
        "replayed": row.stand_in == "replayed",
    }


def _lines(logged: Iterable[Sequence[Any]]) -> dict[str, list[str]]:
    """Log lines by execution: of the one of its node that began last."""
    began: dict[str, str] = {}
    lines: dict[str, list[str]] = {}
    for kind, node_id, data in logged:
        told = orjson.loads(data)
        if kind == "node.started":
            began[node_id] = told["node_execution_id"]
        elif node_id in began:
            found = lines.setdefault(began[node_id], [])
            if len(found) < LOGS:
                found.append(f"{told.get('level')}: {told.get('message')}")
    return lines
