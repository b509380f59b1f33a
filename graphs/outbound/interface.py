"""What nodes see of the way out: every request goes through it, and it refuses what the server does not allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import httpx


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whole. `url` is where it came from, after redirects."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Outbound(Protocol):
    """The only way out. Only http and https; addresses are checked when they are connected to."""

    def client(self) -> httpx.AsyncClient:
        """A client for libraries that bring their own protocol; the caller closes it. It follows no redirect."""
        ...

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
        """Send one request, follow its redirects and read the whole answer.

        `within` is in seconds and bounds everything from the look-up to the last byte; `max_bytes` bounds the body.
        Raises `NodeError`: `address_refused`, `request_failed`, `request_timed_out`, `body_too_large`,
        `too_many_redirects`.
        """
        ...
