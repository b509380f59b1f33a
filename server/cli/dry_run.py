"""`milepost test`: a dry run in this process, its steps on stderr and its trace on stdout."""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import orjson
import typer

from milepost.server import logs
from milepost.server.cli.definitions import DefinitionFile
from milepost.server.cli.mistake import Mistake
from milepost.server.cli.wanted import DataOption, VersionOption, WorkflowArgument, explained, json_object, target
from milepost.server.embedding import Milepost
from milepost.server.errors import ExecutionTimeout, MilepostError
from milepost.server.runs.dry_runs import MAX_TIMEOUT, TIMEOUT

TIMED_OUT = 124


def dry_run(
    workflow: WorkflowArgument,
    input: Annotated[
        str | None,
        typer.Option("--input", metavar="JSON|@FILE", help="The run's input: a JSON object, or a file of one."),
    ] = None,
    answers: Annotated[
        str, typer.Option("--answers", metavar="JSON|@FILE", help="Answers to questions by node id, and events.")
    ] = "{}",
    data: DataOption = None,
    version: VersionOption = None,
    replay: Annotated[
        str | None,
        typer.Option("--replay", metavar="RUN", help="A run whose results stand in for nodes that have not changed."),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.001, max=MAX_TIMEOUT, help="Seconds after which it is cancelled.")
    ] = TIMEOUT,
) -> int:
    """Try a definition without side effects and without waiting. Prints the trace as JSON.

    Exits 0 completed, 1 failed, 124 when it took too long.
    """
    if replay is not None and data is None:
        raise Mistake("--replay needs --data with the data directory of the run")
    wanted = target(workflow, data)
    how: dict[str, Any] = {"version": version, "replay_run_id": replay, "timeout_seconds": timeout}
    how["input"] = None if input is None else json_object("--input", input, '{"topic": "tides"}')
    how["answers"] = json_object("--answers", answers, '{"approve": {"publish": true}}')
    with TemporaryDirectory(prefix="milepost-", ignore_cleanup_errors=True) as temporary:
        try:
            told = asyncio.run(_test(wanted, data or Path(temporary), how))
        except ExecutionTimeout as error:
            sys.stderr.write(f"{error.detail}\n")
            return TIMED_OUT
        except MilepostError as error:
            raise Mistake(explained(error, wanted)) from error
        except OSError as error:
            raise Mistake(f"cannot use the data directory: {error}") from error
    sys.stderr.writelines(map(_line, told["trace"]))
    sys.stdout.buffer.write(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.flush()
    return 0 if told["summary"]["passed"] else 1


async def _test(wanted: DefinitionFile | str, data: Path, how: dict[str, Any]) -> dict[str, Any]:
    opened = Milepost(data=data)
    logs.configure("warning", sys.stderr, opened.veils)
    async with opened as milepost:
        return await milepost.test(wanted if isinstance(wanted, str) else wanted.value, **how)


def _line(step: dict[str, Any]) -> str:
    stood_in = next((mark for mark in ("simulated", "answered", "replayed") if step[mark]), "")
    words = [step["node_id"], str(step["status"]).lower(), stood_in, step["error"] or ""]
    return " ".join(word for word in words if word) + "\n"
