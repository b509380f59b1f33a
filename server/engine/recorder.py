"""Stands between one attempt of a run and the writer: what nodes report and the saver saves leaves in common units.

A node's completion is committed with the writes that make it durable, never before (docs/architecture.md).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from langgraph.types import Interrupt

from milepost.checkpoints.unit import CheckpointSaved, Statement, TaskSaved
from milepost.graphs.attempts import retry_id
from milepost.graphs.failures import NodeFailure
from milepost.graphs.reporter import Outcome
from milepost.server.engine.kept import row_of
from milepost.server.engine.outbox import Committed, Outbox
from milepost.server.engine.parking import Parked, Wait, put_interrupt
from milepost.server.engine.projection import Projection
from milepost.server.engine.unsent import Unsent
from milepost.server.store.rows import NodeExecution, NodeState, OpenInterrupt
from milepost.server.store.statements import statement
from milepost.server.store.unit import Unit

COUNTS = 0.25
"""Seconds between two times that viewers are told how far a `map` is."""

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

    def __init__(
        self, outbox: Outbox, clock: Callable[[], int], projection: Projection, delivered: frozenset[str]
    ) -> None:
        self.unsent = Unsent(outbox, projection)
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._projection = projection
        self._delivered = delivered
        self._outcomes: dict[str, Outcome] = {}
        self._rows: dict[str, list[Statement]] = {}
        self._asleep: Mapping[str, str] = {}
        self._held: dict[str, list[Callable[[], None]]] = {}
        self._inside: dict[str, tuple[str, str]] = {}
        self._askers: dict[str, str] = {}
        self._items: dict[str, tuple[str, int, Outcome]] = {}
        self._count_timers: dict[str, asyncio.TimerHandle] = {}
        self._texts: dict[str, list[str]] = {}
        self._text_timers: dict[str, asyncio.TimerHandle] = {}
        self.executing: dict[str, str] = {}
        self.tasks: dict[str, asyncio.Task[Any]] = {}
        self.parked: dict[str, tuple[str, int | None]] = {}
        self.asked: dict[str, dict[str, Any]] = {}
        """What the parked nodes ask, by task id, as ``run.waiting`` tells it."""
        self.fatal: NodeFailure | None = None
        self.reached: Reached | None = None
        self.on_left: Callable[[], None] | None = None
        self.on_checkpoint: Callable[[], None] | None = None
        """Called once, when the first checkpoint is on disk or will never be."""

    def restore(
        self,
        states: list[NodeState],
        waiting: list[NodeExecution],
        work: list[tuple[str, int, int]],
        parked: Parked,
    ) -> None:
        """Go on from an earlier attempt.

        LangGraph runs every node that waits to its question again, whichever was answered. Those that go on waiting
        are not told of: what they report is held until they get further.
        """
        self._projection.restore(states, waiting, work)
        self._projection.asked = parked.tasks
        for task_id, execution in self._projection.open.items():
            execution.people = task_id in parked.people
        self._asleep = parked.asleep(waiting)

    def tick(self) -> None:
        """About a second has passed."""
        if not self.unsent.failed and self._projection.tick(self._clock()):
            self.unsent.soon()

    def resume_at(self, reached: Reached) -> None:
        """The checkpoint that the attempt goes on from."""
        self._projection.step = reached.step
        self.reached = reached

    # What nodes report.

    def started(self, task_id: str, node_id: str, input: Any) -> None:
        """A node's code begins."""
        self.executing[task_id] = node_id
        if (task := asyncio.current_task()) is not None:
            self.tasks[task_id] = task
        self.parked.pop(task_id, None)
        self.asked.pop(task_id, None)
        if task_id in self._asleep:
            self._held[task_id] = [partial(self._begin, task_id, node_id, input)]
        else:
            self._begin(task_id, node_id, input)

    def _begin(self, task_id: str, node_id: str, input: Any) -> None:
        self._projection.started(task_id, node_id, input, self._clock())
        self.unsent.soon()

    def _wake(self, task_id: str) -> None:
        """A node that was thought to go on waiting does not: tell what it reported."""
        for report in self._held.pop(task_id, ()):
            report()

    def retrying(self, task_id: str, failure: NodeFailure, attempt: int, delay: float) -> None:
        """A try failed; another follows."""
        self._wake(task_id)
        self._stop_inside(task_id)
        self._projection.retrying(task_id, failure, attempt, delay, self._clock())
        self.unsent.soon()

    def progress(self, task_id: str, fraction: float, message: str | None) -> None:
        """A node says how far it is."""
        if task_id in self._held:
            self._held[task_id].append(partial(self.progress, task_id, fraction, message))
            return
        self._projection.advanced(task_id, fraction, message, self._clock())
        self.unsent.soon()

    def log(self, task_id: str, level: str, message: str, fields: Mapping[str, Any]) -> None:
        """A node logs."""
        if task_id in self._held:
            self._held[task_id].append(partial(self.log, task_id, level, message, fields))
            return
        self._projection.logged(task_id, level, message, fields, self._clock())
        self.unsent.soon()

    def delta(self, task_id: str, text: str) -> None:
        """A model's text, gathered."""
        if task_id in self._held:
            self._held[task_id].append(partial(self.delta, task_id, text))
            return
        self._texts.setdefault(task_id, []).append(text)
        if task_id not in self._text_timers:
            self._text_timers[task_id] = self._loop.call_later(DELTA, self._tell_text, task_id)

    def row(self, task_id: str, kind: str, row: Mapping[str, Any]) -> None:
        """A row that is stored with a node's result."""
        node_id = self.executing.get(task_id, "")
        self._rows.setdefault(task_id, []).append(row_of(self._projection.run, node_id, kind, row, self._clock()))

    def finished(self, task_id: str, outcome: Outcome) -> None:
        """A node's result, held until the saver stores the writes that carry it."""
        self._wake(task_id)
        self._tell_text(task_id)
        self._outcomes[task_id] = outcome
        if outcome.fatal and self.fatal is None:
            self.fatal = outcome.failure

    def inside(self, task_id: str, holder: str, place: str) -> None:
        """Code begins for an item of a `map`."""
        node_id = self._projection.node_of(holder) or ""
        self.executing[task_id] = node_id
        if (task := asyncio.current_task()) is not None:
            self.tasks[task_id] = task
        self.parked.pop(task_id, None)
        self.asked.pop(task_id, None)
        self._inside[task_id] = (node_id, place)
        self._projection.items.began(task_id, self._clock())

    def item(self, task_id: str, holder: str, index: int, outcome: Outcome) -> None:
        """An item's result, held until the saver stores the writes that carry it."""
        self._items[task_id] = (holder, index, outcome)

    def counted(self, task_id: str, total: int, completed: int, failed: int) -> None:
        """How far a `map` is; viewers are told now and then."""
        node_id = self._projection.node_of(task_id) or ""
        self._projection.items.counted(task_id, node_id, total, completed, failed)
        self._count_later(task_id)

    def left(self, task_id: str) -> None:
        """A node's code has ended."""
        self.executing.pop(task_id, None)
        self.tasks.pop(task_id, None)
        if not self.executing and self.on_left is not None:
            self.on_left()

    # What the saver saves.

    def task_saved(self, saved: TaskSaved, statements: list[Statement]) -> Committed:
        """A task's writes: with them its node's result is on disk."""
        self.unsent.add(*statements)
        if self._rows:
            self.unsent.add(*self._rows.pop(saved.task_id, ()))
        if saved.task_id in self._inside and not any(channel == INTERRUPT_CHANNEL for channel, _ in saved.writes):
            self._item_saved(saved.task_id)
        outcome = self._outcomes.pop(saved.task_id, None)
        if outcome is not None:
            self._tell_counts(saved.task_id)
            self._stop_inside(saved.task_id)
            self._projection.ended(saved.task_id, outcome, self._clock())
        for channel, value in saved.writes:
            if channel == INTERRUPT_CHANNEL:
                for interrupt in value if isinstance(value, (tuple, list)) else (value,):
                    self._park(saved.task_id, interrupt)
        if saved.task_id not in self.parked:
            self._inside.pop(saved.task_id, None)
        return self.unsent.soon()

    def _item_saved(self, task_id: str) -> None:
        node_id, _ = self._inside[task_id]
        if (ended := self._items.pop(task_id, None)) is not None:
            holder, index, outcome = ended
            self._projection.items.ended(task_id, holder, node_id, index, outcome, self._clock())
            self._count_later(holder)
        if self._projection.asked:
            run_id = self._projection.run.run_id
            self.unsent.add(statement("consume_answers", run_id=run_id, task_id=task_id))

    def checkpoint_saved(self, saved: CheckpointSaved, statements: list[Statement]) -> Committed:
        """A checkpoint; LangGraph awaits it before the next step."""
        self.unsent.add(*statements)
        if not saved.ns:
            self.unsent.stands_at(saved.checkpoint_id)
            values = saved.checkpoint["channel_values"]
            self.reached = Reached(saved.checkpoint_id, saved.step, saved.next, values)
            self._projection.checkpointed(saved.checkpoint_id, saved.step, saved.next, self._clock())
        elif self.reached is not None:
            # A branch is going on: earlier crashes no longer count.
            self.unsent.stands_at(self.reached.checkpoint_id)
        committed = self.unsent.at_once()
        if (call := self.on_checkpoint) is not None:
            self.on_checkpoint = None
            committed.add_done_callback(lambda _: call())
        return committed

    def _stop_inside(self, task_id: str) -> None:
        """What a node's own graph left open when it failed or timed out is over."""
        node_id = self._projection.node_of(task_id)
        if node_id is None or not self._projection.program.holds(node_id):
            return
        over = self._projection.stopped_inside(node_id, self._clock())
        over += [inner for inner, (holder, _) in self._inside.items() if f"{holder}/".startswith(f"{node_id}/")]
        run_id = self._projection.run.run_id
        for inner in over:
            self._inside.pop(inner, None)
            self.asked.pop(inner, None)
            if self.parked.pop(inner, None) is not None:
                self.unsent.add(statement("consume_answers", run_id=run_id, task_id=inner))

    def _park(self, task_id: str, interrupt: Interrupt) -> None:
        held, item = self._inside.get(task_id, (None, None))
        node_id = self._projection.node_of(task_id) or held
        if node_id is None:
            # The task of a branch, stopped by what a node in it asked.
            return
        inner = task_id not in self._inside and interrupt.id != retry_id(task_id)
        if inner and self._projection.program.holds(node_id):
            self.parked_inside(Wait(task_id, node_id, None, interrupt))
            return
        if self._askers.setdefault(interrupt.id, task_id) != task_id:
            # An item stopped by what a node of its workflow asked.
            return
        wait = Wait(task_id, node_id, item, interrupt)
        self.parked[task_id] = (wait.shown, wait.wake_at)
        if wait.kind in ("answer", "event"):
            self.asked[task_id] = wait.told
        if self._asleep.get(task_id) == interrupt.id and (task_id in self._held or item is not None):
            self._held.pop(task_id, None)
            return
        self._wake(task_id)
        now = self._clock()
        self._projection.waiting(wait, now)
        again = interrupt.id in self._delivered
        self.unsent.add(*put_interrupt(self._projection.run, wait, now, again=again))

    def parked_inside(self, wait: Wait) -> None:
        """A node parks because something inside it does."""
        self._projection.parked_inside(wait, self._clock())

    def answered(self, rows: Sequence[OpenInterrupt]) -> None:
        """Forget the questions that ``rows`` say were answered since they were asked."""
        early = {row.interrupt_id for row in rows if row.answer is not None} - self._delivered
        self.asked = {task: told for task, told in self.asked.items() if told["interrupt_id"] not in early}

    # Units.

    def flush(self) -> Committed:
        """Submit all that was told and saved so far, and resolve once it is on disk."""
        return self.unsent.at_once()

    def pending(self) -> Unit:
        """Everything that was not submitted yet, guarded; for a unit that the caller completes and submits."""
        for task_id in list(self._texts):
            self._tell_text(task_id)
        for holder in list(self._count_timers):
            self._tell_counts(holder)
        return self.unsent.rest()

    def close(self) -> None:
        """Submit nothing more: the run has left this attempt. Whoever waits for a commit gets ``GuardFailed``."""
        for timer in (*self._text_timers.values(), *self._count_timers.values()):
            timer.cancel()
        self.unsent.close()

    def _tell_text(self, task_id: str) -> None:
        timer = self._text_timers.pop(task_id, None)
        if timer is not None:
            timer.cancel()
        if texts := self._texts.pop(task_id, None):
            self._projection.streamed(task_id, "".join(texts), self._clock())
            self.unsent.soon()

    def _count_later(self, holder: str) -> None:
        if holder not in self._count_timers:
            self._count_timers[holder] = self._loop.call_later(COUNTS, self._tell_counts, holder)

    def _tell_counts(self, holder: str) -> None:
        timer = self._count_timers.pop(holder, None)
        if timer is not None:
            timer.cancel()
            self._projection.told_items(holder, self._clock())
            self.unsent.soon()
