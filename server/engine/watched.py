"""Watches a Python graph for one attempt: stands between the saver and the recorder, and drives the graph.

LangGraph's nodes know nothing of a reporter. An observer tells what they do, the saver's writes tell how they ended.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph._internal._config import merge_configs
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT
from langgraph.runtime import RunControl
from langgraph.types import Interrupt

from milepost.checkpoints.plain import to_json
from milepost.checkpoints.saver import Saver
from milepost.checkpoints.unit import CheckpointSaved, Committed, Sink, Statement, TaskSaved
from milepost.graphs.context import RunContext
from milepost.graphs.python.observer import Observer
from milepost.graphs.python.places import node_of
from milepost.graphs.python.program import PythonProgram
from milepost.graphs.python.questions import question_of
from milepost.graphs.reporter import Outcome
from milepost.server.engine.parking import Wait
from milepost.server.engine.projection import Projection
from milepost.server.engine.recorder import Recorder
from milepost.server.states import NodeStatus
from milepost.server.store.rows import NodeExecution, NodeState

CUSTOM_BYTES = 2048
"""Of what a graph writes to its stream, as an event shows it."""

QUESTION_BYTES = 64 * 1024


class Watched:
    """Implements ``Drive`` and ``Sink``. On the engine's loop, but the saver may call from a node's thread."""

    def __init__(
        self, program: PythonProgram, recorder: Recorder, projection: Projection, clock: Callable[[], int]
    ) -> None:
        self._program = program
        self._recorder = recorder
        self._projection = projection
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._askers: dict[str, str] = {}
        self._observer: Observer | None = None
        self.sink: Sink = self

    async def steps(
        self, saver: Saver, given: Any, config: RunnableConfig, context: RunContext, control: RunControl
    ) -> AsyncIterator[Any]:
        """Run the graph to where it stops, on its own terms but for the checkpointer."""
        graph = self._program.with_saver(saver)
        self._observer = Observer(context, _shown, self._program.retries, self._custom)
        watched: RunnableConfig = {**config, "callbacks": [self._observer]}
        if graph.config:
            watched["callbacks"] = merge_configs(graph.config, {"callbacks": [self._observer]})["callbacks"]
        stream = graph.astream(
            given, watched, stream_mode=["custom"], subgraphs=True, durability="sync", control=control
        )
        try:
            async for ns, _, written in stream:
                self._custom({"node_id": node_of("|".join(ns)) or None, "data": written})
                yield written
        except Exception as error:
            self._recorder.fatal = self._observer.told(error)
            raise
        finally:
            self._observer.stopped()
        reached = self._recorder.reached
        if self._program.rebuilt and reached is not None:
            # Of some channels a checkpoint holds only the changes.
            rebuilt = (await graph.aget_state(config)).values
            self._recorder.reached = replace(reached, values={**reached.values, **rebuilt})

    def _custom(self, told: Mapping[str, Any]) -> None:
        shown = to_json(told.get("data"), CUSTOM_BYTES)
        data = {**told, "data": shown.data} | ({"cut": True} if shown.cut else {})
        self._projection.tell("run.custom", self._clock(), data)
        self._recorder.unsent.soon()

    # What the saver saves.

    def task_saved(self, saved: TaskSaved, statements: list[Statement]) -> Committed:
        """A task's writes: with them its node's result, its error or its question is on disk."""
        return self._in_loop(self._task_saved, saved, statements)

    def checkpoint_saved(self, saved: CheckpointSaved, statements: list[Statement]) -> Committed:
        """A checkpoint."""
        return self._in_loop(self._recorder.checkpoint_saved, saved, statements)

    def _in_loop(self, call: Callable[..., Committed], *arguments: Any) -> Committed:
        if threading.get_ident() == self._thread:
            return call(*arguments)
        done: Future[Any] = Future()
        self._loop.call_soon_threadsafe(self._chained, done, call, *arguments)
        return done

    def _chained(self, done: "Future[Any]", call: Callable[..., Committed], *arguments: Any) -> None:
        try:
            committed = call(*arguments)
        except Exception as error:  # noqa: BLE001 - it belongs to the thread that waits
            done.set_exception(error)
            return
        committed.add_done_callback(lambda landed: _hand_over(landed, done))

    def _task_saved(self, saved: TaskSaved, statements: list[Statement]) -> Committed:
        writes = dict(saved.writes)
        error = writes.get(ERROR)
        if isinstance(error, asyncio.CancelledError):
            # Stopped with the others: it runs again where the run goes on.
            return self._recorder.task_saved(saved._replace(writes=()), statements)
        if INTERRUPT in writes:
            return self._asked(saved, statements, writes[INTERRUPT])
        if self._observer is not None:
            found = error if isinstance(error, BaseException) else None
            for task_id in self._observer.saved(saved.task_id, found):
                self._recorder.task_saved(saved._replace(task_id=task_id, writes=()), [])
        return self._recorder.task_saved(saved._replace(writes=()), statements)

    def _asked(self, saved: TaskSaved, statements: list[Statement], asked: Any) -> Committed:
        """A node's questions become rows; those that somebody inside it asked are not its own."""
        task_id = saved.task_id
        several = list(asked) if isinstance(asked, (tuple, list)) else [asked]
        own = [each for each in several if self._askers.setdefault(each.id, task_id) == task_id]
        node_id = self._projection.node_of(task_id)
        if not own and several and node_id is not None:
            self._recorder.parked_inside(Wait(task_id, node_id, None, _asking(several[0])))
        questions = [_asking(each) for each in own]
        committed = self._recorder.task_saved(saved._replace(writes=[(INTERRUPT, questions)]), statements)
        told = self._recorder.asked.get(task_id)
        if told is not None and own:
            told["value"] = _shown(own[-1].value, CUSTOM_BYTES)
        return committed


def _asking(asked: Interrupt) -> Interrupt:
    return Interrupt(value=question_of(asked.value, _question), id=asked.id)


@dataclass(slots=True)
class WatchedProjection(Projection):
    """A node may have several executions at once: it has ended when the last of them has."""

    together: dict[str, dict[str, None]] = field(default_factory=dict)
    """The executions of each node that have not ended, in order."""

    def restore(
        self, states: Iterable[NodeState], waiting: Iterable[NodeExecution], work: Iterable[tuple[str, int, int]]
    ) -> None:
        """Go on from what an earlier attempt left."""
        Projection.restore(self, states, waiting, work)
        for execution in self.open.values():
            self.together.setdefault(execution.node_id, {})[execution.task_id] = None

    def started(self, task_id: str, node_id: str, resolved: Any, now: int) -> None:
        """A node's execution begins; one more of a node that has others counts as an iteration."""
        executions = self.together.setdefault(node_id, {})
        if executions and task_id not in executions and self.nodes[node_id].status is not NodeStatus.PENDING:
            self.nodes[node_id].iterations += 1
        executions[task_id] = None
        Projection.started(self, task_id, node_id, resolved, now)

    def ended(self, task_id: str, outcome: Outcome, now: int) -> None:
        """An execution's result is about to be on disk."""
        Projection.ended(self, task_id, outcome, now)
        executions = self.together.get(outcome.node_id, {})
        executions.pop(task_id, None)
        other = self.open.get(next(reversed(executions), ""))
        if other is not None:
            self.nodes[outcome.node_id].completed_at = None
            self._set(outcome.node_id, other.status, attempt=other.attempt, progress=0.0)


def _shown(value: Any, size: int) -> Any:
    return to_json(value, size).data


def _question(value: Any) -> Any:
    return to_json(value, QUESTION_BYTES).data


def _hand_over(landed: Any, done: "Future[Any]") -> None:
    if landed.cancelled():
        done.cancel()
    elif (error := landed.exception()) is not None:
        done.set_exception(error)
    else:
        done.set_result(landed.result())
