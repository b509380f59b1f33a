"""What runs of a workflow share its concurrency limit: the value of an expression over their input."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from milepost.graphs.expressions import ExpressionError, InvalidExpression, Names, Scope, parse_expression
from milepost.graphs.expressions.budget import Budget
from milepost.graphs.problems import InvalidDefinition, Problem

MAX_TEXT = 200
"""Characters of a key's value as it is kept; a longer one is kept as its digest."""

MAX_STEPS = 1_000

PATH = "concurrency_key"


class ConcurrencyKey:
    """A parsed key. `value` may be called any number of times."""

    def __init__(self, source: str) -> None:
        """Raises `InvalidDefinition` where the source is no expression over `input`."""
        try:
            self._expression = parse_expression(source, Names())
        except InvalidExpression as error:
            raise InvalidDefinition([Problem(PATH, error.code, str(error))]) from error
        others = self._expression.references.roots - {"input"}
        if others:
            message = f"a concurrency key reads `input` alone, not {', '.join(sorted(others))}"
            raise InvalidDefinition([Problem(PATH, "unknown_name", message)])

    def value(self, run_input: Mapping[str, Any]) -> str:
        """The key of a run with this input, as JSON text. Raises `ExpressionError`."""
        scope = Scope(Names(), run_input, {}, {}, {})
        found = self._expression.evaluate(scope, Budget(steps=MAX_STEPS, size=64 * 1024))
        text = orjson.dumps(found, option=orjson.OPT_SORT_KEYS).decode()
        return text if len(text) <= MAX_TEXT else hashlib.sha256(text.encode()).hexdigest()


__all__ = ["ConcurrencyKey", "ExpressionError"]
