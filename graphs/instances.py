"""Values that a JSON Schema allows, made up from its defaults: what a dry run answers with where nobody does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from milepost.graphs.json_values import json_equal
from milepost.graphs.schemas import violations

MAX_DEPTH = 16
MAX_ITEMS = 1_000
MAX_CHARACTERS = 100_000

FORMATS: Mapping[str, str] = {
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "PT0S",
    "email": "somebody@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-0000-0000-000000000000",
}


class NoInstance(Exception):
    """No value could be made up that the schema allows."""


def instance(schema: Mapping[str, Any] | bool) -> Any:
    """A value that `schema`, a right one, allows: its `default` first, otherwise the plainest that is found.

    An object has all the properties that are declared, because what follows reads them; where that is not allowed only
    the required ones. Raises `NoInstance`.
    """
    for optional in (True, False):
        try:
            value = _Maker(schema, optional).make(schema, 0)
        except (NoInstance, ValueError, TypeError, OverflowError):
            continue
        if not violations(schema, value, "", "invalid"):
            return value
    raise NoInstance("no value could be made up that fits the schema")


class _Maker:
    def __init__(self, root: Mapping[str, Any] | bool, optional: bool) -> None:
        self._root = root
        self._optional = optional

    def make(self, schema: Any, depth: int) -> Any:
        """A value for one schema; whether it fits is checked for the whole."""
        if schema is False or depth > MAX_DEPTH:
            raise NoInstance
        if schema is True:
            return None
        for key in ("default", "const"):
            if key in schema:
                return schema[key]
        for key in ("enum", "examples"):
            if schema.get(key):
                return _first(schema[key], lambda value: not violations(self._alone(schema), value, "", ""))
        return self._composed(schema, depth)

    def _composed(self, schema: Mapping[str, Any], depth: int) -> Any:
        if "$ref" in schema:
            return self.make(_merged([self._target(schema["$ref"]), _without(schema, "$ref")]), depth + 1)
        if "allOf" in schema:
            return self.make(_merged([*schema["allOf"], _without(schema, "allOf")]), depth + 1)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._one_of(schema, key, depth)
        return self._by_type(schema, depth)

    def _alone(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema with what its references lead to."""
        defined = self._root if isinstance(self._root, Mapping) else {}
        return {**{key: defined[key] for key in ("$defs", "definitions") if key in defined}, **schema}

    def _target(self, reference: str) -> Any:
        found: Any = self._root
        for part in reference.removeprefix("#").strip("/").split("/") if reference != "#" else ():
            key = part.replace("~1", "/").replace("~0", "~")
            found = found[int(key)] if isinstance(found, list) else found.get(key)
            if found is None:
                raise NoInstance
        return found

    def _one_of(self, schema: Mapping[str, Any], key: str, depth: int) -> Any:
        rest = _without(schema, key)
        for choice in schema[key]:
            try:
                value = self.make(_merged([choice, rest]), depth + 1)
            except NoInstance:
                continue
            if not violations(self._alone(schema), value, "", ""):
                return value
        raise NoInstance

    def _by_type(self, schema: Mapping[str, Any], depth: int) -> Any:
        kinds = schema.get("type") or _implied(schema)
        kind = kinds if isinstance(kinds, str) else kinds[0]
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind in ("integer", "number"):
            return _number(schema, whole=kind == "integer")
        if kind == "string":
            return _string(schema)
        return False if kind == "boolean" else None

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        made: dict[str, Any] = {}
        for name in (*properties, *(name for name in required if name not in properties)):
            if name not in required and not self._optional:
                continue
            try:
                made[name] = self.make(properties.get(name, schema.get("additionalProperties", True)), depth + 1)
            except NoInstance:
                if name in required:
                    raise
        return made

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        least = schema.get("minItems", 0)
        if least > MAX_ITEMS:
            raise NoInstance
        first = schema.get("prefixItems", ())
        count = max(least, 1 if "contains" in schema else 0)
        parts = [*first[:count], *[schema.get("contains", schema.get("items", True))] * (count - len(first))]
        return [self.make(part, depth + 1) for part in parts]


def _first(values: Iterable[Any], fits: Callable[[Any], bool]) -> Any:
    for value in values:
        if fits(value):
            return value
    raise NoInstance


def _without(schema: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}


def _merged(parts: Iterable[Any]) -> dict[str, Any]:
    """What several schemas ask for together, where that can be said in one."""
    merged: dict[str, Any] = {}
    for part in parts:
        if part is False:
            raise NoInstance
        for key, value in part.items() if isinstance(part, Mapping) else ():
            merged[key] = _joined(key, merged[key], value) if key in merged else value
    return merged


def _joined(key: str, one: Any, other: Any) -> Any:
    if key in ("properties", "$defs"):
        return {**one, **{name: _merged([one.get(name, True), value]) for name, value in other.items()}}
    if key in ("required", "allOf"):
        return [*one, *(name for name in other if name not in one)]
    if key.startswith(("min", "exclusiveMin")):
        return max(one, other)
    if key.startswith(("max", "exclusiveMax")):
        return min(one, other)
    if key == "enum":
        return [value for value in one if any(json_equal(value, allowed) for allowed in other)]
    return other


def _implied(schema: Mapping[str, Any]) -> str:
    """The type of a schema that names none."""
    hints = {
        "object": ("properties", "required", "minProperties"),
        "array": ("items", "prefixItems", "minItems", "contains"),
        "string": ("minLength", "maxLength", "pattern", "format"),
        "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    }
    return next((kind for kind, keys in hints.items() if any(key in schema for key in keys)), "null")


def _number(schema: Mapping[str, Any], *, whole: bool) -> int | float:
    """0 where that is allowed, otherwise the number next to it."""
    step = schema.get("multipleOf", 1 if whole else None)
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    nearest = min(max(0, low), high)
    if step is None:
        beside = (nearest, nearest + min(1, (high - low) / 2), nearest - min(1, (high - low) / 2))
    else:
        steps = math.ceil(nearest / step) if nearest >= 0 else math.floor(nearest / step)
        beside = (steps * step, (steps + 1) * step, (steps - 1) * step)
    bounds = {key: schema[key] for key in _BOUNDS if key in schema}
    value = _first(beside, lambda value: not violations(bounds, value, "", ""))
    return int(value) if whole else value


_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")


def _string(schema: Mapping[str, Any]) -> str:
    """One of the format that is named, or as short as is allowed. A `pattern` is only met by chance."""
    text = FORMATS.get(schema.get("format", ""), "")
    least: int = schema.get("minLength", 0)
    if least > MAX_CHARACTERS:
        raise NoInstance
    return text + "x" * (least - len(text))
