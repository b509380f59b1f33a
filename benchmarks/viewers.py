"""Five hundred sockets on one run that logs a hundred lines a second; the viewers are one process of their own."""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, at_least, at_most
from tests.acceptance.process import ServerProcess
from tests.acceptance.spawning import ROOT
from tests.acceptance.test_viewers import chatty

TITLE = "Viewers: 500 sockets on one run at 100 events/s"

ROUNDS = 3

VIEWERS, LINES = 500, 1000


async def measure() -> list[Figure]:
    """The lag of an event is from its time to its arrival at each viewer."""
    reports = [await _round() for _ in range(ROUNDS)]
    complete = [float(report["complete"] if report["in_order"] == VIEWERS else 0) for report in reports]
    return [
        at_least("viewers that received every event once and in order", complete, "viewers", VIEWERS, digits=0),
        at_most("delivery lag, p50", [report["lag_p50"] * 1000 for report in reports], "ms", digits=0),
        at_most("delivery lag, p99", [report["lag_p99"] * 1000 for report in reports], "ms", digits=0),
    ]


async def _round() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        async with ServerProcess(Path(directory) / "data") as server:
            run_id = await server.start_run(chatty(LINES))
            command = [sys.executable, "-m", "tests.acceptance.audience", server.url, server.key, run_id, str(VIEWERS)]
            audience = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
            assert audience.stdout is not None
            await audience.stdout.readline()
            await server.post(f"/{run_id}/resume", {"answer": True})
            report: dict[str, Any] = json.loads(await audience.stdout.readline())
            await audience.wait()
            return report
