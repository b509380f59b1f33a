"""Finds a command's module when it is asked for, so that no command waits for the imports of another."""

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

Table = Mapping[str, "str | Table"]
"""Command names, each with where its function is or with commands of its own."""

COMMANDS: Table = {
    "init": "init:init",
    "serve": "serve:serve",
    "link": "link:link",
    "run": "run:run",
    "test": "dry_run:dry_run",
    "watch": "watch:watch",
    "validate": "validate:validate",
    "diff": "diff:diff",
    "key": {"create": "key:create", "list": "key:show", "revoke": "key:revoke"},
    "secret": {"set": "secret:set_", "list": "secret:show", "delete": "secret:delete"},
    "openapi": "openapi:openapi",
    "version": "version:version",
}

HELP = {
    "milepost": "Durable LangGraph runs: started, watched live, paused, resumed and cancelled at any moment.",
    "key": "API keys of a data directory.",
    "secret": "Secrets of a project: definitions read them, nobody gets them back.",
}


class Commands(TyperGroup):
    """A group whose commands are imported when they are looked up."""

    def __init__(self, name: str, table: Table) -> None:
        super().__init__(name=name, help=HELP[name], commands={})
        self._table = table

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """All names."""
        return list(self._table)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> "TyperCommand | Commands | None":  # type: ignore[override]
        """The command of that name."""
        found = self._table.get(cmd_name)
        if isinstance(found, Mapping):
            return Commands(cmd_name, found)
        return _load(cmd_name, found) if found else None


def _load(name: str, place: str) -> TyperCommand:
    module, _, attribute = place.partition(":")
    # What is imported stays: looking through it for garbage again and again is a tenth of the time to start.
    gc.disable()
    try:
        function: Callable[..., Any] = getattr(import_module(f"milepost.server.cli.{module}"), attribute)
    finally:
        gc.enable()
    app = typer.Typer(add_completion=False)
    app.command(name)(function)
    command = get_command(app)
    assert isinstance(command, TyperCommand)
    return command


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and leave with its exit code: 2 for a mistake of the user, 130 after Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = Commands("milepost", COMMANDS).main(given or ["--help"], prog_name="milepost", standalone_mode=False)
    except typer.TyperException as mistake:
        sys.stderr.write(f"milepost: {mistake.format_message()}\n")
        code = 2
    except typer.Abort:
        code = 130
    except BrokenPipeError:
        # Whoever read the output has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code if isinstance(code, int) else 0)
