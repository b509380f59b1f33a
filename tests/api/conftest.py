"""A real store in a directory of its own; a whole app on one; the same behind a real port."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn

from milepost.server.api.api import create_api
from milepost.server.api.peer import Protocol
from milepost.server.app import DEFAULT_SLUG, App, build, prepare
from milepost.server.config import load_settings
from milepost.server.serving import services
from milepost.server.store.database import Database
from milepost.server.store.rows import Project
from milepost.server.store.store import Store, wall_clock
from tests.api.seed import seed_project, seed_workflow
from tests.probes import registry


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(Database(tmp_path / "milepost.db", "normal"))
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
async def project(store: Store) -> Project:
    return await seed_project(store)


@pytest.fixture
async def workflow_id(store: Store, project: Project) -> str:
    return await seed_workflow(store, project)


@dataclass(frozen=True)
class Site:
    """A server: its app, the owner's key, a client that uses it, and where its sockets are."""

    app: App
    secret: str
    client: httpx.AsyncClient
    project: Project
    address: str = ""

    @property
    def base(self) -> str:
        return "/api/projects/default/workflows"

    def ws(self, path: str) -> str:
        return f"ws://{self.address}/api/projects/default/workflows/runs{path}"

    @property
    def headers(self) -> dict[str, str]:
        return {"X-API-Key": self.secret}

    async def workflow(self, definition: dict[str, object] | None = None) -> str:
        return await seed_workflow(self.app.store, self.project, definition)


@pytest.fixture
async def opened_app(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[tuple[App, str]]:
    """An app with a clock of its own where a test gives one as the fixture's parameter."""
    settings = load_settings(
        data=tmp_path / "data",
        examples=False,
        shutdown_grace=0.5,
        viewer_queue=64,
        synchronous="normal",
        max_body_bytes=8192,
    )
    app = build(settings, registry(), getattr(request, "param", wall_clock))
    await asyncio.to_thread(app.open)
    app.hub.attach(asyncio.get_running_loop())
    yield app, await prepare(app)
    app.hub.close()
    await asyncio.to_thread(app.close)


@pytest.fixture
async def site(opened_app: tuple[App, str]) -> AsyncIterator[Site]:
    """An app without a port: requests go straight to the ASGI application."""
    app, secret = opened_app
    transport = httpx.ASGITransport(create_api(services(app)), raise_app_exceptions=True)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://milepost", headers={"X-API-Key": secret}
    ) as client:
        yield Site(app, secret, client, await app.store.project(DEFAULT_SLUG))


@pytest.fixture
async def served(opened_app: tuple[App, str]) -> AsyncIterator[Site]:
    """An app behind a real port."""
    app, secret = opened_app
    config = uvicorn.Config(
        create_api(services(app)),
        log_level="critical",
        lifespan="off",
        ws=Protocol,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=1,
    )
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    async with httpx.AsyncClient(base_url=f"http://{address}", headers={"X-API-Key": secret}) as client:
        while not server.started:
            await asyncio.sleep(0)
        yield Site(app, secret, client, await app.store.project(DEFAULT_SLUG), address)
    app.hub.close()
    server.should_exit = True
    try:
        await serving
    finally:
        listener.close()
