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

    __slots__ = ("_resolve", "constant", "references", "templated", "value")

    def __init__(self, value: Any, path: str, names: Names, problems: list[Problem], bare: frozenset[str]) -> None:
        self.value = value
        self.references = References()
        self.templated: set[str] = set()
        self._resolve = self._build(value, path, names, problems, bare, 0)
        self.constant = self._resolve is None

    def resolve(self, scope: Scope, budget: Budget) -> Any:
        """The value with every expression computed. Raises `ExpressionError` that says where."""
        return self.value if self._resolve is None else self._resolve(scope, budget)

    def _build(
        self, value: Any, path: str, names: Names, problems: list[Problem], bare: frozenset[str], depth: int
    ) -> Resolve | None:
        if depth > MAX_DEPTH:
            problems.append(Problem(path, "invalid_value", f"nested more than {MAX_DEPTH} levels"))
            return None
        if isinstance(value, str):
            return self._text(value, path, names, problems)
        if isinstance(value, Mapping):
            parts: dict[Any, Any] = dict(value)
        elif isinstance(value, list):
            parts = dict(enumerate(value))
        else:
            return None
        changing: dict[Any, Resolve] = {}
        for key, item in parts.items():
            inner = step_into(path, key)
            if depth == 0 and key in bare:
                resolve = self._bare(item, inner, names, problems)
            else:
                resolve = self._build(item, inner, names, problems, frozenset(), depth + 1)
            if resolve is not None:
                changing[key] = resolve
        return _collection(value, changing) if changing else None

    def _text(self, value: str, path: str, names: Names, problems: list[Problem]) -> Resolve | None:
        if "{{" not in value and "{%" not in value and "{#" not in value:
            return None
        try:
            return self._located(parse_template(value, names), path)
        except InvalidExpression as error:
            problems.append(Problem(path, error.code, str(error)))
            self.templated.add(path)
            return None

    def _bare(self, value: Any, path: str, names: Names, problems: list[Problem]) -> Resolve | None:
        self.templated.add(path)
        if not isinstance(value, str):
            problems.append(Problem(path, "invalid_expression", "an expression is a string"))
            return None
        try:
            return self._located(parse_expression(value, names), path)
        except InvalidExpression as error:
            problems.append(Problem(path, error.code, str(error)))
            return None

    def _located(self, parsed: Expression | Template, path: str) -> Resolve:
        self.references.add(parsed.references)
        self.templated.add(path)

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
