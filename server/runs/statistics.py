"""Figures about many runs, from what was counted as they ended: no run is read but the newest of each workflow."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from milepost.server.runs.cursors import make_cursor, read_cursor
from milepost.server.runs.summaries import Json
from milepost.server.states import TERMINAL, RunStatus
from milepost.server.store.histogram import percentile
from milepost.server.store.periods import DAY, day_of, week_of, week_start
from milepost.server.store.rows import Project, Workflow, iso
from milepost.server.store.statements import SQL
from milepost.server.store.store import Store
from milepost.server.store.unit import Row

HOUR = 3_600_000
DEFAULT_DAYS = 7
BY_HOUR_DAYS = 7
"""Up to so many days back, as a client counts them, a series has a point an hour, beyond that one a day."""

NODES_BY_DAY_DAYS = 31
"""Up to so many days back nodes are read by day, beyond that by week, which is a seventh of the rows."""

MOST_DAYS = 366
SHOWN_NODES = 20
SHOWN_RUNS = 20
READ_RUNS = 60
"""Newest runs of a workflow among which those are looked for that are no dry runs."""

ENDED = tuple(status.value for status in RunStatus if status in TERMINAL)
UNFINISHED = tuple(status.value for status in RunStatus if status not in TERMINAL)
"""Plain text: they become keys in answers, and orjson takes no others."""


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when is counted (epoch milliseconds), in periods of ``hours``."""

    since: int
    until: int
    hours: int

    @classmethod
    def of(cls, since: int | None, now: int) -> "Window":
        """From the beginning of the hour of ``since`` on, or of its day if that is long ago; by default for 7 days."""
        wanted = max(now - MOST_DAYS * DAY, min(now, now - DEFAULT_DAYS * DAY if since is None else since))
        hours = 1 if now - wanted <= BY_HOUR_DAYS * DAY + HOUR else 24
        return cls(wanted - wanted % (hours * HOUR), now, hours)

    @property
    def periods(self) -> range:
        """The numbers of its periods, counted since 1970."""
        length = self.hours * HOUR
        return range(self.since // length, self.until // length + 1)

    @property
    def nodes_by_week(self) -> bool:
        """Whether figures of nodes are those of whole weeks."""
        return self.until - self.since > (NODES_BY_DAY_DAYS + 1) * DAY

    @property
    def nodes_since(self) -> int:
        """From when on nodes are counted: the beginning of a day or of a week."""
        day = day_of(self.since)
        return week_start(week_of(day)) if self.nodes_by_week else day * DAY

    @property
    def parameters(self) -> dict[str, int]:
        """What statements select by."""
        day = day_of(self.since)
        return {
            "period": self.periods.start,
            "hours": self.hours,
            "hour": self.since // HOUR,
            "days": 7 if self.nodes_by_week else 1,
            "node_period": week_of(day) if self.nodes_by_week else day,
            "whole_day": -(-self.since // DAY),
            "limit": SHOWN_NODES,
        }


@dataclass(slots=True)
class Tally:
    """Ended runs by status, and how long those took that completed."""

    counts: Counter[str] = field(default_factory=Counter)
    buckets: Counter[int] = field(default_factory=Counter)
    duration_ms: int = 0

    def add(self, status: str, bucket: int, runs: int, duration_ms: int) -> None:
        """Runs of one status and bucket, and the sum of their durations."""
        self.counts[status] += runs
        if status == RunStatus.COMPLETED:
            self.buckets[bucket] += runs
            self.duration_ms += duration_ms

    def figures(self, unfinished: Mapping[str, int]) -> Json:
        """Counts by status with those that have not ended, the success rate, and durations in milliseconds."""
        completed, failed = self.counts[RunStatus.COMPLETED], self.counts[RunStatus.FAILED]
        counts = {status: unfinished.get(status, 0) for status in UNFINISHED}
        return {
            "counts": {**counts, **self._ended()},
            "success_rate": completed / (completed + failed) if completed + failed else None,
            "duration": {
                "mean_ms": round(self.duration_ms / completed) if completed else None,
                **self._percentiles(),
            },
        }

    def point(self, start: int) -> Json:
        """A point of a series, which starts at ``start``."""
        return {"start": iso(start), "counts": self._ended(), **self._percentiles()}

    def _ended(self) -> dict[str, int]:
        return {status: self.counts[status] for status in ENDED}

    def _percentiles(self) -> Json:
        return {"p50_ms": percentile(self.buckets, 0.5), "p95_ms": percentile(self.buckets, 0.95)}


class Statistics:
    """Reads the figures of a project's workflows."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of_workflow(self, project: Project, workflow_id: str, since: int | None) -> Json:
        """The figures of one workflow, archived or not, from ``since`` (epoch milliseconds) on.

        Raises:
            NotFound.
        """
        workflow = await self._store.workflow(project.project_id, workflow_id)
        window = Window.of(since, self._store.clock())
        periods, unfinished, slowest, failing = await self._together(
            {
                **window.parameters,
                "scope_id": workflow_id,
                "project_id": project.project_id,
                "workflow_id": workflow_id,
            },
            _FIGURES,
        )
        figures = _figures(window, periods, unfinished, slowest, failing)
        return {"workflow_id": workflow_id, "name": workflow.name, **figures}

    async def of_project(self, project: Project, since: int | None, limit: int, cursor: str | None) -> Json:
        """The figures of a project, and those of a page of its workflows with their newest runs.

        Raises:
            BadRequest: the cursor is not one of this list's.
        """
        before = read_cursor(cursor, str)[0] if cursor else None
        rows = await self._store.fetch(
            "list_workflows", project_id=project.project_id, q=None, before=before, limit=limit + 1
        )
        found = [Workflow(*row) for row in rows]
        page = found[:limit]
        window = Window.of(since, self._store.clock())
        last, first = (page[0].workflow_id, page[-1].workflow_id) if page else ("", "")
        names = {"project_id": project.project_id, "workflow_id": None, "first": first, "last": last}
        periods, unfinished, slowest, failing, ended = await self._together(
            {**window.parameters, **names, "scope_id": project.project_id}, (*_FIGURES, "ended_by_workflow")
        )
        (runs,) = await self._together({**names, "limit": READ_RUNS}, ("last_runs",))
        return {
            **_figures(window, periods, unfinished, slowest, failing),
            "workflows": _workflows(page, ended, unfinished, runs),
            "next_cursor": make_cursor(page[-1].workflow_id) if len(found) > limit else None,
        }

    async def _together(self, parameters: Mapping[str, Any], names: Iterable[str]) -> list[list[Row]]:
        """Rows of several statements as of one moment."""
        reading = self._store.reader.fetch_together([(SQL[name], parameters) for name in names])
        return await asyncio.wrap_future(reading)


_FIGURES = ("ended_by_period", "unfinished_runs", "slowest_nodes", "failing_nodes")


def _figures(
    window: Window, periods: Iterable[Row], unfinished: Iterable[Row], slowest: Iterable[Row], failing: Iterable[Row]
) -> Json:
    total, series = Tally(), defaultdict[int, Tally](Tally)
    for period, *counted in periods:
        total.add(*counted)
        series[period].add(*counted)
    waiting = Counter[str]()
    for _, status, runs in unfinished:
        waiting[status] += runs
    empty, length = Tally(), window.hours * HOUR
    return {
        "since": iso(window.since),
        "until": iso(window.until),
        **total.figures(waiting),
        "resolution": "hour" if window.hours == 1 else "day",
        "series": [series.get(period, empty).point(period * length) for period in window.periods],
        "nodes_since": iso(window.nodes_since),
        "slowest_nodes": [_node(*row) for row in slowest],
        "failures_by_node": [_node(*row) for row in failing],
    }


def _node(
    workflow_id: str, name: str, node_id: str, executions: int, failed: int, duration_ms: int, longest_ms: int
) -> Json:
    return {
        "workflow_id": workflow_id,
        "workflow_name": name,
        "node_id": node_id,
        "executions": executions,
        "failed": failed,
        "mean_ms": round(duration_ms / executions),
        "max_ms": longest_ms,
        "total_ms": duration_ms,
    }


def _workflows(
    page: Sequence[Workflow], ended: Iterable[Row], unfinished: Iterable[Row], runs: Iterable[Row]
) -> list[Json]:
    tallies, newest = defaultdict[str, Tally](Tally), defaultdict[str, list[Json]](list)
    live = defaultdict[str, dict[str, int]](dict)
    for workflow_id, *counted in ended:
        tallies[workflow_id].add(*counted)
    for workflow_id, status, count in unfinished:
        live[workflow_id][status] = count
    for workflow_id, *run in runs:
        if len(newest[workflow_id]) < SHOWN_RUNS:
            newest[workflow_id].append(_last_run(*run))
    return [
        {
            "workflow_id": each.workflow_id,
            "name": each.name,
            "kind": each.kind,
            **tallies[each.workflow_id].figures(live[each.workflow_id]),
            "running": live[each.workflow_id].get(RunStatus.RUNNING, 0),
            "waiting": live[each.workflow_id].get(RunStatus.WAITING, 0),
            "last_runs": newest[each.workflow_id],
        }
        for each in page
    ]


def _last_run(run_id: str, status: str, started_at: int | None, finished_at: int | None) -> Json:
    took = None if started_at is None or finished_at is None else max(0, finished_at - started_at)
    return {
        "run_id": run_id,
        "status": status,
        "started_at": iso(started_at),
        "finished_at": iso(finished_at),
        "duration_ms": took,
    }
