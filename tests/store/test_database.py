"""Whose file it is: locks, foreign files, migrations and the copy that is made before one."""

import hashlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from milepost.server.errors import StartRefused
from milepost.server.store.database import APPLICATION_ID, Database, Migration, shipped_migrations


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make(path: Path) -> Database:
    database = Database(path)
    database.open(1)
    return database


def test_a_second_server_is_refused_and_told_who_has_the_file(tmp_path: Path) -> None:
    first = make(tmp_path / "milepost.db")
    with pytest.raises(StartRefused, match=r"in use by another Milepost server \(process \d+\)"):
        Database(tmp_path / "milepost.db").open(2)
    first.close()
    make(tmp_path / "milepost.db").close()


@pytest.mark.parametrize("content", [b"hello, this is no database" * 10, b"SQLite format 3\x00"])
def test_a_file_that_is_no_database_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "milepost.db"
    path.write_bytes(content)
    with pytest.raises(StartRefused, match="not an SQLite database"):
        Database(path).open(1)
    assert path.read_bytes() == content


def test_a_database_of_another_program_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "milepost.db"
    with closing(sqlite3.connect(path)) as foreign:
        foreign.execute("CREATE TABLE checkpoints (thread_id TEXT)")
        foreign.commit()
    before = digest(path)
    with pytest.raises(StartRefused, match="another program"):
        Database(path).open(1)
    assert digest(path) == before


def test_a_newer_schema_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "milepost.db"
    make(path).close()
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("INSERT INTO schema_migrations VALUES (9999, 'future', 1)")
        newer.commit()
        newer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = digest(path)
    with pytest.raises(StartRefused, match=r"schema version 9999, newer than this release's"):
        Database(path).open(1)
    assert digest(path) == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["milepost.db", "milepost.lock"]


def test_a_newer_schema_that_a_crash_left_in_the_log_is_refused_as_well(tmp_path: Path) -> None:
    path = tmp_path / "milepost.db"
    make(path).close()
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("INSERT INTO schema_migrations VALUES (9999, 'future', 1)")
        newer.commit()
        for name in ("milepost.db", "milepost.db-wal"):
            shutil.copy(tmp_path / name, crashed / name)
    before = [digest(each) for each in sorted(crashed.iterdir())]
    with pytest.raises(StartRefused, match="newer"):
        Database(crashed / "milepost.db").open(1)
    assert sorted(each.name for each in crashed.iterdir()) == ["milepost.db", "milepost.db-wal", "milepost.lock"]
    assert [digest(crashed / name) for name in ("milepost.db", "milepost.db-wal")] == before


def test_a_database_is_copied_before_it_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "milepost.db"
    make(path).close()
    following = Migration(len(shipped_migrations()) + 1, "more", "CREATE TABLE more (id TEXT PRIMARY KEY);\n")
    upgraded = Database(path, migrations=[*shipped_migrations(), following])
    upgraded.open(5)
    upgraded.close()
    with closing(sqlite3.connect(path)) as now, closing(sqlite3.connect(tmp_path / "milepost.before-0002.db")) as copy:
        assert now.execute("SELECT max(version) FROM schema_migrations").fetchone() == (2,)
        assert copy.execute("SELECT max(version) FROM schema_migrations").fetchone() == (1,)


def test_a_migration_that_fails_leaves_the_schema_before_it(tmp_path: Path) -> None:
    path = tmp_path / "milepost.db"
    make(path).close()
    broken = Migration(2, "broken", "CREATE TABLE half (id TEXT);\nCREATE TABLE half (id TEXT);\n")
    with pytest.raises(sqlite3.OperationalError):
        Database(path, migrations=[*shipped_migrations(), broken]).open(5)
    with closing(sqlite3.connect(path)) as now:
        assert now.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchall() == []
    make(path).close()


def test_the_file_says_that_it_is_ours_and_shrinks_on_request(tmp_path: Path) -> None:
    path = tmp_path / "milepost.db"
    make(path).close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
