"""Figures about many runs."""

from typing import Literal

from typing_extensions import TypedDict

from milepost.server.api.shapes.values import Id, Page, Time
from milepost.server.states import RunStatus


class EndedCounts(TypedDict):
    """How many runs ended how."""

    COMPLETED: int
    FAILED: int
    CANCELLED: int


class StatusCounts(EndedCounts):
    """How many runs there are of each status."""

    PENDING: int
    QUEUED: int
    RUNNING: int
    WAITING: int
    PAUSED: int


class Percentiles(TypedDict):
    """How long completed runs took, in milliseconds; null where there are none."""

    p50_ms: int | None
    p95_ms: int | None


class Durations(Percentiles):
    """The same with their mean."""

    mean_ms: int | None


class Figures(TypedDict):
    """What runs came to. `success_rate` is null where none completed or failed."""

    counts: StatusCounts
    success_rate: float | None
    duration: Durations


class SeriesPoint(Percentiles):
    """The runs that ended within an hour or a day."""

    start: Time
    counts: EndedCounts


class NodeFigures(TypedDict):
    """What one node of a workflow cost."""

    workflow_id: Id
    workflow_name: str
    node_id: str
    executions: int
    failed: int
    mean_ms: int
    max_ms: int
    total_ms: int


class Statistics(Figures):
    """Figures from `since` to `until`; those of nodes are counted by day or week, from `nodes_since` on."""

    since: Time
    until: Time
    resolution: Literal["hour", "day"]
    series: list[SeriesPoint]
    nodes_since: Time
    slowest_nodes: list[NodeFigures]
    failures_by_node: list[NodeFigures]


class WorkflowStatistics(Statistics):
    """The figures of one workflow."""

    workflow_id: Id
    name: str


class LastRun(TypedDict):
    """One of a workflow's newest runs."""

    run_id: Id
    status: RunStatus
    started_at: Time | None
    finished_at: Time | None
    duration_ms: int | None


class WorkflowFigures(Figures):
    """A workflow among others of its project, with its newest runs."""

    workflow_id: Id
    name: str
    kind: Literal["definition", "python"]
    running: int
    waiting: int
    last_runs: list[LastRun]


class ProjectStatistics(Statistics, Page):
    """The figures of a project, and those of a page of its workflows."""

    workflows: list[WorkflowFigures]
