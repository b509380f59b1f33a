"""`milepost openapi`: the API's document, without a server."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import orjson
import typer

from milepost.graphs.node_types import Registry
from milepost.server.api import documentation
from milepost.server.api.api import create_api
from milepost.server.app import build
from milepost.server.cli.mistake import Mistake
from milepost.server.config import Settings
from milepost.server.serving import services


def openapi(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Where to write it. Default: print it.")] = None,
    schemas: Annotated[
        bool, typer.Option("--schemas", help="Only what bodies and answers are, without routes.")
    ] = False,
) -> None:
    """Write the OpenAPI document of the API as JSON. Opens no database and reads no settings."""
    with TemporaryDirectory() as nowhere:
        api = create_api(services(build(Settings.model_construct(data=Path(nowhere)), Registry())))
    document = documentation.openapi(api, api.version)
    if schemas:
        document |= {"paths": {}}
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
    if file is None:
        typer.echo(text)
        return
    try:
        file.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise Mistake(f"cannot write {file}: {error.strerror}") from error
