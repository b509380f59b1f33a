"""One attempt at a node's own code: in the loop or in a thread, with or without a time limit."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, NoReturn, cast

from langchain_core.runnables.config import var_child_runnable_config
from langgraph._internal._constants import CONFIG_KEY_SCRATCHPAD
from langgraph.errors import GraphInterrupt
from langgraph.types import Interrupt

from milepost.graphs.context import NodeContext, RunContext, Signals
from milepost.graphs.failures import NodeError
from milepost.graphs.plan import NodePlan
from milepost.graphs.witness import Witness, stepping


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
    if context.test_mode and plan.type.side_effects:
        signals.stand_in = "simulated"
        return plan.type.simulate(node_context)
    if plan.timeout is None:
        return await _own_code(plan, node_context, context, presence)
    limit = asyncio.timeout(plan.timeout)
    try:
        async with limit:
            return await _own_code(plan, node_context, context, presence)
    except TimeoutError as error:
        if not limit.expired():
            raise
        signals.cancelled = True
        raise NodeError("timeout", f"took longer than {plan.timeout:g} s") from error


def _own_code(
    plan: NodePlan, node_context: NodeContext[Any], context: RunContext, presence: Presence
) -> Awaitable[Any]:
    if plan.nested is not None:
        return plan.nested.run(node_context, context)
    run, witness = plan.type.run, context.witness
    run_id = context.run.get("id", "")
    if plan.synchronous:
        witnessed = run if witness is None else _witnessed(run, witness, run_id, plan.id)
        return _in_thread(witnessed, node_context, context, presence)
    result = cast("Awaitable[Any]", run(node_context))
    return result if witness is None else stepping(result, witness, run_id, plan.id)


def _witnessed(run: Callable[[Any], Any], witness: Witness, run_id: str, node_id: str) -> Callable[[Any], Any]:
    def witnessed(node_context: NodeContext[Any]) -> Any:
        mark = witness.enter(run_id, node_id)
        try:
            return run(node_context)
        finally:
            witness.leave(mark)

    return witnessed


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


def attempts_before(context: RunContext, task_id: str) -> int:
    """How many attempts failed before the run parked for the next one. Parks again when it is too early for that."""
    parked = context.parked.get(task_id)
    if not isinstance(parked, Mapping) or parked.get("kind") != "retry":
        return 0
    if context.now() < parked["until"]:
        _park(task_id, parked)
    return int(parked["attempt"])


def retry_id(task_id: str) -> str:
    """The id of the interrupt that a task parks with until its next attempt."""
    return f"retry:{task_id}"


def park_retry(context: RunContext, task_id: str, attempt: int, delay: float) -> NoReturn:
    """Let go of everything until `delay` seconds after attempt number `attempt` failed."""
    _park(task_id, {"kind": "retry", "until": context.now() + round(delay * 1000), "attempt": attempt})


def _park(task_id: str, value: Mapping[str, Any]) -> NoReturn:
    # Not LangGraph's `interrupt`: that counts among the node's own questions, and would be given one's answer.
    raise GraphInterrupt((Interrupt(dict(value), id=retry_id(task_id)),))
