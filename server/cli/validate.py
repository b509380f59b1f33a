"""`milepost validate`: every problem of definition files with its line."""

from pathlib import Path
from typing import Annotated

import typer

from milepost.graphs.node_types import Registry
from milepost.graphs.program import validate as check
from milepost.graphs.source import SourceError, read


def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Definitions in JSON or YAML.")],
) -> int:
    """Check definitions and print every problem as FILE:LINE: PATH: MESSAGE. Exits 1 where there is one."""
    registry = Registry.installed()
    return max(_validate(file, registry) for file in files)


def _validate(file: Path, registry: Registry) -> int:
    try:
        value, locate = read(file.read_text(encoding="utf-8"), str(file))
    except SourceError as error:
        typer.echo(f"{error}", err=True)
        return 1
    except (OSError, UnicodeError) as error:
        typer.echo(f"milepost: {file}: {getattr(error, 'strerror', None) or error}", err=True)
        return 2
    report = check(value, registry)
    for kind, problems in (("error", report.errors), ("warning", report.warnings)):
        for problem in problems:
            place = f"{problem.path}: " if problem.path else ""
            typer.echo(f"{file}:{locate(problem.path)}: {kind}: {place}{problem.message} [{problem.code}]", err=True)
    if report.valid:
        typer.echo(f"{file}: valid")
    return 0 if report.valid else 1
