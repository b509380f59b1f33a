"""Runs an app behind uvicorn: from the bound port to an ordered stop."""

import asyncio
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import structlog
import uvicorn
import uvloop

from milepost.server.access.attempts import Attempts
from milepost.server.api.api import create_api
from milepost.server.api.credentials import Credentials
from milepost.server.api.peer import Protocol
from milepost.server.api.services import Services
from milepost.server.app import App, prepare

LAG_INTERVAL = 0.25
"""Seconds between two measurements of the API loop's lag."""

log = structlog.get_logger("milepost.server")


class Server(uvicorn.Server):
    """uvicorn with our order of stopping: viewers are told, then requests end; the app is closed by ``serve``."""

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self._app = app
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Refuse new requests and end the open ones."""
        self._app.hub.close()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT stop the server; uvicorn would raise them again, before the runs are handed back."""
        signals = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


async def serve(app: App, server: Server, listener: socket.socket, on_ready: Callable[[str, str], None]) -> None:
    """Serve an opened ``app`` until SIGTERM or SIGINT, then stop in order: requests, runs, database.

    ``on_ready`` gets the base URL and the owner's key once the port is open.
    """
    app.hub.attach(asyncio.get_running_loop())
    lag = asyncio.ensure_future(_measure_lag(app))
    try:
        secret = await prepare(app)
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        ready = asyncio.ensure_future(server.ready.wait())
        await asyncio.wait([ready, serving], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if server.started and not server.should_exit:
            _collect_seldom()
            host, port = listener.getsockname()[:2]
            place = f"{f'[{host}]' if ':' in host else host}:{port}"
            on_ready(f"http://{place}{app.settings.root_path}", secret)
        await serving
    finally:
        lag.cancel()
        with suppress(asyncio.CancelledError):
            await lag
        await asyncio.to_thread(app.close)


def run(app: App, on_ready: Callable[[str, str], None]) -> None:
    """Open ``app`` and serve it on an event loop of its own until it is told to stop.

    Raises:
        StartRefused: the data directory cannot be served. OSError: the port is taken.
    """
    # The port first: where it is taken, no run is touched.
    listener = bind(app.settings.host, app.settings.port)
    server = Server(_config(app), app)
    # Runs go on as soon as the app is open. A signal that comes before the port is hands them back like any other.
    with server.capture_signals():
        app.open()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(app, server, listener, on_ready))


def _collect_seldom() -> None:
    """Make garbage collections, which stop every thread, short and rare.

    What is here now stays until the end: no collection need look at it. Runs leave few cycles behind them, but make
    objects so fast that the default thresholds cost a tenth of the server's time.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        create_api(services(app)),
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws=Protocol,
        ws_per_message_deflate=False,
        ws_max_size=app.settings.max_body_bytes,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=75,
        backlog=2048,
        server_header=False,
    )


def services(app: App) -> Services:
    """What the routes may call."""
    return Services(
        settings=app.settings,
        clock=app.store.clock,
        hub=app.hub,
        keys=app.keys,
        credentials=Credentials(app.keys, app.sessions, app.one_time),
        attempts=Attempts(app.store.clock),
        secrets=app.secrets,
        workflows=app.workflows,
        read=app.read,
        quotas=app.quotas,
        projects=app.projects,
        start=app.start,
        control=app.control,
        signals=app.signals,
        statistics=app.statistics,
        compare=app.compare,
        inbox=app.inbox,
        tasks=app.tasks,
        notifications=app.notifications,
        history=app.history,
        fork=app.fork,
        edit=app.edit,
        dry_runs=app.dry_runs,
        dispatcher=app.engine,
        registry=app.registry,
        metrics=app.metrics,
    )


def bind(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one.

    Raises:
        OSError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


async def _measure_lag(app: App) -> Any:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_INTERVAL
        await asyncio.sleep(LAG_INTERVAL)
        app.metrics.loop_lag("api", max(0.0, loop.time() - due))
