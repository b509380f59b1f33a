"""A server in a process of its own: started, killed, restarted on the same port and directory, and asked over HTTP."""

import asyncio
import json
import os
import resource
import signal
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.acceptance.spawning import Process, Spawn, executed

RUNS = "/api/projects/default/workflows/runs"

ENDED = frozenset({"run.completed", "run.failed", "run.cancelled"})

START_TIMEOUT = 30.0


class StartFailed(Exception):
    """The process ended before it opened its port. ``code`` is its exit code, ``stderr`` what it said."""

    def __init__(self, code: int, stderr: str) -> None:
        super().__init__(f"exit code {code}: {stderr}")
        self.code = code
        self.stderr = stderr


class Server:
    """What clients ask of a server that runs somewhere."""

    def __init__(self) -> None:
        self.url = ""
        self.key = ""
        self._client: httpx.AsyncClient | None = None

    async def attach(self, url: str, key: str) -> None:
        """Talk to the server at ``url`` from now on, over new connections."""
        await self.disconnect()
        self.url, self.key = url, key
        limits = httpx.Limits(max_connections=64)
        self._client = httpx.AsyncClient(base_url=url, headers={"X-API-Key": key}, timeout=70.0, limits=limits)

    async def disconnect(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    @property
    def client(self) -> httpx.AsyncClient:
        """An HTTP client with the owner's key."""
        assert self._client is not None
        return self._client

    async def get(self, path: str, **query: Any) -> Any:
        """The JSON body of a GET that succeeds; ``path`` is below ``…/workflows/runs``."""
        response = await self.client.get(f"{RUNS}{path}", params=query)
        assert response.status_code == 200, response.text
        return response.json()

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """A POST below ``…/workflows/runs``."""
        return await self.client.post(f"{RUNS}{path}", json=body or {})

    async def workflow(self, definition: Mapping[str, Any]) -> str:
        """The id of a new workflow."""
        body = {"name": definition["name"], "definition": definition}
        response = await self.client.post("/api/projects/default/workflows", json=body)
        assert response.status_code == 201, response.text
        return str(response.json()["workflow_id"])

    async def run(self, workflow_id: str, values: Mapping[str, Any] | None = None, *, execute: bool = True) -> str:
        """The id of a new run."""
        body = {"workflow_id": workflow_id, "input_data": values, "execute": execute}
        response = await self.post("", body)
        assert response.status_code == 201, response.text
        return str(response.json()["run_id"])

    async def runs(self, workflow_id: str, count: int) -> list[str]:
        """The ids of so many new runs, all executed."""
        return list(await asyncio.gather(*(self.run(workflow_id) for _ in range(count))))

    async def start_run(self, definition: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> str:
        """The id of an executed run of a new workflow."""
        return await self.run(await self.workflow(definition), values)

    async def status(self, run_id: str, wait: float = 0) -> dict[str, Any]:
        """Where a run stands."""
        body: dict[str, Any] = await self.get(f"/{run_id}/status", wait=wait)
        return body

    async def events(self, run_id: str) -> list[dict[str, Any]]:
        """All events of a run so far; they are contiguous from 1."""
        found: list[dict[str, Any]] = []
        while page := (await self.get(f"/{run_id}/events", after=len(found), limit=500))["items"]:
            found += page
        assert [event["seq"] for event in found] == list(range(1, len(found) + 1))
        return found

    def ws(self, run_id: str, after: int = 0, **options: Any) -> connect:
        """A socket on a run's events, to be entered with ``async with``."""
        url = f"{self.url.replace('http', 'ws', 1)}{RUNS}/{run_id}/ws?after={after}"
        options = {"compression": None, "max_size": None, "ping_interval": None, **options}
        return connect(url, additional_headers={"X-API-Key": self.key}, **options)

    @asynccontextmanager
    async def watch(self, run_id: str, after: int = 0) -> AsyncIterator["Watch"]:
        """A run's events as they happen."""
        async with self.ws(run_id, after) as socket:
            yield Watch(socket)

    async def until(
        self, run_id: str, *types: str, node: str | None = None, after: int = 0, within: float = 30.0
    ) -> dict[str, Any]:
        """The first event of these types, and of this node if one is named, behind ``after``."""
        async with asyncio.timeout(within), self.watch(run_id, after) as watch:
            return await watch.until(*types, node=node)

    async def ended(self, run_id: str, within: float = 60.0) -> dict[str, Any]:
        """The whole run once it has ended."""
        await self.until(run_id, *ENDED, within=within)
        body: dict[str, Any] = await self.get(f"/{run_id}")
        return body


class ServerProcess(Server):
    """``async with ServerProcess(data) as server``: a running server; killed at the end whatever happened.

    Args:
        data: its data directory.
        settings: the server's settings by name, such as ``max_concurrent_runs``.
    """

    module = "tests.serve"
    """What is run."""

    spawn: Spawn = staticmethod(executed)
    """How it is run."""

    def __init__(self, data: Path, **settings: Any) -> None:
        super().__init__()
        self.data = data
        self.ready_at = 0.0
        self.start_seconds = 0.0
        self._settings = settings
        self._process: Process | None = None
        self._log = data.with_name(f"{data.name}.log")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()

    # The process.

    async def start(self, *arguments: str) -> None:
        """Start, and wait until the port is open.

        Raises:
            StartFailed.
        """
        port = self.url.rpartition(":")[2] or "0"
        began = time.monotonic()
        given = ("--data", str(self.data), "--port", port, *arguments)
        self._process = process = await self.spawn(self.module, given, environment(self._settings), self._log)
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), START_TIMEOUT)
        self.ready_at = time.time()
        self.start_seconds = time.monotonic() - began
        if not line:
            raise StartFailed(await process.wait(), self.log())
        announced = json.loads(line)
        await self.attach(announced["url"], announced["key"])

    async def kill(self) -> None:
        """SIGKILL, if it still lives."""
        await self.disconnect()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def terminate(self) -> tuple[int, float]:
        """SIGTERM: the exit code and how many seconds the process took to leave."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(self._process.wait(), 60)
        took = time.monotonic() - began
        await self.disconnect()
        return code, took

    async def exited(self, within: float = 30.0) -> int:
        """Wait until the process has ended by itself; its exit code."""
        assert self._process is not None
        code = await asyncio.wait_for(self._process.wait(), within)
        await self.disconnect()
        return code

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    def limit_file_size(self, size: int | None) -> None:
        """Let every write beyond ``size`` bytes of a file fail, as a full disk does; None ends that."""
        limit = resource.RLIM_INFINITY if size is None else size
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    def log(self) -> str:
        """What the server's processes wrote to stderr so far."""
        return self._log.read_text() if self._log.exists() else ""


class Watch:
    """A reader of one socket. ``last`` is the number of the newest event that it read."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.last = 0
        self.at_end = False
        self._unread: deque[dict[str, Any]] = deque()

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Events until the server says that this was the end; a later call goes on behind the last one."""
        while True:
            while self._unread:
                event = self._unread.popleft()
                self.last = event["seq"]
                yield event
            frame = json.loads(await self.socket.recv())
            if frame["type"] == "end":
                self.at_end = True
                return
            self._unread.extend(frame.get("events", ()))

    async def until(self, *types: str, node: str | None = None) -> dict[str, Any]:
        """The next event of these types, and of this node if one is named."""
        async for event in self.events():
            if event["type"] in types and node in (None, event["node_id"]):
                return event
        raise AssertionError(f"the run ended without {types} of {node or 'any node'}")


def environment(settings: Mapping[str, Any]) -> dict[str, str]:
    """This process's environment with these settings and no others of the server's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MILEPOST_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    return kept | {f"MILEPOST_{name.upper()}": str(value) for name, value in settings.items()}


def serve_command(data: Path, *arguments: str) -> tuple[str, ...]:
    """The command that serves a directory with the probes' node types."""
    return (sys.executable, "-m", ServerProcess.module, "--data", str(data), *arguments)
