"""A project's secrets: set, listed by name, deleted, and read by the engine alone. Nobody gets a value back."""

from collections.abc import Collection, Mapping

import structlog

from milepost.graphs.expressions.scope import SECRET_NAME
from milepost.graphs.problems import Problem
from milepost.graphs.veil import SHORTEST
from milepost.server.access.cipher import Cipher
from milepost.server.access.keys import Identity
from milepost.server.errors import GuardFailed, InvalidRequest, NotFound, SecretUnreadable, StartRefused
from milepost.server.store.rows import SecretRow
from milepost.server.store.statements import SQL, statement, to_json
from milepost.server.store.store import Store
from milepost.server.store.unit import Row, Unit

LONGEST = 64 * 1024
"""Bytes of a value."""

log = structlog.get_logger("milepost.access")


class Secrets:
    """The secrets of all projects."""

    def __init__(self, store: Store, cipher: Cipher) -> None:
        self._store = store
        self._cipher = cipher

    async def set(self, actor: Identity, project_id: str, name: str, value: str) -> SecretRow:
        """Store a value under a name, in the place of one that was there.

        Raises:
            InvalidRequest: a wrong name, or a value that is too short to be covered or too long.
        """
        check_name(name)
        _check_value(value)
        sealed = self._cipher.seal(project_id, name, value)
        now = self._store.clock()
        put = statement("put_secret", 1, project_id=project_id, name=name, ciphertext=sealed, now=now)
        await self._store.commit(Unit([put]))
        log.info("secret set", project_id=project_id, name=name, by=actor.name, key_id=actor.key_id)
        row = await self._store.fetch_one("get_secret", project_id=project_id, name=name)
        return SecretRow(name, now, now) if row is None else SecretRow(*row)

    async def page(self, project_id: str, after: str = "", limit: int = 1000) -> list[SecretRow]:
        """Secrets by name, those behind ``after``."""
        rows = await self._store.fetch("list_secrets", project_id=project_id, after=after, limit=limit)
        return [SecretRow(*row) for row in rows]

    async def delete(self, actor: Identity, project_id: str, name: str) -> None:
        """Forget a secret.

        Raises:
            NotFound: there is none.
        """
        try:
            await self._store.commit(Unit([statement("delete_secret", 1, project_id=project_id, name=name)]))
        except GuardFailed as error:
            raise NotFound(f"there is no secret {name} in this project") from error
        log.info("secret deleted", project_id=project_id, name=name, by=actor.name, key_id=actor.key_id)

    async def unset(self, project_id: str, read: Mapping[str, str]) -> list[Problem]:
        """A problem for each secret that is read and that the project does not have. ``read`` has paths by name."""
        if not read:
            return []
        missing = set(read).difference(name for name, _ in await self._sealed(project_id, read))
        return [
            Problem(read[name], "secret_not_set", f"the project has no secret {name!r}") for name in sorted(missing)
        ]

    async def reveal(self, project_id: str, names: Collection[str]) -> dict[str, str]:
        """The values of those of the names that the project has a secret for. From any event loop.

        Raises:
            SecretUnreadable: one does not open with the server's key.
        """
        return {
            name: self._cipher.open(project_id, name, sealed) for name, sealed in await self._sealed(project_id, names)
        }

    async def _sealed(self, project_id: str, names: Collection[str]) -> list[Row]:
        return await self._store.fetch("some_secrets", project_id=project_id, names=to_json(sorted(names)))

    def check(self) -> None:
        """Whether the server's key is that of the stored secrets. Blocks.

        Raises:
            StartRefused: it is not, or there is none.
        """
        rows = self._store.reader.fetch(SQL["any_secret"], {}).result()
        try:
            for project_id, name, sealed in rows:
                self._cipher.open(project_id, name, sealed)
        except SecretUnreadable as error:
            raise StartRefused(error.detail) from error


def check_name(name: str) -> None:
    """Raise `InvalidRequest` for what cannot be a secret's name."""
    if not SECRET_NAME.fullmatch(name):
        raise _wrong("name", "a secret's name has 1 to 64 of A-Z, a-z, 0-9 and _, and does not begin with a digit")


def _check_value(value: str) -> None:
    if len(value.strip()) < SHORTEST:
        # Not shown: a short secret is guessed from little.
        raise _wrong(
            "value", f"a secret has at least {SHORTEST} characters: a shorter one cannot be told from other text"
        )
    if len(value.encode()) > LONGEST:
        raise _wrong("value", f"a secret has at most {LONGEST} bytes")


def _wrong(path: str, message: str) -> InvalidRequest:
    return InvalidRequest(message, errors=[{"path": path, "code": "invalid_secret", "message": message}])
