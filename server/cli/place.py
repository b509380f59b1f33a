"""A project of a data directory, for commands: in its file, or through the server that has it open."""

import asyncio
import fcntl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from milepost.server.cli.mistake import Mistake
from milepost.server.cli.watch import find_key
from milepost.server.errors import MilepostError, StartRefused
from milepost.server.store.database import Database
from milepost.server.store.store import Store

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="Data directory.", envvar="MILEPOST_DATA")]
Url = Annotated[
    str, typer.Option("--url", help="Where the server of the directory listens, if it runs.", envvar="MILEPOST_URL")
]
Project = Annotated[str, typer.Option("--project", help="The project's id or slug.")]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """One project of a data directory. ``url`` is where its server listens, if it runs."""

    data: Path
    url: str
    project: str

    def do(
        self, directly: Callable[[Store, str], Awaitable[Row]], method: str, path: str, body: Row | None = None
    ) -> Row:
        """What ``directly`` gives for the store and the project's id, or what the server answers at ``path``.

        Raises:
            Mistake: with what is wrong.
        """
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
        except (MilepostError, StartRefused) as error:
            raise Mistake(error.detail) from error
        finally:
            store.close()

    async def _directly(self, store: Store, directly: Callable[[Store, str], Awaitable[Row]]) -> Row:
        project = await store.project(self.project)
        return await directly(store, project.project_id)

    def _ask(self, method: str, path: str, body: Row | None) -> Row:
        try:
            return ask(self.url, find_key(None, self.data), method, f"projects/{self.project}/{path}", body)
        except NoAnswer as error:
            raise Mistake(
                f"a server has {self.data} open, and {error}; say with --url where it listens, or stop it"
            ) from error


class NoAnswer(Exception):
    """Nobody answers; the text says where, and why."""


def ask(url: str, secret: str, method: str, path: str, body: Row | None = None) -> Row:
    """What the server at ``url`` answers below ``/api/``.

    Raises:
        NoAnswer: it does not.
        Mistake: it answers with a problem.
    """
    try:
        answer = httpx.request(method, f"{url.rstrip('/')}/api/{path}", headers={"X-API-Key": secret}, json=body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoAnswer(f"{url} does not answer ({error})") from error
    if answer.is_error:
        raise Mistake(f"the server at {url} answered {answer.status_code}: {_detail(answer)}")
    found: Row = answer.json() if answer.content else {}
    return found


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
