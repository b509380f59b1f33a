"""Definition files: read with the line of every path."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from milepost.graphs.source import Lines, SourceError, read
from milepost.server.cli.mistake import Mistake


@dataclass(frozen=True, slots=True)
class DefinitionFile:
    """A file that could be read. Whether ``value`` is a valid definition is not known here."""

    path: Path
    value: Any
    lines: Lines

    def place(self, path: str) -> str:
        """Where a part of the definition stands: ``FILE:LINE: PATH``."""
        return f"{self.path}:{self.lines(path)}: {path}".rstrip(": ")


def read_definition(path: Path) -> DefinitionFile:
    """The JSON or YAML in a file.

    Raises:
        Mistake: it cannot be read, or is neither.
    """
    try:
        return DefinitionFile(path, *read(path.read_text(encoding="utf-8"), path.name))
    except SourceError as error:
        raise Mistake(f"{path}:{error.line}: {error}") from error
    except OSError as error:
        raise Mistake(f"{path}: {error.strerror}") from error
    except UnicodeError as error:
        raise Mistake(f"{path}: {error}") from error
