"""Operators on JSON values, each charged for what it is about to make. No names, no filters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from milepost.graphs.expressions.budget import MAX_BITS, Budget, ExpressionError, bytes_of, char_bytes
from milepost.graphs.json_values import NotJson, to_text


class Undefined:
    """The value of a key that is not there. Only `default`, `is defined` and `is undefined` take it."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


def kind(value: Any) -> str:
    """A value's type in JSON's words."""
    if value is None:
        return "null"
    names: dict[type, str] = {bool: "boolean", int: "number", float: "number", str: "string", list: "list"}
    return names.get(type(value), "object")


def text(budget: Budget, value: Any) -> str:
    """The value as text. Charged."""
    if isinstance(value, str):
        return value
    budget.weigh(value)
    try:
        return to_text(value)
    except NotJson as error:
        raise ExpressionError(str(error)) from error


def number(value: Any) -> Any:
    """The value, which has to be a number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ExpressionError(f"needs a number, not a {kind(value)}")
    return value


def whole(value: Any, least: int, most: int) -> int:
    """The value, which has to be a whole number from `least` to `most`."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ExpressionError(f"needs a whole number from {least} to {most}")
    return value


def _finite(value: Any) -> Any:
    if isinstance(value, complex) or (isinstance(value, float) and not math.isfinite(value)):
        raise ExpressionError("the result is not a finite number")
    return value


def add(budget: Budget, left: Any, right: Any) -> Any:
    """Numbers, strings or lists."""
    if isinstance(left, str) and isinstance(right, str):
        budget.allocate((len(left) + len(right)) * max(char_bytes(left), char_bytes(right)))
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        budget.listed(len(left) + len(right))
        return [*left, *right]
    return _finite(number(left) + number(right))


def subtract(_: Budget, left: Any, right: Any) -> Any:
    """Numbers."""
    return _finite(number(left) - number(right))


def multiply(budget: Budget, left: Any, right: Any) -> Any:
    """Numbers, or a string and how often it is repeated."""
    if isinstance(right, str):
        left, right = right, left
    if isinstance(left, str):
        if isinstance(right, bool) or not isinstance(right, int):
            raise ExpressionError("a string is repeated a whole number of times")
        budget.allocate(bytes_of(left) * max(right, 0))
        return left * right
    left, right = number(left), number(right)
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > MAX_BITS:
        raise ExpressionError("the result is too large a number")
    return _finite(left * right)


def divide(_: Budget, left: Any, right: Any) -> Any:
    """Numbers."""
    return _finite(number(left) / number(right))


def floor_divide(_: Budget, left: Any, right: Any) -> Any:
    """Numbers, rounded down."""
    return _finite(number(left) // number(right))


def modulo(_: Budget, left: Any, right: Any) -> Any:
    """The rest of a division. Not Python's string formatting."""
    return _finite(number(left) % number(right))


def power(_: Budget, left: Any, right: Any) -> Any:
    """Numbers, as far as the result has a sane size."""
    left, right = number(left), number(right)
    if isinstance(left, int) and isinstance(right, int) and abs(right) * max(left.bit_length(), 1) > MAX_BITS:
        raise ExpressionError("the result is too large a number")
    return _finite(left**right)


def equal(budget: Budget, left: Any, right: Any) -> bool:
    """Equality of JSON values: `1` equals `1.0`, but `true` does not equal `1`."""
    if type(left) is type(right) is int:
        return bool(left == right)
    pairs = [(left, right)]
    while pairs:
        left, right = pairs.pop()
        if isinstance(left, bool) or isinstance(right, bool):
            same = left is right
        elif isinstance(left, (dict, list)) and type(left) is type(right):
            same = len(left) == len(right)
            if same:
                budget.step(2 * len(left))
                same = _inside(left, right, pairs)
        else:
            if isinstance(left, str) and isinstance(right, str) and len(left) == len(right):
                budget.scan(len(left))
            same = bool(left == right)
        if not same:
            return False
    return True


def _inside(left: Any, right: Any, pairs: list[tuple[Any, Any]]) -> bool:
    """Adds what is still to be compared in two lists or objects of one size; False when it cannot be equal."""
    if isinstance(left, list):
        pairs.extend(zip(left, right, strict=True))
        return True
    if left.keys() != right.keys():
        return False
    pairs.extend((value, right[key]) for key, value in left.items())
    return True


def contains(budget: Budget, item: Any, container: Any) -> bool:
    """True when a list has an equal item, an object the key, or a string the part."""
    if isinstance(container, list):
        budget.step(len(container))
        return any(equal(budget, item, other) for other in container)
    if isinstance(container, dict):
        return isinstance(item, str) and item in container
    if isinstance(container, str) and isinstance(item, str):
        budget.scan(len(container))
        return item in container
    if container is None:
        return False
    raise ExpressionError(f"cannot look for a {kind(item)} in a {kind(container)}")


def ordered(budget: Budget, left: Any, right: Any) -> tuple[Any, Any]:
    """Both values, where `<` and `>` make sense for them: two numbers or two strings."""
    if isinstance(left, str) and isinstance(right, str):
        budget.scan(min(len(left), len(right)))
        return left, right
    if isinstance(left, (str, list, dict)) or isinstance(right, (str, list, dict)) or left is None or right is None:
        raise ExpressionError(f"cannot order a {kind(left)} and a {kind(right)}")
    return left, right


def _less(budget: Budget, left: Any, right: Any) -> bool:
    left, right = ordered(budget, left, right)
    return bool(left < right)


def _at_most(budget: Budget, left: Any, right: Any) -> bool:
    left, right = ordered(budget, left, right)
    return bool(left <= right)


COMPARISONS: dict[str, Callable[[Budget, Any, Any], bool]] = {
    "eq": equal,
    "ne": lambda budget, left, right: not equal(budget, left, right),
    "lt": _less,
    "lteq": _at_most,
    "gt": lambda budget, left, right: _less(budget, right, left),
    "gteq": lambda budget, left, right: _at_most(budget, right, left),
    "in": contains,
    "notin": lambda budget, left, right: not contains(budget, left, right),
}
