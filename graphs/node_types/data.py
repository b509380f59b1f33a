"""Node types that move and change data: `input`, `process`, `output`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from pydantic import Field

from milepost.graphs.context import NodeContext
from milepost.graphs.failures import NodeError
from milepost.graphs.json_values import to_text
from milepost.graphs.node_types.base import Config, NodeType
from milepost.graphs.problems import Problem, step_into

JsonType = Literal["string", "number", "integer", "boolean", "object", "array", "null", "any"]
PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
    "any": (object,),
}


class InputConfig(Config):
    """`fields`: names that the run's input must have, or names with their JSON types."""

    fields: list[str] | dict[str, JsonType] | None = Field(
        default=None, description="Names that the input must have, or names with their JSON types."
    )


class Input(NodeType[InputConfig]):
    """Hands the run's input on, after checking it."""

    name = "input"
    title = "Input"
    description = "Hands the run's input on, after checking that it has what the definition needs."
    output = "the run's input"
    config_model = InputConfig

    async def run(self, ctx: NodeContext[InputConfig]) -> Mapping[str, Any]:
        """The run's input. Fails with `invalid_input`, naming every field that is missing or of another type."""
        fields = ctx.config.fields or {}
        wanted = fields if isinstance(fields, dict) else dict.fromkeys(fields, "any")
        wrong = [reason for field, kind in wanted.items() if (reason := _wrong(ctx.input, field, kind))]
        if wrong:
            raise NodeError("invalid_input", "; ".join(wrong), retryable=False)
        result: Mapping[str, Any] = ctx.input
        return result


def _wrong(values: Mapping[str, Any], field: str, kind: str) -> str | None:
    if field not in values:
        return f"the input lacks {field!r}"
    value = values[field]
    fits = isinstance(value, PYTHON_TYPES[kind]) and not (isinstance(value, bool) and kind in ("number", "integer"))
    return None if fits else f"the input's {field!r} is not of type {kind}"


Operation = Literal["uppercase", "lowercase", "passthrough", "template", "pick", "merge"]


class ProcessConfig(Config):
    """What to do with `value`; without one, with the outputs of the nodes that led here."""

    operation: Operation = Field(
        default="passthrough",
        description="`uppercase` and `lowercase` change every string inside the value, `template` makes it a text, "
        "`pick` keeps the keys in `fields`, `merge` makes one object of a list of objects, `passthrough` does nothing.",
    )
    value: Any = Field(
        default=None,
        description="What is changed. Without it: the outputs of the nodes that led here, merged in the order of the "
        "file; at the start, the input.",
    )
    fields: list[str] | None = Field(default=None, description="With `pick`: the keys to keep.")


class Process(NodeType[ProcessConfig]):
    """Transforms data. A result that is not an object becomes `{"value": result}`."""

    name = "process"
    title = "Process"
    description = "Changes data, or puts together what other nodes gave."
    output = 'the result if it is an object, otherwise `{"value": result}`'
    config_model = ProcessConfig
    reads_predecessors = True

    async def run(self, ctx: NodeContext[ProcessConfig]) -> Mapping[str, Any]:
        """The operation's result."""
        config = ctx.config
        value = config.value if "value" in config.model_fields_set else _predecessors(ctx)
        result = OPERATIONS[config.operation](value, config)
        return result if isinstance(result, dict) else {"value": result}

    def check(self, config: Mapping[str, Any], path: str) -> Iterable[Problem]:
        """`template` needs a value, `pick` needs fields."""
        if config.get("operation") == "template" and "value" not in config:
            yield Problem(step_into(path, "value"), "missing_key", "template needs a value")
        if config.get("operation") == "pick" and "fields" not in config:
            yield Problem(step_into(path, "fields"), "missing_key", "pick needs fields")


def _predecessors(ctx: NodeContext[ProcessConfig]) -> Any:
    if not ctx.live:
        return ctx.input
    if len(ctx.live) == 1:
        return ctx.outputs.get(ctx.live[0])
    merged: dict[str, Any] = {}
    for node in ctx.live:
        merged |= ctx.outputs.get(node) or {}
    return merged


def _map_strings(change: Callable[[str], str], value: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_map_strings(change, item) for item in value]
    if isinstance(value, dict):
        return {key: _map_strings(change, item) for key, item in value.items()}
    return value


def _pick(value: Any, config: ProcessConfig) -> Any:
    if not isinstance(value, dict):
        raise NodeError("invalid_input", "pick needs an object", retryable=False)
    return {key: value[key] for key in config.fields or () if key in value}


def _merge(value: Any, _: ProcessConfig) -> Any:
    parts = value if isinstance(value, list) else [value]
    merged: dict[str, Any] = {}
    for part in parts:
        if part is not None and not isinstance(part, dict):
            raise NodeError("invalid_input", "merge needs objects", retryable=False)
        merged |= part or {}
    return merged


OPERATIONS: dict[str, Callable[[Any, ProcessConfig], Any]] = {
    "passthrough": lambda value, _: value,
    "uppercase": lambda value, _: _map_strings(str.upper, value),
    "lowercase": lambda value, _: _map_strings(str.lower, value),
    "template": lambda value, _: to_text(value),
    "pick": _pick,
    "merge": _merge,
}


class OutputConfig(Config):
    """`value`: what the run gives."""

    value: Any = Field(description="What the run gives: any JSON value.")


class Output(NodeType[OutputConfig]):
    """The run's output."""

    name = "output"
    title = "Output"
    description = "Says what the run gives."
    output = '`{"value": …}`'
    config_model = OutputConfig

    async def run(self, ctx: NodeContext[OutputConfig]) -> Mapping[str, Any]:
        """`{"value": …}`."""
        return {"value": ctx.config.value}
