"""What is on disk, read from a copy of the files, so that nothing a test looks at is changed by looking."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple


class StoredEvent(NamedTuple):
    """One row of the event log."""

    seq: int
    ts: int
    type: str
    node_id: str | None
    data: dict[str, Any]


class Snapshot:
    """The database of a server that is not running, at this moment."""

    def __init__(self, data: Path) -> None:
        self.events: dict[str, list[StoredEvent]] = {}
        self.statuses: dict[str, str] = {}
        self.columns: dict[str, dict[str, Any]] = {}
        self.items: dict[str, set[int]] = {}
        copy = data.with_name("snapshot")
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for name in ("milepost.db", "milepost.db-wal"):
            if (data / name).exists():
                shutil.copy(data / name, copy / name)
        with closing(sqlite3.connect(copy / "milepost.db")) as connection:
            self._read(connection)

    def _read(self, connection: sqlite3.Connection) -> None:
        (damage,) = connection.execute("PRAGMA quick_check").fetchone()
        assert damage == "ok"
        connection.row_factory = sqlite3.Row
        for run in connection.execute("SELECT * FROM workflow_runs ORDER BY run_id"):
            self.statuses[run["run_id"]] = run["status"]
            self.columns[run["run_id"]] = dict(run)
            self.events[run["run_id"]] = []
            self.items[run["run_id"]] = set()
        for row in connection.execute("SELECT * FROM run_events ORDER BY run_id, seq"):
            event = StoredEvent(row["seq"], row["ts"], row["type"], row["node_id"], json.loads(row["data"]))
            self.events[row["run_id"]].append(event)
        for row in connection.execute("SELECT run_id, item FROM node_items"):
            self.items[row["run_id"]].add(row["item"])
        for run_id, events in self.events.items():
            assert [event.seq for event in events] == list(range(1, len(events) + 1)), run_id

    def completed(self) -> set[tuple[str, str]]:
        """(run id, node id) of every node whose completion is on disk."""
        return {
            (run_id, event.node_id or "")
            for run_id, events in self.events.items()
            for event in events
            if event.type == "node.completed"
        }
