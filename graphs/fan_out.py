"""How a `map` runs: a graph with a cursor that sends one window of items after the other.

A window is one superstep of LangGraph's: its checkpoint is where the run can stop, and an item's result is on disk as
soon as it has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph._internal._constants import CONFIG_KEY_SEND, TASKS
from langgraph.channels import Topic
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send
from typing_extensions import TypedDict

from milepost.graphs.channels import LastWrite
from milepost.graphs.context import NodeContext, RunContext
from milepost.graphs.execution import execute_item
from milepost.graphs.expressions import Scope
from milepost.graphs.failures import NodeError, NodeFailure
from milepost.graphs.inside import InItem
from milepost.graphs.json_values import encode
from milepost.graphs.nested import Graph, run_graph
from milepost.graphs.node_types.map import INDEX
from milepost.graphs.plan import NodePlan
from milepost.graphs.state_size import StateSize

WINDOW = 100
"""Items of one superstep. LangGraph starts them all in one turn of the loop, which this keeps short."""

WORKFLOWS = 25
"""The same where a workflow runs for each: starting a graph takes longer than starting a node."""

AT_ONCE = 4
"""Workflows that start in one turn of the loop."""

PARTS = tuple(f"part:{number}" for number in range(40))
"""Channels of results. They are carried like the digits of a binary number, so that each result is stored again only
as often as there are digits, and not once for each window after it."""

TOLD = ("failed", *PARTS)


@dataclass(frozen=True, slots=True)
class Frame:
    """What the items of one execution of a `map` have in common."""

    items: Sequence[Any]
    window: int
    scope: Scope
    task_id: str
    context: RunContext


class MapRun:
    """The items of a `map` inside its node."""

    def __init__(self, body: NodePlan, item_name: str) -> None:
        self._body = body
        self._item_name = item_name
        self._graph = _graph(body, item_name)

    async def run(self, ctx: NodeContext[Any], context: RunContext) -> Mapping[str, Any]:
        """`{"items": […], "counts": {…}}`, the results in the order of the list."""
        items = ctx.config.over
        most = WINDOW if self._body.nested is None else WORKFLOWS
        window = min(most, ctx.config.max_concurrency or most)
        if not isinstance(items, list):
            raise NodeError("invalid_input", f"over is {_kind(items)}, not a list", retryable=False)
        scope = Scope(self._body.names, ctx.input, ctx.variables, ctx.outputs, ctx.run)
        frame = Frame(items, window, scope, ctx.task_id, context)
        steps = 2 * (len(items) // window + 2)
        values = await run_graph(self._graph, {"start": 0}, replace(context, frame=frame), TOLD, steps=steps)
        results = [result for part in reversed(PARTS) for result in values.get(part) or ()]
        failed = values.get("failed", 0)
        counts = {"total": len(items), "completed": len(items) - failed, "failed": failed}
        return {"items": results, "counts": counts}


def _kind(value: Any) -> str:
    kinds = {dict: "an object", str: "a string", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")


def _graph(body: NodePlan, item_name: str) -> Graph:
    channels: dict[str, Any] = {"start": Annotated[int, LastWrite(int)], "at": Annotated[int, LastWrite(int)]}
    channels |= {"failed": Annotated[int, LastWrite(int)], "bytes": Annotated[int, LastWrite(int)]}
    channels |= {"done": Annotated[list, Topic(list)]}
    channels |= {part: Annotated[list, LastWrite(list)] for part in PARTS}
    schema = TypedDict("Items", channels)  # type: ignore[misc]
    builder: StateGraph[Any, RunContext, Any, Any] = StateGraph(schema, context_schema=RunContext)
    runners: dict[str, Any] = {"window": _Cursor(body), "item": _Item(body, item_name)}
    for name, runner in runners.items():
        builder.add_node(name, runner)
    builder.add_edge(START, "window")
    graph = builder.compile(name=body.id)
    graph.nodes["window"].triggers = ["start", "done"]
    graph.nodes["window"].channels = ["at", "failed", "bytes", "done", *PARTS]
    for name in runners:
        # As in `compile`: the runners write by themselves.
        vars(graph.nodes[name])["node"] = graph.nodes[name].bound
    del graph.channels["branch:to:window"]
    del graph.nodes[START]
    del graph.channels[START]
    graph.input_channels = ["start"]
    graph.output_channels = graph.stream_channels = list(TOLD)
    return graph.validate()


class _Cursor:
    """Takes in what a window gave and sends the next one."""

    def __init__(self, body: NodePlan) -> None:
        self._limit = body.limits.max_state_bytes

    async def __call__(self, state: dict[str, Any], config: RunnableConfig, runtime: Runtime[RunContext]) -> None:
        """Write the results and the items that are next; nothing is next after the last one."""
        frame: Frame = runtime.context.frame
        done = sorted(state.get("done", ()), key=lambda each: each[0])
        at, failed = state.get("at", 0), state.get("failed", 0) + sum(each[2] for each in done)
        results = [each[1] for each in done]
        size = state.get("bytes", 0) + (len(encode(results)) if results else 0)
        if size > self._limit:
            message = f"{at} items gave {size} bytes of JSON; max_state_bytes allows {self._limit}"
            raise NodeError("state_too_large", message, retryable=False)
        frame.context.reporter.counted(frame.task_id, len(frame.items), at - failed, failed)
        end = min(at + frame.window, len(frame.items))
        updates: list[tuple[str, Any]] = [("at", end), ("failed", failed), ("bytes", size)]
        updates += _carried(state, results)
        updates += [(TASKS, Send("item", index)) for index in range(at, end)]
        config["configurable"][CONFIG_KEY_SEND](updates)


def _carried(state: Mapping[str, Any], results: list[Any]) -> list[tuple[str, Any]]:
    """Put results behind those that are there: into the first part that is empty, with all the parts before it."""
    if not results:
        return []
    updates: list[tuple[str, Any]] = []
    for part in PARTS:
        held = state.get(part)
        if not held:
            return [*updates, (part, results)]
        results = held + results
        updates.append((part, []))
    raise NodeError("state_too_large", "there are too many items", retryable=False)


class _Item:
    """Runs the body for one item."""

    def __init__(self, body: NodePlan, item_name: str) -> None:
        self._body = body
        self._item_name = item_name

    async def __call__(self, index: Any, config: RunnableConfig, runtime: Runtime[RunContext]) -> None:
        """Write the item's place, its result, and 1 where it failed. Raises `NodeFailure` that names the item."""
        frame: Frame = runtime.context.frame
        if self._body.nested is not None:
            # A graph's start takes milliseconds: not all of a window in one turn of the loop.
            for _ in range(index % frame.window // AT_ONCE):
                await asyncio.sleep(0)
        info = runtime.execution_info
        reporter = InItem(frame.context.reporter, frame.task_id, info.task_id if info is not None else "", index)
        rehearsal = frame.context.rehearsal and frame.context.rehearsal.of_item(self._body.id, index)
        context = replace(frame.context, reporter=reporter, state_size=StateSize(), rehearsal=rehearsal)
        scope = replace(frame.scope, locals={self._item_name: frame.items[index], INDEX: index})
        before = var_child_runnable_config.set(config)
        try:
            result = await execute_item(self._body, scope, context, reporter.task_id)
        except NodeFailure as failure:
            message = f"item {index}: {failure.message}"
            raise NodeFailure(
                failure.code, failure.type, message, failure.node_id, failure.traceback, failure.retry_after
            ) from failure
        finally:
            var_child_runnable_config.reset(before)
        config["configurable"][CONFIG_KEY_SEND]([("done", [[index, result, int(reporter.failed)]])])
