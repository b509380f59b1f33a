"""Reads that belong together."""

import sqlite3
from contextlib import closing
from pathlib import Path

from milepost.server.store.reader import Query, Reader


def test_queries_that_belong_together_see_one_moment(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("CREATE TABLE runs (status TEXT)")

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
            connection.create_function("meanwhile", 0, lambda: write(writer))
            return connection

        reader = Reader(connect, threads=1)
        count: Query = ("SELECT count(*) FROM runs", {})
        before, _, after = reader.fetch_together([count, ("SELECT meanwhile()", {}), count]).result(10)
        assert before == after == [(0,)]
        assert reader.fetch(*count).result(10) == [(1,)]
        reader.close()


def write(connection: sqlite3.Connection) -> int:
    """Commit a row, and say so."""
    return connection.execute("INSERT INTO runs VALUES ('WAITING')").rowcount
