"""What is documented is true: routes, examples, error codes, event types, measurements."""

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from milepost.server.api.api import create_api
from milepost.server.api.bodies import check
from milepost.server.api.documentation import BODIES, openapi
from milepost.server.api.problems import ROUTING_CODES
from milepost.server.api.shapes.events import EventType
from milepost.server.app import build
from milepost.server.config import load_settings
from milepost.server.errors import GuardFailed, IllegalTransition, MilepostError, StartRefused
from milepost.server.metrics import Metrics
from milepost.server.runs.why import CODES
from milepost.server.serving import services
from tests.api.conftest import Site

ROOT = Path(__file__).parents[2]
API = (ROOT / "docs/api.md").read_text(encoding="utf-8")
EVENTS = (ROOT / "docs/events.md").read_text(encoding="utf-8")
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "server").rglob("*.py"))
    if path.name != "embedding.py" and path.parent.name != "shapes"
)

INTERNAL = {StartRefused, IllegalTransition, GuardFailed}
"""Never on the wire."""

BASE = "/api/projects/{project_id}/workflows"
RUN = f"{BASE}/runs/{{run_id}}"
CONTRACT = {
    ("POST", BASE),
    ("GET", BASE),
    ("GET", f"{BASE}/{{workflow_id}}"),
    ("PUT", f"{BASE}/{{workflow_id}}"),
    ("DELETE", f"{BASE}/{{workflow_id}}"),
    ("GET", f"{BASE}/{{workflow_id}}/versions"),
    ("GET", f"{BASE}/{{workflow_id}}/versions/{{before}}/diff/{{after}}"),
    ("POST", f"{BASE}/validate"),
    ("POST", f"{BASE}/{{workflow_id}}/test"),
    ("GET", f"{BASE}/{{workflow_id}}/graph"),
    ("GET", f"{BASE}/stats"),
    ("GET", f"{BASE}/{{workflow_id}}/stats"),
    ("POST", f"{BASE}/runs"),
    ("GET", f"{BASE}/runs"),
    ("GET", f"{BASE}/runs/compare"),
    ("GET", RUN),
    ("DELETE", RUN),
    *(("POST", f"{RUN}/{verb}") for verb in ("execute", "cancel", "pause", "resume", "rerun", "retry", "fork")),
    ("POST", f"{RUN}/events/{{event}}"),
    *(("GET", f"{RUN}/{what}") for what in ("status", "logs", "events", "why", "checkpoints", "checkpoints/diff")),
    ("GET", f"{RUN}/checkpoints/{{checkpoint_id}}"),
    ("PATCH", f"{RUN}/state"),
    ("GET", "/api/projects"),
    ("POST", "/api/projects"),
    ("GET", "/api/projects/{project_id}/keys"),
    ("POST", "/api/projects/{project_id}/keys"),
    ("DELETE", "/api/projects/{project_id}/keys/{key_id}"),
    ("GET", "/api/projects/{project_id}/secrets"),
    ("PUT", "/api/projects/{project_id}/secrets/{name}"),
    ("DELETE", "/api/projects/{project_id}/secrets/{name}"),
    ("GET", "/api/projects/{project_id}/limits"),
    ("PATCH", "/api/projects/{project_id}/limits"),
    ("GET", "/api/node-types"),
    ("GET", "/api/python-graphs"),
    ("GET", "/api/info"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/api/projects/{project_id}/inbox"),
    ("GET", "/api/projects/{project_id}/notifications"),
    ("PATCH", "/api/projects/{project_id}/notifications"),
    ("GET", "/api/projects/{project_id}/tasks"),
    ("POST", "/api/projects/{project_id}/tasks"),
    ("GET", "/api/auth/link"),
    ("POST", "/api/auth/link"),
    ("POST", "/api/auth/session"),
    ("DELETE", "/api/auth/session"),
    ("POST", "/api/auth/ticket"),
    ("GET", "/api/me"),
    *((method, "/api/projects/{project_id}/tasks/{task_id}") for method in ("GET", "PATCH", "DELETE")),
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The application of a server that is not opened."""
    return create_api(services(build(load_settings(data=tmp_path_factory.mktemp("data")))))


@pytest.fixture(scope="module")
def document(api: FastAPI) -> dict[str, Any]:
    return openapi(api, "1.2.3")


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def first_column(text: str, heading: str) -> set[str]:
    """Names in the first column of the table under a heading."""
    section = text.split(f"## {heading}\n")[1].split("\n## ", maxsplit=1)[0]
    return set(re.findall(r"^\| `([a-z_.]+)` \|", section, re.MULTILINE))


def test_the_routes_are_those_of_the_contract(document: dict[str, Any]) -> None:
    assert {(method, path) for method, path, _ in operations(document)} == CONTRACT


def test_every_route_has_a_summary_a_tag_and_examples(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        assert set(operation["tags"]) <= tags, where
        good = [answer for status, answer in operation["responses"].items() if status[0] in "23"]
        assert good, where
        for answer in [*good, operation.get("requestBody", {})]:
            for content in answer.get("content", {}).values():
                assert "example" in content, where
        for parameter in operation.get("parameters", []):
            assert parameter["in"] == "path" or parameter.get("description") or parameter["schema"], where


def test_every_example_of_a_body_is_valid(document: dict[str, Any]) -> None:
    models = {model.__name__: model for model in BODIES}
    shown = set()
    for _, _, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        if "$ref" in content.get("schema", {}):
            name = content["schema"]["$ref"].rsplit("/", 1)[1]
            check(models[name], content["example"])
            shown.add(name)
    assert shown == set(models)


def test_references_of_the_document_resolve(document: dict[str, Any]) -> None:
    names = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert names <= set(document["components"]["schemas"])


def test_every_route_but_health_and_signing_in_asks_who_is_there(document: dict[str, Any]) -> None:
    free = {(method, path) for method, path, operation in operations(document) if operation.get("security") == []}
    signing_in = {("GET", "/api/auth/link"), ("POST", "/api/auth/session")}
    assert free == {("GET", "/healthz"), ("GET", "/readyz"), *signing_in}


def test_ids_in_paths_are_uuids_by_type(api: FastAPI) -> None:
    for route in api.routes:
        if isinstance(route, APIRoute):
            for name in re.findall(r"{(\w+_id)}", route.path):
                assert name == "project_id", route.path


async def test_the_page_shows_every_route_and_loads_nothing(site: Site) -> None:
    answer = await site.client.get("/docs")
    document = (await site.client.get("/openapi.json")).json()
    for _, path, operation in operations(document):
        assert path in answer.text
        assert escape(operation["summary"]) in answer.text
    assert not re.findall(r"<script|<link|src=|@import|url\(|https?://", answer.text.replace("https://api", ""))
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def codes() -> set[str]:
    """Every code that an error can have on the wire."""

    def below(kind: type[MilepostError]) -> set[type[MilepostError]]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    named = {kind.code for kind in below(MilepostError) - INTERNAL}
    return named | set(ROUTING_CODES.values()) | set(re.findall(r'code="([a-z_]+)"', SOURCES))


def test_every_error_code_is_documented() -> None:
    assert first_column(API, "Problems") == codes()


def test_documented_statuses_are_those_of_the_errors() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", API, re.MULTILINE))
    kinds = [*MilepostError.__subclasses__()]
    for kind in kinds:
        kinds += kind.__subclasses__()
        if kind not in INTERNAL and kind.code in rows:
            assert rows[kind.code] == str(kind.status), kind


def test_every_event_type_is_documented() -> None:
    used = set(re.findall(r'"((?:run|node|checkpoint|state)\.[a-z_]+)"', SOURCES))
    assert first_column(EVENTS, "Types") == used == set(EventType)


def test_every_close_code_is_documented() -> None:
    documented = set(map(int, re.findall(r"^\| (\d{4}) \|", EVENTS, re.MULTILINE)))
    assert documented == {1000, 1009, 1011, 1012, 4400, 4401, 4403, 4404, 4408, 4429}


def test_every_reason_of_why_is_documented() -> None:
    assert first_column(API, "Why does it not go on?") == set(CODES)


def test_every_measurement_is_documented() -> None:
    families = set(re.findall(r"^# HELP (\w+?)(?:_total|_created)? ", Metrics().render({}).decode(), re.MULTILINE))
    assert first_column(API, "Measurements") == families
