"""A hundred thousand parked runs: what they cost a server that starts, wakes some of them and runs others."""

import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

import psutil
import uuid_utils

from benchmarks.client import Connection
from benchmarks.figures import Figure, at_least, at_most, percentile
from benchmarks.speed import DEFINITION, measured
from tests.acceptance.process import ServerProcess

TITLE = "100,000 waiting runs"

WAITING = 100_000

SAMPLE = 50

ROUNDS = 5

MANY, AT_ONCE = 150, 50

DUE = 10_000
"""Runs that are due when the server starts again."""

NEW = 30
"""New runs, one after the other, while those are on their way."""

MONTH = 30 * 86_400_000

LEAD, APART = 8_000, 400
"""Milliseconds from the preparation to the first wake-up of the sample, and from one to the next."""

PARKED = {
    "name": "parked",
    "steps": [
        {"id": "wait", "type": "wait", "config": {"seconds": MONTH / 1000}},
        {"id": "after", "type": "process", "config": {}},
    ],
}

TABLES = (
    "workflow_runs",
    "node_states",
    "node_executions",
    "run_events",
    "interrupts",
    "checkpoints",
    "checkpoint_values",
    "checkpoint_writes",
)


async def measure() -> list[Figure]:
    """The server with the waiting runs and an empty one take turns at the same work."""
    with tempfile.TemporaryDirectory() as directory:
        full, empty = Path(directory) / "full", Path(directory) / "empty"
        await _seed(full)
        starts = [await _start(full) for _ in range(ROUNDS)]
        sample = _due_soon(full)
        async with ServerProcess(empty) as nothing, ServerProcess(full) as waiting:
            sizes = [_megabytes(waiting.pid)]
            rates: dict[str, list[float]] = {"full": [], "empty": []}
            for _ in range(ROUNDS):
                rates["empty"].append(await _rate(nothing))
                rates["full"].append(await _rate(waiting))
            lateness = [await _lateness(waiting, run_id, wake_at) for run_id, wake_at in sample]
            sizes.append(_megabytes(waiting.pid))
            await waiting.terminate()
            _all_due(full)
            await waiting.start()
            seconds, drained = await _while_draining(waiting, full)
    ratios = [full / empty for full, empty in zip(rates["full"], rates["empty"], strict=True)]
    return [
        at_most("start, to the open port", starts, "s", 3, digits=2),
        at_most("resident memory, after the start and at the end: the larger", [max(sizes)], "MB", 300, digits=0),
        at_most(f"wake-ups, {SAMPLE} of them: due to started, p50", [percentile(lateness, 50)], "ms", digits=0),
        at_most("the same, the latest", [max(lateness)], "ms", 1000, digits=0),
        at_least("new runs, 50 at once, empty server", rates["empty"], "runs/s", digits=0),
        at_least("new runs, 50 at once, with the waiting ones", rates["full"], "runs/s", digits=0),
        at_least("the ratio of the two, round by round", ratios, "×", 0.9, digits=2),
        at_most(f"a new run while {DUE:,} due ones drain, POST to end, p50", [percentile(seconds, 50)], "s", digits=2),
        at_most("the same, the longest", [max(seconds)], "s", digits=2),
        at_least("woken runs that ended meanwhile", [drained], "runs/s", digits=0),
    ]


async def _seed(data: Path) -> None:
    """A data directory with the waiting runs: copies of one that a server parked."""
    async with ServerProcess(data) as server:
        run_id = await server.start_run(PARKED)
        await server.until(run_id, "run.waiting")
        await server.terminate()
    with closing(sqlite3.connect(data / "milepost.db")) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        _copy(connection, run_id)
        connection.commit()


async def _start(data: Path) -> float:
    async with ServerProcess(data) as server:
        await server.terminate()
        return server.start_seconds


def _copy(connection: sqlite3.Connection, run_id: str) -> None:
    connection.execute("CREATE TEMP TABLE copies (run_id TEXT)")
    copies = ((str(uuid_utils.uuid7()),) for _ in range(WAITING - 1))
    connection.executemany("INSERT INTO copies VALUES (?)", copies)
    for table in TABLES:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] != "run_id"]
        named = ", ".join(columns)
        connection.execute(
            f"INSERT INTO {table} (run_id, {named}) SELECT copies.run_id, {', '.join(f't.{name}' for name in columns)}"
            f" FROM copies CROSS JOIN {table} t WHERE t.run_id = ?",
            (run_id,),
        )


def _due_soon(data: Path) -> list[tuple[str, int]]:
    """Let some of the runs wake soon; their ids and times (milliseconds)."""
    with closing(sqlite3.connect(data / "milepost.db")) as connection:
        chosen = connection.execute(
            "SELECT run_id FROM workflow_runs ORDER BY run_id DESC LIMIT ?", (SAMPLE,)
        ).fetchall()
        first = time.time_ns() // 1_000_000 + LEAD
        sample = [(run_id, first + number * APART) for number, (run_id,) in enumerate(chosen)]
        for run_id, wake_at in sample:
            for table in ("workflow_runs", "interrupts"):
                connection.execute(f"UPDATE {table} SET wake_at = ? WHERE run_id = ?", (wake_at, run_id))
        connection.commit()
    return sample


def _all_due(data: Path) -> None:
    with closing(sqlite3.connect(data / "milepost.db")) as connection:
        connection.execute(
            "CREATE TEMP TABLE due AS SELECT run_id FROM workflow_runs WHERE wake_at > 0 LIMIT ?", (DUE,)
        )
        for table in ("workflow_runs", "interrupts"):
            connection.execute(f"UPDATE {table} SET wake_at = 1 WHERE run_id IN (SELECT run_id FROM due)")
        connection.commit()


async def _while_draining(server: ServerProcess, data: Path) -> tuple[list[float], float]:
    """Seconds of each new run, and woken runs that ended in a second."""
    workflow_id = await server.workflow(DEFINITION)
    began, before, seconds = time.perf_counter(), _ended(data), []
    async with Connection(server.url, server.key) as connection:
        for _ in range(NEW):
            took, run = await connection.timed(
                "POST", "?wait=60", {"workflow_id": workflow_id, "execute": True}, expect=201
            )
            if run["status"] != "COMPLETED":
                raise RuntimeError(f"{run['run_id']} is {run['status']}")
            seconds.append(took)
    ended = _ended(data) - before - NEW
    if before + ended >= DUE:
        raise RuntimeError("the due runs drained before the new ones had ended")
    return seconds, ended / (time.perf_counter() - began)


def _ended(data: Path) -> int:
    with closing(sqlite3.connect(data / "milepost.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM workflow_runs WHERE status = 'COMPLETED'").fetchone()[0])


async def _rate(server: ServerProcess) -> float:
    known = (server.url, server.key, await server.workflow(DEFINITION))
    return MANY / float((await measured("benchmarks.load", *known, MANY, AT_ONCE))["seconds"])


async def _lateness(server: ServerProcess, run_id: str, wake_at: int) -> float:
    """Milliseconds from the time that a run was to wake to its second start."""
    await server.ended(run_id)
    started = [event["ts"] for event in await server.events(run_id) if event["type"] == "run.started"]
    return datetime.fromisoformat(started[1]).timestamp() * 1000 - wake_at


def _megabytes(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / 1e6
