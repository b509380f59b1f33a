"""The ASGI application of the canonical API: every route, the gate in front, the errors behind."""

from importlib.metadata import version

from fastapi import FastAPI

from milepost.server.api import (
    checkpoints,
    documentation,
    dry_runs,
    events,
    inbox,
    limits,
    notifications,
    operations,
    projects,
    run_control,
    runs,
    secrets,
    sign_in,
    sockets,
    tasks,
    workflows,
)
from milepost.server.api.gate import Gate
from milepost.server.api.problems import register
from milepost.server.api.services import Services


def create_api(services: Services) -> FastAPI:
    """The application. The hub must be attached to the event loop that serves it before the first request."""
    release = version("milepost")
    app = FastAPI(
        title="Milepost",
        version=release,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    app.add_middleware(Gate, credentials=services.credentials)
    register(app)
    people = (inbox, notifications, tasks)
    kept = (projects, secrets, limits)
    for module in (sign_in, runs, run_control, events, checkpoints, workflows, dry_runs, *kept, *people, operations):
        # Not include_router, which would analyse every route a second time: a fifth of a second at start.
        app.router.routes.extend(module.routes().routes)
    app.router.routes.extend(sockets.routes())
    documentation.add_routes(app, release)
    return app
