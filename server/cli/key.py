"""`milepost key …`: API keys of a data directory, in its file, or through the server that has it open."""

import asyncio
import fcntl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import httpx
import typer

from milepost.server.access.keys import Keys
from milepost.server.cli.mistake import Mistake
from milepost.server.cli.watch import DEFAULT_URL, find_key
from milepost.server.errors import MilepostError, NotFound, StartRefused
from milepost.server.store.database import Database
from milepost.server.store.rows import iso
from milepost.server.store.store import Store

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="Data directory.", envvar="MILEPOST_DATA")]
Url = Annotated[
    str, typer.Option("--url", help="Where the server of the directory listens, if it runs.", envvar="MILEPOST_URL")
]
Project = Annotated[str, typer.Option("--project", help="The project's id or slug.")]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of one project of a data directory."""

    data: Path
    url: str
    project: str

    def create(self, name: str) -> Row:
        """A new key with its ``secret``."""
        return self._do(lambda keys, project_id: _create(keys, name, project_id), "POST", "", {"name": name})

    def list(self) -> list[Row]:
        """The project's keys, revoked ones included."""
        found: list[Row] = self._do(_list, "GET", "")["items"]
        return found

    def revoke(self, key_id: str) -> None:
        """Make a key invalid."""
        self._do(lambda keys, project_id: _revoke(keys, key_id, project_id), "DELETE", f"/{key_id}")

    def _do(
        self, directly: Callable[[Keys, str], Awaitable[Row]], method: str, path: str, body: Row | None = None
    ) -> Row:
        database = self.data / "milepost.db"
        if not database.exists():
            raise Mistake(f"{self.data} is no data directory of a Milepost server; give it with --data")
        store = Store(Database(database))
        try:
            store.open()
        except StartRefused as refused:
            if not _in_use(self.data):
                raise Mistake(refused.detail) from refused
            return self._ask(method, path, body)
        try:
            return asyncio.run(self._directly(store, directly))
        except MilepostError as error:
            raise Mistake(error.detail) from error
        finally:
            store.close()

    async def _directly(self, store: Store, directly: Callable[[Keys, str], Awaitable[Row]]) -> Row:
        project = await store.project(self.project)
        return await directly(Keys(store), project.project_id)

    def _ask(self, method: str, path: str, body: Row | None) -> Row:
        secret = find_key(None, self.data)
        try:
            answer = httpx.request(
                method,
                f"{self.url.rstrip('/')}/api/projects/{self.project}/keys{path}",
                headers={"X-API-Key": secret},
                json=body,
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Mistake(
                f"a server has {self.data} open, and {self.url} does not answer ({error}); "
                "say with --url where it listens, or stop it"
            ) from error
        if answer.is_error:
            raise Mistake(f"the server at {self.url} answered {answer.status_code}: {_detail(answer)}")
        found: Row = answer.json() if answer.content else {}
        return found


def create(
    name: Annotated[str, typer.Argument(help="Whose it is or what it is for.")],
    data: Data = Path("data"),
    project: Project = "default",
    url: Url = DEFAULT_URL,
) -> None:
    """Make a key for one project and print its secret, once, on stdout."""
    if not name.isprintable() or not 1 <= len(name) <= 200:
        raise Mistake("a key's name is 1 to 200 printable characters")
    made = KeyRing(data, url, project).create(name)
    typer.echo(f"key {made['key_id']}; its secret is not shown again:", err=True)
    typer.echo(made["secret"])


def show(data: Data = Path("data"), project: Project = "default", url: Url = DEFAULT_URL) -> None:
    """List a project's keys: id, state, creation, name."""
    for row in KeyRing(data, url, project).list():
        state = "revoked" if row["revoked_at"] else f"expires {row['expires_at']}" if row["expires_at"] else "valid"
        typer.echo(f"{row['key_id']}  {state}  {row['created_at']}  {row['name']}")


def revoke(
    key: Annotated[UUID, typer.Argument(help="The key's id, as `milepost key list` shows it.")],
    data: Data = Path("data"),
    project: Project = "default",
    url: Url = DEFAULT_URL,
) -> None:
    """Make a key invalid; a running server refuses it within five seconds."""
    KeyRing(data, url, project).revoke(str(key))
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


def _in_use(data: Path) -> bool:
    """Whether a server holds the directory's lock."""
    with (data / "milepost.lock").open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("detail"))
    except ValueError:
        return answer.reason_phrase
