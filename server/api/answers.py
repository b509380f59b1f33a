"""How routes answer, and how their answers are described: status, summary, shape, examples."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.responses import Response

from milepost.server.api.problems import MEDIA_TYPE

NO_EXAMPLE: Any = object()

Shape = type[Any]
"""A TypedDict of ``shapes``."""


class Reference(dict[str, str]):
    """A reference to the schema of a shape. The document is made of the shapes that its references name."""

    def __init__(self, shape: Shape) -> None:
        super().__init__({"$ref": f"#/components/schemas/{shape.__name__}"})
        self.shape = shape


def answer(body: Any, status: int = 200) -> Response:
    """``body`` as JSON."""
    return Response(orjson.dumps(body), status, media_type="application/json")


def described(
    method: str,
    summary: str,
    *,
    status: int = 200,
    example: Any = NO_EXAMPLE,
    answers: Shape | Sequence[Shape] = (),
    also: Mapping[int, Any] | None = None,
    also_answers: Mapping[int, Shape] | None = None,
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
        answers: the shape of that answer, or those that it can have; none for one that is no JSON.
        also: examples of its other answers by status.
        also_answers: their shapes.
        body: the model of the request's body.
        body_example: of that body.
        errors: statuses of problems that it answers beside 401, 404 and 422.
        media: type of its usual answer.
    """
    responses: dict[int | str, dict[str, Any]] = {status: _content(media, example, answers)}
    for other, shown in (also or {}).items():
        responses[other] = _content(media, shown, (also_answers or {}).get(other, ()))
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


def _content(media: str, example: Any, answers: Shape | Sequence[Shape]) -> dict[str, Any]:
    if example is NO_EXAMPLE:
        return {"description": "Done; there is no body."}
    return {"description": "The answer.", "content": {media: {"schema": _schema(answers), "example": example}}}


def _schema(answers: Shape | Sequence[Shape]) -> dict[str, Any]:
    if isinstance(answers, Sequence):
        return {"anyOf": [Reference(each) for each in answers]} if answers else {}
    return Reference(answers)


_PROBLEM: dict[str, Any] = {
    "description": "A problem (RFC 9457); `code` says which.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
