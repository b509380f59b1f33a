"""Rows that nodes want stored together with their results, as statements of the unit that stores them."""

from collections.abc import Mapping
from typing import Any

from milepost.checkpoints.unit import Statement
from milepost.server.store.rows import Run
from milepost.server.store.statements import statement


def row_of(run: Run, node_id: str, kind: str, row: Mapping[str, Any], now: int) -> Statement:
    """The statement for a row of a kind. Raises `ValueError` where there is no such kind."""
    where = {"project_id": run.project_id, "run_id": run.run_id, "node_id": node_id, "now": now}
    if kind == "task":
        return statement("insert_task", **where, created_by=None, **row)
    if kind == "notification":
        return statement("insert_notification", **where, **row)
    raise ValueError(f"no rows of the kind {kind!r} are kept")
