"""The filters that expressions may use. Each takes the budget, the value and its arguments."""

from __future__ import annotations

import math
import urllib.parse
from collections.abc import Callable, Iterable
from typing import Any

from milepost.graphs.expressions.budget import MAX_BITS, Budget, ExpressionError
from milepost.graphs.expressions.operations import Undefined, kind, number, ordered, text
from milepost.graphs.json_values import NotJson, encode

MAX_WIDTH = 1000
MAX_DEPTH = 100


def _listed(budget: Budget, value: Any) -> list[Any]:
    """The items of a list, an object's keys or a string's characters. Null has none."""
    if value is None:
        return []
    if not isinstance(value, (list, dict, str)):
        raise ExpressionError(f"needs a list, not a {kind(value)}")
    budget.step(len(value))
    return value if isinstance(value, list) else list(value)


def _string(budget: Budget, value: Any) -> str:
    result = text(budget, value)
    budget.allocate(len(result))
    return result


def _whole(value: Any, least: int = 0, most: int = MAX_WIDTH) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ExpressionError(f"needs a whole number from {least} to {most}")
    return value


def key_of(value: Any, attribute: Any) -> Any:
    """`attribute` of a value, a dotted path allowed; null where it is missing."""
    for part in str(attribute).split(".") if attribute is not None else ():
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and len(part) < 10 and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


class _Order:
    """Sorts numbers before strings, so that a mixed list is an order and not an error."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value.casefold() if isinstance(value, str) else value

    def __lt__(self, other: _Order) -> bool:
        left, right = ordered(self.value, other.value)
        return bool(left < right)


def _sorted(budget: Budget, value: Any, reverse: Any = False, attribute: Any = None) -> list[Any]:
    items = _listed(budget, value)
    budget.step(len(items) * max(len(items), 1).bit_length())
    return sorted(items, key=lambda item: _Order(key_of(item, attribute)), reverse=bool(reverse))


def _extreme(pick: Callable[..., Any]) -> Callable[..., Any]:
    def choose(budget: Budget, value: Any, attribute: Any = None) -> Any:
        items = _listed(budget, value)
        return pick(items, key=lambda item: _Order(key_of(item, attribute))) if items else None

    return choose


def _unique(budget: Budget, value: Any, attribute: Any = None) -> list[Any]:
    seen: set[bytes] = set()
    found = []
    for item in _listed(budget, value):
        budget.weigh(item)
        mark = encode(key_of(item, attribute))
        if mark not in seen:
            seen.add(mark)
            found.append(item)
    return found


def _sum(budget: Budget, value: Any, attribute: Any = None, start: Any = 0) -> Any:
    total = number(start)
    for item in _listed(budget, value):
        total += number(key_of(item, attribute))
    return total


def _join(budget: Budget, value: Any, separator: Any = "", attribute: Any = None) -> str:
    between = text(budget, separator)
    parts = [text(budget, key_of(item, attribute)) for item in _listed(budget, value)]
    budget.allocate(sum(map(len, parts)) + len(between) * len(parts))
    return between.join(parts)


def _replace(budget: Budget, value: Any, old: Any, new: Any, count: Any = None) -> str:
    source, old, new = text(budget, value), text(budget, old), text(budget, new)
    times = source.count(old)
    if count is not None:
        times = min(times, _whole(count, 0, 10**6))
    budget.allocate(len(source) + times * len(new))
    return source.replace(old, new, times)


def _indent(budget: Budget, value: Any, width: Any = 4, first: Any = False, blank: Any = False) -> str:
    padding = text(budget, width) if isinstance(width, str) else " " * _whole(width)
    source = text(budget, value)
    lines = source.split("\n")
    budget.allocate(len(source) + len(lines) * len(padding))
    rest = [padding + line if line or blank else line for line in lines[1:]]
    return "\n".join([padding + lines[0] if first else lines[0], *rest])


def _center(budget: Budget, value: Any, width: Any = 80) -> str:
    source = text(budget, value)
    budget.allocate(len(source) + _whole(width))
    return source.center(int(width))


def _truncate(budget: Budget, value: Any, length: Any = 255, killwords: Any = False, end: Any = "...") -> str:
    source, end = text(budget, value), str(text(budget, end))
    limit = _whole(length, len(end), 10**7)
    budget.allocate(min(len(source), limit))
    if len(source) <= limit:
        return source
    cut: str = source[: limit - len(end)]
    kept = cut if killwords else cut.rsplit(" ", 1)[0]
    return f"{kept}{end}"


def _round(_: Budget, value: Any, precision: Any = 0, method: Any = "common") -> Any:
    places = _whole(precision, 0, 15)
    if method == "common":
        return round(float(number(value)), places)
    if method not in ("ceil", "floor"):
        raise ExpressionError("round knows common, ceil and floor")
    scale = 10**places
    return (math.ceil if method == "ceil" else math.floor)(number(value) * scale) / scale


def _int(_: Budget, value: Any, default: Any = 0) -> Any:
    if isinstance(value, str) and len(value) > MAX_BITS // 4:
        return default
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return default


def _float(_: Budget, value: Any, default: Any = 0.0) -> Any:
    try:
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return result if math.isfinite(result) else default


def _default(_: Budget, value: Any, default: Any = "", boolean: Any = False) -> Any:
    missing = value is None or isinstance(value, Undefined) or (boolean and not value)
    return default if missing else value


def _tojson(budget: Budget, value: Any) -> str:
    budget.weigh(value)
    return encode(value).decode()


def _items(budget: Budget, value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, dict):
        raise ExpressionError(f"needs an object, not a {kind(value)}")
    budget.step(len(value))
    budget.allocate(2 * len(value))
    return [[key, item] for key, item in value.items()]


def _dictsort(budget: Budget, value: Any) -> list[Any]:
    return sorted(_items(budget, value))


def _values(budget: Budget, value: Any) -> list[Any]:
    return [item for _, item in _items(budget, value)]


def _keys(budget: Budget, value: Any) -> list[Any]:
    return [key for key, _ in _items(budget, value)]


def _length(_: Budget, value: Any) -> int:
    if value is None:
        return 0
    if not isinstance(value, (str, list, dict)):
        raise ExpressionError(f"a {kind(value)} has no length")
    return len(value)


def _end(index: int) -> Callable[[Budget, Any], Any]:
    def pick(_: Budget, value: Any) -> Any:
        if value is not None and not isinstance(value, (str, list)):
            raise ExpressionError(f"needs a list, not a {kind(value)}")
        return value[index] if value else None

    return pick


def _reverse(budget: Budget, value: Any) -> Any:
    if isinstance(value, str):
        budget.allocate(len(value))
        return value[::-1]
    return _listed(budget, value)[::-1]


def _urlencode(budget: Budget, value: Any) -> str:
    if isinstance(value, dict):
        pairs = [(key, text(budget, item)) for key, item in value.items()]
        budget.allocate(sum(3 * (len(key) + len(item)) for key, item in pairs))
        return urllib.parse.urlencode(pairs)
    source = text(budget, value)
    budget.allocate(12 * len(source))
    return urllib.parse.quote(source, safe="")


def _format(budget: Budget, value: Any, *arguments: Any) -> str:
    """`%s`, `%d`, `%f` with an optional width and precision of at most two digits each."""
    parts = text(budget, value).split("%")
    budget.allocate(sum(map(len, parts)))
    found, waiting, index = [parts[0]], list(arguments), 1
    while index < len(parts):
        part = parts[index]
        if not part and index + 1 < len(parts):
            found.append("%" + parts[index + 1])
            index += 2
            continue
        if not waiting:
            raise ExpressionError("format has fewer arguments than places")
        size = len(part) - len(part.lstrip("0123456789.-"))
        found.append(_place(budget, part[:size], part[size : size + 1], waiting.pop(0)) + part[size + 1 :])
        index += 1
    return "".join(found)


def _place(budget: Budget, size: str, letter: str, value: Any) -> str:
    width, _, precision = size.lstrip("-").partition(".")
    if letter not in ("s", "d", "f") or len(width) > 2 or len(precision) > 2 or "-" in width + precision:
        raise ExpressionError("format knows %s, %d and %f with a width and a precision of two digits")
    budget.allocate(400)
    if letter == "s":
        return str(f"%{size}s" % text(budget, value))
    return str(f"%{size}{letter}" % number(value))


def _text_filter(change: Callable[[str], str]) -> Callable[[Budget, Any], str]:
    return lambda budget, value: change(_string(budget, value))


def _trim(budget: Budget, value: Any, characters: Any = None) -> str:
    return _string(budget, value).strip(None if characters is None else str(characters))


def _split(budget: Budget, value: Any, separator: Any = None, most: Any = -1) -> list[str]:
    source = _string(budget, value)
    marks = (" ", "\n", "\t") if separator is None else (str(separator),)
    budget.step(sum(map(source.count, marks)))
    return source.split(None if separator is None else str(separator), _whole(most, -1, 10**6))


def _groupby(budget: Budget, value: Any, attribute: Any) -> list[Any]:
    groups: dict[bytes, list[Any]] = {}
    for item in _listed(budget, value):
        key = key_of(item, attribute)
        budget.weigh(key)
        groups.setdefault(encode(key), [key, []])[1].append(item)
    return list(groups.values())


def _batch(budget: Budget, value: Any, size: Any) -> list[Any]:
    items, step = _listed(budget, value), _whole(size, 1, 10**6)
    return [items[start : start + step] for start in range(0, len(items), step)]


def _absolute(_: Budget, value: Any) -> Any:
    return abs(number(value))


FILTERS: dict[str, Callable[..., Any]] = {
    "abs": _absolute,
    "batch": _batch,
    "capitalize": _text_filter(str.capitalize),
    "center": _center,
    "count": _length,
    "d": _default,
    "default": _default,
    "dictsort": _dictsort,
    "first": _end(0),
    "float": _float,
    "format": _format,
    "groupby": _groupby,
    "indent": _indent,
    "int": _int,
    "items": _items,
    "join": _join,
    "keys": _keys,
    "last": _end(-1),
    "length": _length,
    "list": _listed,
    "lower": _text_filter(str.lower),
    "max": _extreme(max),
    "min": _extreme(min),
    "replace": _replace,
    "reverse": _reverse,
    "round": _round,
    "sort": _sorted,
    "split": _split,
    "string": _string,
    "sum": _sum,
    "title": _text_filter(str.title),
    "tojson": _tojson,
    "trim": _trim,
    "truncate": _truncate,
    "unique": _unique,
    "upper": _text_filter(str.upper),
    "urlencode": _urlencode,
    "values": _values,
    "wordcount": lambda budget, value: len(_string(budget, value).split()),
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
        raise ExpressionError(str(error)) from error
