"""The server's end of one WebSocket: sends frames, tells whether the other side still reads, closes within bounds.

Under uvicorn the protocol class here lets all viewers of a run share one encoded frame, bounds what the kernel buffers,
and ends connections whose peer does not read. Any other ASGI server works through plain ASGI messages.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.websockets import WebSocket
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

from milepost.server.errors import ViewerTooSlow

EXTENSION = "milepost.peer"

UNSENT = 16 * 1024
"""Bytes, once in the kernel and once before it, that may lie unsent for one viewer. More would hide that it does not
read. What is on its way does not count, so a distant viewer is not slowed down."""

CLOSE_TIMEOUT = 5.0
"""Seconds that a closing handshake may take before the connection is cut."""

SLOW_CLOSE_TIMEOUT = 60.0
"""The same for a viewer that reads too slowly: it has to read what was sent before to see the code."""

REASON_BYTES = 120


class Protocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol with shared frames and bounded buffers; give it to uvicorn as ``ws``."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.close_timeout = CLOSE_TIMEOUT

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bound what waits to be sent."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=UNSENT)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)

    def handle_connect(self, event: Any) -> None:
        """Offer ``write`` and ``drop`` to the application, whose task has not begun yet."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"][EXTENSION] = {"write": self.write, "drop": self.drop}

    def keepalive_timeout(self) -> None:
        """A peer that has not answered a ping for so long is gone, or has so much unread that it is too slow."""
        self.drop(ViewerTooSlow.close_code, "no answer to a ping")

    async def write(self, frame: bytes) -> None:
        """Send an encoded frame as soon as the peer has read what came before."""
        await self.writable.wait()
        if self.disconnected or self.close_sent:
            raise ClientDisconnected
        self.transport.write(frame)

    def drop(self, code: int, reason: str) -> None:
        """Close without waiting for the peer to read; cut the connection if it does not go by itself."""
        if self.transport.is_closing():
            return
        if not self.close_sent:
            self.stop_keepalive()
            self.conn.send_close(code, reason)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
            if self.read_paused:
                self.read_paused = False
                self.transport.resume_reading()
        if self.close_timer is not None:
            self.close_timer.cancel()
        patience = SLOW_CLOSE_TIMEOUT if code == ViewerTooSlow.close_code else CLOSE_TIMEOUT
        self.close_timer = self.loop.call_later(patience, self.transport.abort)


class Peer:
    """One accepted WebSocket. Several tasks may send."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        offered = websocket.scope.get("extensions", {}).get(EXTENSION, {})
        self._write: Callable[[bytes], Awaitable[None]] | None = offered.get("write")
        self._drop: Callable[[int, str], None] | None = offered.get("drop")
        self._blocked_since: float | None = None
        self.encode: Callable[[bytes], bytes] = _framed if self._write is not None else _plain

    def blocked_for(self) -> float:
        """Seconds that the oldest frame has been waiting for the peer to read; 0 when none is."""
        return 0.0 if self._blocked_since is None else asyncio.get_running_loop().time() - self._blocked_since

    async def send(self, message: bytes) -> None:
        """Send JSON as a text message."""
        await self.send_encoded(self.encode(message))

    async def send_encoded(self, frame: bytes) -> None:
        """Send what ``encode`` gave."""
        if self._blocked_since is None:
            self._blocked_since = asyncio.get_running_loop().time()
        try:
            if self._write is not None:
                await self._write(frame)
            else:
                await self._websocket.send_text(frame.decode())
        finally:
            self._blocked_since = None

    async def close(self, code: int, reason: str = "") -> None:
        """Close with a code; the connection is cut if the peer does not take it in ``CLOSE_TIMEOUT`` seconds."""
        short = reason.encode()[:REASON_BYTES].decode(errors="ignore")
        if self._drop is not None:
            self._drop(code, short)
            return
        await asyncio.wait_for(self._websocket.close(code, short), CLOSE_TIMEOUT)


def _framed(message: bytes) -> bytes:
    return Frame(Opcode.TEXT, message).serialize(mask=False)


def _plain(message: bytes) -> bytes:
    return message
