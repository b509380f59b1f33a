"""What a library's client sends its requests by: the pool of all, with every step in a task that is cancelled once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from milepost.graphs.failures import NodeError
from milepost.graphs.outbound.bodies import pieces, unpackable
from milepost.graphs.outbound.calls import Calls
from milepost.graphs.outbound.transport import Transport

MAX_BYTES = 67_108_864
"""The longest answer that a library is given."""


class Shared(httpx.AsyncBaseTransport):
    """Closing it closes nothing: the connections are the pool's."""

    def __init__(self, pool: Transport, calls: Calls) -> None:
        self._pool = pool
        self._calls = calls

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the answer's body is still to be read. Raises `httpx.TransportError` and `NodeError`."""
        request.headers["accept-encoding"] = "identity"
        response = await self._calls.run(self._pool.handle_async_request(request), dropped=_close)
        encoding = response.headers.pop("content-encoding", "")
        if encoding and not unpackable(encoding) and encoding != "identity":
            await self._calls.run(_close(response))
            raise NodeError("request_failed", f"{request.url.host} answers in {encoding}, which nobody asked for")
        if unpackable(encoding):
            response.headers.pop("content-length", None)
        return httpx.Response(
            status_code=response.status_code,
            headers=response.headers,
            stream=_Stream(response, encoding, self._calls),
            extensions=response.extensions,
        )


async def _close(response: httpx.Response) -> None:
    await response.stream.aclose()  # type: ignore[union-attr]


class _Stream(httpx.AsyncByteStream):
    def __init__(self, response: httpx.Response, encoding: str, calls: Calls) -> None:
        self._response = response
        self._parts = pieces(response.stream, encoding, MAX_BYTES)  # type: ignore[arg-type]
        self._calls = calls

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (part := await self._calls.run(self._next())) is not None:
            yield part

    async def aclose(self) -> None:
        await self._calls.run(_close(self._response))

    async def _next(self) -> bytes | None:
        return await anext(self._parts, None)
