"""`milepost key …`: API keys of a data directory, in its file, or through the server that has it open."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from milepost.server.access.keys import Keys
from milepost.server.cli.mistake import Mistake
from milepost.server.cli.place import Data, Place, Project, Row, Url
from milepost.server.cli.watch import DEFAULT_URL
from milepost.server.errors import NotFound
from milepost.server.store.rows import iso


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of one project of a data directory."""

    place: Place

    def create(self, name: str) -> Row:
        """A new key with its ``secret``."""
        return self.place.do(
            lambda store, project_id: _create(Keys(store), name, project_id), "POST", "keys", {"name": name}
        )

    def list(self) -> list[Row]:
        """The project's keys, revoked ones included."""
        found: list[Row] = self.place.do(lambda store, project_id: _list(Keys(store), project_id), "GET", "keys")[
            "items"
        ]
        return found

    def revoke(self, key_id: str) -> None:
        """Make a key invalid."""
        self.place.do(lambda store, project_id: _revoke(Keys(store), key_id, project_id), "DELETE", f"keys/{key_id}")


def create(
    name: Annotated[str, typer.Argument(help="Whose it is or what it is for.")],
    data: Data = Path("data"),
    project: Project = "default",
    url: Url = DEFAULT_URL,
) -> None:
    """Make a key for one project and print its secret, once, on stdout."""
    if not name.isprintable() or not 1 <= len(name) <= 200:
        raise Mistake("a key's name is 1 to 200 printable characters")
    made = KeyRing(Place(data, url, project)).create(name)
    typer.echo(f"key {made['key_id']}; its secret is not shown again:", err=True)
    typer.echo(made["secret"])


def show(data: Data = Path("data"), project: Project = "default", url: Url = DEFAULT_URL) -> None:
    """List a project's keys: id, state, creation, name."""
    for row in KeyRing(Place(data, url, project)).list():
        state = "revoked" if row["revoked_at"] else f"expires {row['expires_at']}" if row["expires_at"] else "valid"
        typer.echo(f"{row['key_id']}  {state}  {row['created_at']}  {row['name']}")


def revoke(
    key: Annotated[UUID, typer.Argument(help="The key's id, as `milepost key list` shows it.")],
    data: Data = Path("data"),
    project: Project = "default",
    url: Url = DEFAULT_URL,
) -> None:
    """Make a key invalid; a running server refuses it within five seconds."""
    KeyRing(Place(data, url, project)).revoke(str(key))
    typer.echo(f"key {key} is revoked", err=True)


async def _create(keys: Keys, name: str, project_id: str) -> Row:
    key, secret = await keys.create(name, project_id, None)
    return {"key_id": key.key_id, "secret": secret}


async def _list(keys: Keys, project_id: str) -> Row:
    return {
        "items": [
            {
                "key_id": key.key_id,
                "name": key.name,
                "created_at": iso(key.created_at),
                "expires_at": iso(key.expires_at),
                "revoked_at": iso(key.revoked_at),
            }
            for key in await keys.list()
            if key.project_id == project_id
        ]
    }


async def _revoke(keys: Keys, key_id: str, project_id: str) -> Row:
    if not any(key.key_id == key_id and key.project_id == project_id for key in await keys.list()):
        raise NotFound(f"there is no key {key_id} in this project")
    await keys.revoke(key_id)
    return {}
