"""The tests that expressions may use after `is`. Each takes the budget, the value and its arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from milepost.graphs.expressions.budget import Budget
from milepost.graphs.expressions.operations import COMPARISONS, Undefined, contains, number, text


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _divisible(budget: Budget, value: Any, by: Any) -> bool:
    return bool(number(value) % number(by) == 0)


def _simple(test: Callable[[Any], bool]) -> Callable[[Budget, Any], bool]:
    return lambda _, value: test(value)


def _starts(budget: Budget, value: Any, part: Any) -> bool:
    source, part = text(budget, value), text(budget, part)
    budget.scan(len(part))
    return source.startswith(part)


def _ends(budget: Budget, value: Any, part: Any) -> bool:
    source, part = text(budget, value), text(budget, part)
    budget.scan(len(part))
    return source.endswith(part)


def _cased(test: Callable[[str], bool]) -> Callable[[Budget, Any], bool]:
    def check(budget: Budget, value: Any) -> bool:
        source = text(budget, value)
        budget.step(len(source) >> 4)
        return test(source)

    return check


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, (str, list, dict)) and not value)


SAME_AS_OPERATORS = {
    "eq": ("==", "eq", "equalto"),
    "ne": ("!=", "ne"),
    "lt": ("<", "lt", "lessthan"),
    "lteq": ("<=", "le"),
    "gt": (">", "gt", "greaterthan"),
    "gteq": (">=", "ge"),
}
TESTS: dict[str, Callable[..., bool]] = {
    **{name: COMPARISONS[operator] for operator, names in SAME_AS_OPERATORS.items() for name in names},
    "boolean": _simple(lambda value: isinstance(value, bool)),
    "defined": _simple(lambda value: not isinstance(value, Undefined)),
    "divisibleby": _divisible,
    "empty": _simple(_empty),
    "endswith": _ends,
    "even": lambda budget, value: _divisible(budget, value, 2),
    "false": _simple(lambda value: value is False),
    "float": _simple(lambda value: isinstance(value, float)),
    "in": contains,
    "integer": _simple(lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "iterable": _simple(lambda value: isinstance(value, (str, list, dict))),
    "lower": _cased(str.islower),
    "mapping": _simple(lambda value: isinstance(value, dict)),
    "none": _simple(lambda value: value is None),
    "null": _simple(lambda value: value is None),
    "number": _simple(_is_number),
    "odd": lambda budget, value: not _divisible(budget, value, 2),
    "sequence": _simple(lambda value: isinstance(value, (str, list))),
    "startswith": _starts,
    "string": _simple(lambda value: isinstance(value, str)),
    "true": _simple(lambda value: value is True),
    "undefined": _simple(lambda value: isinstance(value, Undefined)),
    "upper": _cased(str.isupper),
}
