"""Definition files: read with the line of every path."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from milepost.graphs.source import SourceError, read
from milepost.server.cli.mistake import Mistake


def read_definition(path: Path) -> Mapping[str, Any]:
    """The definition in a JSON or YAML file."""
    try:
        value, _ = read(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeError, SourceError) as error:
        raise Mistake(f"{path}: {error}") from error
    if not isinstance(value, Mapping):
        raise Mistake(f"{path}: a definition is an object with nodes, not a {type(value).__name__}")
    return value
