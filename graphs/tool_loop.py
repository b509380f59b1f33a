"""How an `ai` node with tools runs: a graph in which a turn of the model is one step and its tools are the next.

So each turn and each tool's result is on disk before what follows, and a stop goes on there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage, messages_from_dict
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph._internal._constants import CONFIG_KEY_SEND, TASKS
from langgraph.channels import Topic
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send
from typing_extensions import TypedDict

from milepost.graphs.asking import Talk, as_json, concluded, counted, talk
from milepost.graphs.channels import LastWrite
from milepost.graphs.context import NodeContext, RunContext
from milepost.graphs.definition import Retry
from milepost.graphs.execution import execute_item
from milepost.graphs.failures import NodeError
from milepost.graphs.inside import InItem
from milepost.graphs.json_values import encode
from milepost.graphs.nested import Graph, run_graph
from milepost.graphs.node_types.ai import MAX_TURNS, conversation, settings
from milepost.graphs.node_types.tools import ARGS
from milepost.graphs.plan import NodePlan
from milepost.graphs.schemas import violations
from milepost.graphs.state_size import StateSize

MOST_CALLS = 32
"""Tools that a model may use in one turn; it is told that others were not used."""

MOST_TEXT = 64 * 1024
"""Characters of a tool's result that the model is told."""

PATIENCE = 300.0
"""Seconds that the loop waits at most because a model's server asks for it: it keeps its place meanwhile."""

SHOWN = 1_000

ANYTHING: Mapping[str, Any] = {"type": "object", "properties": {}}
"""The parameters of a tool that names none."""

TURNS = tuple(f"turn:{number}" for number in range(MAX_TURNS))
"""What was said in each turn, a channel for each: a list of all would be stored anew in each turn."""


@dataclass(frozen=True, slots=True)
class Tool:
    """What a model may run, and what it is told of it."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    body: NodePlan

    @property
    def told(self) -> dict[str, Any]:
        """The tool as models are told of it."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class Frame:
    """What the steps of one execution have in common."""

    ctx: NodeContext[Any]
    context: RunContext
    spoken: Talk


class ToolLoop:
    """A model and its tools inside their node."""

    def __init__(self, tools: Iterable[Tool], node_id: str, retry: Retry | None, max_bytes: int) -> None:
        known = {tool.name: tool for tool in tools}
        self._graph = _graph(_Turn(known, retry, max_bytes), _Call(known), node_id)

    async def run(self, ctx: NodeContext[Any], context: RunContext) -> Mapping[str, Any]:
        """`{"text", "model", "usage", "turns", "calls"}`, and with an `output_schema` the parsed reply as `data`."""
        config = ctx.config
        async with talk(config.model, settings(config), ctx, config.output_schema) as spoken:
            inner = replace(context, frame=Frame(ctx, context, spoken))
            values = await run_graph(self._graph, {"start": 0}, inner, ["final"], steps=2 * (config.max_turns + 2))
        final: Mapping[str, Any] = values["final"]
        return final


def _graph(turn: _Turn, call: _Call, name: str) -> Graph:
    channels: dict[str, Any] = {key: Annotated[int, LastWrite(int)] for key in ("start", "at", "made", "bytes")}
    channels |= {key: Annotated[dict, LastWrite(dict)] for key in ("said", "usage", "final")}
    channels |= {"done": Annotated[list, Topic(list)]}
    channels |= {key: Annotated[dict, LastWrite(dict)] for key in TURNS}
    schema = TypedDict("Turns", channels)  # type: ignore[misc]
    builder: StateGraph[Any, RunContext, Any, Any] = StateGraph(schema, context_schema=RunContext)
    runners: dict[str, Any] = {"turn": turn, "call": call}
    for key, runner in runners.items():
        builder.add_node(key, runner)
    builder.add_edge(START, "turn")
    graph = builder.compile(name=name)
    graph.nodes["turn"].triggers = ["start", "done"]
    graph.nodes["turn"].channels = ["at", "made", "bytes", "said", "usage", "done", *TURNS]
    for key in runners:
        # As in `compile`: the runners write by themselves.
        vars(graph.nodes[key])["node"] = graph.nodes[key].bound
    del graph.channels["branch:to:turn"]
    del graph.nodes[START]
    del graph.channels[START]
    graph.input_channels = ["start"]
    graph.output_channels = graph.stream_channels = ["final"]
    return graph.validate()


class _Turn:
    """Takes in what the tools gave and asks the model what is next."""

    def __init__(self, tools: Mapping[str, Tool], retry: Retry | None, max_bytes: int) -> None:
        self._told = [tool.told for tool in tools.values()]
        self._retry = retry
        self._limit = max_bytes

    async def __call__(self, state: dict[str, Any], config: RunnableConfig, runtime: Runtime[RunContext]) -> None:
        """Write the tools that are next, or the node's output."""
        frame: Frame = runtime.context.frame
        covered: NodeError | None = None
        before = var_child_runnable_config.set(config)
        try:
            updates = await self._turn(state, frame)
        except NodeError as error:
            veil = frame.context.veil
            if veil is None:
                raise
            covered = NodeError(veil.text(error.code), veil.text(str(error)), retryable=error.retryable)
        finally:
            var_child_runnable_config.reset(before)
        if covered is not None:
            # LangGraph keeps what a task raises. Raised here, it has no cause that holds what was covered.
            raise covered
        config["configurable"][CONFIG_KEY_SEND](updates)

    async def _turn(self, state: Mapping[str, Any], frame: Frame) -> list[tuple[str, Any]]:
        at, wanted = state.get("at", 0), frame.ctx.config
        past = [state[name] for name in TURNS[: max(0, at - 1)]]
        updates: list[tuple[str, Any]] = [("at", at + 1)]
        if at:
            past.append({"said": state["said"], "results": sorted(state.get("done", ()))})
            updates += [(TURNS[at - 1], past[-1]), ("bytes", self._size(state, past[-1]))]
        else:
            # The calls of an earlier attempt are not this one's.
            frame.context.reporter.counted(frame.ctx.task_id, 0, 0, 0)
        if at >= wanted.max_turns:
            message = f"the model was asked max_turns ({wanted.max_turns}) times and wants to go on"
            raise NodeError("too_many_turns", message, retryable=False)
        messages = [*conversation(wanted), *_spoken(past)]
        said = await self._say(frame, messages)
        calls, used = _calls(said), counted(state.get("usage"), said)
        if calls:
            made = state.get("made", 0)
            updates += [("said", _stored(said)), ("made", made + len(calls))]
            updates += [("usage", used)] if used is not None else []
            for call in calls[MOST_CALLS:]:
                call["wrong"] = f"at most {MOST_CALLS} tools are used at once"
            return updates + [(TASKS, Send("call", {**call, "number": made + n})) for n, call in enumerate(calls)]
        return [*updates, ("final", await self._final(frame, messages, said, past, state.get("usage")))]

    def _size(self, state: Mapping[str, Any], turn: Mapping[str, Any]) -> int:
        size = int(state.get("bytes", 0)) + len(encode(turn))
        if size > self._limit:
            message = (
                f"what the model and its tools said has {size} bytes of JSON; max_state_bytes allows {self._limit}"
            )
            raise NodeError("state_too_large", message, retryable=False)
        return size

    async def _say(self, frame: Frame, messages: Sequence[BaseMessage]) -> AIMessage:
        """The model's next message. The node's `retry` repeats this and not the whole loop, whose tools have run."""
        attempt = 1
        while True:
            try:
                return await frame.spoken.say(messages, self._told)
            except NodeError as error:
                if not error.retryable or self._retry is None or attempt >= self._retry.max_attempts:
                    raise NodeError(error.code, str(error), retryable=False) from error
                delay = max(self._retry.delay(attempt, frame.context.random()), min(error.retry_after or 0.0, PATIENCE))
                frame.ctx.log("warning", f"asks again in {delay:.1f} s: {error}", attempt=attempt)
            await frame.context.sleep(delay)
            attempt += 1

    async def _final(
        self, frame: Frame, messages: Sequence[BaseMessage], said: AIMessage, past: Sequence[Any], used: Any
    ) -> dict[str, Any]:
        try:
            last = await concluded(frame.spoken, messages, said, frame.ctx.config.output_schema)
        except NodeError as error:
            raise NodeError(error.code, str(error), retryable=False) from error
        if used is not None:
            last["usage"] = {key: used.get(key, 0) + (last["usage"] or {}).get(key, 0) for key in used}
        made = [
            {"name": call["name"], "arguments": call["args"], "failed": bool(result[2])}
            for turn in past
            for call, result in zip(_calls(*messages_from_dict([turn["said"]])), turn["results"], strict=True)
        ]
        return {**last, "turns": len(past) + 1, "calls": made}


def _stored(said: AIMessage) -> dict[str, Any]:
    """The message as JSON. Each of its calls has an id."""
    for number, call in enumerate((*said.tool_calls, *said.invalid_tool_calls)):
        call["id"] = call["id"] or f"call_{number}"
    return as_json(said)


def _calls(said: BaseMessage) -> list[dict[str, Any]]:
    """The tools that a message uses: name, arguments, and what is wrong with these."""
    if not isinstance(said, AIMessage):
        return []
    calls = [{"name": call["name"], "args": call["args"], "wrong": None} for call in said.tool_calls]
    return calls + [
        {"name": call["name"] or "", "args": call["args"], "wrong": call["error"] or "the arguments are not JSON"}
        for call in said.invalid_tool_calls
    ]


def _spoken(past: Iterable[Mapping[str, Any]]) -> Iterable[BaseMessage]:
    """What was said in earlier turns: the model's messages, each with the results of its tools."""
    for turn in past:
        (said,) = messages_from_dict([turn["said"]])
        yield said
        if isinstance(said, AIMessage):
            calls = (*said.tool_calls, *said.invalid_tool_calls)
            for call, (_, text, failed) in zip(calls, turn["results"], strict=True):
                status = "error" if failed else "success"
                yield ToolMessage(text, tool_call_id=call["id"], name=call["name"], status=status)


class _Call:
    """Runs a tool once."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        self._tools = tools

    async def __call__(self, call: Any, config: RunnableConfig, runtime: Runtime[RunContext]) -> None:
        """Write the call's number, its result, and 1 where it failed."""
        frame: Frame = runtime.context.frame
        info = runtime.execution_info
        before = var_child_runnable_config.set(config)
        try:
            text, failed = await self._result(call, frame, info.task_id if info is not None else "")
        finally:
            var_child_runnable_config.reset(before)
        config["configurable"][CONFIG_KEY_SEND]([("done", [[call["number"], text, int(failed)]])])

    async def _result(self, call: Mapping[str, Any], frame: Frame, task_id: str) -> tuple[str, bool]:
        name, number = call["name"], call["number"]
        tool = self._tools.get(name)
        refused = self._refused(tool, call)
        if tool is None or refused:
            frame.ctx.log("warning", f"refuses the call of {name}", call=number, why=refused[:SHOWN])
            return refused, True
        if task_id not in frame.context.parked:
            shown = encode(call["args"])[:SHOWN].decode("utf-8", "ignore")
            frame.ctx.log("info", f"calls {name}", call=number, arguments=shown)
        reporter = InItem(frame.context.reporter, frame.ctx.task_id, task_id, number)
        rehearsal = frame.context.rehearsal and frame.context.rehearsal.of_item(tool.body.id, number)
        context = replace(frame.context, reporter=reporter, state_size=StateSize(), rehearsal=rehearsal)
        scope = frame.ctx.scope
        scope = replace(scope, names=tool.body.names, locals={**scope.locals, ARGS: call["args"]})
        output = await execute_item(tool.body, scope, context, task_id)
        text = encode(output).decode()
        told = {"level": "warning", "message": f"{name} failed"} if reporter.failed else {}
        frame.ctx.log(**{"level": "info", "message": f"{name} answered", **told}, call=number, bytes=len(text))
        return _cut(text), reporter.failed

    def _refused(self, tool: Tool | None, call: Mapping[str, Any]) -> str:
        """Why a call is not made, as the model is told; empty when it is."""
        if tool is None:
            return f"There is no tool {call['name']!r}. There are: {', '.join(self._tools)}."
        if call["wrong"]:
            return f"The tool was not used: {call['wrong']}"
        wrong = "; ".join(map(str, violations(tool.parameters, call["args"], "", "invalid_input")))
        return f"The arguments do not fit: {wrong}"[:SHOWN] if wrong else ""


def _cut(text: str) -> str:
    if len(text) <= MOST_TEXT:
        return text
    return f"{text[:MOST_TEXT]} (cut: {len(text)} characters in all)"
