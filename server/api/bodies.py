"""Request bodies: read within a limit, parsed strictly, checked against a model. No client can break it."""

from collections.abc import Iterable
from typing import Any, TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, ValidationError

from milepost.server.api.problems import invalid_request
from milepost.server.errors import BadRequest, TooLarge

MAX_DEPTH = 64
"""Levels of nesting."""

Body = TypeVar("Body", bound=BaseModel)


async def read_body(request: Request, model: type[Body], limit: int) -> tuple[Body, bytes]:
    """The body as ``model`` and as it came; no body at all is an empty object.

    Raises:
        TooLarge: it is longer than ``limit`` bytes; the rest is not read.
        BadRequest: ``invalid_json``, it is not JSON.
        InvalidRequest: it does not have the model's form; every problem is named.
    """
    raw = await read_bytes(request, limit)
    return check(model, parse_json(raw) if raw else {}), raw


async def read_json(request: Request, limit: int) -> Any:
    """The body as JSON; no body at all is an empty object. Raises as ``read_body`` does."""
    raw = await read_bytes(request, limit)
    return parse_json(raw) if raw else {}


async def read_bytes(request: Request, limit: int) -> bytes:
    """The body, if it has no more than ``limit`` bytes, whatever its Content-Length says.

    Raises:
        TooLarge.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def parse_json(raw: bytes | str) -> Any:
    """Strict JSON: UTF-8, no NaN, no lone surrogates, at most ``MAX_DEPTH`` levels.

    Integers beyond 64 bits become floating point numbers, as RFC 8259 warns.

    Raises:
        BadRequest: with the code ``invalid_json``.
    """
    try:
        value = orjson.loads(raw)
    except ValueError as error:
        raise BadRequest(f"the body is not valid JSON: {error}", code="invalid_json") from error
    brackets = raw.count("[") + raw.count("{") if isinstance(raw, str) else raw.count(b"[") + raw.count(b"{")
    if brackets > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        raise BadRequest(f"the JSON is nested deeper than {MAX_DEPTH} levels", code="invalid_json")
    return value


def check(model: type[Body], value: Any) -> Body:
    """``value`` as ``model``.

    Raises:
        InvalidRequest: with every problem.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid_request(error.errors(include_url=False, include_context=False, include_input=False)) from error


def _deeper_than(value: Any, levels: int) -> bool:
    layer = [value] if isinstance(value, (dict, list)) else []
    for _ in range(levels):
        layer = [item for each in layer for item in _items(each) if isinstance(item, (dict, list))]
        if not layer:
            return False
    return True


def _items(container: Any) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit} bytes", limit=limit)
