"""Watches a Python graph through LangChain's callbacks and tells the reporter what its nodes do. Stores nothing.

LangGraph calls the handler for every graph that a node starts, however deep, in whatever thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langchain_core.outputs import ChatGenerationChunk
from langgraph.constants import TAG_HIDDEN, TAG_NOSTREAM
from langgraph.errors import GraphBubbleUp, ParentCommand
from langgraph.pregel._messages import StreamMessagesHandler
from langgraph.pregel._retry import _should_retry_on
from langgraph.types import Command, RetryPolicy, Send

from milepost.graphs.attempts import Presence
from milepost.graphs.context import RunContext
from milepost.graphs.failures import NodeFailure, failure_of
from milepost.graphs.python.executing import Executing, enter, executing
from milepost.graphs.python.places import node_of, task_of
from milepost.graphs.reporter import Outcome

Shown = Callable[[Any, int], Any]
"""Makes JSON of any value, of at most so many bytes."""

INPUT_BYTES = 16 * 1024
"""Of the state that a node was given, as its execution shows it."""

OUTPUT_BYTES = 64 * 1024
"""Of what a node returned, as its execution shows it; the state has all of it."""

STOPPED = "the graph around it ended first"


@dataclass(slots=True)
class _Task:
    """One execution of a node, with its attempts."""

    task_id: str
    node_id: str
    ns: str
    presence: Presence | None = None
    attempt: int = 1
    failure: NodeFailure | None = None
    outcome: Outcome | None = None
    over: bool = False
    """Whether its end is on its way to the disk."""


class Observer(StreamMessagesHandler):
    """One attempt of one run. The reporter is called in the thread of the loop that this is made on.

    It derives from LangGraph's own handler because of what LangGraph does for that: models stream what they say, and
    nodes are called as without any handler.
    """

    run_inline = True

    def __init__(
        self,
        context: RunContext,
        show: Shown,
        retries: Callable[[str], Sequence[RetryPolicy]],
        custom: Callable[[Mapping[str, Any]], None],
    ) -> None:
        """``retries`` gives a node's policies; ``custom`` is told of events that are nobody's progress."""
        super().__init__(lambda chunk: None, subgraphs=True)
        self._context = context
        self._reporter = context.reporter
        self._show = show
        self._retries = retries
        self._custom = custom
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._open: set[str] = set()
        self._called: dict[UUID, tuple[Executing, str]] = {}
        self._models: dict[UUID, str] = {}
        self._tasks: dict[str, _Task] = {}
        self._inside: dict[str, list[_Task]] = {}
        """What runs in graphs inside a task, by the task."""
        self._failures: dict[int, tuple[BaseException, NodeFailure]] = {}

    def _tell(self, call: Callable[..., None], *arguments: Any) -> None:
        if threading.get_ident() == self._thread:
            call(*arguments)
        else:
            self._loop.call_soon_threadsafe(call, *arguments)

    # What LangChain calls.

    def on_chain_start(
        self,
        serialized: Any,
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """A runnable begins: a node, where it bears its name and was started by a step of a graph."""
        if not metadata or kwargs.get("name") != metadata.get("langgraph_node"):
            return
        ns = str(metadata["langgraph_checkpoint_ns"])
        if not _is_node(tags) and (not _is_call(metadata) or ns in self._open):
            return
        self._open.add(ns)
        run = str(self._context.run.get("id", ""))
        node = Executing(run, node_of(ns), self._context.witness, executing())
        enter(node)
        self._called[run_id] = (node, ns)
        # Made now: the node may change what it was given.
        self._tell(self._begins, node, ns, self._show(inputs, INPUT_BYTES))

    def on_chain_end(  # type: ignore[override]
        self, outputs: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        """A runnable has ended."""
        if (called := self._called.pop(run_id, None)) is not None:
            called[0].ended = True
            self._open.discard(called[1])
            self._tell(self._completed, task_of(called[1]), self._show(_returned(outputs), OUTPUT_BYTES))

    def on_chain_error(
        self, error: BaseException, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        """A runnable raised: it failed, was cancelled, asks something, or hands a command to the graph around it."""
        if (called := self._called.pop(run_id, None)) is None:
            return
        called[0].ended = True
        self._open.discard(called[1])
        task_id = task_of(called[1])
        if isinstance(error, ParentCommand):
            self._tell(self._completed, task_id, self._show(_returned(error.args[0]), OUTPUT_BYTES))
        elif isinstance(error, Exception) and not isinstance(error, GraphBubbleUp):
            self._tell(self._raised, task_id, error)
        else:
            self._tell(self._left, task_id)

    def on_chat_model_start(
        self,
        serialized: Any,
        messages: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """A model begins to answer."""
        if metadata and "langgraph_checkpoint_ns" in metadata and TAG_NOSTREAM not in (tags or ()):
            self._models[run_id] = task_of(str(metadata["langgraph_checkpoint_ns"]))

    def on_llm_new_token(
        self, token: Any, *, chunk: Any = None, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        """A model says something."""
        task_id = self._models.get(run_id)
        text = chunk.message.text if isinstance(chunk, ChatGenerationChunk) else token
        if task_id is not None and text:
            self._tell(self._reporter.delta, task_id, str(text))

    def on_llm_end(self, response: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any) -> None:
        """A model has answered."""
        self._models.pop(run_id, None)

    def on_llm_error(
        self, error: BaseException, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        """A model has failed."""
        self._models.pop(run_id, None)

    def on_custom_event(
        self, name: str, data: Any, *, run_id: UUID, metadata: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """What a node's code dispatched: its progress, or anything else."""
        ns = str((metadata or {}).get("langgraph_checkpoint_ns", ""))
        fraction, message = _progress(data) if name == "progress" else (None, None)
        if fraction is not None and ns:
            self._tell(self._reporter.progress, task_of(ns), fraction, message)
        else:
            self._tell(self._custom, {"name": name, "node_id": node_of(ns) or None, "data": data})

    # In the loop's thread.

    def _begins(self, node: Executing, ns: str, shown: Any) -> None:
        task_id = task_of(ns)
        task = self._tasks.get(task_id)
        if task is None or task.over:
            task = self._tasks[task_id] = _Task(task_id, node.node_id, ns)
            if "|" in ns:
                self._inside.setdefault(task_of(ns.rpartition("|")[0]), []).append(task)
        else:
            task.attempt += 1
        if task.presence is None:
            task.presence = Presence(self._context, task_id)
            if task.failure is not None:
                self._reporter.retrying(task_id, task.failure, task.attempt - 1, 0.0)
            self._reporter.started(task_id, node.node_id, shown)
        task.failure = None
        node.presence = task.presence

    def _completed(self, task_id: str, output: Any) -> None:
        task = self._tasks[task_id]
        told = output if output is None or isinstance(output, dict) else {"value": output}
        task.outcome = Outcome(task.node_id, "COMPLETED", task.attempt, told)
        self._reporter.finished(task_id, task.outcome)
        self._left(task_id)

    def _raised(self, task_id: str, error: Exception) -> None:
        task = self._tasks[task_id]
        task.failure = self._failure(error, task.node_id)
        delay = _next_try(self._retries(task.node_id), error, task.attempt)
        if delay is None:
            self._left(task_id)
        else:
            self._reporter.retrying(task_id, task.failure, task.attempt, delay)

    def _failure(self, error: BaseException, node_id: str) -> NodeFailure:
        """The failure that an error is, told of the innermost node that raised it."""
        known = self._failures.get(id(error))
        if known is None:
            known = self._failures[id(error)] = (error, failure_of(error, node_id))
        return known[1]

    def _left(self, task_id: str) -> None:
        task = self._tasks[task_id]
        presence, task.presence = task.presence, None
        if presence is not None:
            presence.leave()

    def stopped(self) -> None:
        """The graph has stopped: a node that was between two tries was told of neither."""
        for task_id in list(self._tasks):
            self._left(task_id)

    # What is saved.

    def told(self, error: BaseException) -> NodeFailure | None:
        """The failure that was told of an error, if it was a node's."""
        known = self._failures.get(id(error))
        return None if known is None else known[1]

    def saved(self, task_id: str, error: BaseException | None) -> list[str]:
        """A task's end is about to be on disk, with the error that it ended with.

        Gives the tasks inside it that have ended without being saved themselves.
        """
        task = self._tasks.get(task_id)
        if task is None:
            return []
        task.over = True
        if error is not None:
            self._left(task_id)
            failure = self._failure(error, task.node_id)
            self._reporter.finished(task_id, Outcome(task.node_id, "FAILED", task.attempt, failure=failure))
        inside = [each for each in self._below(task_id) if not each.over]
        for each in inside:
            each.over = True
            if each.outcome is None:
                failure = NodeFailure("cancelled", "CancelledError", STOPPED, each.node_id)
                self._reporter.finished(
                    each.task_id, Outcome(each.node_id, "FAILED", each.attempt, failure=each.failure or failure)
                )
        return [each.task_id for each in inside]

    def _below(self, task_id: str) -> Iterator[_Task]:
        """All that ran inside a task, the innermost first."""
        for each in self._inside.pop(task_id, ()):
            yield from self._below(each.task_id)
            yield each


def _is_node(tags: list[str] | None) -> bool:
    return TAG_HIDDEN not in (tags or ()) and any(tag.startswith("graph:step:") for tag in tags or ())


def _is_call(metadata: Mapping[str, Any]) -> bool:
    """Whether it is a task of the functional API, which no step of a graph starts."""
    path = metadata.get("langgraph_path", ())
    return len(path) == 4 and path[-1] is True


def _returned(value: Any) -> Any:
    """What a node returned, a command by what it says."""
    if isinstance(value, Command):
        goto = value.goto if isinstance(value.goto, (list, tuple)) else [value.goto]
        names = [each.node if isinstance(each, Send) else each for each in goto]
        return {"update": value.update, "goto": names}
    if isinstance(value, list) and any(isinstance(each, Command) for each in value):
        return [_returned(each) for each in value]
    return value


def _progress(data: Any) -> tuple[float | None, str | None]:
    """`0.4` or `{"fraction": 0.4, "message": "…"}`."""
    message = data.get("message") if isinstance(data, Mapping) else None
    if isinstance(data, Mapping):
        data = data.get("fraction", data.get("progress"))
    if isinstance(data, bool) or not isinstance(data, (int, float)):
        return None, None
    return float(data), None if message is None else str(message)


def _next_try(policies: Sequence[RetryPolicy], error: Exception, attempt: int) -> float | None:
    """Seconds until LangGraph's next try, without its jitter; None where there is none."""
    policy = next((each for each in policies if _should_retry_on(each, error)), None)
    if policy is None or attempt >= policy.max_attempts:
        return None
    return min(policy.max_interval, policy.initial_interval * policy.backoff_factor ** (attempt - 1))
