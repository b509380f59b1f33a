"""The OpenAPI document and the page that shows it: one HTML text, without scripts and without anything from outside."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from html import escape
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from starlette.requests import Request
from starlette.responses import Response

from milepost.server.api.answers import Reference, Shape
from milepost.server.api.credentials import COOKIE
from milepost.server.api.gate import needs_identity
from milepost.server.api.models import (
    ChangeTask,
    CreateRun,
    Draft,
    DryRunForm,
    EditState,
    Execute,
    ForkRun,
    LimitsForm,
    NewKey,
    NewProject,
    NewTask,
    NewVersion,
    NewWorkflow,
    Pause,
    ReadNotifications,
    Rerun,
    ResumeRun,
    SecretForm,
    SignIn,
)
from milepost.server.api.shapes.events import SENT

BODIES: tuple[type[BaseModel], ...] = (
    ChangeTask,
    CreateRun,
    Draft,
    DryRunForm,
    EditState,
    Execute,
    ForkRun,
    LimitsForm,
    NewKey,
    NewProject,
    NewTask,
    NewVersion,
    NewWorkflow,
    Pause,
    ReadNotifications,
    Rerun,
    ResumeRun,
    SecretForm,
    SignIn,
)

DESCRIPTION = """Runs workflows as LangGraph graphs.

Every route but `/healthz`, `/readyz`, `/openapi.json` and `/docs` needs a key, as `X-API-Key: mp_…` or
`Authorization: Bearer mp_…`, or a session's cookie (see `sign-in`). Errors are `application/problem+json`
with a stable `code`.

Live events also come over WebSocket: `/api/projects/{project_id}/workflows/runs/{run_id}/ws?after=<seq>` and, for a
project's list of runs, `/api/projects/{project_id}/workflows/runs/ws`."""

TAGS = (
    ("runs", "Make runs and see how they stand."),
    ("control", "Execute, pause, resume, cancel, retry."),
    ("events", "What happened, stored and live."),
    ("checkpoints", "Where a run stood: history, differences, forks, edits."),
    ("workflows", "Definitions and their versions."),
    ("projects", "Projects, their keys and their limits."),
    ("inbox", "What runs ask and tell people, and what people are to do."),
    ("sign-in", "Sessions of browsers, by a one-time link or a key, and who somebody is."),
    ("operations", "Health, measurements, what the server offers."),
)

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "example": "urn:milepost:error:invalid_state"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "example": "invalid_state"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "path": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}

REFERENCE = "#/components/schemas/{model}"

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
:root{color-scheme:light dark}
summary{cursor:pointer;padding:.3rem 0}code,pre{font:14px/1.4 ui-monospace,monospace}
pre{overflow:auto;padding:.6rem;border:1px solid #8888}td{padding:.1rem 1rem .1rem 0}td{vertical-align:top}

.method{display:inline-block;min-width:4.5rem;font-weight:600}"""


def openapi(app: FastAPI, version: str) -> dict[str, Any]:
    """The OpenAPI document of ``app``."""
    document = get_openapi(
        title="Milepost",
        version=version,
        description=DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS],
    )
    for path, method, status, described in _described(app):
        # FastAPI drops every null of an example, and a field that is null is not one that is missing.
        document["paths"][path][method]["responses"][str(status)]["content"] = described
    shapes = {shape: None for *_, described in _described(app) for shape in _shapes(described)}
    schemas = {**_bodies(), **_answers([*shapes, *SENT]), "Problem": PROBLEM}
    document["components"] = {
        "schemas": {name: _untitled(schemas[name]) for name in sorted(schemas)},
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "bearer": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
        },
    }
    document["security"] = [{"key": []}, {"bearer": []}, {"session": []}]
    for method, path, operation in _operations(document):
        if not needs_identity(method, path):
            operation["security"] = []
    return document


class _Untitled(GenerateJsonSchema):
    """Schemas without titles: they would only say names once more."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        return False


def _bodies() -> dict[str, Any]:
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "validation") for model in BODIES]
    _, found = models_json_schema(models, ref_template=REFERENCE, schema_generator=_Untitled)
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def _answers(shapes: Iterable[Shape]) -> dict[str, Any]:
    adapters: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        (shape.__name__, "serialization", TypeAdapter(shape)) for shape in shapes
    ]
    _, found = TypeAdapter.json_schemas(adapters, ref_template=REFERENCE, schema_generator=_Untitled)
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def _untitled(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "title"}


def _described(app: FastAPI) -> Iterator[tuple[str, str, int | str, dict[str, Any]]]:
    """Of every answer with a body its path, method, status and what ``described`` says of its content."""
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                for status, response in route.responses.items():
                    if "content" in response:
                        yield route.path_format, method.lower(), status, response["content"]


def _shapes(content: Mapping[str, Any]) -> Iterator[Shape]:
    for described in content.values():
        schema = described["schema"]
        yield from (each.shape for each in schema.get("anyOf", [schema]) if isinstance(each, Reference))


def page(document: Mapping[str, Any]) -> str:
    """The document as HTML."""
    operations = list(_operations(document))
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Milepost API</title><style>{_STYLE}</style>",
        "<meta name=viewport content='width=device-width'>",
        f"<h1>Milepost API {escape(document['info']['version'])}</h1><pre>{escape(DESCRIPTION)}</pre>",
        "<p><a href=openapi.json>openapi.json</a></p>",
    ]
    for tag in document["tags"]:
        parts.append(f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>")
        parts += [_shown(method, path, found) for method, path, found in operations if tag["name"] in found["tags"]]
    return "".join(parts)


class Documentation:
    """Serves the document of an application and its page. Both are made when somebody asks for them first."""

    def __init__(self, app: FastAPI, version: str) -> None:
        self._app = app
        self._version = version

    @cached_property
    def document(self) -> dict[str, Any]:
        """The OpenAPI document."""
        document = openapi(self._app, self._version)
        if root_path := self._app.state.services.settings.root_path:
            document["servers"] = [{"url": root_path}]
        return document

    async def serve_document(self, _: Request) -> Response:
        """`/openapi.json`."""
        return Response(orjson.dumps(self.document), media_type="application/json")

    async def serve_page(self, _: Request) -> Response:
        """`/docs`."""
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        return Response(page(self.document), media_type="text/html", headers={"Content-Security-Policy": policy})


def add_routes(app: FastAPI, version: str) -> None:
    """Serve the document of all routes that ``app`` has, and its page."""
    documentation = Documentation(app, version)
    app.add_route("/openapi.json", documentation.serve_document, include_in_schema=False)
    app.add_route("/docs", documentation.serve_page, include_in_schema=False)


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, found in methods.items():
            yield method.upper(), path, found


def _shown(method: str, path: str, found: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code><td>{escape(each['in'])}<td>{escape(each.get('description', ''))}"
        for each in found.get("parameters", [])
    )
    blocks = [f"<table>{rows}</table>"] if rows else []
    for title, content in _contents(found):
        blocks += [f"<p>{escape(title)}</p><pre>{escape(content)}</pre>"]
    head = f"<span class=method>{method}</span> <code>{escape(path)}</code> {escape(found['summary'])}"
    about = escape(found.get("description", ""))
    return f"<details><summary>{head}</summary><p>{about}</p>{''.join(blocks)}</details>"


def _contents(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    sources = [("Request", found.get("requestBody", {}))]
    sources += [(f"Answer {status}", response) for status, response in found["responses"].items()]
    for title, source in sources:
        for content in source.get("content", {}).values():
            if "example" in content:
                yield title, orjson.dumps(content["example"], option=orjson.OPT_INDENT_2).decode()
