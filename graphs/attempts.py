"""One attempt at a node's own code: in the loop or in a thread, with or without a time limit."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from langchain_core.runnables.config import var_child_runnable_config
from langgraph._internal._constants import CONFIG_KEY_SCRATCHPAD

from milepost.graphs.context import NodeContext, RunContext, Signals
from milepost.graphs.failures import NodeError
from milepost.graphs.plan import NodePlan


class Presence:
    """Counts what of a node's code is running, and says once when nothing is left. Used in the loop's thread only."""

    __slots__ = ("_context", "_count", "_task_id")

    def __init__(self, context: RunContext, task_id: str) -> None:
        self._context = context
        self._task_id = task_id
        self._count = 1

    def enter(self) -> None:
        """Something more is running."""
        self._count += 1

    def leave(self) -> None:
        """Something has ended."""
        self._count -= 1
        if self._count == 0:
            self._context.reporter.left(self._task_id)


def across(loop: asyncio.AbstractEventLoop) -> Callable[..., None]:
    """A way to call something in the loop's thread from another one. After the loop ended it does nothing."""

    def call(function: Callable[..., None], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(function, *arguments)

    return call


async def attempt(
    plan: NodePlan, node_context: NodeContext[Any], context: RunContext, signals: Signals, presence: Presence
) -> Any:
    """What the node's code returned. Raises what it raised, or `NodeError` `timeout`."""
    run = plan.type.run
    if context.test_mode and plan.type.side_effects:
        return plan.type.simulate(node_context)
    if plan.timeout is None:
        if plan.synchronous:
            return await _in_thread(run, node_context, context, presence)
        return await cast("Any", run(node_context))
    limit = asyncio.timeout(plan.timeout)
    try:
        async with limit:
            if plan.synchronous:
                return await _in_thread(run, node_context, context, presence)
            return await cast("Any", run(node_context))
    except TimeoutError as error:
        if not limit.expired():
            raise
        signals.cancelled = True
        raise NodeError("timeout", f"took longer than {plan.timeout:g} s") from error


async def _in_thread(
    run: Callable[[Any], Any], node_context: NodeContext[Any], context: RunContext, presence: Presence
) -> Any:
    """Run a plain function in a thread. A cancel or a timeout stops the waiting; the thread goes on to its end."""
    call = across(asyncio.get_running_loop())
    copied = contextvars.copy_context()
    executor = context.executor or concurrent.futures.ThreadPoolExecutor(1)
    presence.enter()
    try:
        future = executor.submit(copied.run, _caught, run, node_context)
    except BaseException:
        presence.leave()
        raise
    future.add_done_callback(lambda _: call(presence.leave))
    if context.executor is None:
        executor.shutdown(wait=False)
    result, error = await asyncio.wrap_future(future)
    if error is not None:
        raise error
    return result


def _caught(run: Callable[[Any], Any], node_context: NodeContext[Any]) -> tuple[Any, BaseException | None]:
    # A future cannot carry StopIteration, and SystemExit in one would end the thread that waits for it.
    try:
        return run(node_context), None
    except BaseException as error:  # noqa: BLE001 -- raised again where the node is awaited
        return None, RuntimeError(repr(error)) if isinstance(error, StopIteration) else error


def ask_from_the_first() -> None:
    """Count the node's interrupts anew, so that a further attempt gets the answers that the earlier ones were given."""
    config = var_child_runnable_config.get()
    configurable: Mapping[str, Any] = (config or {}).get("configurable", {})
    scratchpad = configurable.get(CONFIG_KEY_SCRATCHPAD)
    if config is not None and scratchpad is not None:
        anew = replace(scratchpad, interrupt_counter=itertools.count().__next__)
        var_child_runnable_config.set({**config, "configurable": {**configurable, CONFIG_KEY_SCRATCHPAD: anew}})
