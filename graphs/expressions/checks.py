"""The tests that expressions may use after `is`. Each takes the budget, the value and its arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from milepost.graphs.expressions.budget import Budget
from milepost.graphs.expressions.operations import Undefined, contains, number, ordered, text
from milepost.graphs.json_values import json_equal


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _divisible(budget: Budget, value: Any, by: Any) -> bool:
    return bool(number(value) % number(by) == 0)


def _simple(test: Callable[[Any], bool]) -> Callable[[Budget, Any], bool]:
    return lambda _, value: test(value)


def _starts(budget: Budget, value: Any, part: Any) -> bool:
    return text(budget, value).startswith(text(budget, part))


def _ends(budget: Budget, value: Any, part: Any) -> bool:
    return text(budget, value).endswith(text(budget, part))


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, (str, list, dict)) and not value)


def _compared(check: Callable[[Any, Any], bool]) -> Callable[[Budget, Any, Any], bool]:
    return lambda _, value, other: check(*ordered(value, other))


TESTS: dict[str, Callable[..., bool]] = {
    "boolean": _simple(lambda value: isinstance(value, bool)),
    "defined": _simple(lambda value: not isinstance(value, Undefined)),
    "divisibleby": _divisible,
    "empty": _simple(_empty),
    "endswith": _ends,
    "eq": lambda _, value, other: json_equal(value, other),
    "equalto": lambda _, value, other: json_equal(value, other),
    "even": lambda budget, value: _divisible(budget, value, 2),
    "false": _simple(lambda value: value is False),
    "float": _simple(lambda value: isinstance(value, float)),
    "ge": _compared(lambda value, other: bool(value >= other)),
    "gt": _compared(lambda value, other: bool(value > other)),
    "in": contains,
    "integer": _simple(lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "iterable": _simple(lambda value: isinstance(value, (str, list, dict))),
    "le": _compared(lambda value, other: bool(value <= other)),
    "lt": _compared(lambda value, other: bool(value < other)),
    "mapping": _simple(lambda value: isinstance(value, dict)),
    "ne": lambda _, value, other: not json_equal(value, other),
    "none": _simple(lambda value: value is None),
    "null": _simple(lambda value: value is None),
    "number": _simple(_is_number),
    "odd": lambda budget, value: not _divisible(budget, value, 2),
    "sequence": _simple(lambda value: isinstance(value, (str, list))),
    "startswith": _starts,
    "string": _simple(lambda value: isinstance(value, str)),
    "true": _simple(lambda value: value is True),
    "undefined": _simple(lambda value: isinstance(value, Undefined)),
}
