"""How a request becomes the arguments of a route's function. FastAPI reads the signatures and documents them; this
calls the functions by a plan that is made once, because FastAPI looks at every annotation again with each request."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, get_args, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import Response

MISSING = {"type": "missing", "msg": "Field required"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter from the path, the query or a header."""

    name: str
    alias: str
    place: str
    many: bool
    required: bool
    default: Any
    validate: Callable[..., tuple[Any, list[dict[str, Any]]]]

    def read(self, request: Request, problems: list[dict[str, Any]]) -> Any:
        """Its value; what is wrong with it is added to ``problems``."""
        raw = self._raw(request)
        if raw is None:
            if self.required:
                problems.append({**MISSING, "loc": (self.place, self.alias)})
            return self.default
        value, found = self.validate(raw, {}, loc=(self.place, self.alias))
        problems.extend(found)
        return value

    def _raw(self, request: Request) -> Any:
        if self.place == "path":
            return request.path_params.get(self.alias)
        if self.place == "header":
            return request.headers.get(self.alias)
        return (request.query_params.getlist(self.alias) or None) if self.many else request.query_params.get(self.alias)


class Plan:
    """How to get the arguments of one function: its parameters, and what it depends on."""

    def __init__(self, dependant: Dependant) -> None:
        if dependant.body_params or dependant.cookie_params:
            raise TypeError("bodies are read by the routes themselves, and there are no cookies")
        self._request_name = dependant.request_param_name
        self._parameters = [
            _parameter(field, place)
            for place, fields in (
                ("path", dependant.path_params),
                ("query", dependant.query_params),
                ("header", dependant.header_params),
            )
            for field in fields
        ]
        self._needs = [(need.name or "", need.call, Plan(need)) for need in dependant.dependencies]

    async def arguments(self, request: Request) -> dict[str, Any]:
        """The arguments for one request.

        Raises:
            RequestValidationError: with every parameter that is wrong.
        """
        problems: list[dict[str, Any]] = []
        values = {parameter.name: parameter.read(request, problems) for parameter in self._parameters}
        if problems:
            raise RequestValidationError(problems)
        if self._request_name is not None:
            values[self._request_name] = request
        for name, call, plan in self._needs:
            assert call is not None
            given = call(**await plan.arguments(request))
            values[name] = await given if isawaitable(given) else given
        return values


class Route(APIRoute):
    """A route that is called by its plan. Its function is asynchronous and gives a response."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What FastAPI calls for each request."""
        plan, endpoint = Plan(self.dependant), self.endpoint

        async def handle(request: Request) -> Response:
            response: Response = await endpoint(**await plan.arguments(request))
            return response

        return handle


def _parameter(field: Any, place: str) -> Parameter:
    annotation = field.field_info.annotation
    return Parameter(
        name=field.name,
        alias=field.alias,
        place=place,
        many=list in (get_origin(kind) for kind in (annotation, *get_args(annotation))),
        required=field.field_info.is_required(),
        default=None if field.field_info.is_required() else field.get_default(),
        validate=field.validate,
    )
