"""The function that LangGraph calls for a branch: runs the branch's own graph and tells what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph._internal._constants import CONFIG_KEY_REPLAY_STATE, CONFIG_KEY_SEND
from langgraph.graph.state import CompiledStateGraph

from milepost.graphs.context import RunContext
from milepost.graphs.json_values import encode
from milepost.graphs.levels import OUT, Level

Graph = CompiledStateGraph[Any, RunContext, Any, Any]


class BranchRunner:
    """One branch, as a node of the graph around it."""

    def __init__(self, graph: Graph, level: Level, around: Level, told: Sequence[str]) -> None:
        self._graph = graph
        self._level = level
        self._around = around
        self._trigger = around.trigger(level)
        self._told = [*told, OUT]

    async def __call__(self, state: dict[str, Any], config: RunnableConfig) -> None:
        """Run the branch, or what is left of it, and write what it changed to the graph around it.

        Its namespace is new for each time that it is entered, so what LangGraph wants to replay is never there.
        """
        configurable = {**config["configurable"], CONFIG_KEY_REPLAY_STATE: None}
        nested: RunnableConfig = {**config, "configurable": configurable}
        values: Mapping[str, Any] = {}
        task = asyncio.current_task()
        async for chunk in self._graph.astream(
            self._given(state), nested, stream_mode="values", output_keys=self._told
        ):
            values = chunk
            if task is not None and task.cancelling():
                # A node swallowed the cancellation; the next one is not to begin.
                raise asyncio.CancelledError
        updates = self._changed(state, values)
        configurable[CONFIG_KEY_SEND](list(self._around.route(updates).items()))

    def _given(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """What the branch's graph starts with: the values that its nodes read, and the tokens that lead into it."""
        given = {channel: value for channel, value in state.items() if not channel.startswith(("join:", "enter:"))}
        if self._trigger == "input":
            return given
        tokens = state[self._trigger]
        letters = {self._trigger: tokens} if self._trigger.startswith("join:") else tokens
        return given | self._level.route(letters)

    def _changed(self, state: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        updates = {
            channel: value
            for channel, value in values.items()
            if channel != OUT and (channel not in state or encode(state[channel]) != encode(value))
        }
        letters: dict[str, Any] = values.get(OUT, {})
        return updates | letters
