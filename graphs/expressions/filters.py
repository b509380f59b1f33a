"""The table of filters, and those on numbers and on any value. Each takes the budget, the value and its arguments."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from typing import Any

from milepost.graphs.expressions.budget import MAX_BITS, Budget, ExpressionError
from milepost.graphs.expressions.lists import LIST_FILTERS
from milepost.graphs.expressions.operations import Undefined, number, whole
from milepost.graphs.expressions.texts import TEXT_FILTERS
from milepost.graphs.json_values import NotJson, encode

MAX_DIGITS = MAX_BITS // 4
MAX_MESSAGE = 200
MAX_INDENT = 8
DEEPEST = 255
"""How deep JSON may be nested to be written at all."""


def _round(_: Budget, value: Any, precision: Any = 0, method: Any = "common") -> Any:
    places = whole(precision, -15, 15)
    if method == "common":
        return round(number(value), places)
    if method not in ("ceil", "floor"):
        raise ExpressionError("round knows common, ceil and floor")
    scale = 10**places
    return (math.ceil if method == "ceil" else math.floor)(number(value) * scale) / scale


def _int(_: Budget, value: Any, default: Any = 0, base: Any = 10) -> Any:
    base = whole(base, 0, 36)
    if isinstance(value, str) and len(value) > MAX_DIGITS:
        return default
    try:
        return int(value, base) if isinstance(value, str) else int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return default


def _float(_: Budget, value: Any, default: Any = 0.0) -> Any:
    if isinstance(value, str) and len(value) > MAX_DIGITS:
        return default
    try:
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return result if math.isfinite(result) else default


def _default(_: Budget, value: Any, default_value: Any = "", boolean: Any = False) -> Any:
    missing = value is None or isinstance(value, Undefined) or (boolean and not value)
    return default_value if missing else value


def _tojson(budget: Budget, value: Any, indent: Any = None) -> str:
    before = budget.size
    budget.weigh(value)
    if indent is None:
        budget.allocate(before - budget.size)
        return encode(value).decode()
    indent = whole(indent, 0, MAX_INDENT)
    lines = (before - budget.size) >> 5
    budget.step(5 * lines)
    budget.allocate(2 * (before - budget.size) + lines * indent * min(lines, DEEPEST))
    encode(value)
    return json.dumps(value, indent=indent, ensure_ascii=False)


def _absolute(_: Budget, value: Any) -> Any:
    return abs(number(value))


def _filesizeformat(_: Budget, value: Any, binary: Any = False) -> str:
    size = float(value) if isinstance(value, str) and len(value) <= MAX_DIGITS else float(number(value))
    base = 1024 if binary else 1000
    if size < base:
        return "1 Byte" if size == 1 else f"{int(size)} Bytes"
    power = 1
    while power < 8 and size >= base ** (power + 1):
        power += 1
    letter = "KMGTPEZY"[power - 1] if binary else "kMGTPEZY"[power - 1]
    return f"{base * size / base ** (power + 1):.1f} {letter}{'iB' if binary else 'B'}"


FILTERS: dict[str, Callable[..., Any]] = {
    **LIST_FILTERS,
    **TEXT_FILTERS,
    "abs": _absolute,
    "d": _default,
    "default": _default,
    "filesizeformat": _filesizeformat,
    "float": _float,
    "int": _int,
    "round": _round,
    "tojson": _tojson,
}
LAZY_FILTERS = frozenset({"map", "select", "reject", "selectattr", "rejectattr"})
"""Filters that take another filter or a test by name; the evaluator does them."""


def apply(function: Callable[..., Any], budget: Budget, value: Any, arguments: Iterable[Any], named: Any) -> Any:
    """Call a filter or test. Wrong arguments and values become `ExpressionError`."""
    try:
        return function(budget, value, *arguments, **named)
    except (NotJson, TypeError, ValueError, ArithmeticError, LookupError) as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError(str(error)[:MAX_MESSAGE]) from error
