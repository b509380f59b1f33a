"""A light HTTP client: one keep-alive connection, one request at a time, so that the server is what is measured."""

import asyncio
import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import orjson

from tests.acceptance.audience import Viewer, handshake
from tests.acceptance.process import RUNS

TERMINAL = (b'"type":"run.completed"', b'"type":"run.cancelled"', b'"type":"run.failed"')


class Connection:
    """``async with Connection(url, key) as connection``."""

    def __init__(self, url: str, key: str) -> None:
        address = urlsplit(url)
        self._host, self._port = str(address.hostname), int(address.port or 80)
        self._head = f"Host: {address.netloc}\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n"

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def send(self, method: str, path: str, body: Any = None) -> None:
        """Send a request; ``path`` is below ``…/workflows/runs``."""
        content = b"" if body is None else orjson.dumps(body)
        head = f"{method} {RUNS}{path} HTTP/1.1\r\n{self._head}Content-Length: {len(content)}\r\n\r\n"
        self._writer.write(head.encode() + content)

    async def receive(self) -> tuple[int, bytes]:
        """Status and body of the answer."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        size = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        return int(head[9:12]), await self._reader.readexactly(size)

    async def request(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        """The JSON of the answer.

        Raises:
            RuntimeError: the status is not the expected one.
        """
        self.send(method, path, body)
        status, content = await self.receive()
        if status != expect:
            raise RuntimeError(f"{method} {path}: {status} {content.decode()}")
        return orjson.loads(content)

    async def timed(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> tuple[float, Any]:
        """The same, with the seconds that it took."""
        began = time.perf_counter()
        answer = await self.request(method, path, body, expect=expect)
        return time.perf_counter() - began, answer


class Ending(Viewer):
    """A socket that notes when the terminal event arrives."""

    def __init__(self, request: bytes) -> None:
        super().__init__(request)
        self.over: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        """Keep it, and look for the end."""
        super().data_received(data)
        if not self.over.done() and any(name in data for name in TERMINAL):
            self.over.set_result(time.perf_counter())


async def open_socket(url: str, key: str, run_id: str) -> Ending:
    """A socket on a run that has had its hello."""
    address = urlsplit(url)
    _, viewer = await asyncio.get_running_loop().create_connection(
        lambda: Ending(handshake(url, key, run_id)), str(address.hostname), int(address.port or 80)
    )
    await viewer.greeted
    return viewer
