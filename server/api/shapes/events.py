"""Events, and what sockets send."""

from enum import StrEnum
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from milepost.server.api.shapes.runs import RunSummary
from milepost.server.api.shapes.values import Id, Object, Page, RunError, Time
from milepost.server.states import RunStatus


class EventType(StrEnum):
    """What happened (docs/events.md)."""

    RUN_CREATED = "run.created"
    RUN_QUEUED = "run.queued"
    RUN_STARTED = "run.started"
    RUN_RECOVERED = "run.recovered"
    RUN_PROGRESS = "run.progress"
    RUN_CUSTOM = "run.custom"
    RUN_CODE_CHANGED = "run.code_changed"
    RUN_FORKED_FROM = "run.forked_from"
    RUN_PAUSING = "run.pausing"
    RUN_PAUSED = "run.paused"
    RUN_RESUMED = "run.resumed"
    RUN_WAITING = "run.waiting"
    RUN_COMPLETED = "run.completed"
    RUN_FAILED = "run.failed"
    RUN_CANCELLED = "run.cancelled"
    RUN_STOPPED = "run.stopped"
    NODE_STARTED = "node.started"
    NODE_PROGRESS = "node.progress"
    NODE_RETRYING = "node.retrying"
    NODE_COMPLETED = "node.completed"
    NODE_FAILED = "node.failed"
    NODE_SKIPPED = "node.skipped"
    NODE_WAITING = "node.waiting"
    NODE_CANCELLED = "node.cancelled"
    NODE_LOG = "node.log"
    NODE_DELTA = "node.delta"
    CHECKPOINT_SAVED = "checkpoint.saved"
    STATE_EDITED = "state.edited"


class MapCounts(TypedDict):
    """How many items of a `map` have come to what."""

    total: int
    completed: int
    failed: int


class EventInterrupt(TypedDict):
    """A question in `run.waiting`."""

    interrupt_id: str
    node_id: str
    item: int | None
    path: str
    value: Any


Kind = Literal["answer", "event", "time"]

EventData = TypedDict(
    "EventData",
    {
        "all": list[Kind],
        "answered": Any,
        "attempt": int,
        "by": str | None,
        "checkpoint_id": Id | None,
        "crashes": int,
        "cut": Literal[True],
        "data": Any,
        "duration_ms": int,
        "error": RunError,
        "estimated_completion": Time | None,
        "fields": Object,
        "for": Kind,
        "from": int,
        "input_bytes": int,
        "interrupts": list[EventInterrupt],
        "item": int | None,
        "items": MapCounts,
        "level": str,
        "message": str,
        "mode": Literal["step", "now", "breakpoint"],
        "name": str,
        "next": list[str],
        "next_attempt_at": Time,
        "node_execution_id": str | None,
        "node_id": str | None,
        "nodes": list[str],
        "output": Any,
        "parent_run_id": Id,
        "path": str,
        "progress": float,
        "replayed": bool,
        "restarted": list[str],
        "run_progress": float,
        "simulated": bool,
        "start_at": Time,
        "step": int,
        "test_mode": Literal[True],
        "text": str,
        "to": int,
        "until": Time | None,
        "version": int,
        "why": str,
        "workflow_id": Id,
    },
    total=False,
)


class Event(TypedDict):
    """Something that happened in a run. `data` has what docs/events.md says for its type."""

    seq: int
    run_id: Id
    ts: Time
    type: EventType
    node_id: str | None
    run_attempt: int
    data: EventData


class EventPage(Page):
    """A page of events, in order."""

    items: list[Event]
    last_seq: int


class RunHello(TypedDict):
    """The first message of a run's socket."""

    type: Literal["hello"]
    run: RunStatus
    last_seq: int
    server_time: Time


class EventsMessage(TypedDict):
    """Events, in order."""

    type: Literal["events"]
    events: list[Event]


class Heartbeat(TypedDict):
    """A sign of life; on a run's socket with the last event."""

    type: Literal["heartbeat"]
    last_seq: NotRequired[int]


class End(TypedDict):
    """The last message of a run's socket."""

    type: Literal["end"]
    last_seq: int


class CommandResult(TypedDict):
    """What a command came to: `body` is its route's answer, `error` the problem."""

    type: Literal["result"]
    id: Any
    command: Any
    ok: bool
    status: int
    body: NotRequired[Object]
    error: NotRequired[Object]


class ProjectHello(TypedDict):
    """The first message of a project's socket."""

    type: Literal["hello"]
    project_id: Id
    server_time: Time


class RunChanged(RunSummary):
    """A run of the project changed."""

    type: Literal["run"]


SENT = (RunHello, EventsMessage, Heartbeat, End, CommandResult, ProjectHello, RunChanged)
"""What sockets send; no route answers it."""
