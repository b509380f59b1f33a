"""API keys: made, checked, revoked. A key is good for one project, or, the owner's, for the whole server."""

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

from uuid_utils import uuid7

from milepost.server.access.private_file import read_line, write_line
from milepost.server.access.recent import Recent
from milepost.server.errors import NotAuthenticated, NotFound
from milepost.server.store.rows import Key
from milepost.server.store.statements import statement
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

PREFIX = "mp_"

OWNER = "owner"

OF_A_KEY = ("can_view", "can_execute", "can_edit")
"""What a project's key may do in it. The owner may manage it too: keys and limits."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks. ``project_id`` None: may see every project. ``session_id``: of the browser that was signed in with
    the key; ``expires_at``, epoch ms: when the credential that was brought ends, if it does."""

    key_id: str
    name: str
    project_id: str | None
    session_id: str | None = None
    expires_at: int | None = None

    @property
    def owner(self) -> bool:
        """May make projects and see all of them."""
        return self.project_id is None

    @property
    def may(self) -> tuple[str, ...]:
        """Permissions in each project that it sees."""
        return (*OF_A_KEY, "can_manage") if self.owner else OF_A_KEY

    def sees(self, project_id: str) -> bool:
        """Whether the project exists for this identity."""
        return self.project_id is None or self.project_id == project_id


class Keys:
    """The server's API keys."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: Recent[Identity] = Recent()

    async def authenticate(self, secret: str) -> Identity:
        """Whose key ``secret`` is.

        Raises:
            NotAuthenticated: no such key, or it was revoked or has expired.
        """
        now = self._store.clock()
        hashed = hash_of(secret)
        known = self._known.get(hashed, now)
        if known is not None:
            return known
        key = await self._store.key(hashed)
        if key is None:
            self._known.forget(hashed)
            raise NotAuthenticated("there is no valid key like this one")
        identity = Identity(key.key_id, key.name, key.project_id, expires_at=key.expires_at)
        self._known.put(hashed, now, identity)
        return identity

    async def create(self, name: str, project_id: str | None, expires_at: int | None) -> tuple[Key, str]:
        """A new key and its secret, which is not stored and cannot be shown again. ``expires_at``: epoch ms."""
        secret = PREFIX + secrets.token_urlsafe(32)
        key = Key(str(uuid7()), project_id, name, self._store.clock(), expires_at, None)
        await self._store.commit(
            Unit(
                [
                    statement(
                        "insert_key",
                        1,
                        key_id=key.key_id,
                        project_id=project_id,
                        name=name,
                        secret_hash=hash_of(secret),
                        now=key.created_at,
                        expires_at=expires_at,
                    )
                ]
            )
        )
        return key, secret

    async def list(self) -> list[Key]:
        """All keys, revoked ones included, oldest first."""
        return [Key(*row) for row in await self._store.fetch("list_keys")]

    async def revoke(self, key_id: str) -> None:
        """Make a key invalid, at the latest after ``recent.TTL_MS``.

        Raises:
            NotFound: there is no such key, or it was revoked before.
        """
        found = [key for key in await self.list() if key.key_id == key_id and key.revoked_at is None]
        if not found:
            raise NotFound(f"there is no valid key {key_id}")
        await self._store.commit(Unit([statement("revoke_key", key_id=key_id, now=self._store.clock())]))
        self._known.clear()

    async def ensure_owner_key(self, data: Path) -> str:
        """The owner's secret, from the file ``owner.key`` in ``data``.

        Where the file is missing or holds no valid key, a new key is made and the one before revoked.
        """
        path = data / "owner.key"
        secret = read_line(path)
        if secret is not None:
            key = await self._store.key(hash_of(secret))
            if key is not None and key.project_id is None:
                return secret
        await self._store.commit(Unit([statement("revoke_owner_keys", now=self._store.clock())]))
        self._known.clear()
        _, secret = await self.create(OWNER, None, None)
        write_line(path, secret)
        return secret


def hash_of(secret: str) -> str:
    """What is stored of a secret that this server made."""
    # A secret has 256 random bits: nobody guesses it, so a slow hash would only slow every request down.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
