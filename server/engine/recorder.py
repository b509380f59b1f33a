"""Stands between one attempt of a run and the writer: what nodes report and the saver saves leaves in common units.

A node's completion is committed with the writes that make it durable, never before (design.md: One run, one direction).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from langgraph.types import Interrupt

from milepost.checkpoints.unit import CheckpointSaved, Statement, TaskSaved
from milepost.graphs.failures import NodeFailure
from milepost.graphs.reporter import Outcome
from milepost.server.engine.projection import Projection
from milepost.server.errors import GuardFailed
from milepost.server.store.rows import Event, NodeExecution, NodeState
from milepost.server.store.statements import statement
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

GATHER = 0.004
"""Seconds that a node's start, progress or completion may wait for the checkpoint that usually follows at once."""

DELTA = 0.1
"""Seconds over which a model's text is joined."""

INTERRUPT_CHANNEL = "__interrupt__"


@dataclass(frozen=True, slots=True)
class Reached:
    """The newest checkpoint of the root graph: where the run stands."""

    checkpoint_id: str
    step: int
    next: Sequence[str]
    values: Mapping[str, Any]


class Recorder:
    """Reporter of the nodes and Sink of the saver, on the engine's event loop."""

    def __init__(self, store: Store, projection: Projection, delivered: frozenset[str]) -> None:
        self._store = store
        self._clock: Callable[[], int] = store.clock
        self._loop = asyncio.get_running_loop()
        self._projection = projection
        self._delivered = delivered
        self._statements: list[Statement] = []
        self._checkpoint_id: str | None = None
        self._outcomes: dict[str, Outcome] = {}
        self._texts: dict[str, list[str]] = {}
        self._text_timers: dict[str, asyncio.TimerHandle] = {}
        self._flush_timer: asyncio.Handle | None = None
        self._urgent = False
        self._next: asyncio.Future[tuple[Event, ...]] | None = None
        self._closed = False
        self.executing: dict[str, str] = {}
        self.parked: dict[str, tuple[str, int | None]] = {}
        self.fatal: NodeFailure | None = None
        self.reached: Reached | None = None
        self.on_left: Callable[[], None] | None = None

    def restore(self, states: list[NodeState], waiting: list[NodeExecution]) -> None:
        """Go on from an earlier attempt."""
        self._projection.restore(states, waiting)

    def resume_at(self, reached: Reached) -> None:
        """The checkpoint that the attempt goes on from."""
        self._projection.step = reached.step
        self.reached = reached

    # What nodes report.

    def started(self, task_id: str, node_id: str, input: Any) -> None:
        """A node's code begins."""
        self.executing[task_id] = node_id
        self.parked.pop(task_id, None)
        self._projection.started(task_id, node_id, input, self._clock())
        self._soon()

    def retrying(self, task_id: str, failure: NodeFailure, attempt: int, delay: float) -> None:
        """A try failed; another follows."""
        self._projection.retrying(task_id, failure, attempt, delay, self._clock())
        self._soon()

    def progress(self, task_id: str, fraction: float, message: str | None) -> None:
        """A node says how far it is."""
        self._projection.advanced(task_id, fraction, message, self._clock())
        self._soon()

    def log(self, task_id: str, level: str, message: str, fields: Mapping[str, Any]) -> None:
        """A node logs."""
        self._projection.logged(task_id, level, message, fields, self._clock())
        self._soon()

    def delta(self, task_id: str, text: str) -> None:
        """A model's text, gathered."""
        self._texts.setdefault(task_id, []).append(text)
        if task_id not in self._text_timers:
            self._text_timers[task_id] = self._loop.call_later(DELTA, self._tell_text, task_id)

    def finished(self, task_id: str, outcome: Outcome) -> None:
        """A node's result, held until the saver stores the writes that carry it."""
        self._tell_text(task_id)
        self._outcomes[task_id] = outcome
        if outcome.fatal and self.fatal is None:
            self.fatal = outcome.failure

    def left(self, task_id: str) -> None:
        """A node's code has ended."""
        self.executing.pop(task_id, None)
        if not self.executing and self.on_left is not None:
            self.on_left()

    # What the saver saves.

    def task_saved(self, saved: TaskSaved, statements: list[Statement]) -> "asyncio.Future[tuple[Event, ...]]":
        """A task's writes: with them its node's result is on disk."""
        self._statements += statements
        outcome = self._outcomes.pop(saved.task_id, None)
        if outcome is not None:
            self._projection.ended(saved.task_id, outcome, self._clock())
        for channel, value in saved.writes:
            if channel == INTERRUPT_CHANNEL:
                for interrupt in value if isinstance(value, (tuple, list)) else (value,):
                    self._park(saved.task_id, interrupt)
        return self._soon()

    def checkpoint_saved(
        self, saved: CheckpointSaved, statements: list[Statement]
    ) -> "asyncio.Future[tuple[Event, ...]]":
        """A checkpoint; LangGraph awaits it before the next step."""
        self._statements += statements
        if not saved.ns:
            self._checkpoint_id = saved.checkpoint_id
            values = saved.checkpoint["channel_values"]
            self.reached = Reached(saved.checkpoint_id, saved.step, saved.next, values)
        self._projection.checkpointed(saved.checkpoint_id, saved.ns, saved.step, saved.next, self._clock())
        return self._soon(urgent=True)

    def _park(self, task_id: str, interrupt: Interrupt) -> None:
        node_id = self.executing.get(task_id) or self._projection.node_of(task_id) or ""
        value = interrupt.value if isinstance(interrupt.value, Mapping) else {}
        kind = value.get("kind") if value.get("kind") in ("time", "event") else "answer"
        wake_at = value.get("until") if kind == "time" else None
        self.parked[task_id] = (str(kind), wake_at)
        now = self._clock()
        self._projection.waiting(task_id, node_id, str(kind), wake_at, now)
        self._statements.append(
            statement(
                "put_interrupt",
                run_id=self._projection.run.run_id,
                interrupt_id=interrupt.id,
                task_id=task_id,
                node_id=node_id,
                kind=kind,
                value=orjson.dumps(interrupt.value, default=str).decode(),
                wake_at=wake_at,
                created_at=now,
                again=interrupt.id in self._delivered,
            )
        )

    # Units.

    def pending(self) -> Unit:
        """Everything that was not submitted yet, guarded; for a unit that the caller completes and submits."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        for task_id in list(self._texts):
            self._tell_text(task_id)
        self._flush_timer, self._urgent = None, False
        if self._next is not None and not self._next.done():
            self._next.set_result(())
        self._next = None
        return self._take()

    def close(self) -> None:
        """Submit nothing more: the run has left this attempt. Whoever waits for a commit gets ``GuardFailed``."""
        self._closed = True
        for timer in self._text_timers.values():
            timer.cancel()
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush()

    def _tell_text(self, task_id: str) -> None:
        timer = self._text_timers.pop(task_id, None)
        if timer is not None:
            timer.cancel()
        if texts := self._texts.pop(task_id, None):
            self._projection.streamed(task_id, "".join(texts), self._clock())
            self._soon()

    def _soon(self, *, urgent: bool = False) -> "asyncio.Future[tuple[Event, ...]]":
        """Flush at the end of this turn of the loop if ``urgent``, else within ``GATHER``."""
        if self._next is None or self._next.done():
            self._next = self._loop.create_future()
            self._next.add_done_callback(_retrieve)
        if urgent and not self._urgent:
            if self._flush_timer is not None:
                self._flush_timer.cancel()
            self._urgent = True
            self._flush_timer = self._loop.call_soon(self._flush)
        elif self._flush_timer is None:
            self._flush_timer = self._loop.call_later(GATHER, self._flush)
        return self._next

    def _flush(self) -> None:
        self._flush_timer, self._urgent = None, False
        waiting, self._next = self._next, None
        if waiting is None:
            return
        if self._closed:
            if not waiting.done():
                waiting.set_exception(GuardFailed("the run was taken from this attempt"))
            return
        committed = self._store.post(self._take())
        committed.add_done_callback(lambda done: _pass_on(done, waiting))

    def _take(self) -> Unit:
        unit = self._projection.drain()
        hold = self._hold()
        saved, self._statements = self._statements, []
        unit.statements[:0] = [hold, *saved]
        return unit

    def _hold(self) -> Statement:
        projection, checkpoint_id = self._projection, self._checkpoint_id
        self._checkpoint_id = None
        name = "hold_attempt_at_checkpoint" if checkpoint_id else "hold_attempt"
        more = {"checkpoint_id": checkpoint_id} if checkpoint_id else {}
        return statement(
            name,
            1,
            run_id=projection.run.run_id,
            run_attempt=projection.run.run_attempt,
            current_node=projection.current_node,
            progress=projection.progress,
            **more,
        )


def _pass_on(done: "asyncio.Future[Any]", waiting: "asyncio.Future[Any]") -> None:
    # Nobody may be waiting any more: then a failure ends here.
    error = asyncio.CancelledError() if done.cancelled() else done.exception()
    if waiting.done():
        return
    if error is not None:
        waiting.set_exception(error)
    else:
        waiting.set_result(done.result())


def _retrieve(done: "asyncio.Future[Any]") -> None:
    """A completion that nobody awaits may fail in silence: the next checkpoint of the attempt fails too."""
    if not done.cancelled():
        done.exception()
