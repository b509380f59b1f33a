"""Many viewers of one run in one process: `python -m tests.acceptance.audience URL KEY RUN_ID COUNT`.

Prints ``open`` when every socket has had its hello, then, when all have ended, one JSON line about what they received.
Frames are kept as bytes and read at the end, so that the viewers keep up on a small machine.
"""

import asyncio
import base64
import json
import os
import sys
import time
from datetime import datetime
from typing import cast
from urllib.parse import urlsplit

from tests.acceptance.process import RUNS

TAIL = 1000
"""Bytes of the newest that are searched."""

CLOSE = b"\x88\x82\0\0\0\0\x03\xe8"
"""A masked close frame with the code 1000."""


class Viewer(asyncio.Protocol):
    """One socket: its handshake, then whatever comes, with the time of each arrival."""

    def __init__(self, request: bytes) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.arrivals: list[tuple[float, bytes]] = []
        self._request = request
        self._tail = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the socket."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Keep it; answer the server's close frame."""
        self.arrivals.append((time.time(), data))
        recent = self._tail + data
        self._tail = recent[-TAIL:]
        if not self.greeted.done() and b'"hello"' in recent:
            self.greeted.set_result(None)
        # Events are ASCII here: no other byte looks like the head of a close frame.
        close = self._tail.rfind(b"\x88")
        if self._transport is not None and close >= 0 and take_frame(self._tail[close:]) is not None:
            self._transport.write(CLOSE)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server closed it."""
        for future in (self.greeted, self.ended):
            if not future.done():
                future.set_result(None)

    def eof_received(self) -> None:
        """Close this side too."""

    def events(self) -> list[tuple[float, dict[str, object]]]:
        """Every event with the time at which its last byte came."""
        found: list[tuple[float, dict[str, object]]] = []
        rest, head = b"", True
        for at, data in self.arrivals:
            rest += data
            if head:
                if b"\r\n\r\n" not in rest:
                    continue
                rest, head = rest.partition(b"\r\n\r\n")[2], False
            while (split := take_frame(rest)) is not None:
                opcode, payload, rest = split
                if opcode == 1:
                    found += [(at, event) for event in json.loads(payload).get("events", ())]
        return found

    def close_code(self) -> int | None:
        """The code of the server's close frame."""
        rest = b"".join(data for _, data in self.arrivals).partition(b"\r\n\r\n")[2]
        while (split := take_frame(rest)) is not None:
            opcode, payload, rest = split
            if opcode == 8:
                return int.from_bytes(payload[:2])
        return None


def take_frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """(opcode, payload, what follows) of a server's frame; None while it is not complete."""
    if len(data) < 2:
        return None
    size, start = data[1] & 0x7F, 2
    if size >= 126:
        start = 4 if size == 126 else 10
        size = int.from_bytes(data[2:start])
    if len(data) < start + size:
        return None
    return data[0] & 0x0F, data[start : start + size], data[start + size :]


def handshake(url: str, key: str, run_id: str) -> bytes:
    """The request that opens a socket on a run."""
    token = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {RUNS}/{run_id}/ws HTTP/1.1",
        f"Host: {urlsplit(url).netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {token}",
        "Sec-WebSocket-Version: 13",
        f"X-API-Key: {key}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def attend(url: str, key: str, run_id: str, count: int) -> dict[str, object]:
    """Open the sockets, wait until all are closed, and tell what came."""
    loop, address = asyncio.get_running_loop(), urlsplit(url)
    viewers: list[Viewer] = []
    for _ in range(count):
        _, viewer = await loop.create_connection(
            lambda: Viewer(handshake(url, key, run_id)), str(address.hostname), int(address.port or 80)
        )
        viewers.append(viewer)
    await asyncio.gather(*(viewer.greeted for viewer in viewers))
    sys.stdout.write("open\n")
    sys.stdout.flush()
    await asyncio.gather(*(viewer.ended for viewer in viewers))
    return report(viewers)


def report(viewers: list[Viewer]) -> dict[str, object]:
    """How many viewers got every event once and in order, their close codes, and the lags of live events in seconds."""
    whole, lags, last = 0, [], 0
    for viewer in viewers:
        events = viewer.events()
        seqs = [int(str(event["seq"])) for _, event in events]
        whole += seqs == list(range(1, len(seqs) + 1))
        last = max(last, len(seqs))
        lags += [at - timestamp(str(event["ts"])) for at, event in events if event["type"] == "node.log"]
    complete = sum(len(viewer.events()) == last for viewer in viewers)
    lags.sort()
    return {
        "viewers": len(viewers),
        "in_order": whole,
        "complete": complete,
        "events": last,
        "close_codes": sorted({viewer.close_code() or 0 for viewer in viewers}),
        "lag_p50": lags[len(lags) // 2] if lags else 0.0,
        "lag_p99": lags[len(lags) * 99 // 100] if lags else 0.0,
    }


def timestamp(text: str) -> float:
    """Seconds since 1970 of an event's ``ts``."""
    return datetime.fromisoformat(text).timestamp()


def main() -> None:
    """As the module says."""
    url, key, run_id, count = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(attend(url, key, run_id, int(count)))) + "\n")


if __name__ == "__main__":
    main()
