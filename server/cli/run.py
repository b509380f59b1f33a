"""`milepost run`: a definition in this process, with its events on stderr and its output on stdout."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from milepost.server import logs
from milepost.server.cli.definitions import DefinitionFile
from milepost.server.cli.display import Display, display_for
from milepost.server.cli.mistake import Mistake
from milepost.server.cli.wanted import DataOption, VersionOption, WorkflowArgument, explained, json_object
from milepost.server.cli.wanted import target as wanted_of
from milepost.server.embedding import Milepost, RunHandle
from milepost.server.errors import MilepostError
from milepost.server.runs.start import MAX_PRIORITY
from milepost.server.states import RunStatus

INTERRUPTED = 130
WAITING = 3


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be run: a definition or a stored workflow's id, its input, and when and at which version."""

    target: DefinitionFile | str
    input: Mapping[str, Any]
    how: Mapping[str, Any]

    @property
    def definition(self) -> Any:
        """As `Milepost.start` takes it."""
        return self.target if isinstance(self.target, str) else self.target.value


def run(
    workflow: WorkflowArgument,
    given: Annotated[
        str, typer.Option("--input", metavar="JSON|@FILE", help="The run's input: a JSON object, or a file of one.")
    ] = "{}",
    data: DataOption = None,
    version: VersionOption = None,
    priority: Annotated[
        int, typer.Option("--priority", min=-MAX_PRIORITY, max=MAX_PRIORITY, help="Before others of the directory.")
    ] = 0,
    start_at: Annotated[
        str | None,
        typer.Option("--start-at", metavar="TIME", help="Not before this ISO 8601 time; UTC without a zone."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch/--no-watch", help="Show what the run does on stderr.")] = True,
) -> int:
    """Run a definition in this process. Prints its output as JSON.

    Exits 0 completed, 1 failed, 3 when the run waits for an answer or an event, 130 on Ctrl-C.
    """
    target = wanted_of(workflow, data)
    how = {"version": version, "priority": priority, "start_at": _time(start_at)}
    wanted = _Wanted(target, json_object("--input", given, '{"topic": "tides"}'), how)
    display = display_for(Console(stderr=True)) if watch else Display()
    with TemporaryDirectory(prefix="milepost-", ignore_cleanup_errors=True) as temporary, display:
        try:
            return asyncio.run(_run(wanted, data, Path(temporary), display))
        except MilepostError as error:
            raise Mistake(explained(error, target)) from error
        except OSError as error:
            raise Mistake(f"cannot use the data directory: {error}") from error


def _time(given: str | None) -> datetime | None:
    try:
        return None if given is None else datetime.fromisoformat(given)
    except ValueError as error:
        raise Mistake(f"--start-at: {given!r} is not an ISO 8601 time, like 2026-03-01T18:00:00Z") from error


async def _run(wanted: _Wanted, kept_in: Path | None, temporary: Path, display: Display) -> int:
    opened = Milepost(data=kept_in or temporary)
    logs.configure("warning", sys.stderr, opened.veils)
    async with opened as milepost, _interruption() as interrupted:
        handle = await milepost.start(wanted.definition, wanted.input, **wanted.how)
        following = asyncio.ensure_future(_follow(handle, display))
        await asyncio.wait({following, interrupted}, return_when=asyncio.FIRST_COMPLETED)
        if not following.done():
            await handle.cancel()
        await following
        result = await handle.status()
    display.close()
    if result.status is RunStatus.WAITING:
        kept = (
            f"`milepost serve --data {kept_in}` can" if kept_in else "with --data it would be kept, and a server could"
        )
        sys.stderr.write(f"run {result.run_id} waits for an answer or an event: {kept} give it\n")
        return WAITING
    if result.status is RunStatus.COMPLETED:
        sys.stdout.buffer.write(orjson.dumps(result.output, option=orjson.OPT_INDENT_2) + b"\n")
        sys.stdout.flush()
        return 0
    return INTERRUPTED if result.status is RunStatus.CANCELLED else 1


async def _follow(handle: RunHandle, display: Display) -> None:
    """Show what the run does until it has ended, or waits for what nobody can give it here."""
    async for event in handle.events():
        display.show(event)
        if event["type"] == "run.waiting" and not event["data"].get("until"):
            return


@asynccontextmanager
async def _interruption() -> AsyncIterator["asyncio.Future[None]"]:
    """A future that Ctrl-C or SIGTERM resolves."""
    loop = asyncio.get_running_loop()
    asked: asyncio.Future[None] = loop.create_future()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, lambda: None if asked.done() else asked.set_result(None))
    try:
        yield asked
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
