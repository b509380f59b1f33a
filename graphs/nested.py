"""Graphs inside nodes: how a node runs a LangGraph graph in its own namespace and goes on with it after a stop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph._internal._constants import (
    CONFIG_KEY_CHECKPOINT_NS,
    CONFIG_KEY_CHECKPOINTER,
    CONFIG_KEY_REPLAY_STATE,
    CONFIG_KEY_RESUMING,
    CONFIG_KEY_SCRATCHPAD,
    CONFIG_KEY_THREAD_ID,
)
from langgraph.graph.state import CompiledStateGraph

from milepost.graphs.context import NodeContext, RunContext
from milepost.graphs.failures import NodeError, NodeFailure
from milepost.graphs.inside import Inside, placed
from milepost.graphs.state_size import StateSize

if TYPE_CHECKING:
    from milepost.graphs.children import Child

Graph = CompiledStateGraph[Any, RunContext, Any, Any]


class Nested(Protocol):
    """What a node runs in the place of code of its own."""

    async def run(self, ctx: NodeContext[Any], context: RunContext) -> Mapping[str, Any]:
        """The node's output. Raises like a node's own code, and LangGraph's stops as they come."""


class ChildRun:
    """A workflow inside a node."""

    def __init__(self, child: Child, node_id: str) -> None:
        self._program = child.program
        self._node_id = node_id
        self._told = [f"output:{node.id}" for node in child.program.nodes]

    async def run(self, ctx: NodeContext[Any], context: RunContext) -> Mapping[str, Any]:
        """What the child gives; `{"value": …}` where that is not an object."""
        program = self._program
        problems = program.check_input(ctx.config.input)
        if problems:
            raise NodeError("invalid_input", "; ".join(map(str, problems)), retryable=False)
        rehearsal = context.rehearsal and context.rehearsal.inside(self._node_id)
        reporter = Inside(context.reporter, self._node_id)
        inner = replace(context, reporter=reporter, state_size=StateSize(), rehearsal=rehearsal)
        limit = asyncio.timeout(program.timeout)
        try:
            async with limit:
                values = await run_graph(program.graph, program.graph_input(ctx.config.input), inner, self._told)
        except NodeFailure as failure:
            raise placed(failure, f"{self._node_id}/") from failure
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise NodeError("timed_out", f"the workflow took longer than its {program.timeout:g} s") from error
        output = program.output(values)
        return output if isinstance(output, dict) else {"value": output}


async def run_graph(
    graph: Graph,
    given: Mapping[str, Any],
    context: RunContext,
    told: Sequence[str],
    *,
    steps: int = 0,
) -> Mapping[str, Any]:
    """Run a graph inside the node that is executing, or what is left of it, and give the channels `told` at its end.

    Each attempt has a namespace of its own, so a further one starts anew. `steps` are allowed at least.
    """
    config = var_child_runnable_config.get()
    if config is None:
        raise RuntimeError("a nested graph runs inside a node")
    # The namespace is new for each execution, so what LangGraph wants to replay is never there.
    nested: RunnableConfig = {**config, "configurable": {**config["configurable"], CONFIG_KEY_REPLAY_STATE: None}}
    nested["recursion_limit"] = max(steps, config.get("recursion_limit", 0))
    values: Mapping[str, Any] = {}
    task = asyncio.current_task()
    async for chunk in graph.astream(given, nested, context=context, stream_mode="values", output_keys=told):
        values = chunk
        if task is not None and task.cancelling():
            # A node swallowed the cancellation; the next one is not to begin.
            raise asyncio.CancelledError
    return values


async def attempt_reached(attempt: int) -> int:
    """The attempt that a node with a nested graph goes on with: this one, or a later one which a stop interrupted.

    LangGraph numbers the graphs that a node runs one after the other, and starts counting again when the node does. So
    this makes its next namespace that of the attempt.
    """
    config = var_child_runnable_config.get()
    configurable = config["configurable"] if config is not None else {}
    counter = configurable[CONFIG_KEY_SCRATCHPAD].subgraph_counter
    ns, reached = configurable[CONFIG_KEY_CHECKPOINT_NS], attempt - 1
    saver = configurable.get(CONFIG_KEY_CHECKPOINTER) if configurable.get(CONFIG_KEY_RESUMING) else None
    while saver is not None:
        where = {CONFIG_KEY_THREAD_ID: configurable[CONFIG_KEY_THREAD_ID], "checkpoint_ns": f"{ns}|{reached + 1}"}
        if await saver.aget_tuple({"configurable": where}) is None:
            break
        reached += 1
    for _ in range(reached):
        counter()
    return reached + 1
