"""One node's talk with a chat model: what it says is streamed, and what goes wrong has a code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    BaseMessageChunk,
    HumanMessage,
    InvalidToolCall,
    ToolCall,
    ToolCallChunk,
    message_to_dict,
    messages_from_dict,
)
from langchain_core.messages.tool import invalid_tool_call, tool_call
from langchain_core.messages.utils import message_chunk_to_message
from langchain_core.runnables import Runnable

from milepost.graphs.context import NodeContext
from milepost.graphs.failures import NodeError, message_of
from milepost.graphs.models import BUILT_IN, OPENAI, NotRunnable, chat_model
from milepost.graphs.outbound.asked_wait import asked_wait
from milepost.graphs.schemas import violations
from milepost.graphs.veil import Veil

REPEATABLE = frozenset({408, 409, 425, 429})
"""Statuses below 500 after which the same request may succeed later."""

REFUSED = frozenset({400, 404, 415, 422})
"""Statuses of a server that does not know an option."""

SHOWN = 500


@dataclass(slots=True)
class Talk:
    """A node's model, while the node executes."""

    name: str
    model: BaseChatModel
    ctx: NodeContext[Any]
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the model is asked for beside the conversation, by the name that a server refuses it with."""

    async def say(self, messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]] = ()) -> AIMessage:
        """What the model says next. Raises `NodeError`: `model_error`, or why a request was refused here."""
        while True:
            try:
                return await self._stream(messages, tools)
            except NodeError:
                raise
            except Exception as error:
                option = self._unknown_option(error)
                if option is None:
                    raise model_error(error, self.name, self.ctx.now, self.ctx.veil) from error
                del self.options[option]
                self.ctx.log("warning", f"the server of {self.name} does not know {option}; goes on without")

    async def _stream(self, messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]]) -> AIMessage:
        said: BaseMessageChunk | None = None
        task = asyncio.current_task()
        async for chunk in self._bound(tools).astream(list(messages)):
            text = str(chunk.text)
            if text:
                self.ctx.delta(text)
            said = chunk if said is None else said + chunk
            if task is not None and task.cancelling():
                # A provider's package swallowed the cancellation.
                raise asyncio.CancelledError
        message = AIMessage(content="") if said is None else message_chunk_to_message(said)
        if isinstance(said, AIMessageChunk) and isinstance(message, AIMessage) and said.tool_call_chunks:
            message.tool_calls, message.invalid_tool_calls = _calls(said.tool_call_chunks)
        if not isinstance(message, AIMessage):
            raise NodeError("model_error", f"{self.name} gave a {type(message).__name__}", retryable=False)
        # What is kept of it goes the way of no node's output.
        return message if self.ctx.veil is None else _veiled(message, self.ctx.veil)

    def _bound(self, tools: Sequence[Mapping[str, Any]]) -> Runnable[Any, Any]:
        more = {key: value for option in self.options.values() for key, value in option.items()}
        try:
            model: Runnable[Any, Any] = self.model.bind_tools([dict(tool) for tool in tools]) if tools else self.model
        except NotImplementedError as error:
            raise NodeError("not_runnable", f"{self.name} cannot use tools", retryable=False) from error
        return model.bind(**more) if more else model

    def _unknown_option(self, error: Exception) -> str | None:
        if _status(error) not in REFUSED:
            return None
        text = str(error)
        return next((option for option in self.options if option in text), None)


def _calls(chunks: Sequence[ToolCallChunk]) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    """The calls of a message that was streamed. LangChain takes arguments that break off for whole ones."""
    calls: list[ToolCall] = []
    broken: list[InvalidToolCall] = []
    for chunk in chunks:
        name, args = chunk["name"] or "", chunk["args"] or "{}"
        try:
            given = orjson.loads(args)
        except ValueError as error:
            given = error
        if isinstance(given, dict):
            calls.append(tool_call(name=name, args=given, id=chunk["id"]))
        else:
            why = f"the arguments are no JSON object: {given if isinstance(given, ValueError) else 'another value'}"
            broken.append(invalid_tool_call(name=name, args=args, id=chunk["id"], error=why))
    return calls, broken


@asynccontextmanager
async def talk(
    name: str, settings: Mapping[str, Any], ctx: NodeContext[Any], schema: Mapping[str, Any] | None = None
) -> AsyncIterator[Talk]:
    """A talk with the model of that name; its connections are closed at the end. Raises `NodeError` `not_runnable`."""
    provider = name.partition(":")[0]
    client = ctx.http.client() if provider == OPENAI else None
    try:
        if name in BUILT_IN:
            model = chat_model(name, **settings)
        else:
            # In a thread: the first model of a provider imports its package, which takes a second.
            model = await asyncio.to_thread(chat_model, name, client=client, **settings)
        yield Talk(name, model, ctx, _options(provider, model, schema))
    except NotRunnable as error:
        raise NodeError("not_runnable", str(error), retryable=False) from error
    finally:
        if client is not None:
            await client.aclose()


def _options(provider: str, model: BaseChatModel, schema: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    options: dict[str, dict[str, Any]] = {}
    if provider == OPENAI:
        options["stream_options"] = {"stream_usage": True}
    if schema is None or schema.get("type") != "object":
        return options
    described = {"name": "answer", "schema": dict(schema), "strict": _strict(schema)}
    wanted = {"type": "json_schema", "json_schema": described}
    if provider == OPENAI:
        # As it is, and not through the package's own parsing, which refuses tools beside it.
        options["response_format"] = {"extra_body": {"response_format": wanted}}
    elif (model.profile or {}).get("structured_output"):
        options["response_format"] = {"response_format": wanted}
    return options


def _strict(schema: Any) -> bool:
    """Whether a schema says so much of its objects that a provider can hold its model to it."""
    if isinstance(schema, list):
        return all(map(_strict, schema))
    if not isinstance(schema, Mapping):
        return True
    properties = schema.get("properties")
    if schema.get("type") == "object" or isinstance(properties, Mapping):
        named = set(properties) if isinstance(properties, Mapping) else set()
        if schema.get("additionalProperties") is not False or named != set(schema.get("required", ())):
            return False
    inner = {**schema, **properties} if isinstance(properties, Mapping) else schema
    return all(_strict(part) for key, part in inner.items() if key not in ("enum", "const", "default", "examples"))


def as_json(message: AIMessage) -> dict[str, Any]:
    """The message as JSON."""
    stored: dict[str, Any] = orjson.loads(orjson.dumps(message_to_dict(message), default=str))
    return stored


def _veiled(message: AIMessage, veil: Veil) -> AIMessage:
    (covered,) = messages_from_dict([veil.value(as_json(message))])
    assert isinstance(covered, AIMessage)
    return covered


def model_error(error: BaseException, name: str, now: int, veil: Veil | None = None) -> NodeError:
    """What a provider's error means: why this server sent no request, or `model_error`."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NodeError):
            return cause
        cause = cause.__cause__ or cause.__context__
    status = _status(error)
    said = message_of(error) if veil is None else message_of(error, veil.text)
    message = f"{name}: {said[:SHOWN]}"
    if status is None:
        return NodeError("model_error", message, retryable=not isinstance(error, (TypeError, AttributeError)))
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    wait = asked_wait(str(headers.get("retry-after", "")), now)
    if wait is not None:
        message += f" (the server asks to wait {wait:g} s)"
    again = status >= 500 or status in REPEATABLE
    return NodeError("model_error", message, retryable=again, retry_after=wait)


def _status(error: BaseException) -> int | None:
    """The HTTP status that an error of a provider's package carries."""
    response = getattr(error, "response", None)
    for found in (getattr(error, "status_code", None), getattr(response, "status_code", None)):
        if isinstance(found, int):
            return found
    return None


def parsed(text: str, schema: Mapping[str, Any]) -> Any:
    """The JSON of a reply, a fence around it allowed. Raises `NodeError` `invalid_output`."""
    body = text.strip()
    if body.startswith("```") and body.endswith("```"):
        body = body.partition("\n")[2].rpartition("```")[0]
    try:
        data = orjson.loads(body)
    except ValueError as error:
        raise NodeError("invalid_output", f"the reply is not JSON: {error}") from error
    wrong = "; ".join(map(str, violations(schema, data, "", "invalid_output")))
    if wrong:
        raise NodeError("invalid_output", f"the reply does not fit output_schema: {wrong[:SHOWN]}")
    return data


async def concluded(
    spoken: Talk, messages: Sequence[BaseMessage], said: AIMessage, schema: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The output for a last reply: `text`, `model`, `usage`, and with a schema `data`.

    A reply that does not fit the schema is answered once, with what is wrong with it.
    """
    used = counted(None, said)
    if schema is None:
        return {"text": str(said.text), "model": spoken.name, "usage": used}
    try:
        data = parsed(str(said.text), schema)
    except NodeError as wrong:
        spoken.ctx.log("warning", f"asks once more: {wrong}")
        complaint = f"That cannot be used: {wrong}. Answer again with nothing but JSON that fits the schema."
        said = await spoken.say([*messages, AIMessage(content=said.text or "(nothing)"), HumanMessage(complaint)])
        used, data = counted(used, said), parsed(str(said.text), schema)
    return {"text": str(said.text), "model": spoken.name, "usage": used, "data": data}


def counted(before: Mapping[str, int] | None, said: AIMessage) -> dict[str, int] | None:
    """The tokens of a reply and of those before it; None where the provider tells nothing."""
    told = said.usage_metadata
    if told is None:
        return None if before is None else dict(before)
    new = {key: value for key, value in told.items() if isinstance(value, int)}
    return {key: new.get(key, 0) + (before or {}).get(key, 0) for key in {**(before or {}), **new}}
