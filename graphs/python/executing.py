"""Whose code a thread or a task executes: marked for the witness, counted so that nobody says too early that it ended.

LangGraph runs a node in tasks and threads of its own. What belongs to the node is told by a context variable, which
every task and thread that it starts inherits.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar
from typing import Any, ParamSpec, TypeVar

from milepost.graphs.attempts import Presence, across
from milepost.graphs.witness import Witness

P = ParamSpec("P")
T = TypeVar("T")


class Executing:
    """A node whose code executes, inside that of another one or not."""

    __slots__ = ("around", "ended", "node_id", "presence", "run_id", "witness")

    def __init__(self, run_id: str, node_id: str, witness: Witness | None, around: Executing | None) -> None:
        self.run_id = run_id
        self.node_id = node_id
        self.witness = witness
        self.around = around
        self.presence: Presence | None = None
        self.ended = False


_EXECUTING: ContextVar[Executing | None] = ContextVar("milepost_executing", default=None)


def executing(context: Context | None = None) -> Executing | None:
    """The innermost node, in this context or another one, whose code has not ended."""
    found = _EXECUTING.get() if context is None else context.get(_EXECUTING)
    while found is not None and found.ended:
        found = found.around
    return found


def enter(node: Executing) -> None:
    """From here on this context, and what it starts, executes the node's code."""
    _EXECUTING.set(node)


class _Marked(Coroutine[Any, Any, Any]):
    """A coroutine that is marked for the witness whenever it has the thread, and not while it waits."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], node: Executing, witness: Witness) -> None:
        self._coroutine = coroutine
        self._witness = witness
        self.node = node

    def send(self, value: Any) -> Any:
        mark = self._witness.enter(self.node.run_id, self.node.node_id)
        try:
            return self._coroutine.send(value)
        finally:
            self._witness.leave(mark)

    def throw(self, *error: Any) -> Any:
        mark = self._witness.enter(self.node.run_id, self.node.node_id)
        try:
            return self._coroutine.throw(*error)
        finally:
            self._witness.leave(mark)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()


STEP_CODES = (_Marked.send.__code__, _Marked.throw.__code__)
"""Whose frame is in the stack of a thread that executes a node; its `self` has the `node`."""


def make_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
    """A factory for a loop's tasks: those that a node's code starts are marked as the node's."""
    node = executing(options.get("context"))
    if node is not None and node.witness is not None:
        coroutine = _Marked(coroutine, node, node.witness)
    return asyncio.Task(coroutine, loop=loop, **options)


class NodeExecutor(concurrent.futures.Executor):
    """A loop's default executor: what a node's code sends to a thread is marked and counted as the node's."""

    def __init__(self, executor: concurrent.futures.Executor) -> None:
        self._executor = executor

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> concurrent.futures.Future[T]:
        """Run ``fn`` in a thread. On the loop that this is the executor of."""
        node = executing()
        if node is None:
            return self._executor.submit(fn, *args, **kwargs)
        presence = node.presence
        if presence is not None:
            presence.enter()
        future = self._executor.submit(_marked(fn, node), *args, **kwargs)
        if presence is not None:
            call = across(asyncio.get_running_loop())
            future.add_done_callback(lambda _: call(presence.leave))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing: whoever made the threads ends them."""


def _marked(fn: Callable[P, T], node: Executing) -> Callable[P, T]:
    witness = node.witness
    if witness is None:
        return fn

    def marked(*args: P.args, **kwargs: P.kwargs) -> T:
        mark = witness.enter(node.run_id, node.node_id)
        try:
            return fn(*args, **kwargs)
        finally:
            witness.leave(mark)

    return marked
