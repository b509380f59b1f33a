"""The SQLite file: whose it is, its lock, its migrations, and how connections to it are opened."""

import fcntl
import os
import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import IO

from milepost.server.errors import StartRefused

APPLICATION_ID = 0x4D4C5053
"""``MLPS``, in the file's header: https://www.sqlite.org/fileformat2.html#application_id."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of the schema, forward only."""

    version: int
    name: str
    script: str


def shipped_migrations() -> list[Migration]:
    """All migrations of this release, in order."""
    folder = files("milepost.server.store") / "migrations"
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return [
        Migration(int(entry.name[:4]), entry.name[5:].removesuffix(".sql"), entry.read_text(encoding="utf-8"))
        for entry in found
    ]


class Database:
    """An opened, locked and migrated database file. Holds the lock until ``close``."""

    def __init__(self, path: Path, synchronous: str = "full", *, migrations: Sequence[Migration] | None = None) -> None:
        self.path = path
        self._known = shipped_migrations() if migrations is None else migrations
        self._synchronous = synchronous.upper()
        self._lock: IO[str] | None = None

    def open(self, now: int) -> None:
        """Take the lock and bring the schema up to date; a file with data is copied before it is migrated.

        Raises:
            StartRefused: another server has the file, or it is not ours, or of a newer release. It is not touched.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self.path.with_suffix(".lock"))
        try:
            fresh = _check_header(self.path)
            if fresh:
                self._create()
            self._migrate(now, fresh)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def connect_writer(self) -> sqlite3.Connection:
        """The connection that writes; transactions are begun and ended by its owner."""
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, cached_statements=512)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(_SYNCHRONOUS[self._synchronous])
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA cache_size=-32768")
        return connection

    def connect_reader(self) -> sqlite3.Connection:
        """A read-only connection."""
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA query_only=ON")
        return connection

    def _create(self) -> None:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            connection.execute(f"PRAGMA application_id={APPLICATION_ID:d}")
            connection.execute("VACUUM")

    def _migrate(self, now: int, fresh: bool) -> None:
        known = self._known
        applied = self._version()
        if applied > known[-1].version:
            raise StartRefused(
                f"{self.path} has schema version {applied}, newer than this release's {known[-1].version}. "
                "Start the release that wrote it, or restore the copy that it made before it migrated."
            )
        waiting = [migration for migration in known if migration.version > applied]
        if not waiting:
            return
        if not fresh:
            self._copy(applied)
        with closing(self.connect_writer()) as connection:
            for migration in waiting:
                _apply(connection, migration, now)

    def _version(self) -> int:
        """The schema's version, read without a trace: a connection to a WAL database leaves files beside it."""
        beside = [self.path.with_name(f"{self.path.name}-{kind}") for kind in ("wal", "shm")]
        there = [path for path in beside if path.exists()]
        # With an empty log the file alone is all that there is, and SQLite may take it as one that never changes.
        lonely = not beside[0].exists() or beside[0].stat().st_size == 0
        with closing(self._connect_alone() if lonely else self.connect_reader()) as connection:
            applied = _applied(connection)
        if applied > self._known[-1].version:
            for path in beside:
                if path not in there:
                    path.unlink(missing_ok=True)
        return applied

    def _connect_alone(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)

    def _copy(self, version: int) -> None:
        target = self.path.with_name(f"{self.path.stem}.before-{version + 1:04d}.db")
        with closing(self.connect_reader()) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)


_SYNCHRONOUS: Mapping[str, str] = {"FULL": "PRAGMA synchronous=FULL", "NORMAL": "PRAGMA synchronous=NORMAL"}


def _lock(path: Path) -> IO[str]:
    handle = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.seek(0)
        owner = handle.read().strip() or "unknown"
        handle.close()
        raise StartRefused(
            f"{path.parent} is in use by another Milepost server (process {owner}). "
            "Stop it first, or give this one another data directory with --data."
        ) from error
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


def _check_header(path: Path) -> bool:
    """Whether the database is still to be made. Reads bytes only, so that a foreign file stays untouched."""
    if not path.exists() or path.stat().st_size == 0:
        return True
    with path.open("rb") as file:
        header = file.read(100)
    if not header.startswith(b"SQLite format 3\x00") or len(header) < 100:
        raise StartRefused(f"{path} is not an SQLite database. Move it away, or choose another data directory.")
    (application_id,) = struct.unpack(">I", header[68:72])
    if application_id != APPLICATION_ID:
        raise StartRefused(
            f"{path} is an SQLite database of another program (application id {application_id:#x}). "
            "Move it away, or choose another data directory."
        )
    return False


def _applied(connection: sqlite3.Connection) -> int:
    try:
        tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'").fetchone()
        if tables is None:
            return 0
        (version,) = connection.execute("SELECT coalesce(max(version), 0) FROM schema_migrations").fetchone()
    except sqlite3.DatabaseError as error:
        raise StartRefused(f"the database cannot be read: {error}. Restore it from a copy.") from error
    return int(version)


def _apply(connection: sqlite3.Connection, migration: Migration, now: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in _statements(migration.script):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)",
            (migration.version, migration.name, now),
        )
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip() and not all(line.startswith("--") or not line.strip() for line in statement.splitlines()):
        raise ValueError("the migration ends inside a statement")
