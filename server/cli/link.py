"""`milepost link`: a fresh link that signs one browser in at a running server."""

from pathlib import Path

import typer

from milepost.server.cli.mistake import Mistake
from milepost.server.cli.place import Data, NoAnswer, Url, ask
from milepost.server.cli.watch import DEFAULT_URL, find_key


def link(data: Data = Path("data"), url: Url = DEFAULT_URL) -> None:
    """Print a link that signs one browser in as the owner, once, within 15 minutes."""
    try:
        made = ask(url, find_key(None, data), "POST", "auth/link")
    except NoAnswer as error:
        raise Mistake(f"{error}: start it with `milepost serve`, or say with --url where it listens") from error
    typer.echo(made["url"])
