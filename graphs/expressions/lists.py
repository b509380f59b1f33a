"""The filters on lists and objects, and how they find an attribute of an item."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import orjson

from milepost.graphs.expressions.budget import Budget, ExpressionError, shown
from milepost.graphs.expressions.operations import kind, number, ordered, text, whole
from milepost.graphs.expressions.texts import folded, joined

MAX_PATH = 1000

Path = tuple[str | int, ...]


def listed(budget: Budget, value: Any) -> list[Any]:
    """The items of a list, an object's keys or a string's characters. Null has none."""
    if value is None:
        return []
    if not isinstance(value, (list, dict, str)):
        raise ExpressionError(f"needs a list, not a {kind(value)}")
    budget.step(len(value))
    return value if isinstance(value, list) else list(value)


def path_of(attribute: Any) -> Path:
    """`attribute` as the keys and places to read one after the other; a dotted path allowed."""
    if attribute is None:
        return ()
    if isinstance(attribute, int) and not isinstance(attribute, bool):
        return (attribute,)
    if not isinstance(attribute, str) or len(attribute) > MAX_PATH:
        raise ExpressionError(f"an attribute is a name, not {shown(attribute)}")
    return tuple(int(part) if part.isdecimal() and len(part) < 10 else part for part in attribute.split("."))


def read(value: Any, path: Path) -> Any:
    """What is there; null where it is missing."""
    for part in path:
        if isinstance(value, dict):
            value = value.get(str(part))
        elif isinstance(value, (list, str)) and isinstance(part, int) and -len(value) <= part < len(value):
            value = value[part]
        else:
            return None
    return value


def _column(budget: Budget, items: list[Any], path: Path, case_sensitive: Any) -> list[Any]:
    """What each item is ordered by. Raises `ExpressionError` unless all are numbers, or all are strings."""
    budget.step(len(items) * (1 + len(path)))
    found = [read(item, path) for item in items]
    for value in found[1:]:
        ordered(budget, found[0], value)
    if found and isinstance(found[0], str) and not case_sensitive:
        return [folded(budget, value) for value in found]
    return found


def _sort_keys(budget: Budget, items: list[Any], attribute: Any, case_sensitive: Any) -> list[Any]:
    """What each item is sorted by; `attribute` may be several, with commas between them."""
    names = attribute.split(",") if isinstance(attribute, str) and len(attribute) <= MAX_PATH else [attribute]
    columns = [_column(budget, items, path_of(name), case_sensitive) for name in names]
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


def _sort(
    budget: Budget, value: Any, reverse: Any = False, case_sensitive: Any = False, attribute: Any = None
) -> list[Any]:
    items = listed(budget, value)
    budget.step(len(items) * len(items).bit_length() >> 2)
    keys = _sort_keys(budget, items, attribute, case_sensitive)
    places = sorted(range(len(items)), key=keys.__getitem__, reverse=bool(reverse))
    return [items[place] for place in places]


def _extreme(pick: Callable[..., Any]) -> Callable[..., Any]:
    """`min` or `max`: null for a list without items."""

    def choose(budget: Budget, value: Any, case_sensitive: Any = False, attribute: Any = None) -> Any:
        items = listed(budget, value)
        keys = _column(budget, items, path_of(attribute), case_sensitive)
        return items[pick(range(len(items)), key=keys.__getitem__)] if items else None

    return choose


def _mark(budget: Budget, value: Any, case_sensitive: Any) -> Hashable:
    """The same for equal values, another for others."""
    if isinstance(value, str):
        return value if case_sensitive else folded(budget, value)
    if isinstance(value, (dict, list)):
        before = budget.size
        budget.weigh(value)
        budget.allocate(before - budget.size)
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return type(value) is bool, value


def _unique(budget: Budget, value: Any, case_sensitive: Any = False, attribute: Any = None) -> list[Any]:
    path = path_of(attribute)
    items = listed(budget, value)
    budget.step(len(items) * (2 + len(path)))
    found: dict[Hashable, Any] = {}
    for item in items:
        found.setdefault(_mark(budget, read(item, path), case_sensitive), item)
    return list(found.values())


def _groupby(
    budget: Budget, value: Any, attribute: Any, default: Any = None, case_sensitive: Any = False
) -> list[list[Any]]:
    """Pairs of a key and the items that have it, in the order of the keys."""
    path = path_of(attribute)
    items = listed(budget, value)
    budget.step(len(items) * (2 + len(path)))
    groups: dict[Hashable, list[Any]] = {}
    for item in items:
        key = read(item, path)
        key = default if key is None else key
        groups.setdefault(_mark(budget, key, case_sensitive), [key, []])[1].append(item)
    return _sort(budget, list(groups.values()), False, case_sensitive, 0)


def _total(budget: Budget, value: Any, attribute: Any = None, start: Any = 0) -> Any:
    path = path_of(attribute)
    items = listed(budget, value)
    budget.step(len(items) * len(path))
    return sum((number(read(item, path)) for item in items), number(start))


def _join(budget: Budget, value: Any, d: Any = "", attribute: Any = None) -> str:
    path = path_of(attribute)
    items = listed(budget, value)
    budget.step(len(items) * (1 + len(path)))
    return joined(budget, [text(budget, read(item, path)) for item in items], text(budget, d))


def _reverse(budget: Budget, value: Any) -> Any:
    if isinstance(value, str):
        budget.allocate(4 * len(value))
        return value[::-1]
    return listed(budget, value)[::-1]


def _batch(budget: Budget, value: Any, linecount: Any, fill_with: Any = None) -> list[list[Any]]:
    items, size = listed(budget, value), whole(linecount, 1, 10**6)
    budget.step(len(items) // size)
    found = [items[start : start + size] for start in range(0, len(items), size)]
    if found and fill_with is not None:
        missing = size - len(found[-1])
        budget.listed(missing)
        found[-1] = [*found[-1], *[fill_with] * missing]
    return found


def _slices(budget: Budget, value: Any, slices: Any, fill_with: Any = None) -> list[list[Any]]:
    """A number of lists of nearly one length; what the later ones lack is filled."""
    items, count = listed(budget, value), whole(slices, 1, 10**5)
    budget.step(2 * count)
    size, longer = divmod(len(items), count)
    found, start = [], 0
    for place in range(count):
        part = items[start : start + size + (place < longer)]
        start += len(part)
        found.append(part if fill_with is None or place < longer else [*part, fill_with])
    return found


def _items(budget: Budget, value: Any) -> list[list[Any]]:
    if value is None:
        return []
    if not isinstance(value, dict):
        raise ExpressionError(f"needs an object, not a {kind(value)}")
    budget.step(len(value))
    return [[key, item] for key, item in value.items()]


def _dictsort(
    budget: Budget, value: Any, case_sensitive: Any = False, by: Any = "key", reverse: Any = False
) -> list[list[Any]]:
    if by not in ("key", "value"):
        raise ExpressionError("dictsort knows key and value")
    return _sort(budget, _items(budget, value), reverse, case_sensitive, 0 if by == "key" else 1)


def _values(budget: Budget, value: Any) -> list[Any]:
    return [item for _, item in _items(budget, value)]


def _keys(budget: Budget, value: Any) -> list[str]:
    return [key for key, _ in _items(budget, value)]


def _length(_: Budget, value: Any) -> int:
    if value is None:
        return 0
    if not isinstance(value, (str, list, dict)):
        raise ExpressionError(f"a {kind(value)} has no length")
    return len(value)


def _end(place: int) -> Callable[[Budget, Any], Any]:
    """The first or the last item: null where there is none."""

    def pick(budget: Budget, value: Any) -> Any:
        if isinstance(value, dict):
            value = listed(budget, value)
        if value is not None and not isinstance(value, (str, list)):
            raise ExpressionError(f"needs a list, not a {kind(value)}")
        return value[place] if value else None

    return pick


LIST_FILTERS: dict[str, Callable[..., Any]] = {
    "batch": _batch,
    "count": _length,
    "dictsort": _dictsort,
    "first": _end(0),
    "groupby": _groupby,
    "items": _items,
    "join": _join,
    "keys": _keys,
    "last": _end(-1),
    "length": _length,
    "list": listed,
    "max": _extreme(max),
    "min": _extreme(min),
    "reverse": _reverse,
    "slice": _slices,
    "sort": _sort,
    "sum": _total,
    "unique": _unique,
    "values": _values,
}
