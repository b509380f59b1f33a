"""Node types that choose among their outgoing edges: `condition`, `switch`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from milepost.graphs.context import NodeContext
from milepost.graphs.node_types.base import Config, NodeType


class ConditionConfig(Config):
    """`expression`: without braces; `run` gets its value."""

    expression: Any = Field(
        description="An expression, without braces.", json_schema_extra={"type": "string", "format": "expression"}
    )


class Condition(NodeType[ConditionConfig]):
    """True or false, by the truthiness of an expression."""

    name = "condition"
    title = "Condition"
    description = "Takes the edges whose `when` is true, or those whose `when` is false."
    output = '`{"value": true}` or `{"value": false}`, by truthiness'
    config_model = ConditionConfig
    expressions = frozenset({"expression"})
    branching = True

    async def run(self, ctx: NodeContext[ConditionConfig]) -> Mapping[str, Any]:
        """`{"value": true}` or `{"value": false}`."""
        return {"value": bool(ctx.config.expression)}


class SwitchConfig(Config):
    """`cases`: the values that are expected; then a `when` that is none of them is an error."""

    value: Any = Field(description="What the `when` of each edge is compared with: any JSON value.")
    cases: list[Any] | None = Field(
        default=None,
        description="The values that are expected: then a `when` that is none of them is an error, and a case without "
        "an edge a warning.",
    )


class Switch(NodeType[SwitchConfig]):
    """Any JSON value, which edges are compared with."""

    name = "switch"
    title = "Switch"
    description = "Takes the edges whose `when` equals a value; `else` takes what no other edge is for."
    output = '`{"value": …}`'
    config_model = SwitchConfig
    branching = True

    async def run(self, ctx: NodeContext[SwitchConfig]) -> Mapping[str, Any]:
        """`{"value": …}`."""
        return {"value": ctx.config.value}
