"""The node type `ai`: one call of a chat model, streamed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import orjson
from langchain_core.messages import AIMessage, BaseMessage, BaseMessageChunk, HumanMessage, SystemMessage
from pydantic import Field

from milepost.graphs.context import NodeContext
from milepost.graphs.failures import NodeError
from milepost.graphs.models import BUILT_IN, NotRunnable, chat_model
from milepost.graphs.node_types.base import Config, NodeType
from milepost.graphs.problems import Problem, step_into
from milepost.graphs.schemas import schema_problems, violations


class Message(Config):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class AiConfig(Config):
    """`prompt`, or a whole conversation in `messages`. `script` and `delay` are for the built-in models."""

    model: str
    prompt: str | None = None
    messages: list[Message] | None = Field(default=None, min_length=1)
    system: str | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    base_url: str | None = None
    output_schema: dict[str, Any] | None = None
    script: list[str] | None = Field(default=None, description="scripted: the replies, by turn")
    delay: float = Field(default=0.0, ge=0, le=60, description="echo, scripted: seconds between words")


class Ai(NodeType[AiConfig]):
    """Asks a chat model and streams what it says."""

    name = "ai"
    title = "AI"
    description = "Asks a chat model; echo and scripted are built in, provider:name is any that LangChain knows."
    config_model = AiConfig
    reads_secrets = True

    async def run(self, ctx: NodeContext[AiConfig]) -> Mapping[str, Any]:
        """`{"text", "model", "usage"}`, and with an `output_schema` the parsed reply as `data`."""
        config = ctx.config
        try:
            model = chat_model(config.model, **_settings(config))
        except NotRunnable as error:
            raise NodeError("not_runnable", str(error), retryable=False) from error
        said: BaseMessageChunk | None = None
        async for chunk in model.astream(conversation(config)):
            text = str(chunk.text)
            if text:
                ctx.delta(text)
            said = chunk if said is None else said + chunk
        text = "" if said is None else str(said.text)
        usage = getattr(said, "usage_metadata", None)
        result: dict[str, Any] = {"text": text, "model": config.model, "usage": _counts(usage)}
        return result if config.output_schema is None else {**result, "data": parsed(text, config.output_schema)}

    def check(self, config: Mapping[str, Any], path: str) -> Iterable[Problem]:
        """A prompt or messages, a model that has the form of one, a script for `scripted`, a right schema."""
        model = config["model"]
        if ("prompt" in config) == ("messages" in config):
            yield Problem(path, "invalid_value", "ai needs either a prompt or messages")
        if "{{" not in model and model not in BUILT_IN and not all(model.partition(":")):
            message = f"a model is {', '.join(BUILT_IN)} or provider:name, like openai:gpt-5-mini"
            yield Problem(step_into(path, "model"), "unknown_model", message)
        if model == "scripted" and not config.get("script"):
            yield Problem(step_into(path, "script"), "missing_key", "scripted needs a script")
        yield from schema_problems(config.get("output_schema") or {}, step_into(path, "output_schema"))

    def not_runnable(self, config: Mapping[str, Any], path: str) -> Iterable[Problem]:
        """A model whose package or key is missing."""
        model = config["model"]
        if "{{" in model or model in BUILT_IN or ":" not in model:
            return
        base_url = config.get("base_url")
        known = isinstance(base_url, str) and "{{" not in base_url
        settings: dict[str, Any] = {"base_url": base_url} if known else {}
        try:
            chat_model(model, **settings)
        except NotRunnable as error:
            yield Problem(step_into(path, "model"), "not_runnable", str(error))


def _settings(config: AiConfig) -> dict[str, Any]:
    if config.model in BUILT_IN:
        return {"script": config.script or (), "delay": config.delay}
    chosen = {"temperature": config.temperature, "base_url": config.base_url}
    return {key: value for key, value in chosen.items() if value is not None}


def conversation(config: AiConfig) -> list[BaseMessage]:
    """What the model is given."""
    kinds: dict[str, type[BaseMessage]] = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
    system = config.system or ""
    if config.output_schema is not None:
        wanted = orjson.dumps(config.output_schema).decode()
        system += f"\n\nAnswer with nothing but JSON that fits this JSON Schema:\n{wanted}"
    first: list[BaseMessage] = [SystemMessage(system.strip())] if system else []
    if config.messages is None:
        return [*first, HumanMessage(config.prompt or "")]
    return [*first, *(kinds[message.role](message.content) for message in config.messages)]


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
        raise NodeError("invalid_output", f"the reply does not fit output_schema: {wrong[:500]}")
    return data


def _counts(usage: Any) -> dict[str, int] | None:
    if not isinstance(usage, Mapping):
        return None
    return {key: value for key, value in usage.items() if isinstance(value, int)}
