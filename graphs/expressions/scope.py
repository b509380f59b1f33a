"""What an expression can name. Which names exist is known when a definition is checked, their values when it runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from milepost.graphs.expressions.budget import ExpressionError, shown

RUN_KEYS = frozenset({"id", "workflow_id", "version", "project_id", "started_at"})
ROOTS = ("input", "variables", "outputs", "run")
NO_LOCALS: Mapping[str, Any] = MappingProxyType({})
SECRETS = "secrets"
"""The root whose values are secret: it stands alone, `{{ secrets.NAME }}`, and only where `Names.secrets` is true."""
SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
CONSTANTS = frozenset({"null"})
"""JSON's word for what Jinja calls none."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names that exist in one definition."""

    outputs: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    locals: frozenset[str] = frozenset()
    """Names that exist beside the roots, where an item of a list is worked on."""
    secrets: bool = False
    """Whether secrets can be read here; which exist is known when they are."""

    def unknown(self, root: str, name: str) -> str | None:
        """Why `root.name` cannot be, or None when it can."""
        if root == "outputs" and name not in self.outputs:
            return f"there is no node {shown(name)}"
        if root == "variables" and name not in self.variables:
            return f"no node sets a variable {shown(name)}"
        if root == "run" and name not in RUN_KEYS:
            return f"run has no {shown(name)}; it has {', '.join(sorted(RUN_KEYS))}"
        if root == SECRETS:
            return f"the project has no secret {shown(name)}"
        return None


@dataclass(frozen=True, slots=True)
class Space:
    """A root but `input`: a name in it that has no value yet is null, another one an error."""

    root: str
    values: Mapping[str, Any]
    names: Names

    def get(self, name: Any) -> Any:
        """The value of `name`. Raises `ExpressionError` for a name that does not exist."""
        if not isinstance(name, str):
            raise ExpressionError(f"{self.root} is read by name, not by {type(name).__name__}")
        value = self.values.get(name)
        if value is None and (reason := self.names.unknown(self.root, name)):
            raise ExpressionError(reason)
        return value


@dataclass(frozen=True, slots=True)
class Scope:
    """The values that one evaluation sees."""

    names: Names
    input: Any
    variables: Mapping[str, Any]
    outputs: Mapping[str, Any]
    run: Mapping[str, Any]
    locals: Mapping[str, Any] = field(default_factory=lambda: NO_LOCALS)
    secrets: Mapping[str, str] = field(default_factory=lambda: NO_LOCALS, repr=False)

    def root(self, name: str) -> Any:
        """The value of a root name. Only called with one that parsing let through."""
        if name in self.locals:
            return self.locals[name]
        if name in CONSTANTS:
            return None
        if name == "input":
            return self.input
        return Space(name, getattr(self, name), self.names)
