"""`milepost secret …`: a project's secrets. Values come from standard input, never from the command line."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from milepost.server import logs
from milepost.server.access.cipher import Cipher
from milepost.server.access.keys import Identity
from milepost.server.access.secrets import Secrets, check_name
from milepost.server.cli.mistake import Mistake
from milepost.server.cli.place import Data, Place, Project, Url
from milepost.server.cli.watch import DEFAULT_URL
from milepost.server.config import load_settings
from milepost.server.errors import InvalidRequest, StartRefused
from milepost.server.store.rows import iso
from milepost.server.store.store import Store

ACTOR = Identity("command", "command", None)
Name = Annotated[str, typer.Argument(help="Letters, digits and _, like OPENAI_API_KEY.")]


def set_(
    name: Name,
    data: Data = Path("data"),
    project: Project = "default",
    url: Url = DEFAULT_URL,
) -> None:
    """Store a secret: its value is read from standard input, or asked for on a terminal."""
    _named(name)
    value = _value()

    async def directly(store: Store, project_id: str) -> Mapping[str, Any]:
        secrets = _secrets(store, data)
        secrets.check()
        await secrets.set(ACTOR, project_id, name, value)
        return {}

    Place(data, url, project).do(directly, "PUT", f"secrets/{name}", {"value": value})
    typer.echo(f"secret {name} is set", err=True)


def show(data: Data = Path("data"), project: Project = "default", url: Url = DEFAULT_URL) -> None:
    """List a project's secrets: the time each was set last, and its name."""

    async def directly(store: Store, project_id: str) -> Mapping[str, Any]:
        rows = await _secrets(store, data).page(project_id)
        return {"items": [{"name": row.name, "updated_at": iso(row.updated_at)} for row in rows]}

    for row in Place(data, url, project).do(directly, "GET", "secrets?limit=1000")["items"]:
        typer.echo(f"{row['updated_at']}  {row['name']}")


def delete(
    name: Name,
    data: Data = Path("data"),
    project: Project = "default",
    url: Url = DEFAULT_URL,
) -> None:
    """Forget a secret. Runs that read it fail from then on."""
    _named(name)

    async def directly(store: Store, project_id: str) -> Mapping[str, Any]:
        await _secrets(store, data).delete(ACTOR, project_id, name)
        return {}

    Place(data, url, project).do(directly, "DELETE", f"secrets/{name}")
    typer.echo(f"secret {name} is deleted", err=True)


def _named(name: str) -> None:
    try:
        check_name(name)
    except InvalidRequest as error:
        raise Mistake(error.detail) from error


def _value() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("value", hide_input=True, confirmation_prompt=True, err=True))
    try:
        # What writes a line ends it; the end is no part of the secret.
        return sys.stdin.buffer.read().decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise Mistake("the value is not UTF-8") from error


def _secrets(store: Store, data: Path) -> Secrets:
    # Standard output is for what the command gives.
    logs.configure("warning", sys.stderr, logs.Veils())
    try:
        settings = load_settings(data=data)
    except StartRefused as refused:
        raise Mistake(refused.detail) from refused
    return Secrets(store, Cipher(data, settings.secret_key))
