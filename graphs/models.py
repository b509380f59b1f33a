"""Chat models by name: two that are built in and need no network and no key, and any that LangChain can make."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import httpx
import orjson
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import ToolCall, ToolCallChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable

if TYPE_CHECKING:
    # This would make the server's start a third of a second longer.
    from langchain_core.tools import BaseTool

BUILT_IN = ("echo", "scripted")

OPENAI = "openai"
"""The provider whose models take an address and a client of ours."""

SILENCE = 300.0
"""Seconds that a provider may say nothing, while it thinks too; the node's `timeout` bounds all of an attempt."""

NO_KEY = "none"
"""What a server at a `base_url` gets where no key is given: never the one of this server's environment."""


class NotRunnable(Exception):
    """A model that cannot be made on this machine. The message names what to install or set."""


class BuiltInModel(BaseChatModel):
    """Streams a reply that it knows beforehand, word by word, with `delay` seconds between the words."""

    delay: float = 0.0

    @abstractmethod
    def reply(self, messages: Sequence[BaseMessage]) -> AIMessage:
        """The whole reply to a conversation."""

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[Any, AIMessage]:
        """Itself: what it says is known beforehand, whatever it could use."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        message = self.reply(messages)
        message.usage_metadata = usage(messages, message.text)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        message = self.reply(messages)
        for number, word in enumerate(words(message.text)):
            if self.delay and number:
                await asyncio.sleep(self.delay)
            yield ChatGenerationChunk(message=AIMessageChunk(content=word))
        calls = [
            ToolCallChunk(name=call["name"], args=orjson.dumps(call["args"]).decode(), id=call["id"], index=index)
            for index, call in enumerate(message.tool_calls)
        ]
        last = AIMessageChunk(
            content="", tool_call_chunks=calls, usage_metadata=usage(messages, message.text), chunk_position="last"
        )
        yield ChatGenerationChunk(message=last)


class EchoModel(BuiltInModel):
    """Says what it was asked last."""

    @property
    def _llm_type(self) -> str:
        return "echo"

    def reply(self, messages: Sequence[BaseMessage]) -> AIMessage:
        """The last message's text."""
        return AIMessage(content=str(messages[-1].text) if messages else "")


class ScriptedModel(BuiltInModel):
    """Says what a script has for this turn: the reply number n where the conversation has n replies so far.

    A reply is a text, or `{"text": …, "calls": [{"name": …, "arguments": {…}}]}` where it uses tools.
    """

    script: list[str | Mapping[str, Any]]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def reply(self, messages: Sequence[BaseMessage]) -> AIMessage:
        """The script's reply for this turn; the last one when the script is over."""
        turn = sum(isinstance(message, AIMessage) for message in messages)
        said = self.script[min(turn, len(self.script) - 1)] if self.script else ""
        if isinstance(said, str):
            return AIMessage(content=said)
        calls = [
            ToolCall(name=call["name"], args=call.get("arguments", {}), id=f"call_{turn}_{index}")
            for index, call in enumerate(said.get("calls", ()))
        ]
        return AIMessage(content=said.get("text", ""), tool_calls=calls)


def words(text: str) -> list[str]:
    """The text in pieces that end with a space; together they are the text."""
    parts = text.split(" ")
    return [f"{part} " for part in parts[:-1]] + parts[-1:]


def usage(messages: Sequence[BaseMessage], text: str) -> UsageMetadata:
    """Words, as the built-in models count tokens."""
    read, written = sum(len(str(message.text).split()) for message in messages), len(text.split())
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)


def chat_model(
    name: str,
    *,
    script: Sequence[str | Mapping[str, Any]] = (),
    delay: float = 0.0,
    client: httpx.AsyncClient | None = None,
    **settings: Any,
) -> BaseChatModel:
    """The model of that name: `echo`, `scripted`, or `provider:name`. Raises `NotRunnable`.

    `client` is the way out for a model of the provider `openai`. The first model of a provider takes about a second,
    in which its package is imported; further ones take less than a millisecond.
    """
    if name == "echo":
        return EchoModel(delay=delay)
    if name == "scripted":
        return ScriptedModel(script=list(script), delay=delay)
    provider, _, model = name.partition(":")
    given = _settings(provider, client, settings)
    try:
        made = import_module("langchain.chat_models").init_chat_model(model, model_provider=provider, **given)
    except ImportError as error:
        package = f"langchain-{provider.replace('_', '-')}"
        raise NotRunnable(f"model {name!r} needs the packages langchain and {package}: {error}") from error
    except Exception as error:
        # A provider's constructor may raise anything; most often a key is missing, and the message names it.
        raise NotRunnable(f"model {name!r} cannot be used: {error}; or give the node an api_key") from error
    if not isinstance(made, BaseChatModel):
        raise NotRunnable(f"model {name!r} is not a chat model")
    return made


def _settings(provider: str, client: httpx.AsyncClient | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the provider's class is given. A node's `retry` is what tries again, not the provider's package."""
    if provider != OPENAI:
        if "base_url" in settings:
            raise NotRunnable("base_url is for servers that speak OpenAI's protocol: the model is openai:name there")
        return dict(settings)
    # The package's limit for a chunk is asyncio's `wait_for`, which can lose a cancel; the connection has one too.
    given = {"max_retries": 0, "timeout": SILENCE, "stream_chunk_timeout": None, **settings}
    if "base_url" in settings:
        given.setdefault("api_key", NO_KEY)
    if client is not None:
        given["http_async_client"] = client
    return given
