"""Routes for whoever operates the server, and what it offers."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from milepost.server.api.answers import answer, described
from milepost.server.api.examples import NODE_TYPE, PYTHON_GRAPH
from milepost.server.api.route import Route
from milepost.server.api.services import AServer
from milepost.server.api.shapes.operations import Health, Info, Readiness
from milepost.server.api.shapes.workflows import NodeTypes, PythonGraphs
from milepost.server.metrics import CONTENT_TYPE


async def healthz() -> Response:
    """The process answers. Needs no key."""
    return answer({"status": "ok"})


async def readyz(services: AServer) -> Response:
    """The database can be read and the server is not stopping; otherwise 503. Needs no key."""
    if services.hub.closed:
        return answer({"status": "stopping"}, 503)
    await services.read.reachable()
    return answer({"status": "ready"})


async def metrics(services: AServer) -> Response:
    """Measurements in Prometheus' text format. Needs a key: give it to the scraper as a bearer token."""
    return Response(services.metrics.render(await services.read.counts()), media_type=CONTENT_TYPE)


async def info(request: Request) -> Response:
    """What this server is."""
    return answer({"name": "milepost", "version": request.app.version})


async def node_types(services: AServer) -> Response:
    """Every node type with the JSON Schema of its config, and in `failed` those that a package could not give."""
    refused = [
        {"type": each.type, "package": each.package, "path": each.place, "error": each.reason}
        for each in services.registry.refused
    ]
    return answer({"items": services.registry.describe(), "next_cursor": None, "failed": refused})


async def python_graphs(services: AServer) -> Response:
    """The graphs of the server's langgraph.json: which workflow each is, or why it is not served."""
    return answer(services.workflows.python_graphs())


def routes() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=Route, tags=["operations"])
    add = router.add_api_route
    add("/healthz", healthz, **described("GET", "Is the process alive", example={"status": "ok"}, answers=Health))
    add(
        "/readyz",
        readyz,
        **described(
            "GET",
            "Can it serve",
            example={"status": "ready"},
            answers=Readiness,
            also={503: {"status": "stopping"}},
            also_answers={503: Readiness},
        ),
    )
    add(
        "/metrics",
        metrics,
        **described("GET", "Measurements", example="milepost_queue_depth 0.0\n", media="text/plain"),
    )
    this = {"name": "milepost", "version": "0.1.0"}
    add("/api/info", info, **described("GET", "What this server is", example=this, answers=Info))
    add(
        "/api/node-types",
        node_types,
        **described(
            "GET",
            "List node types",
            answers=NodeTypes,
            example={
                "items": [NODE_TYPE],
                "next_cursor": None,
                "failed": [],
            },
        ),
    )
    add(
        "/api/python-graphs",
        python_graphs,
        **described(
            "GET",
            "List graphs written in Python",
            example={"items": [PYTHON_GRAPH], "next_cursor": None},
            answers=PythonGraphs,
        ),
    )
    return router
