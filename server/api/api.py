"""The ASGI application of the canonical API: every route, the gate in front, the errors behind."""

from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI

from milepost.server.api import (
    checkpoints,
    comparison,
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
    statistics,
    tasks,
    workflows,
)
from milepost.server.api.gate import Gate
from milepost.server.api.page import STATIC, Page
from milepost.server.api.prefix import Prefix
from milepost.server.api.problems import register
from milepost.server.api.services import Services


def create_api(services: Services, page: Path = STATIC) -> FastAPI:
    """The application, with the live viewer that was built into the folder ``page``.

    The hub must be attached to the event loop that serves it before the first request.
    """
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
    if services.settings.root_path:
        app.add_middleware(Prefix, root_path=services.settings.root_path)
    register(app)
    people = (inbox, notifications, tasks)
    kept = (projects, secrets, limits)
    for module in (
        sign_in,
        runs,
        comparison,
        run_control,
        events,
        checkpoints,
        workflows,
        statistics,
        dry_runs,
        *kept,
        *people,
        operations,
    ):
        # Not include_router, which would analyse every route a second time: a fifth of a second at start.
        app.router.routes.extend(module.routes().routes)
    app.router.routes.extend(sockets.routes())
    documentation.add_routes(app, release)
    app.router.default = Page(app.router.not_found, page, services.settings.root_path)
    return app
