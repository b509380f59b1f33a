"""Chat models by name: two that are built in and need no network and no key, and any that LangChain can make."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from importlib import import_module
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

BUILT_IN = ("echo", "scripted")


class NotRunnable(Exception):
    """A model that cannot be made on this machine. The message names what to install or set."""


class BuiltInModel(BaseChatModel):
    """Streams a reply that it knows beforehand, word by word, with `delay` seconds between the words."""

    delay: float = 0.0

    @abstractmethod
    def reply(self, messages: Sequence[BaseMessage]) -> str:
        """The whole reply to a conversation."""

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        text = self.reply(messages)
        message = AIMessage(content=text, usage_metadata=usage(messages, text))
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        text = self.reply(messages)
        for number, word in enumerate(words(text)):
            if self.delay and number:
                await asyncio.sleep(self.delay)
            yield ChatGenerationChunk(message=AIMessageChunk(content=word))
        yield ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=usage(messages, text)))


class EchoModel(BuiltInModel):
    """Says what it was asked last."""

    @property
    def _llm_type(self) -> str:
        return "echo"

    def reply(self, messages: Sequence[BaseMessage]) -> str:
        """The last message's text."""
        return str(messages[-1].text) if messages else ""


class ScriptedModel(BuiltInModel):
    """Says what a script has for this turn: the reply number n where the conversation has n replies so far."""

    script: list[str]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def reply(self, messages: Sequence[BaseMessage]) -> str:
        """The script's reply for this turn; the last one when the script is over."""
        turn = sum(isinstance(message, AIMessage) for message in messages)
        return self.script[min(turn, len(self.script) - 1)] if self.script else ""


def words(text: str) -> list[str]:
    """The text in pieces that end with a space; together they are the text."""
    parts = text.split(" ")
    return [f"{part} " for part in parts[:-1]] + parts[-1:]


def usage(messages: Sequence[BaseMessage], text: str) -> UsageMetadata:
    """Words, as the built-in models count tokens."""
    read, written = sum(len(str(message.text).split()) for message in messages), len(text.split())
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)


def chat_model(name: str, *, script: Sequence[str] = (), delay: float = 0.0, **settings: Any) -> BaseChatModel:
    """The model of that name: `echo`, `scripted`, or `provider:name`. Raises `NotRunnable`."""
    if name == "echo":
        return EchoModel(delay=delay)
    if name == "scripted":
        return ScriptedModel(script=list(script), delay=delay)
    provider = name.partition(":")[0]
    try:
        made = import_module("langchain.chat_models").init_chat_model(name, **settings)
    except ImportError as error:
        package = f"langchain-{provider.replace('_', '-')}"
        raise NotRunnable(f"model {name!r} needs the packages langchain and {package}: {error}") from error
    except Exception as error:
        # A provider's constructor may raise anything; most often a key is missing, and the message names it.
        raise NotRunnable(f"model {name!r} cannot be used: {error}") from error
    if not isinstance(made, BaseChatModel):
        raise NotRunnable(f"model {name!r} is not a chat model")
    return made
