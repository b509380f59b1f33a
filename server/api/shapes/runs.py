"""Runs, how they stand, and what their nodes did."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from milepost.server.api.shapes.values import Failure, Id, Object, Page, RunError, Time
from milepost.server.runs.why import CODES
from milepost.server.states import NodeStatus, RunStatus

StandIn = Literal["simulated", "answered", "replayed"]


class RunSummary(TypedDict):
    """A run as lists show it."""

    run_id: Id
    project_id: Id
    workflow_id: Id
    version: int
    status: RunStatus
    progress: float
    current_node: str | None
    error: RunError | None
    metadata: Object
    run_attempt: int
    pausing: bool
    checkpoint_id: Id | None
    parent_run_id: Id | None
    forked_from: Id | None
    wake_at: Time | None
    priority: int
    start_at: Time | None
    test_mode: bool
    created_at: Time
    queued_at: Time | None
    started_at: Time | None
    paused_at: Time | None
    cancelled_at: Time | None
    finished_at: Time | None
    estimated_completion: Time | None


class RunPage(Page):
    """A page of runs."""

    items: list[RunSummary]


class CreatedRun(RunSummary):
    """A run that was made; `last_seq` only where the answer waited for its end."""

    input_data: Object
    output_data: Any
    last_seq: NotRequired[int]


class DryRunAsked(TypedDict):
    """What a dry run was asked with."""

    answers: Object
    replay_run_id: Id | None
    definition: Object | None


class NodeExecution(TypedDict):
    """One time that a node ran."""

    node_execution_id: str
    task_id: str
    node_id: str
    node_type: str
    run_attempt: int
    attempt: int
    status: NodeStatus
    input: Any
    output: Any
    error: RunError | None
    started_at: Time
    completed_at: Time | None
    duration_ms: int | None
    stand_in: StandIn | None


class NodeExecutionPage(Page):
    """A page of node executions, in order."""

    items: list[NodeExecution]


class MapItem(TypedDict):
    """One item of a `map` that has ended. An output that is too long to keep twice is null here."""

    node_id: str
    item: int
    status: NodeStatus
    attempt: int
    output: Any
    error: Failure | None
    started_at: Time
    completed_at: Time
    duration_ms: int


class MapItemPage(Page):
    """A page of a `map`'s items, in the order of its list."""

    items: list[MapItem]


class NodeMetrics(TypedDict):
    """What one node of a run cost."""

    node_id: str
    executions: int
    duration_ms: int
    attempts: int
    failures: int


class RunMetrics(TypedDict):
    """Figures about a run; times are null until it started."""

    duration_ms: int | None
    queued_ms: int | None
    executions: int
    failures: int
    nodes: list[NodeMetrics]


class Run(RunSummary):
    """The whole run. `logs` and `metrics` are there on request, `dry_run` in dry runs."""

    input_data: Object
    output_data: Any
    last_seq: int
    dry_run: NotRequired[DryRunAsked]
    logs: NotRequired[list[NodeExecution]]
    metrics: NotRequired[RunMetrics]


class NodeState(TypedDict):
    """The newest state of one node."""

    node_id: str
    status: NodeStatus
    progress: float
    started_at: Time | None
    completed_at: Time | None
    attempt: int
    iterations: int


class Interrupt(TypedDict):
    """An open question. `item` and `path` say which item of a `map` asks; `value` is all that its node gave."""

    interrupt_id: str
    node_id: str
    item: int | None
    path: str
    question: str | None
    schema: Object | None
    assignees: list[str]
    asked_at: Time
    expires_at: Time | None
    value: Any


WaitingFor = TypedDict(
    "WaitingFor",
    {"for": Literal["answer", "event", "time"], "until": Time | None, "node_ids": list[str]},
)


class Status(TypedDict):
    """Where a run stands, and what each of its nodes does."""

    run_id: Id
    status: RunStatus
    progress: float
    current_node: str | None
    started_at: Time | None
    estimated_completion: Time | None
    error: RunError | None
    interrupts: list[Interrupt]
    waiting_for: WaitingFor | None
    node_states: list[NodeState]
    pausing: bool
    checkpoint_id: Id | None
    paused_at: Time | None
    finished_at: Time | None
    last_seq: int
    still_running: list[str]


class Why(TypedDict):
    """Why a run does not advance right now. Which of the other fields there are depends on `code`."""

    run_id: Id
    status: RunStatus
    code: Annotated[str, Field(json_schema_extra={"enum": [*CODES]})]
    sentence: str
    node_ids: NotRequired[list[str]]
    until: NotRequired[Time | None]
    since: NotRequired[Time | None]
    seconds: NotRequired[float]
    ahead: NotRequired[int]
    running: NotRequired[int]
    maximum: NotRequired[int]
    key: NotRequired[str]


class TraceStep(TypedDict):
    """One node execution in the trace of a dry run. Values that are too long are cut with `…`."""

    node_execution_id: str
    node_id: str
    node_type: str
    status: NodeStatus
    attempt: int
    duration_seconds: float | None
    input: Any
    output: Any
    logs: list[str] | str
    error: str | None
    error_type: str | None
    error_code: str | None
    simulated: bool
    answered: bool
    replayed: bool


class TraceSummary(TypedDict):
    """What a dry run came to."""

    nodes_executed: int
    nodes_failed: int
    executions: int
    simulated: int
    answered: int
    replayed: int
    total_duration: float
    passed: bool


class Trace(TypedDict):
    """What every node of a dry run did. `version` is null where an unsaved definition was tried."""

    run_id: Id
    execution_id: Id
    workflow_id: Id
    version: int | None
    test_mode: bool
    status: RunStatus
    started_at: Time | None
    finished_at: Time | None
    execution_time_seconds: float
    error: RunError | None
    trace: list[TraceStep]
    final_variables: Any
    final_output: Any
    summary: TraceSummary
    cut: bool
