"""Run and node statuses, and the one table of what may follow what. Nothing here touches the store."""

from collections.abc import Mapping
from enum import StrEnum

from milepost.server.errors import IllegalTransition


class RunStatus(StrEnum):
    """What a run is doing. Each status has one meaning (docs/states.md)."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class NodeStatus(StrEnum):
    """What a node of a run is doing."""

    PENDING = "PENDING"
    READY = "READY"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"


class Action(StrEnum):
    """What can happen to a run."""

    EXECUTE = "execute"
    CLAIM = "claim"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"
    PARK = "park"
    ANSWER = "answer"
    WAKE = "wake"
    RELEASE = "release"
    FINISH = "finish"
    FAIL = "fail"


TRANSITIONS: Mapping[RunStatus, Mapping[Action, RunStatus]] = {
    RunStatus.PENDING: {
        Action.EXECUTE: RunStatus.QUEUED,
        Action.CANCEL: RunStatus.CANCELLED,
    },
    RunStatus.QUEUED: {
        Action.CLAIM: RunStatus.RUNNING,
        Action.PAUSE: RunStatus.PAUSED,
        Action.CANCEL: RunStatus.CANCELLED,
    },
    RunStatus.RUNNING: {
        Action.FINISH: RunStatus.COMPLETED,
        Action.FAIL: RunStatus.FAILED,
        Action.PAUSE: RunStatus.PAUSED,
        Action.PARK: RunStatus.WAITING,
        Action.RELEASE: RunStatus.QUEUED,
        Action.CANCEL: RunStatus.CANCELLED,
    },
    RunStatus.WAITING: {
        Action.ANSWER: RunStatus.QUEUED,
        Action.WAKE: RunStatus.QUEUED,
        Action.PAUSE: RunStatus.PAUSED,
        Action.CANCEL: RunStatus.CANCELLED,
        Action.FAIL: RunStatus.FAILED,
    },
    RunStatus.PAUSED: {
        Action.RESUME: RunStatus.QUEUED,
        Action.CANCEL: RunStatus.CANCELLED,
    },
    RunStatus.FAILED: {Action.RETRY: RunStatus.QUEUED},
    RunStatus.COMPLETED: {},
    RunStatus.CANCELLED: {},
}

TERMINAL = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})
LIVE = frozenset(RunStatus) - TERMINAL - {RunStatus.PENDING}
"""Executed and not ended: such a run holds its workflow and cannot be deleted."""


def target(status: RunStatus, action: Action) -> RunStatus:
    """The status that ``action`` leads to from ``status``.

    Raises:
        IllegalTransition: the table has no such exit.
    """
    try:
        return TRANSITIONS[status][action]
    except KeyError:
        raise IllegalTransition(status, action) from None


def diagram() -> str:
    """The table as a Mermaid state diagram: what docs/states.md shows."""
    arrows = [
        f"    {source} --> {goal}: {action}" for source, exits in TRANSITIONS.items() for action, goal in exits.items()
    ]
    ends = [f"    {status} --> [*]" for status, exits in TRANSITIONS.items() if not exits]
    return "\n".join(["stateDiagram-v2", "    [*] --> PENDING: create", *arrows, *ends])
