"""What the store's rows become: frozen values. JSON columns stay text until someone looks inside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from milepost.server.states import LIVE, TERMINAL, NodeStatus, RunStatus


def iso(milliseconds: int | None) -> str | None:
    """Epoch milliseconds as ISO 8601 UTC with ``Z``, as every answer has it."""
    if milliseconds is None:
        return None
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_second(seconds)}.{rest:03d}Z"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    """Every event that is sent has a time: what it shares with its neighbours is written once."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def place(node_id: str, item: str | None) -> dict[str, Any]:
    """Who waits: ``item`` is its place in the list of a `map`, ``path`` the whole way to it, and to the node inside."""
    if item is None:
        return {"item": None, "path": node_id}
    return {"item": int(item.partition("/")[0]), "path": f"{node_id}/{item}"}


class Event(NamedTuple):
    """A stored event. ``data`` is JSON text; ``project_id`` is for routing and not part of the event."""

    run_id: str
    seq: int
    ts: int
    type: str
    node_id: str | None
    run_attempt: int
    data: str
    project_id: str

    def told(self) -> "Told":
        """The event as viewers get it. The query `told_after` says the same of stored events, byte for byte."""
        run_id, seq, ts, type_, node_id, run_attempt, data, _ = self
        wire = orjson.dumps(
            {
                "seq": seq,
                "run_id": run_id,
                "ts": iso(ts),
                "type": type_,
                "node_id": node_id,
                "run_attempt": run_attempt,
                "data": orjson.Fragment(data),
            }
        )
        return Told(seq, type_, wire)


class Told(NamedTuple):
    """An event on its way to a viewer: ``wire`` is its JSON, the same bytes live and replayed."""

    seq: int
    type: str
    wire: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """A row of workflow_runs. Times are epoch milliseconds; input, output, error and metadata JSON text."""

    run_id: str
    project_id: str
    workflow_id: str
    version: int
    status: RunStatus
    run_attempt: int
    owner: str | None
    progress: float
    current_node: str | None
    input: str
    output: str | None
    error: str | None
    metadata: str
    checkpoint_id: str | None
    resume_from: str | None
    pause_requested: str | None
    wake_at: int | None
    parent_run_id: str | None
    forked_from: str | None
    crashes: int
    blamed: int
    spent_ms: int
    created_at: int
    queued_at: int | None
    started_at: int | None
    paused_at: int | None
    cancelled_at: int | None
    finished_at: int | None
    estimated_completion: int | None
    last_seq: int
    priority: int = 0
    start_at: int | None = None
    held_until: int | None = None
    lane: str | None = None
    dry_run: str | None = None
    """Of a dry run, what it was asked with, as JSON text; a run from a list has only `{}`."""

    @property
    def ended(self) -> bool:
        """COMPLETED, FAILED or CANCELLED."""
        return self.status in TERMINAL

    @property
    def live(self) -> bool:
        """Executed and not ended."""
        return self.status in LIVE


@dataclass(frozen=True, slots=True)
class NodeState:
    """The newest state of one node of a run."""

    node_id: str
    status: NodeStatus
    progress: float
    attempt: int
    iterations: int
    started_at: int | None
    completed_at: int | None


@dataclass(frozen=True, slots=True)
class NodeExecution:
    """One time that a node ran. input, output and error are JSON text."""

    execution_id: str
    task_id: str
    node_id: str
    node_type: str
    run_attempt: int
    attempt: int
    status: NodeStatus
    input: str | None
    output: str | None
    error: str | None
    started_at: int
    completed_at: int | None
    duration_ms: int | None
    stand_in: str | None


@dataclass(frozen=True, slots=True)
class OpenInterrupt:
    """What a parked node waits for; ``answer`` is JSON text once given, ``wake_at`` the time or the end of the wait.

    ``item`` says which item of a `map` waits: its place in the list, and below it the node inside (``"3/review"``).
    """

    interrupt_id: str
    task_id: str
    node_id: str
    item: str | None
    kind: str
    value: str
    wake_at: int | None
    answer: str | None
    answered_by: str | None
    answered_at: int | None
    consumed: int
    created_at: int
    event: str | None
    expired_at: int | None

    @property
    def unanswered(self) -> bool:
        """Whether its node still waits for it, however late it is."""
        return self.answer is None and not self.consumed and self.expired_at is None

    def turn(self) -> tuple[int, int, str]:
        """Its place among others: the one asked first comes first, of a `map` the items in their order."""
        return self.created_at, int((self.item or "0").partition("/")[0]), self.interrupt_id

    def late(self, now: int) -> bool:
        """Whether it is too late for what was waited for. Not so for a time: that has come then."""
        return self.kind in ("answer", "event") and self.wake_at is not None and self.wake_at <= now

    def open(self, now: int) -> bool:
        """Whether a person can still answer it."""
        return self.kind == "answer" and self.unanswered and not self.late(now)


@dataclass(frozen=True, slots=True)
class Stands:
    """How a run stands at one moment: its row, the nodes that were reached, and what its nodes waited and wait for."""

    run: Run
    states: Sequence[NodeState]
    interrupts: Sequence[OpenInterrupt]

    @property
    def at_rest(self) -> bool:
        """Whether it has ended, is paused or waits; not if what it waits for is there, so that it goes on at once."""
        if self.run.status is not RunStatus.WAITING:
            return self.run.ended or self.run.status is RunStatus.PAUSED
        return not any(row.answer is not None and not row.consumed for row in self.interrupts)


@dataclass(frozen=True, slots=True)
class Asked:
    """An open question with the run that asks it."""

    run_id: str
    question: OpenInterrupt
    workflow_id: str
    run_status: str
    workflow_name: str


@dataclass(frozen=True, slots=True)
class Task:
    """Something for a person to do. ``run_id`` is None where a person made it, and once its run is deleted."""

    task_id: str
    project_id: str
    title: str
    description: str
    assignee: str | None
    due: int | None
    status: str
    run_id: str | None
    node_id: str | None
    created_by: str | None
    created_at: int
    updated_at: int
    done_by: str | None
    done_at: int | None


@dataclass(frozen=True, slots=True)
class Notification:
    """What a person was told."""

    notification_id: str
    project_id: str
    recipient: str
    title: str
    body: str
    run_id: str | None
    node_id: str | None
    created_at: int
    read_at: int | None


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow with one of its versions."""

    workflow_id: str
    project_id: str
    name: str
    description: str
    latest_version: int
    created_at: int
    updated_at: int
    archived_at: int | None
    version: int
    definition: str
    pins: str
    version_created_at: int
    max_concurrent_runs: int | None = None
    concurrency_key: str | None = None
    on_limit: str = "queue"
    kind: str = "definition"


@dataclass(frozen=True, slots=True)
class Project:
    """What workflows, runs and keys belong to."""

    project_id: str
    slug: str
    name: str
    created_at: int


@dataclass(frozen=True, slots=True)
class ProjectLimits:
    """What a project may use at most; None: as much as it likes."""

    live_runs: int | None = None
    running_runs: int | None = None
    sockets: int | None = None
    stored_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class SecretRow:
    """A secret without its value."""

    name: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Key:
    """An API key without its secret. ``project_id`` None: the owner's, good everywhere."""

    key_id: str
    project_id: str | None
    name: str
    created_at: int
    expires_at: int | None
    revoked_at: int | None
