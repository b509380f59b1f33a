"""Secrets that are good once: links that sign a browser in, and tickets that open a WebSocket."""

import secrets
from typing import Literal

from milepost.server.access.keys import Identity, hash_of
from milepost.server.errors import GuardFailed, LinkRefused, NotAuthenticated
from milepost.server.store.statements import statement
from milepost.server.store.store import Store
from milepost.server.store.unit import Row, Unit

LINK_MS = 15 * 60_000
"""How long a link can be opened."""

TICKET_MS = 30_000
"""How long a ticket can be used."""

_KEPT_MS = 86_400_000
"""How long it is known why a link no longer works."""

Purpose = Literal["link", "ticket"]


class OneTime:
    """The one-time secrets of a server. They stand in the database: whichever process is asked next knows them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def link(self, identity: Identity) -> tuple[str, int]:
        """A secret that signs a browser in as ``identity``, and until when (epoch ms)."""
        return await self._make("link", identity, LINK_MS)

    async def ticket(self, identity: Identity) -> tuple[str, int]:
        """A secret that opens a socket as ``identity``, and until when (epoch ms)."""
        return await self._make("ticket", identity, TICKET_MS)

    async def open_link(self, secret: str) -> Identity:
        """Whom a link signs in. It is used up.

        Raises:
            LinkRefused: ``reason`` says why.
        """
        row = await self._find("link", secret)
        if row is None:
            raise LinkRefused("link_unknown")
        expires_at, used_at = row[:2]
        if used_at is None and expires_at <= self._store.clock():
            raise LinkRefused("link_expired")
        if used_at is not None or not await self._use(secret):
            raise LinkRefused("link_used")
        return Identity(*row[3:])

    async def redeem(self, ticket: str) -> Identity:
        """Who may open a socket with a ticket. It is used up.

        Raises:
            NotAuthenticated: there is no such ticket, or it was used or is too old.
        """
        row = await self._find("ticket", ticket)
        if row is None or row[1] is not None or not await self._use(ticket):
            raise NotAuthenticated("there is no valid ticket like this one")
        key_id, name, project_id = row[3:]
        return Identity(key_id, name, project_id, session_id=row[2])

    async def _make(self, purpose: Purpose, identity: Identity, lasts: int) -> tuple[str, int]:
        now, secret = self._store.clock(), f"mp_{purpose}_{secrets.token_urlsafe(32)}"
        made = statement(
            "insert_one_time",
            1,
            secret_hash=hash_of(secret),
            purpose=purpose,
            key_id=identity.key_id,
            session_id=identity.session_id if purpose == "ticket" else None,
            now=now,
            expires_at=now + lasts,
        )
        await self._store.commit(Unit([statement("drop_old_one_time", since=now - _KEPT_MS), made]))
        return secret, now + lasts

    async def _find(self, purpose: Purpose, secret: str) -> Row | None:
        """Read before anything is written: who guesses makes no commits."""
        found = {"secret_hash": hash_of(secret), "purpose": purpose, "now": self._store.clock()}
        return await self._store.fetch_one("find_one_time", **found)

    async def _use(self, secret: str) -> bool:
        used = statement("use_one_time", 1, secret_hash=hash_of(secret), now=self._store.clock())
        try:
            await self._store.commit(Unit([used]))
        except GuardFailed:
            return False
        return True
