"""The node types that exist: the built-in ones, those of installed packages, and those that a program adds."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Any

from milepost.graphs.node_types.ai import Ai
from milepost.graphs.node_types.approval import Approval
from milepost.graphs.node_types.base import NodeType
from milepost.graphs.node_types.branching import Condition, Switch
from milepost.graphs.node_types.call_api import CallApi
from milepost.graphs.node_types.code import Code
from milepost.graphs.node_types.data import Input, Output, Process
from milepost.graphs.node_types.map import Map
from milepost.graphs.node_types.notification import SendNotification
from milepost.graphs.node_types.subworkflow import Subworkflow
from milepost.graphs.node_types.tasks import CreateTask
from milepost.graphs.node_types.wait import Wait, WaitEvent

ENTRY_POINTS = "milepost.node_types"
BUILT_IN: tuple[type[NodeType[Any]], ...] = (
    Input,
    Process,
    Output,
    Condition,
    Switch,
    Wait,
    WaitEvent,
    Approval,
    Ai,
    CallApi,
    Subworkflow,
    Map,
    Code,
    CreateTask,
    SendNotification,
)


class Registry:
    """Node types by name. Filled before it is used; then it is only read."""

    def __init__(self, types: Iterable[type[NodeType[Any]]] = BUILT_IN) -> None:
        self._types: dict[str, NodeType[Any]] = {}
        for node_type in types:
            self.register(node_type)

    @classmethod
    def installed(cls) -> Registry:
        """The built-in types and those of the entry-point group `milepost.node_types`."""
        registry = cls()
        for entry in entry_points(group=ENTRY_POINTS):
            registry.register(entry.load())
        return registry

    def register(self, node_type: type[NodeType[Any]]) -> None:
        """Add a type. Raises `ValueError` when its name is taken."""
        if node_type.name in self._types:
            raise ValueError(f"there is already a node type {node_type.name!r}")
        self._types[node_type.name] = node_type()

    def having(self, node_type: NodeType[Any]) -> Registry:
        """A copy with this instance, in the place of the one of its name that was made without arguments."""
        copied = Registry(())
        copied._types = {**self._types, node_type.name: node_type}
        return copied

    def get(self, name: str) -> NodeType[Any] | None:
        """The type of that name."""
        return self._types.get(name)

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._types)

    def describe(self) -> list[dict[str, Any]]:
        """Every type with the JSON Schema of its config, by name."""
        return [_described(self._types[name]) for name in self.names()]


def _described(node_type: NodeType[Any]) -> dict[str, Any]:
    return {
        "type": node_type.name,
        "title": node_type.title or node_type.name,
        "description": node_type.description,
        "branching": node_type.branching,
        "side_effects": node_type.side_effects,
        "config_schema": node_type.config_model.model_json_schema(),
    }
