"""Node types that choose among their outgoing edges: `condition`, `switch`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from milepost.graphs.context import NodeContext
from milepost.graphs.node_types.base import Config, NodeType


class ConditionConfig(Config):
    """`expression`: without braces; `run` gets its value."""

    expression: Any = Field(json_schema_extra={"type": "string", "format": "expression"})


class Condition(NodeType[ConditionConfig]):
    """True or false, by the truthiness of an expression."""

    name = "condition"
    title = "Condition"
    description = "Takes the edges whose `when` is true or false."
    config_model = ConditionConfig
    expressions = frozenset({"expression"})
    branching = True

    async def run(self, ctx: NodeContext[ConditionConfig]) -> Mapping[str, Any]:
        """`{"value": true}` or `{"value": false}`."""
        return {"value": bool(ctx.config.expression)}


class SwitchConfig(Config):
    """`cases`: the values that are expected; then a `when` that is none of them is an error."""

    value: Any
    cases: list[Any] | None = None


class Switch(NodeType[SwitchConfig]):
    """Any JSON value, which edges are compared with."""

    name = "switch"
    title = "Switch"
    description = "Takes the edges whose `when` equals a value."
    config_model = SwitchConfig
    branching = True

    async def run(self, ctx: NodeContext[SwitchConfig]) -> Mapping[str, Any]:
        """`{"value": …}`."""
        return {"value": ctx.config.value}
