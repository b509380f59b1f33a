"""Reads an answer's body with a bound, compressed or not."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterable, AsyncIterator

from milepost.graphs.failures import NodeError

AT_ONCE = 262_144
"""Bytes that are unpacked before others get their turn."""

_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""What zlib calls the encodings that are unpacked."""


def unpackable(encoding: str) -> bool:
    """Whether a body in this `Content-Encoding` is unpacked; in any other one it is handed on as it is."""
    return encoding.strip().lower() in _WINDOWS


async def pieces(received: AsyncIterable[bytes], encoding: str, max_bytes: int) -> AsyncIterator[bytes]:
    """A body piece by piece, unpacked. However much it swells to, no more than a piece is held.

    Raises `NodeError` `body_too_large` where it has more than `max_bytes`, and `request_failed`.
    """
    unpacked = _unpacked(received, encoding.strip().lower(), max_bytes) if unpackable(encoding) else received
    async for piece in _bounded(unpacked, max_bytes):
        yield piece


async def _bounded(parts: AsyncIterable[bytes], max_bytes: int) -> AsyncIterator[bytes]:
    size = 0
    async for part in parts:
        size += len(part)
        if size > max_bytes:
            raise NodeError("body_too_large", f"the answer has more than {max_bytes} bytes", retryable=False)
        yield part


async def _unpacked(received: AsyncIterable[bytes], encoding: str, max_bytes: int) -> AsyncIterator[bytes]:
    packed, begun = zlib.decompressobj(_WINDOWS[encoding]), False
    try:
        async for part in _bounded(received, max_bytes):
            begun, rest = True, part
            while rest and not packed.eof:
                yield packed.decompress(rest, AT_ONCE)
                rest = packed.unconsumed_tail
                if rest:
                    await asyncio.sleep(0)
    except zlib.error as error:
        raise NodeError("request_failed", f"the answer is not the {encoding} that it says it is: {error}") from error
    if begun and not packed.eof:
        raise NodeError("request_failed", f"the answer's {encoding} ends too early")
