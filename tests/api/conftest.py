"""A real store in a directory of its own; a whole app on one; the same behind a real port."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from tests.answers import Documented, documented
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
    """A server: its app, the owner's key, a client that uses it, its document, and where its sockets are."""

    app: App
    secret: str
    client: httpx.AsyncClient
    project: Project
    documented: Documented
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


@asynccontextmanager
async def opened(data: Path, clock: Callable[[], int] = wall_clock, **settings: Any) -> AsyncIterator[tuple[App, str]]:
    """An app on a directory of its own, with the owner's key."""
    chosen = load_settings(
        data=data,
        examples=False,
        shutdown_grace=0.5,
        viewer_queue=64,
        synchronous="normal",
        max_body_bytes=8192,
        **settings,
    )
    app = build(chosen, registry(), clock)
    await asyncio.to_thread(app.open)
    app.hub.attach(asyncio.get_running_loop())
    try:
        yield app, await prepare(app)
    finally:
        app.hub.close()
        await asyncio.to_thread(app.close)


@asynccontextmanager
async def asked(app: App, secret: str, answers: Documented) -> AsyncIterator[Site]:
    """An app without a port: requests go straight to the ASGI application, and the document knows every answer."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_api(services(app)), raise_app_exceptions=True),
        base_url="http://milepost",
        headers={"X-API-Key": secret},
        event_hooks={"response": [answers.response]},
    ) as client:
        yield Site(app, secret, client, await app.store.project(DEFAULT_SLUG), answers)


@pytest.fixture(scope="session")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Documented:
    """What the document says of answers."""
    return documented(tmp_path_factory.mktemp("documented"))


@pytest.fixture
async def opened_app(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[tuple[App, str]]:
    """An app with a clock of its own where a test gives one as the fixture's parameter."""
    async with opened(tmp_path / "data", getattr(request, "param", wall_clock)) as found:
        yield found


@pytest.fixture
async def site(opened_app: tuple[App, str], answers: Documented) -> AsyncIterator[Site]:
    """An app without a port."""
    async with asked(*opened_app, answers) as site:
        yield site


@pytest.fixture
async def served(opened_app: tuple[App, str], answers: Documented) -> AsyncIterator[Site]:
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
    hooks = {"response": [answers.response]}
    url = f"http://{address}"
    async with httpx.AsyncClient(base_url=url, headers={"X-API-Key": secret}, event_hooks=hooks) as client:
        while not server.started:
            await asyncio.sleep(0)
        yield Site(app, secret, client, await app.store.project(DEFAULT_SLUG), answers, address)
    app.hub.close()
    server.should_exit = True
    try:
        await serving
    finally:
        listener.close()
