"""`milepost validate`: every problem of definition files with its line."""

from pathlib import Path
from typing import Annotated

import typer

from milepost.graphs.node_types import Registry
from milepost.graphs.program import validate as check
from milepost.server.cli.definitions import read_definition
from milepost.server.cli.mistake import Mistake


def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Definitions in JSON or YAML.")],
) -> int:
    """Check definitions and print every problem as FILE:LINE: PATH: MESSAGE. Exits 1 where there is an error."""
    registry = Registry.installed()
    return max(_validate(file, registry) for file in files)


def _validate(path: Path, registry: Registry) -> int:
    try:
        file = read_definition(path)
    except Mistake as unreadable:
        typer.echo(unreadable.message, err=True)
        return 1
    report = check(file.value, registry)
    for problem in report.errors:
        typer.echo(f"{file.place(problem.path)}: {problem.message} [{problem.code}]", err=True)
    for problem in report.warnings:
        typer.echo(f"{file.place(problem.path)}: warning: {problem.message} [{problem.code}]", err=True)
    if report.valid:
        typer.echo(f"{path}: valid")
    return 0 if report.valid else 1
