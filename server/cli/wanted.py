"""What commands that run something are given: a workflow, and JSON objects. Wrong ones are mistakes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from milepost.server.cli.definitions import DefinitionFile, read_definition
from milepost.server.cli.mistake import Mistake
from milepost.server.errors import InvalidDefinition, MilepostError

UUID_LENGTH = 36

WorkflowArgument = Annotated[
    str, typer.Argument(metavar="FILE|ID", help="A definition, or the id of a stored workflow.")
]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Keep the run in this data directory. Default: a temporary one."),
]
VersionOption = Annotated[int | None, typer.Option("--version", min=1, help="Of a stored workflow. Default: latest.")]


def target(workflow: str, data: Path | None) -> DefinitionFile | str:
    """A definition's file, or the id of a workflow that is stored in ``data``.

    Raises:
        Mistake: it is neither.
    """
    path = Path(workflow)
    if path.exists():
        file = read_definition(path)
        if not isinstance(file.value, Mapping):
            raise Mistake(f"{path}: a definition is an object, not a {type(file.value).__name__}")
        return file
    if len(workflow) != UUID_LENGTH or workflow.count("-") != 4:
        raise Mistake(f"there is no file {workflow}")
    if data is None:
        raise Mistake("a workflow's id needs --data with the data directory where it is stored")
    return workflow


def json_object(option: str, given: str, example: str) -> Mapping[str, Any]:
    """The object that ``option`` was given, as JSON or as ``@FILE``.

    Raises:
        Mistake: it is none.
    """
    try:
        text = Path(given[1:]).read_bytes() if given.startswith("@") else given.encode()
        value = orjson.loads(text)
    except OSError as error:
        raise Mistake(f"{option}: {given[1:]}: {error.strerror}") from error
    except (ValueError, UnicodeError) as error:
        raise Mistake(f"{option} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Mistake(f"{option} must be a JSON object, like '{example}'")
    return value


def explained(error: MilepostError, wanted: DefinitionFile | str) -> str:
    """One line, or one for each problem of a definition file."""
    if isinstance(error, InvalidDefinition) and isinstance(wanted, DefinitionFile):
        return "\n".join(f"{wanted.place(each['path'])}: {each['message']}" for each in error.errors)
    return error.detail
