"""The way out: sends a node's request, follows its redirects and reads its answer, all inside one deadline."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Mapping
from importlib.metadata import version

import httpx

from milepost.graphs.failures import NodeError
from milepost.graphs.outbound.addresses import AllowedHosts
from milepost.graphs.outbound.bodies import pieces, unpackable
from milepost.graphs.outbound.calls import Calls, Late
from milepost.graphs.outbound.connecting import Connector
from milepost.graphs.outbound.interface import Reply
from milepost.graphs.outbound.lookup import Lookup, SystemLookup, in_thread
from milepost.graphs.outbound.redirects import FOLLOWED, MOST, Step, checked_url, onward
from milepost.graphs.outbound.shared import Shared
from milepost.graphs.outbound.transport import Transport

MAX_CALLS = 256
"""Requests that are under way at once; others wait, and their time runs."""

OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"}
)
"""Headers that say how a request is sent. They are never the caller's."""


class Gate:
    """Implements `Outbound`. Made anywhere, used on one event loop, and closed there."""

    def __init__(
        self, allowed: AllowedHosts, lookup: Lookup | None = None, trusted: ssl.SSLContext | None = None
    ) -> None:
        """`trusted` verifies servers; without one, the certificates of the system and those that come with httpx."""
        self._allowed = allowed
        self._lookup = lookup
        self._trusted = trusted
        self._transport: Transport | None = None
        self._places = asyncio.Semaphore(MAX_CALLS)
        self._calls = Calls()
        self._defaults = {
            "accept": "*/*",
            "accept-encoding": "identity",
            "user-agent": f"milepost/{version('milepost')}",
        }

    def client(self) -> httpx.AsyncClient:
        """A client that shares the connections and nothing else: no cookies, no proxy, no redirects."""
        return httpx.AsyncClient(transport=Shared(self._pool(), self._calls), follow_redirects=False, trust_env=False)

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None,
        within: float,
        max_bytes: int,
    ) -> Reply:
        """Send one request and read the whole answer. See `Outbound`."""
        step = self._first(method, url, headers, content)
        try:
            return await self._calls.run(self._follow(step, max_bytes), within)
        except Late as error:
            message = f"{step.url.host} did not answer in full within {within:g} s"
            raise NodeError("request_timed_out", message) from error

    async def aclose(self) -> None:
        """Stop what is under way and close the connections. It can be used again, with new ones."""
        await self._calls.close()
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()

    def _first(self, method: str, text: str, headers: Mapping[str, str], content: bytes | None) -> Step:
        url = checked_url(text)
        lower = {name.lower(): value for name, value in headers.items()}
        if wrong := sorted(OURS & lower.keys()):
            raise NodeError("request_failed", f"the header {wrong[0]} cannot be set", retryable=False)
        if url.userinfo:
            lower.setdefault("authorization", basic(url.username, url.password))
            url = url.copy_with(userinfo=b"")
        return Step(method.upper(), url, {**self._defaults, **lower}, content)

    async def _follow(self, step: Step, max_bytes: int) -> Reply:
        async with self._places:
            return await self._answer(step, max_bytes)

    async def _answer(self, step: Step, max_bytes: int) -> Reply:
        for _ in range(MOST + 1):
            response = await self._send(step)
            try:
                location = response.headers.get("location")
                if response.status_code not in FOLLOWED or location is None:
                    return await self._reply(step, response, max_bytes)
            finally:
                await response.stream.aclose()  # type: ignore[union-attr]
            step = onward(step, response.status_code, location)
        message = f"more than {MOST} redirects, the last one to {step.url.host}"
        raise NodeError("too_many_redirects", message, retryable=False)

    async def _send(self, step: Step) -> httpx.Response:
        host = step.url.host
        try:
            request = httpx.Request(step.method, step.url, headers=dict(step.headers), content=step.content)
            return await self._pool().handle_async_request(request)
        except (UnicodeError, httpx.LocalProtocolError) as error:
            message = f"the request to {host} cannot be written: {error}"
            raise NodeError("request_failed", message, retryable=False) from error
        except httpx.TransportError as error:
            raise _failed(host, error) from error

    async def _reply(self, step: Step, response: httpx.Response, max_bytes: int) -> Reply:
        encoding, body = response.headers.get("content-encoding", ""), bytearray()
        try:
            async for piece in pieces(response.stream, encoding, max_bytes):  # type: ignore[arg-type]
                body += piece
        except httpx.TransportError as error:
            raise _failed(step.url.host, error) from error
        headers = dict(response.headers)
        if unpackable(encoding):
            del headers["content-encoding"]
            headers["content-length"] = str(len(body))
        return Reply(response.status_code, headers, bytes(body), str(step.url))

    def _pool(self) -> Transport:
        if self._transport is None:
            self._transport = Transport(Connector(self._allowed, self._lookup or SystemLookup(), self._tls))
        return self._transport

    async def _tls(self) -> ssl.SSLContext:
        if self._trusted is None:
            # Reading the certificates takes a tenth of a second.
            self._trusted = await asyncio.wrap_future(in_thread(_usual_trust))
        return self._trusted


def basic(username: str, password: str) -> str:
    """The value of `Authorization` for a name and a password."""
    return f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"


def _failed(host: str, error: httpx.TransportError) -> NodeError:
    """What a broken request fails with. A certificate does not get better by trying again."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return NodeError("request_failed", f"the request to {host} failed: {error}", retryable=cause is None)


def _usual_trust() -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context
