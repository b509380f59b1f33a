"""Reads: a few threads, each with a read-only connection of its own. WAL lets them run beside the writer."""

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from milepost.server.errors import Unavailable
from milepost.server.store.unit import Row

Query = tuple[str, Mapping[str, Any]]
"""A statement and its parameters."""


class Reader:
    """Runs queries off the caller's thread; usable from any thread and any event loop."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], threads: int = 4) -> None:
        self._connect = connect
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="milepost-reader", initializer=self._open)

    def _open(self) -> None:
        self._local.connection = self._connect()
        self._opened.append(self._local.connection)

    def fetch(self, sql: str, parameters: Mapping[str, Any]) -> "Future[list[Row]]":
        """All rows of a query; the future may fail with ``Unavailable``. Sees what was committed before the call."""
        return self._pool.submit(self._fetch, sql, parameters)

    def fetch_together(self, queries: Sequence[Query]) -> "Future[list[list[Row]]]":
        """All rows of several queries, as of one moment. May fail as ``fetch`` does."""
        return self._pool.submit(self._fetch_together, queries)

    def _fetch_together(self, queries: Sequence[Query]) -> list[list[Row]]:
        connection = self._local.connection
        try:
            connection.execute("BEGIN")
            try:
                return [self._fetch(*query) for query in queries]
            finally:
                connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise Unavailable(f"the database could not be read: {error}", code="storage_unavailable") from error

    def _fetch(self, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        try:
            rows: list[Row] = self._local.connection.execute(sql, parameters).fetchall()
        except sqlite3.OperationalError as error:
            raise Unavailable(f"the database could not be read: {error}", code="storage_unavailable") from error
        return rows

    def close(self) -> None:
        """End the threads after the queries under way."""
        self._pool.shutdown(wait=True)
        for connection in self._opened:
            connection.close()
