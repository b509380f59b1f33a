"""The node types that exist: the built-in ones, those of installed packages, and those that a program adds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from traceback import format_exception
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


@dataclass(frozen=True, slots=True)
class Refused:
    """A node type that a package names and that is not there."""

    type: str
    """The name of the entry point, which should be the type's."""
    package: str
    place: str
    reason: str
    traceback: str = ""

    def __str__(self) -> str:
        return f"package {self.package} has it at {self.place}, but {self.reason}"


class Registry:
    """Node types by name. Filled before it is used; then it is only read."""

    def __init__(self, types: Iterable[type[NodeType[Any]]] = BUILT_IN) -> None:
        self._types: dict[str, NodeType[Any]] = {}
        self.refused: list[Refused] = []
        """Types of installed packages that could not be had."""
        for node_type in types:
            self.register(node_type)

    @classmethod
    def installed(cls) -> Registry:
        """The built-in types and those of the entry-point group `milepost.node_types`, as far as they load."""
        registry = cls()
        for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda each: (_package(each), each.name)):
            registry._add(entry)
        return registry

    def _add(self, entry: EntryPoint) -> None:
        try:
            found = entry.load()
            if not (isinstance(found, type) and issubclass(found, NodeType)):
                raise TypeError(f"{entry.value} is no class derived from NodeType")
            _described(found())
            self.register(found)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - one package's mistake must not stop a server
            reason = f"{type(error).__name__}: {error}".rstrip(": ")
            trace = "".join(format_exception(error))
            self.refused.append(Refused(entry.name, _package(entry), entry.value, reason, trace))

    def why_not(self, name: str) -> str | None:
        """Why a type is not there although a package names it; None where no package does."""
        found = [str(each) for each in self.refused if each.type == name]
        return "; ".join(found) if found and name not in self._types else None

    def register(self, node_type: type[NodeType[Any]]) -> None:
        """Add a type. Raises `ValueError` when its name is taken."""
        known = self._types.get(node_type.name)
        if known is not None:
            where = type(known).__module__
            raise ValueError(f"there is already a node type {node_type.name!r}, in {where}")
        self._types[node_type.name] = node_type()

    def having(self, node_type: NodeType[Any]) -> Registry:
        """A copy with this instance, in the place of the one of its name that was made without arguments."""
        copied = Registry(())
        copied._types = {**self._types, node_type.name: node_type}
        copied.refused = self.refused
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


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.module


def _described(node_type: NodeType[Any]) -> dict[str, Any]:
    return {
        "type": node_type.name,
        "title": node_type.title or node_type.name,
        "description": node_type.description,
        "output": node_type.output,
        "branching": node_type.branching,
        "side_effects": node_type.side_effects,
        "config_schema": node_type.config_model.model_json_schema(),
    }
