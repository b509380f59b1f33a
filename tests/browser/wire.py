"""What lies between the browser and the server: a proxy that can be cut."""

import asyncio
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

CHUNK = 65_536


class Wire:
    """``async with Wire(url) as wire``: the server at ``url`` is found at ``wire.url`` too, until it is cut."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.down()

    @property
    def url(self) -> str:
        """Where the browser goes."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> int:
        """Break every connection, as a lost network does; how many there were. New ones are taken."""
        ends = list(self._open)
        for end in ends:
            end.transport.abort()
        return len(ends) // 2

    async def down(self) -> None:
        """Break every connection, and take no new one until ``up``."""
        if self._server is not None:
            self._server.close()
        self.cut()

    async def up(self) -> None:
        """Take connections again."""
        await self.__aenter__()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            beyond, over = await asyncio.open_connection(self._target.hostname, self._target.port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, over}
        self._open |= ends
        try:
            await asyncio.gather(_pump(reader, over), _pump(beyond, writer))
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until one side has no more."""
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()
