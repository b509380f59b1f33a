"""JSON Schema (Draft 2020-12) as definitions use it: no references to other documents, and every violation at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from milepost.graphs.problems import Problem, step_into

MAX_MESSAGE = 500


def schema_problems(schema: Any, path: str) -> list[Problem]:
    """What is wrong with a schema itself."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return [Problem(_path(path, error.absolute_path), "invalid_schema", error.message[:MAX_MESSAGE])]
    except RecursionError:
        return [Problem(path, "invalid_schema", "nested too deeply")]
    return [
        Problem(place, "invalid_schema", "only references inside the schema, like #/$defs/name, are allowed")
        for place, target in _references(schema, path)
        if not target.startswith("#")
    ]


def violations(schema: Any, value: Any, path: str, code: str) -> list[Problem]:
    """Every reason why a schema refuses a value. Empty when it does not."""
    # A registry of its own keeps the validator from fetching what a reference names.
    validator = Draft202012Validator(schema, registry=Registry())
    try:
        errors = sorted(validator.iter_errors(value), key=_order)
    except (Unresolvable, RecursionError) as error:
        return [Problem(path, "invalid_schema", f"the schema cannot be followed: {error}"[:MAX_MESSAGE])]
    return [Problem(_path(path, error.absolute_path), code, error.message[:MAX_MESSAGE]) for error in errors]


def _order(error: ValidationError) -> list[str]:
    return [str(key) for key in error.absolute_path]


def _path(path: str, keys: Iterable[str | int]) -> str:
    for key in keys:
        path = step_into(path, key)
    return path


def _references(schema: Any, path: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    waiting = [(path, schema)]
    while waiting:
        place, item = waiting.pop()
        if isinstance(item, list):
            waiting += [(step_into(place, index), part) for index, part in enumerate(item)]
        elif isinstance(item, dict):
            for key, part in item.items():
                inner = step_into(place, key)
                if key in ("$ref", "$dynamicRef") and isinstance(part, str):
                    found.append((inner, part))
                waiting.append((inner, part))
    return found
