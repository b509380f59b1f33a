"""A real SQLite file with one writing thread, as the saver's Writer and Reader. The product's own is the store."""

import queue
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from pathlib import Path
from typing import Any

import pytest

from milepost.checkpoints.saver import Saver
from milepost.checkpoints.unit import DirectSink, Row, Statement

TABLES = Path(__file__).parents[3] / "schema.sql"


class Database:
    """Runs units and queries in their order, in one thread with one connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.units: list[Sequence[Statement]] = []
        self.queries = 0
        self._jobs: queue.SimpleQueue[tuple[Any, Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def submit(self, statements: Sequence[Statement]) -> Future[None]:
        self.units.append(statements)
        return self._put(list(statements))

    def fetch(self, sql: str, parameters: Mapping[str, Any]) -> Future[list[Row]]:
        self.queries += 1
        return self._put((sql, parameters))

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        return self.fetch(sql, parameters).result()

    def saver(self, **options: Any) -> Saver:
        return Saver(self, DirectSink(self), writer=self, **options)

    def close(self) -> None:
        self._jobs.put(None)
        self._thread.join()

    def _put(self, job: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._jobs.put((job, future))
        return future

    def _work(self) -> None:
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchall():
            connection.executescript(TABLES.read_text())
        while item := self._jobs.get():
            job, future = item
            try:
                outcome = _unit(connection, job) if isinstance(job, list) else _query(connection, *job)
            except Exception as error:  # noqa: BLE001 - whatever went wrong is the caller's
                future.set_exception(error)
                continue
            try:
                future.set_result(outcome)
            except InvalidStateError:  # the caller was cancelled
                continue
        connection.close()


def _unit(connection: sqlite3.Connection, statements: list[Statement]) -> list[Row]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for each in statements:
            touched = connection.execute(each.sql, each.parameters).rowcount
            if each.rows is not None and touched != each.rows:
                raise LookupError(f"{touched} rows instead of {each.rows}: {each.sql}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return []


def _query(connection: sqlite3.Connection, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
    return connection.execute(sql, parameters).fetchall()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "checkpoints.db")
    yield opened
    opened.close()
