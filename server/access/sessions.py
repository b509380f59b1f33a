"""Browsers that are signed in: a secret in a cookie, its hash in the database. A session is good as long as its key."""

import hmac
import secrets
from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass

from uuid_utils import uuid7

from milepost.server.access.keys import Identity, hash_of
from milepost.server.access.recent import Recent
from milepost.server.errors import NotAuthenticated, WriteFailed
from milepost.server.store.statements import statement
from milepost.server.store.store import Store
from milepost.server.store.unit import Row, Unit

PREFIX = "mp_session_"

DAY = 86_400_000

IDLE_MS = 14 * DAY
"""A session that nobody used for so long has ended."""

LONGEST_MS = 30 * DAY
"""A session ends after so long, however much it is used."""

SEEN_MS = 3_600_000
"""How often the use of a session is written down."""

_PURPOSE = b"milepost csrf token"


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a browser gets: the secret, which is not stored, and who it then is."""

    secret: str
    identity: Identity


class Sessions:
    """The sessions of a server."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: Recent[Identity] = Recent()

    async def begin(self, signed_in: Identity) -> NewSession:
        """A session for whoever brought a valid credential."""
        now, secret, session_id = self._store.clock(), PREFIX + secrets.token_urlsafe(32), str(uuid7())
        ends = _end(now, now)
        made = statement(
            "insert_session",
            1,
            session_id=session_id,
            key_id=signed_in.key_id,
            secret_hash=hash_of(secret),
            now=now,
            expires_at=ends,
        )
        await self._store.commit(Unit([statement("drop_ended_sessions", now=now), made]))
        until = min(ends, signed_in.expires_at or ends)
        return NewSession(
            secret, Identity(signed_in.key_id, signed_in.name, signed_in.project_id, session_id, expires_at=until)
        )

    async def authenticate(self, secret: str) -> Identity:
        """Whose session this is.

        Raises:
            NotAuthenticated: there is none, or it or its key has ended.
        """
        now, hashed = self._store.clock(), hash_of(secret)
        known = self._known.get(hashed, now)
        if known is not None:
            return known
        row = await self._store.fetch_one("find_session", secret_hash=hashed, now=now)
        if row is None:
            self._known.forget(hashed)
            raise NotAuthenticated("the session has ended: sign in again")
        identity = await self._seen(row, now)
        self._known.put(hashed, now, identity)
        return identity

    async def _seen(self, row: Row, now: int) -> Identity:
        session_id, created_at, seen_at, ends, key_id, name, project_id, key_ends = row
        if now - seen_at >= SEEN_MS:
            ends = _end(created_at, now)
            touch = statement("touch_session", session_id=session_id, now=now, expires_at=ends)
            # A disk that is full keeps nobody from looking.
            with suppress(WriteFailed):
                await self._store.commit(Unit([touch]))
        return Identity(key_id, name, project_id, session_id, expires_at=min(ends, key_ends or ends))

    async def check(self, let_in: Identity) -> None:
        """Look whether who was let in earlier, and is still connected, would be let in now.

        Raises:
            NotAuthenticated: the key or the session has ended since.
        """
        asked = {"key_id": let_in.key_id, "session_id": let_in.session_id, "now": self._store.clock()}
        if await self._store.fetch_one("still_valid", **asked) is None:
            raise NotAuthenticated("the session has ended: sign in again" if let_in.session_id else "the key has ended")

    async def end(self, session_id: str) -> None:
        """Sign out: the session's secret is worth nothing from now on."""
        await self._store.commit(Unit([statement("end_session", session_id=session_id)]))
        self._known.clear()


def csrf_token(secret: str) -> str:
    """What a page must send with each request that changes something. Who cannot read the page cannot know it."""
    return urlsafe_b64encode(hmac.digest(secret.encode("utf-8", "surrogatepass"), _PURPOSE, "sha256")).decode()


def _end(created_at: int, seen_at: int) -> int:
    return min(created_at + LONGEST_MS, seen_at + IDLE_MS)
