"""How routes answer, and how their answers are described: status, summary, examples."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.responses import Response

from milepost.server.api.problems import MEDIA_TYPE

NO_EXAMPLE: Any = object()


def answer(body: Any, status: int = 200) -> Response:
    """``body`` as JSON."""
    return Response(orjson.dumps(body), status, media_type="application/json")


def described(
    method: str,
    summary: str,
    *,
    status: int = 200,
    example: Any = NO_EXAMPLE,
    also: Mapping[int, Any] | None = None,
    body: type[BaseModel] | None = None,
    body_example: Any = NO_EXAMPLE,
    errors: Sequence[int] = (),
    media: str = "application/json",
) -> dict[str, Any]:
    """What ``add_api_route`` needs to know of a route beside its path and function.

    Args:
        method: its HTTP method.
        summary: what it does, in one line.
        status: of its usual answer.
        example: of that answer; none for an answer without a body.
        also: examples of its other answers by status.
        body: the model of the request's body.
        body_example: of that body.
        errors: statuses of problems that it answers beside 401, 404 and 422.
        media: type of its usual answer.
    """
    responses: dict[int | str, dict[str, Any]] = {status: _content(media, example)}
    for other, shown in (also or {}).items():
        responses[other] = _content(media, shown)
    for code in sorted({401, 404, 422, *errors}):
        responses.setdefault(code, _PROBLEM)
    extra: dict[str, Any] = {}
    if body is not None or body_example is not NO_EXAMPLE:
        schema = {"$ref": f"#/components/schemas/{body.__name__}"} if body else {}
        required = body is not None and any(field.is_required() for field in body.model_fields.values())
        extra["requestBody"] = {
            "required": required,
            "content": {"application/json": {"schema": schema, "example": body_example}},
        }
    return {
        "methods": [method],
        "summary": summary,
        "status_code": status,
        "responses": responses,
        "response_class": Response,
        "response_model": None,
        "openapi_extra": extra,
    }


def _content(media: str, example: Any) -> dict[str, Any]:
    if example is NO_EXAMPLE:
        return {"description": "Done; there is no body."}
    return {"description": "The answer.", "content": {media: {"schema": {}, "example": example}}}


_PROBLEM: dict[str, Any] = {
    "description": "A problem (RFC 9457); `code` says which.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
