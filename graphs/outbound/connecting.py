"""Opens connections, to addresses only that were checked: a name is looked up here, and nowhere after the check."""
# ruff: noqa: ASYNC109 -- the signatures are httpcore's.

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore

from milepost.graphs.failures import NodeError
from milepost.graphs.outbound.addresses import SETTING, Address, AllowedHosts, odd_number, written_address
from milepost.graphs.outbound.lookup import Lookup

EACH = 3.0
"""Seconds for an address that is not the last of its name."""

Tls = Callable[[], Awaitable[ssl.SSLContext]]


class Connector(httpcore.AsyncNetworkBackend):
    """Looks a name up, drops the addresses that are refused and connects to one of the others."""

    def __init__(self, allowed: AllowedHosts, lookup: Lookup, tls: Tls) -> None:
        self._allowed = allowed
        self._lookup = lookup
        self._tls = tls

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to a checked address of the host. Raises `NodeError` `address_refused`."""
        with _translated(httpcore.ConnectTimeout, httpcore.ConnectError):
            async with asyncio.timeout(timeout):
                addresses = await self.addresses(host, port)
                for address in addresses[:-1]:
                    try:
                        async with asyncio.timeout(EACH):
                            return await Wire.open(str(address), port, self._tls)
                    except OSError:
                        continue
                return await Wire.open(str(addresses[-1]), port, self._tls)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Refused: nothing outside is reached by a path."""
        raise NodeError("address_refused", "requests go over http and https only", retryable=False)

    async def sleep(self, seconds: float) -> None:
        """Wait between tries to connect."""
        await asyncio.sleep(seconds)

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Where a host may be reached, best first. Raises `NodeError` `address_refused`, and `OSError`."""
        if self._allowed.by_name(host, port):
            found = [written_address(host)] if written_address(host) else await self._resolved(host, port)
            return [address for address in found if address is not None]
        if odd_number(host):
            message = f"{host} is an odd way to write an address; write it as 192.0.2.1, or add it to {SETTING}"
            raise NodeError("address_refused", message, retryable=False)
        written = written_address(host)
        found = [written] if written is not None else await self._resolved(host, port)
        good, why = [], ""
        for address in found:
            refusal = self._allowed.refusal(address, port)
            if refusal is None:
                good.append(address)
            why = why or refusal or ""
        if not good:
            verb = "is" if written is not None else "leads to"
            message = f"{host} {verb} {why}, which this server refuses; to allow it, add {host} to {SETTING}"
            raise NodeError("address_refused", message, retryable=False)
        return good

    async def _resolved(self, host: str, port: int) -> list[Address]:
        try:
            found = await self._lookup(host, port)
        except (socket.gaierror, UnicodeError) as error:
            raise OSError(f"{host} cannot be found: {error}") from error
        addresses = [address for text in found if (address := written_address(text)) is not None]
        if not addresses:
            raise OSError(f"{host} has no address")
        return addresses


class _Incoming(asyncio.StreamReader):
    """Knows whether something lies there that nobody has read."""

    unread = 0

    def feed_data(self, data: Any) -> None:
        self.unread += len(data)
        super().feed_data(data)

    async def read(self, n: int = -1) -> bytes:
        data = await super().read(n)
        self.unread -= len(data)
        return data


class Wire(httpcore.AsyncNetworkStream):
    """An open connection. Closing it takes effect at once, in the middle of a cancel too."""

    def __init__(self, reader: _Incoming, writer: asyncio.StreamWriter, tls: Tls) -> None:
        self._reader = reader
        self._writer = writer
        self._tls = tls

    @classmethod
    async def open(cls, address: str, port: int, tls: Tls) -> Wire:
        """A connection to an address, not to a name. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        reader = _Incoming(loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _ = await loop.create_connection(lambda: protocol, address, port)
        return cls(reader, asyncio.StreamWriter(transport, protocol, reader, loop), tls)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come, at least one byte; none at the end."""
        with _translated(httpcore.ReadTimeout, httpcore.ReadError):
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        if buffer:
            with _translated(httpcore.WriteTimeout, httpcore.WriteError):
                async with asyncio.timeout(timeout):
                    self._writer.write(buffer)
                    await self._writer.drain()

    async def aclose(self) -> None:
        """Let go of the connection."""
        self.abort()

    def abort(self) -> None:
        """The same, where nothing can be awaited."""
        self._writer.transport.abort()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Speak TLS from here on, with the certificates that the connector trusts, whatever the pool was given."""
        try:
            with _translated(httpcore.ConnectTimeout, httpcore.ConnectError):
                async with asyncio.timeout(timeout):
                    await self._writer.start_tls(await self._tls(), server_hostname=server_hostname)
                    if self._reader.unread:
                        # Sent before the handshake, by whoever: it would be read as if it had come encrypted.
                        raise OSError("the server speaks before it is asked")
        except BaseException:
            self.abort()
            raise
        return self

    def get_extra_info(self, info: str) -> Any:
        """What the pool asks: `ssl_object`, and `is_readable`, which ends a connection that nobody uses."""
        if info == "is_readable":
            reader = self._reader
            return reader.unread > 0 or reader.at_eof() or reader.exception() is not None
        return self._writer.get_extra_info(info)


@contextmanager
def _translated(late: type[Exception], broken: type[Exception]) -> Iterator[None]:
    """Raise what httpcore raises where the network fails."""
    try:
        yield
    except TimeoutError as error:
        raise late(str(error) or "timed out") from error
    except OSError as error:
        raise broken(str(error) or type(error).__name__) from error
