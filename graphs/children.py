"""Workflows that a definition uses by their ids: which they are, and what a store has found for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from milepost.graphs.problems import Problem, step_into

if TYPE_CHECKING:
    from milepost.graphs.program import Program

MAX_LEVELS = 8
"""Workflows inside one another, below the one that is run."""

MAX_NESTED = 20_000
"""Nodes of a definition, those of the workflows in it included."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in a definition that names a workflow. `version` None: the latest when the definition is saved."""

    path: str
    workflow_id: str
    version: int | None

    @property
    def key(self) -> tuple[str, int | None]:
        """What `Children` have it by."""
        return self.workflow_id, self.version


@dataclass(frozen=True, slots=True)
class Child:
    """A workflow that was found, compiled."""

    workflow_id: str
    version: int
    program: Program


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a workflow cannot be used; `key` is the config key that is to blame."""

    code: str
    message: str
    key: str = "workflow_id"


Children = Mapping[tuple[str, int | None], Child | Missing]


def reference(config: Mapping[str, Any], path: str) -> Iterable[Reference]:
    """The workflow that a config names with `workflow_id` and `version`, if these have the right types."""
    workflow_id, version = config.get("workflow_id"), config.get("version")
    if isinstance(workflow_id, str) and (version is None or type(version) is int):
        yield Reference(path, workflow_id, version)


def find(wanted: Reference, children: Children | None, problems: list[Problem]) -> Child | None:
    """The child that a reference is for. Without one, or with one that may not be used, a problem is added."""
    path = step_into(wanted.path, "workflow_id")
    if children is None:
        message = "a workflow is used by its id on the server that stores it: here is no server to ask"
        problems.append(Problem(path, "needs_server", message))
        return None
    found = children.get(wanted.key) or Missing("unknown_workflow", f"there is no workflow {wanted.workflow_id!r}")
    if isinstance(found, Missing):
        problems.append(Problem(step_into(wanted.path, found.key), found.code, found.message))
        return None
    if found.program.levels > MAX_LEVELS:
        message = f"workflows are nested more than {MAX_LEVELS} levels deep"
        problems.append(Problem(path, "nested_too_deep", message))
        return None
    return found


def chain_to(workflow_id: str, children: Iterable[Child]) -> list[str]:
    """The ids of workflows, each used by the one before, that lead from `children` to a workflow; [] if none do."""
    seen: set[tuple[str, int]] = set()
    waiting: list[tuple[Any, list[str]]] = [(child, [child.workflow_id]) for child in children]
    while waiting:
        child, way = waiting.pop()
        if child.workflow_id == workflow_id:
            return way
        if (child.workflow_id, child.version) not in seen:
            seen.add((child.workflow_id, child.version))
            waiting += [(inner, [*way, inner.workflow_id]) for inner in child.program.uses]
    return []
