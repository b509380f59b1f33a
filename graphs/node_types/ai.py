"""The node type `ai`: one call of a chat model, streamed, or with tools a loop of calls (`tool_loop`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import orjson
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from pydantic import BeforeValidator, Field

from milepost.graphs.asking import concluded, talk
from milepost.graphs.children import Reference
from milepost.graphs.context import NodeContext
from milepost.graphs.json_values import to_text
from milepost.graphs.models import BUILT_IN, OPENAI, NotRunnable, chat_model
from milepost.graphs.node_types.base import Config, Inner, NodeType
from milepost.graphs.node_types.tools import Tool, tool_bodies, tool_nodes, tool_problems, tool_workflows
from milepost.graphs.problems import Problem, step_into
from milepost.graphs.schemas import schema_problems

MAX_TURNS = 50
"""Times that a model with tools may be asked."""


def _text(value: Any) -> Any:
    return value if value is None else to_text(value)


Text = Annotated[str, BeforeValidator(_text)]
"""What an expression alone gives may be an object or a number: inside a text it would be one too."""


class Message(Config):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"] = Field(description="Who says it.")
    content: Text = Field(description="What is said.")


class ScriptedCall(Config):
    """A use of a tool, as the scripted model makes it."""

    name: str = Field(description="The tool.")
    arguments: dict[str, Any] = Field(default_factory=dict, description="What it is given.")


class ScriptedReply(Config):
    """A reply of the scripted model that uses tools."""

    text: str = Field(default="", description="What it says beside them.")
    calls: list[ScriptedCall] = Field(default_factory=list, description="The tools that it uses.")


class AiConfig(Config):
    """`prompt`, or a whole conversation in `messages`. `script` and `delay` are for the built-in models."""

    model: str = Field(description="`echo`, `scripted`, or `provider:name`, like `openai:gpt-5-mini`.")
    prompt: Text | None = Field(default=None, description="What the model is asked.")
    messages: list[Message] | None = Field(
        default=None, min_length=1, description="Instead of `prompt`: a whole conversation."
    )
    system: Text | None = Field(default=None, description="What the model is told before the conversation.")
    temperature: float | None = Field(
        default=None,
        ge=0,
        le=2,
        description="How freely the model chooses its words; the provider's if nothing is said.",
    )
    top_p: float | None = Field(
        default=None, gt=0, le=1, description="How much of what is likely the model chooses from; the provider's too."
    )
    max_tokens: int | None = Field(default=None, ge=1, description="How long a reply may become.")
    base_url: str | None = Field(
        default=None, description="With `openai:`: another server that speaks OpenAI's protocol."
    )
    api_key: str | None = Field(default=None, repr=False, description="Instead of the key in the server's environment.")
    output_schema: dict[str, Any] | None = Field(
        default=None, description="A JSON Schema that the reply must fit; what was parsed is the output's `data`."
    )
    tools: list[Tool] | None = Field(
        default=None, max_length=100, description="Nodes and workflows that the model may run before it answers."
    )
    max_turns: int = Field(
        default=10, ge=1, le=MAX_TURNS, description="With `tools`: how many times the model is asked."
    )
    script: list[str | ScriptedReply] | None = Field(default=None, description="With `scripted`: the replies, by turn.")
    delay: float = Field(default=0.0, ge=0, le=60, description="With `echo` and `scripted`: seconds between words.")


class Ai(NodeType[AiConfig]):
    """Asks a chat model and streams what it says."""

    name = "ai"
    title = "AI"
    description = (
        "Asks a chat model and streams what it says. `echo` and `scripted` are built in; `provider:name` is any model "
        "that LangChain knows."
    )
    output = (
        '`{"text", "model", "usage"}`, with `output_schema` the parsed reply as `data`, '
        "with `tools` also `turns` and `calls`"
    )
    config_model = AiConfig
    unresolved = frozenset({"tools"})
    reads_secrets = True

    async def run(self, ctx: NodeContext[AiConfig]) -> Mapping[str, Any]:
        """`{"text", "model", "usage"}`, and with an `output_schema` the parsed reply as `data`."""
        config, messages = ctx.config, conversation(ctx.config)
        async with talk(config.model, settings(config), ctx, config.output_schema) as spoken:
            return await concluded(spoken, messages, await spoken.say(messages), config.output_schema)

    def tools(self, config: Mapping[str, Any], path: str) -> Iterable[tuple[str, Inner]]:
        """What the model may use."""
        return tool_bodies(config, path)

    def holds(self, config: Mapping[str, Any], path: str) -> Iterable[tuple[str, Mapping[str, Any], str]]:
        """The nodes that are tools."""
        return tool_nodes(config, path)

    def uses(self, config: Mapping[str, Any], path: str) -> Iterable[Reference]:
        """The workflows that are tools."""
        return tool_workflows(config, path)

    def shown(self, config: Any) -> Any:
        """Without the key, and with the names of the tools only."""
        if not isinstance(config, Mapping):
            return config
        hidden = {"api_key": "•••"} if config.get("api_key") else {}
        tools = {"tools": [tool.get("name") for tool in config["tools"]]} if config.get("tools") else {}
        return {**config, **hidden, **tools}

    def check(self, config: Mapping[str, Any], path: str) -> Iterable[Problem]:
        """A prompt or messages, a model that has the form of one, a script for `scripted`, a right schema, tools."""
        model = config["model"]
        if ("prompt" in config) == ("messages" in config):
            yield Problem(path, "invalid_value", "ai needs either a prompt or messages")
        if "{{" not in model and model not in BUILT_IN and not all(model.partition(":")):
            message = f"a model is {', '.join(BUILT_IN)} or provider:name, like openai:gpt-5-mini"
            yield Problem(step_into(path, "model"), "unknown_model", message)
        if model == "scripted" and not config.get("script"):
            yield Problem(step_into(path, "script"), "missing_key", "scripted needs a script")
        if config.get("base_url") and "{{" not in model and not model.startswith(f"{OPENAI}:"):
            message = "base_url is for servers that speak OpenAI's protocol: the model is openai:name there"
            yield Problem(step_into(path, "base_url"), "invalid_value", message)
        yield from schema_problems(config.get("output_schema") or {}, step_into(path, "output_schema"))
        yield from tool_problems(config.get("tools") or (), step_into(path, "tools"))

    def not_runnable(self, config: Mapping[str, Any], path: str) -> Iterable[Problem]:
        """A model whose package or key is missing."""
        model = config["model"]
        if "{{" in model or model in BUILT_IN or ":" not in model:
            return
        given = {key: config[key] for key in ("base_url", "api_key") if isinstance(config.get(key), str)}
        given = {key: "https://unknown.invalid" if "{{" in value else value for key, value in given.items()}
        try:
            chat_model(model, **given)
        except NotRunnable as error:
            yield Problem(step_into(path, "model"), "not_runnable", str(error))


PASSED_ON = ("temperature", "top_p", "max_tokens", "base_url", "api_key")


def settings(config: AiConfig) -> dict[str, Any]:
    """What the model is made with."""
    if config.model in BUILT_IN:
        script = [each if isinstance(each, str) else each.model_dump() for each in config.script or ()]
        return {"script": script, "delay": config.delay}
    chosen = {key: getattr(config, key) for key in PASSED_ON}
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
