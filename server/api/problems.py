"""Errors on the wire: `application/problem+json` (RFC 9457), from one function."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from milepost.server.errors import InvalidRequest, MilepostError
from milepost.server.store.rows import Run

MEDIA_TYPE = "application/problem+json"

_HEADERS: Mapping[int, Mapping[str, str]] = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "1"}}

ROUTING_CODES = {404: "not_found", 405: "method_not_allowed"}
"""Codes of what fails before a route is found."""


def problem(error: MilepostError) -> dict[str, Any]:
    """An error as JSON."""
    body: dict[str, Any] = {
        "type": f"urn:milepost:error:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }
    if error.errors:
        body["errors"] = error.errors
    for key, value in error.more.items():
        body.setdefault(key, {"run_id": value.run_id, "status": value.status} if isinstance(value, Run) else value)
    return body


def problem_response(error: MilepostError) -> Response:
    """The response for an error."""
    headers = dict(_HEADERS.get(error.status, {}))
    if "retry_after_seconds" in error.more:
        headers["Retry-After"] = str(error.more["retry_after_seconds"])
    return Response(orjson.dumps(problem(error), default=str), error.status, headers, MEDIA_TYPE)


def invalid_request(problems: Iterable[Mapping[str, Any]], *, skip: int = 0) -> InvalidRequest:
    """The error for what pydantic found, all of it at once; ``skip`` leading parts of each path are left out."""
    errors = [
        {"path": path_of(found["loc"][skip:]), "code": found["type"], "message": found["msg"]} for found in problems
    ]
    return InvalidRequest("; ".join(f"{each['path'] or 'body'}: {each['message']}" for each in errors), errors=errors)


def path_of(parts: Sequence[str | int]) -> str:
    """``["nodes", 2, "config"]`` as ``nodes[2].config``."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def register(app: FastAPI) -> None:
    """Let ``app`` answer every error that a route raises as a problem. What nobody foresaw is the gate's."""
    app.add_exception_handler(MilepostError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _routing)


async def _known(_: Request, error: Exception) -> Response:
    assert isinstance(error, MilepostError)
    return problem_response(error)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem_response(invalid_request(error.errors(), skip=1))


async def _routing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    failed = MilepostError(f"{request.method} {request.url.path}: {error.detail}")
    failed.status, failed.title = error.status_code, str(error.detail)
    failed.code = ROUTING_CODES.get(error.status_code, "bad_request")
    response = problem_response(failed)
    response.headers.update(error.headers or {})
    return response
