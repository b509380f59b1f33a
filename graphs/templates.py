"""A node's config with expressions anywhere in it: parsed once, resolved for every run of the node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from milepost.graphs.expressions import (
    Expression,
    ExpressionError,
    InvalidExpression,
    Names,
    References,
    Scope,
    Template,
    parse_expression,
    parse_template,
)
from milepost.graphs.expressions.budget import Budget
from milepost.graphs.problems import Problem, step_into

MAX_DEPTH = 64

Resolve = Callable[[Scope, Budget], Any]


class Resolved:
    """A JSON value with expressions in it. Constant where it has none."""

    __slots__ = ("_resolve", "constant", "names", "references", "secrets", "templated", "value")

    def __init__(
        self,
        value: Any,
        path: str,
        names: Names,
        problems: list[Problem],
        bare: frozenset[str] = frozenset(),
        either: frozenset[str] = frozenset(),
        unresolved: frozenset[str] = frozenset(),
    ) -> None:
        reading = _Reading(names, problems)
        self.value = value
        self.names = names
        if isinstance(value, Mapping) and (either or unresolved):
            bare |= {key for key in either if isinstance(value.get(key), str) and "{{" not in value[key]}
        self._resolve = reading.build(value, path, bare=bare, unresolved=unresolved)
        self.constant = self._resolve is None
        self.references = reading.references
        self.secrets = reading.secrets
        """The secrets that are read, each with the first path that does."""
        self.templated = reading.templated
        """The paths whose values are only known at run time."""

    def resolve(self, scope: Scope, budget: Budget) -> Any:
        """The value with every expression computed. Raises `ExpressionError` that says where."""
        return self.value if self._resolve is None else self._resolve(scope, budget)


class _Reading:
    """Reads one value: parses what is in it and collects what is wrong with it."""

    def __init__(self, names: Names, problems: list[Problem]) -> None:
        self.names = names
        self.problems = problems
        self.references = References()
        self.templated: set[str] = set()
        self.secrets: dict[str, str] = {}

    def build(
        self,
        value: Any,
        path: str,
        depth: int = 0,
        bare: frozenset[str] = frozenset(),
        unresolved: frozenset[str] = frozenset(),
    ) -> Resolve | None:
        """A function that computes the value; None for a constant.

        `bare` are keys that hold plain expressions, `unresolved` those that stay as they are.
        """
        if depth > MAX_DEPTH:
            self.problems.append(Problem(path, "invalid_value", f"nested more than {MAX_DEPTH} levels"))
            return None
        if isinstance(value, str):
            return self._text(value, path)
        if not isinstance(value, (Mapping, list)):
            return None
        changing: dict[Any, Resolve] = {}
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            if key in unresolved:
                continue
            inner = step_into(path, key)
            resolve = self._bare(item, inner) if key in bare else self.build(item, inner, depth + 1)
            if resolve is not None:
                changing[key] = resolve
        return _collection(value, changing) if changing else None

    def _text(self, value: str, path: str) -> Resolve | None:
        if not any(mark in value for mark in ("{{", "{%", "{#")):
            return None
        return self._parsed(parse_template, value, path)

    def _bare(self, value: Any, path: str) -> Resolve | None:
        if isinstance(value, str):
            return self._parsed(parse_expression, value, path)
        self.templated.add(path)
        self.problems.append(Problem(path, "invalid_expression", "an expression is a string"))
        return None

    def _parsed(self, parse: Callable[[str, Names], Expression | Template], value: str, path: str) -> Resolve | None:
        self.templated.add(path)
        try:
            parsed = parse(value, self.names)
        except InvalidExpression as error:
            self.problems.append(Problem(path, error.code, str(error)))
            return None
        self.references.add(parsed.references)
        for name in sorted(parsed.references.secrets):
            self.secrets.setdefault(name, path)

        def resolve(scope: Scope, budget: Budget) -> Any:
            try:
                return parsed.evaluate(scope, budget)
            except ExpressionError as error:
                raise ExpressionError(f"{path}: {error}") from error

        return resolve


def _collection(value: Any, changing: dict[Any, Resolve]) -> Resolve:
    items = list(changing.items())
    if isinstance(value, list):

        def resolve_list(scope: Scope, budget: Budget) -> Any:
            found = list(value)
            for index, resolve in items:
                found[index] = resolve(scope, budget)
            return found

        return resolve_list

    def resolve_object(scope: Scope, budget: Budget) -> Any:
        found = dict(value)
        for key, resolve in items:
            found[key] = resolve(scope, budget)
        return found

    return resolve_object
