"""`milepost init`: a directory to begin in, with example definitions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import orjson
import typer

from milepost.graphs.examples import example_files
from milepost.server.cli.mistake import Mistake

IGNORED = "# What the server stores, its keys included.\ndata/\n"

README = """# {name}

Workflows for Milepost.

| | |
|---|---|
{rows}

Check them, run one here, or serve them:

```sh
milepost validate *.json
milepost run {first}
milepost serve
```

The server keeps what it stores in `data/`, the owner's key too: that is why .gitignore has it.
"""


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Made if there is none.")],
    example: Annotated[
        list[str] | None,
        typer.Option("--example", metavar="NAME", help="An example to write; may be repeated. Default: all."),
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="Print the names of the examples and write nothing.")] = False,
) -> None:
    """Write a directory with example definitions, a README and a .gitignore. Overwrites nothing."""
    known = example_files()
    if show:
        for name, text in known.items():
            typer.echo(f"{name}: {orjson.loads(text)['description']}")
        return
    missing = [name for name in example or () if name not in known]
    if missing:
        raise Mistake(f"there is no example {', '.join(missing)}; there are {', '.join(known)}")
    chosen = {name: text for name, text in known.items() if not example or name in example}
    written = _write(directory, _files(directory, chosen))
    typer.echo(f"{directory}: {', '.join(written)}")


def _files(directory: Path, chosen: Mapping[str, bytes]) -> dict[str, bytes]:
    rows = "\n".join(
        f"| [{name}.json]({name}.json) | {orjson.loads(text)['description']} |" for name, text in chosen.items()
    )
    readme = README.format(name=directory.resolve().name, rows=rows, first=f"{next(iter(chosen))}.json")
    definitions = {f"{name}.json": text for name, text in chosen.items()}
    return {"README.md": readme.encode(), ".gitignore": IGNORED.encode(), **definitions}


def _write(directory: Path, wanted: Mapping[str, bytes]) -> list[str]:
    there = [name for name in wanted if (directory / name).is_symlink() or (directory / name).exists()]
    if there:
        raise Mistake(f"{directory} has {', '.join(there)} already; nothing was written")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in wanted.items():
            with (directory / name).open("xb") as file:
                file.write(content)
    except OSError as error:
        raise Mistake(f"cannot write to {directory}: {error.strerror}") from error
    return list(wanted)
