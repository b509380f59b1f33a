"""Where a segment stopped, and the unit that says so: the transition, its event and what goes with it."""

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from langgraph.errors import GraphDrained, GraphRecursionError

from milepost.checkpoints.errors import UnstorableType
from milepost.checkpoints.unit import Statement
from milepost.graphs.executable import Executable
from milepost.graphs.failures import message_of, storable
from milepost.graphs.python.program import PythonProgram
from milepost.server.engine.projection import error_of, run_error
from milepost.server.engine.recorder import Reached, Recorder
from milepost.server.errors import MilepostError, Unavailable
from milepost.server.states import Action, RunStatus
from milepost.server.store.rows import Run, iso
from milepost.server.store.statements import event, rollup, statement, transition
from milepost.server.store.unit import NewEvent, Returning, Row, Unit

CHECKPOINT_JSON = 64 * 1024
"""Bytes of state in a paused run's row."""


MAX_TRACEBACK = 16_384


@dataclass(frozen=True, slots=True)
class Verdict:
    """The action to commit, and what goes with it."""

    action: Action
    output: Any = None
    error: Mapping[str, Any] | None = None
    wake_at: int | None = None
    waits_for: tuple[str, ...] = ()
    asked: tuple[Mapping[str, Any], ...] = ()
    checkpoint_json: str | None = None
    breakpoint: bool = False
    """Whether the graph itself says that it pauses here."""

    @classmethod
    def failed(cls, error: Mapping[str, Any]) -> "Verdict":
        """The run fails with this error."""
        return cls(Action.FAIL, error=error)

    @classmethod
    def broken(cls, error: BaseException, code: str = "internal_error") -> "Verdict":
        """The run fails through no node's fault."""
        text = storable("".join(traceback.format_exception(error))[-MAX_TRACEBACK:])
        return cls.failed(run_error(code, type(error).__name__, message_of(error), traceback=text))

    def reconsidered(self, run: Run) -> "Verdict":
        """The verdict once it is known whether ``run`` is asked to pause."""
        if run.pause_requested and self.action in (Action.PARK, Action.RELEASE):
            return replace(self, action=Action.PAUSE)
        if not run.pause_requested and self.action is Action.PAUSE and not self.breakpoint:
            return replace(self, action=Action.PARK if self.waits_for else Action.RELEASE)
        return self


def judge(
    error: BaseException | None,
    program: Executable | None,
    recorder: Recorder | None,
    *,
    pausing: bool,
    limit: float | None,
) -> Verdict:
    """What a graph that stopped with ``error`` (None: by itself) has come to; it may take ``limit`` seconds."""
    if program is None or recorder is None:
        if isinstance(error, MilepostError):
            return Verdict.failed(run_error(error.code, type(error).__name__, error.detail))
        return Verdict.broken(error or RuntimeError("the graph did not start"), _code(error))
    if error is None and not recorder.parked:
        reached = recorder.reached
        if reached is not None and reached.next and isinstance(program, PythonProgram):
            return Verdict(Action.PAUSE, checkpoint_json=snapshot(program, reached), breakpoint=True)
        return Verdict(Action.FINISH, output=program.output(recorder.reached.values if recorder.reached else {}))
    if error is None:
        wake_at = min((until for _, until in recorder.parked.values() if until is not None), default=None)
        kinds = tuple(sorted({kind for kind, _ in recorder.parked.values()}))
        action = Action.PAUSE if pausing else Action.PARK
        return Verdict(
            action,
            wake_at=wake_at,
            waits_for=kinds,
            asked=tuple(recorder.asked.values()),
            checkpoint_json=snapshot(program, recorder.reached),
        )
    if isinstance(error, GraphDrained):
        action = Action.PAUSE if pausing else Action.RELEASE
        return Verdict(action, checkpoint_json=snapshot(program, recorder.reached))
    if isinstance(error, Unavailable):
        return Verdict(Action.RELEASE)
    if recorder.fatal is not None:
        return Verdict.failed(error_of(recorder.fatal))
    if isinstance(error, TimeoutError) and limit is not None:
        message = f"the run took longer than its timeout of {limit:g} s"
        return Verdict.failed(run_error("timed_out", "TimeoutError", message))
    return Verdict.broken(error, _code(error))


def _code(error: BaseException | None) -> str:
    if isinstance(error, MilepostError):
        return error.code
    codes: Mapping[type[BaseException], str] = {
        GraphRecursionError: "recursion_limit",
        UnstorableType: "unstorable_type",
        TimeoutError: "timed_out",
    }
    return next((code for kind, code in codes.items() if isinstance(error, kind)), "graph_error")


def snapshot(program: Executable, reached: Reached | None) -> str | None:
    """Where an attempt stands, as a paused run's row shows it."""
    if reached is None:
        return None
    return checkpoint_json(reached.checkpoint_id, reached.step, reached.next, program.state(reached.values))


def checkpoint_json(checkpoint_id: str, step: int, following: Sequence[str], state: Mapping[str, Any]) -> str:
    """A checkpoint as a paused run's row shows it; a state that is too large is left out, with its size in ``cut``."""
    head = {"checkpoint_id": checkpoint_id, "ns": "", "step": step, "next": list(following)}
    values = orjson.dumps(state, default=str)
    if len(values) > CHECKPOINT_JSON:
        return orjson.dumps({**head, "values": None, "cut": len(values)}).decode()
    return orjson.dumps({**head, "values": orjson.Fragment(values)}).decode()


def write(verdict: Verdict, run: Run, pending: Unit, spent_ms: int, now: int) -> tuple[Run, Unit]:
    """The run after ``verdict`` and the unit that commits it, with what the attempt had still ``pending``."""
    changes: dict[str, Any] = {"spent_ms": spent_ms}
    if verdict.action in (Action.PARK, Action.PAUSE):
        changes["wake_at"] = verdict.wake_at
    if verdict.action is Action.FINISH:
        changes["output"] = orjson.dumps(verdict.output).decode()
    if verdict.error is not None:
        changes["error"] = orjson.dumps(verdict.error).decode()
    after, change = transition(run, verdict.action, now, **changes)
    unit = Unit([*pending.statements], [*pending.events])
    if verdict.action is Action.FAIL:
        unit.statements += stop_nodes(after, now)
    elif verdict.action in (Action.RELEASE, Action.PAUSE):
        unit.statements += stopped_nodes(after, now)
    unit.statements.append(change)
    if after.ended:
        unit.statements += rollup(after)
    if verdict.checkpoint_json is not None:
        unit.statements.append(
            statement("set_checkpoint_json", run_id=run.run_id, checkpoint_json=verdict.checkpoint_json)
        )
    unit.events.append(event(after, _EVENTS[after.status], now, _data(verdict, after)))
    return after, unit


_EVENTS: Mapping[RunStatus, str] = {
    RunStatus.COMPLETED: "run.completed",
    RunStatus.FAILED: "run.failed",
    RunStatus.PAUSED: "run.paused",
    RunStatus.WAITING: "run.waiting",
    RunStatus.QUEUED: "run.queued",
}


def _data(verdict: Verdict, run: Run) -> dict[str, Any]:
    if verdict.error is not None:
        return {"error": verdict.error}
    if run.status is RunStatus.COMPLETED:
        return {"output": verdict.output, "progress": 1.0}
    if run.status is RunStatus.PAUSED:
        mode = run.pause_requested or ("breakpoint" if verdict.breakpoint else "step")
        return {"mode": mode, "checkpoint_id": run.checkpoint_id}
    if run.status is RunStatus.WAITING:
        waits = {"for": verdict.waits_for[0], "all": list(verdict.waits_for), "until": iso(verdict.wake_at)}
        return {**waits, "interrupts": list(verdict.asked)}
    return {"why": "released"}


def stop_nodes(run: Run, now: int) -> list[Statement | Returning]:
    """Statements that end what was executing or waiting: CANCELLED, each node with its event."""

    def cancelled(rows: Sequence[Row]) -> list[NewEvent]:
        return [event(run, "node.cancelled", now, node_id=node_id) for (node_id,) in rows]

    return [
        Returning(statement("cancel_open_nodes", run_id=run.run_id, now=now), cancelled),
        statement("cancel_open_executions", run_id=run.run_id, now=now),
        statement("close_interrupts", run_id=run.run_id),
    ]


def stopped_nodes(run: Run, now: int) -> list[Statement]:
    """Statements that set back the nodes that were executing: they run again."""
    return [
        statement("reset_running_nodes", run_id=run.run_id),
        statement("cancel_running_executions", run_id=run.run_id, now=now),
    ]
