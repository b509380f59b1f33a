"""`milepost watch`: follows a run on a server."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from milepost.server.cli.display import display_for
from milepost.server.cli.following import Following, Place
from milepost.server.cli.mistake import Mistake

DEFAULT_URL = "http://127.0.0.1:8000"


def watch(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")],
    url: Annotated[str, typer.Option("--url", help="The server.", envvar="MILEPOST_URL")] = DEFAULT_URL,
    key: Annotated[
        str | None, typer.Option("--key", help="An API key. Better in MILEPOST_KEY: others see options.")
    ] = None,
    project: Annotated[str, typer.Option("--project", help="The project's id or slug.")] = "default",
    after: Annotated[int, typer.Option("--after", min=0, help="Only events behind this seq.")] = 0,
    data: Annotated[
        Path,
        typer.Option("--data", metavar="DIR", help="Data directory whose owner.key is used.", envvar="MILEPOST_DATA"),
    ] = Path("data"),
) -> int:
    """Follow a run on a server until it ends, through lost connections. Exits 0 completed, 1 failed or cancelled."""
    place = Place(url, project, run, find_key(key, data))
    with display_for(Console(stderr=True)) as display:
        status = Following(place, after, display.show).follow(display.say)
    return 0 if status == "COMPLETED" else 1


def find_key(key: str | None, data: Path) -> str:
    """The key to use: the one given, MILEPOST_KEY, or that of the data directory's owner."""
    given = key or os.environ.get("MILEPOST_KEY")
    if given:
        return given
    path = data / "owner.key"
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a key"
        raise Mistake(f"no key: give --key or MILEPOST_KEY, or --data DIR ({path}: {reason})") from error
