"""Data directories that are foreign, in use, on a full disk, or whose clock was set back."""

import asyncio
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.acceptance.definitions import chain, node
from tests.acceptance.process import ServerProcess, environment
from tests.acceptance.spawning import ROOT
from tests.acceptance.traces import Traces

HOUR = 3_600_000


def serve(data: Path) -> "subprocess.CompletedProcess[str]":
    """`milepost serve` on a directory on which it must not start."""
    command = [
        sys.executable,
        "-c",
        "from milepost.server.cli import main; main()",
        "serve",
        "--data",
        str(data),
        "--port",
        "0",
    ]
    return subprocess.run(
        command, cwd=ROOT, env=environment({}), capture_output=True, text=True, timeout=30, check=False
    )


def files(data: Path) -> dict[str, str]:
    """The content of the database and of the owner's key."""
    names = ("milepost.db", "owner.key")
    return {name: hashlib.sha256((data / name).read_bytes()).hexdigest() for name in names}


def newer_schema(database: Path) -> None:
    """A database that a later release has migrated."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("INSERT INTO schema_migrations VALUES (9999, 'later', 0)")


def foreign(database: Path) -> None:
    """An SQLite file of another program: here the stock saver's."""
    database.unlink()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE checkpoints (thread_id TEXT, checkpoint_id TEXT)")


def not_sqlite(database: Path) -> None:
    """Something else."""
    database.write_bytes(os.urandom(10_000))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [(newer_schema, "9999"), (foreign, "another program"), (not_sqlite, "not an SQLite database")],
)
async def test_a_database_that_is_not_ours_stops_the_start_untouched(
    server: ServerProcess, spoil: Callable[[Path], None], told: str
) -> None:
    await server.terminate()
    spoil(server.data / "milepost.db")
    before = files(server.data)
    refused = serve(server.data)
    assert refused.returncode == 2
    assert told in refused.stderr
    assert str(server.data) in refused.stderr.replace("\n", "")
    assert "Traceback" not in refused.stderr
    assert files(server.data) == before


async def test_a_second_server_names_the_first_and_leaves(server: ServerProcess) -> None:
    refused = serve(server.data)
    assert refused.returncode == 2
    assert str(server.pid) in refused.stderr
    assert (await server.client.get("/healthz")).status_code == 200
    await server.kill()
    await server.start()


async def test_a_disk_that_refuses_writes_delays_runs_and_fails_none(tmp_path: Path, traces: Traces) -> None:
    async with ServerProcess(tmp_path / "data") as server:
        workflow_id = await server.workflow(chain(6, traces.path, 0.2))
        run_ids = await server.runs(workflow_id, 5)
        await traces.count(5)
        server.limit_file_size(4096)
        refused = await server.post("", {"workflow_id": workflow_id, "execute": True})
        assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
        assert (await server.client.get("/healthz")).status_code == 200
        assert (await server.status(run_ids[0]))["status"] in ("RUNNING", "QUEUED")
        # Meanwhile nodes end whose completion cannot be stored: nothing can rest before the time is up.
        assert (await server.status(run_ids[0], wait=1.5))["status"] in ("RUNNING", "QUEUED")
        refused = await server.post("", {"workflow_id": workflow_id, "execute": True})
        assert refused.status_code == 503
        server.limit_file_size(None)
        for run_id in run_ids:
            assert (await server.ended(run_id))["status"] == "COMPLETED"
            completed = [event for event in await server.events(run_id) if event["type"] == "node.completed"]
            assert len(completed) == 6
        assert (await server.ended(await server.run(workflow_id)))["status"] == "COMPLETED"


async def test_a_clock_set_back_an_hour_across_a_restart_changes_nothing(tmp_path: Path, traces: Traces) -> None:
    async with ServerProcess(tmp_path / "data") as server:
        await server.kill()
        await server.start("--clock-offset", str(HOUR))
        run_id = await server.start_run(chain(6, traces.path, 0.2))
        ask = await server.start_run({"name": "ask", "steps": [node("ask", "ask") | {"config": {"question": "?"}}]})
        until = datetime.fromtimestamp(time.time() + 2 * HOUR / 1000, UTC).isoformat()
        parked = await server.start_run(
            {"name": "wait", "steps": [{"id": "w", "type": "wait", "config": {"until": until}}]}
        )
        for waiting in (ask, parked):
            await server.until(waiting, "run.waiting")
        await server.until(run_id, "node.started", node="n2")
        body = (await server.post(f"/{run_id}/pause")).json()
        ahead = await server.get(f"/{run_id}/checkpoints")
        await server.terminate()

        await server.start()
        rows = await server.get(f"/{run_id}/checkpoints")
        assert rows == ahead
        assert rows["items"][0]["checkpoint_id"] == body["checkpoint_id"]
        assert [(await server.status(each))["status"] for each in (ask, parked)] == ["WAITING", "WAITING"]
        assert (await server.post(f"/{run_id}/resume", {"checkpoint_id": body["checkpoint_id"]})).status_code == 202
        assert (await server.ended(run_id))["status"] == "COMPLETED"
        assert traces.of(run_id) == [f"n{number}" for number in range(6)]
        assert (await server.post(f"/{ask}/resume", {"answer": "yes"})).status_code == 202
        assert (await server.ended(ask))["output_data"] == {"answers": ["yes"]}

        logs = (await server.get(f"/{run_id}/logs"))["items"]
        assert [row["node_id"] for row in logs] == [f"n{number}" for number in range(6)]
        rows = (await server.get(f"/{run_id}/checkpoints"))["items"]
        steps = [row["step"] for row in rows]
        assert steps == sorted(steps, reverse=True)
        assert not any(row["superseded"] for row in rows)
        assert (await server.get(f"/{run_id}"))["checkpoint_id"] == rows[0]["checkpoint_id"]
        events = await server.events(run_id)
        done = [event["node_id"] for event in events if event["type"] == "node.completed"]
        assert done == [f"n{number}" for number in range(6)]
        assert (await server.status(parked))["status"] == "WAITING"
        await server.terminate()

        # The time that the parked run waits for comes, by the clock that it was told.
        await server.start("--clock-offset", str(2 * HOUR))
        assert (await server.ended(parked))["status"] == "COMPLETED"


STOPPED_EARLY = """
import os, signal, sys
from pathlib import Path
from milepost.server.app import build
from milepost.server.config import load_settings
from milepost.server.serving import run
from tests.probes import registry

app = build(load_settings(data=Path(sys.argv[1]), port=0, examples=False), registry())

def stop(commit):
    if any(event.type == "run.started" for event in commit.events):
        os.kill(os.getpid(), signal.SIGTERM)

app.store.on_commit(stop)
run(app, lambda url, key: None)
"""
"""A server that is told to stop as soon as a run goes on, before its port is open."""


async def test_a_stop_during_the_start_hands_runs_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with ServerProcess(data, shutdown_grace=1) as server:
        steps = [{"id": "n", "type": "trace", "config": {"file": str(tmp_path / "t"), "seconds": 20}}]
        run_id = await server.start_run({"name": "n", "steps": steps})
        await server.until(run_id, "node.started")
        await server.kill()
        stopped = await asyncio.create_subprocess_exec(
            sys.executable, "-c", STOPPED_EARLY, str(data), cwd=ROOT, env=environment({"shutdown_grace": 0.2})
        )
        assert await asyncio.wait_for(stopped.wait(), 30) == 0
        with closing(sqlite3.connect(data / "milepost.db")) as connection:
            rows = connection.execute("SELECT status, crashes FROM workflow_runs").fetchall()
            [last] = connection.execute("SELECT type, data FROM run_events ORDER BY seq DESC LIMIT 1").fetchall()
        assert rows == [("QUEUED", 1)]
        assert (last[0], json.loads(last[1])) == ("run.queued", {"why": "released"})
