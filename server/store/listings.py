"""Reads that are put together from named fragments: the run list with its filters, and figures about one run."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from milepost.checkpoints.sql import load
from milepost.server.store.rows import Run
from milepost.server.store.store import Store, to_run
from milepost.server.store.unit import Row

SQL: Mapping[str, str] = MappingProxyType(dict(load(Path(__file__).parent / "sql" / "listings.sql")))

Sort = Literal["created_at", "started_at", "finished_at"]
Order = Literal["asc", "desc"]


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs of a project, in which order. Times are epoch milliseconds; ``statuses`` empty: all."""

    workflow_id: str | None = None
    statuses: tuple[str, ...] = ()
    started_after: int | None = None
    started_before: int | None = None
    q: str | None = None
    test_mode: bool | None = None
    sort: Sort = "created_at"
    order: Order = "desc"


@dataclass(frozen=True, slots=True)
class NodeTotal:
    """What one node of a run cost: executions, milliseconds, highest attempt, failed executions."""

    node_id: str
    executions: int
    duration_ms: int
    attempts: int
    failed: int


async def list_runs(
    store: Store, project_id: str, chosen: RunFilter, limit: int, key: tuple[int, str] | None
) -> list[Run]:
    """At most ``limit`` runs behind ``key``, the sort value (0 for none) and id of the last run of the page before."""
    parts, parameters = _narrow(chosen)
    parameters |= {"project_id": project_id, "limit": limit, "key_id": key[1] if key else None}
    if chosen.sort != "created_at":
        parameters["key"] = key[0] if key else None
    rows = await _fetch(store, ["list_runs", *parts, f"{chosen.sort}_{chosen.order}"], parameters)
    return [to_run(row) for row in rows]


async def runs_by_id(store: Store, project_id: str, run_ids: Sequence[str]) -> list[Run]:
    """Those of the runs that are the project's, newest first."""
    parameters = {
        "project_id": project_id,
        "run_ids": f"|{'|'.join(run_ids)}|",
        "first": min(run_ids),
        "last": max(run_ids),
        "key_id": None,
        "limit": len(run_ids),
    }
    return [to_run(row) for row in await _fetch(store, ["list_runs", "of_runs", "created_at_desc"], parameters)]


async def node_totals(store: Store, run_id: str) -> list[NodeTotal]:
    """What each node that ran cost, in the order in which they first started."""
    return [NodeTotal(*row) for row in await _fetch(store, ["node_totals"], {"run_id": run_id})]


async def last_retry(store: Store, run_id: str) -> tuple[str, str] | None:
    """Node and data (JSON text) of the newest ``node.retrying`` event."""
    rows = await _fetch(store, ["last_retry"], {"run_id": run_id})
    return (rows[0][0], rows[0][1]) if rows else None


def _narrow(chosen: RunFilter) -> tuple[list[str], dict[str, Any]]:
    wanted: dict[str, tuple[str, Any]] = {
        "of_workflow": ("workflow_id", chosen.workflow_id),
        "started_after": ("started_after", chosen.started_after),
        "started_before": ("started_before", chosen.started_before),
        "of_test_mode": ("test_mode", None if chosen.test_mode is None else int(chosen.test_mode)),
        "about": ("q", chosen.q.lower() if chosen.q else None),
    }
    if len(chosen.statuses) == 1:
        wanted["of_status"] = ("status", chosen.statuses[0])
    elif chosen.statuses:
        wanted["of_statuses"] = ("statuses", f"|{'|'.join(chosen.statuses)}|")
    used = {name: pair for name, pair in wanted.items() if pair[1] is not None}
    return list(used), dict(used.values())


async def _fetch(store: Store, parts: Sequence[str], parameters: Mapping[str, Any]) -> list[Row]:
    return await asyncio.wrap_future(store.reader.fetch("\n".join(SQL[part] for part in parts), parameters))
