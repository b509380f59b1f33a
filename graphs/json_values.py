"""JSON as Milepost means it: equality, text, and what may be stored. No expressions here."""

from __future__ import annotations

import math
from typing import Any

import orjson

ENCODE_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


class NotJson(ValueError):
    """A value that JSON cannot carry: another type, NaN or infinity, an integer beyond 64 bits."""


def json_equal(left: Any, right: Any) -> bool:
    """Equality of JSON values: `1` equals `1.0`, but `true` does not equal `1`."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(json_equal(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(json_equal, left, right))
    return bool(left == right)


def to_text(value: Any) -> str:
    """A value inside text: strings as they are, objects and lists as JSON, the rest like Jinja (`None`, `True`)."""
    if isinstance(value, str):
        return value
    if isinstance(value, (dict, list)):
        return encode(value).decode()
    return str(value)


def encode(value: Any) -> bytes:
    """The JSON of a value, UTF-8. Raises `NotJson`."""
    try:
        encoded = orjson.dumps(value, option=ENCODE_OPTIONS)
    except (TypeError, ValueError) as error:
        raise NotJson(str(error)) from error
    # NaN and infinity are written as null, so only a text with a null in it can hide one.
    if b"null" in encoded and not _finite(value):
        raise NotJson("NaN and infinity are not JSON")
    return encoded


def own_copy(value: Any) -> tuple[Any, int]:
    """A copy of plain JSON types that nobody else holds, and its encoded size in bytes. Raises `NotJson`."""
    encoded = encode(value)
    return orjson.loads(encoded), len(encoded)


def _finite(value: Any) -> bool:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, float) and not math.isfinite(item):
            return False
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, (list, tuple)):
            stack.extend(item)
    return True
