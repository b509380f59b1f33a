"""The loader of named statements, and the statements themselves."""

import re
import sqlite3
from pathlib import Path

import pytest

import milepost.checkpoints
from milepost.checkpoints import sql

FOLDER = Path(milepost.checkpoints.__file__).parent
TABLES = Path(__file__).parents[3] / "schema.sql"


def test_statements_are_loaded_by_name_without_comments(tmp_path: Path) -> None:
    file = tmp_path / "a.sql"
    file.write_text("-- about\n-- name: one\n-- why\nSELECT 1\n  FROM a;\n\n-- name: two\n-- why\nDELETE FROM a;\n")
    assert sql.load(file) == {"one": "SELECT 1\n  FROM a", "two": "DELETE FROM a"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1;", "before it"),
        ("SELECT 1;\n-- name: a\nSELECT 1;", "before it"),
        ("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;", "twice"),
        ("-- name: a\n-- nothing\n", "empty"),
    ],
)
def test_a_broken_file_is_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "a.sql"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        sql.load(file)


def test_a_list_widens_to_a_power_of_two() -> None:
    text, parameters = sql.widen("a IN (:ids)", "ids", ["x", "y", "z"])
    assert text == "a IN (:ids_0, :ids_1, :ids_2, :ids_3)"
    assert parameters == {"ids_0": "x", "ids_1": "y", "ids_2": "z", "ids_3": "x"}
    assert sql.widen("a IN (:ids)", "ids", []) == ("a IN (:ids_0)", {"ids_0": None})


def test_every_statement_is_commented_and_fits_the_tables() -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(TABLES.read_text())
    source = (FOLDER / "statements.sql").read_text()
    for name, text in sql.load(FOLDER / "statements.sql").items():
        connection.execute(f"EXPLAIN {text}", dict.fromkeys(_parameters(text)))
        line = source.split(f"-- name: {name}\n")[1].splitlines()[0]
        assert line.startswith("-- "), name
    connection.close()


def test_listing_and_reading_use_an_index_and_sort_nothing() -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(TABLES.read_text())
    statements = sql.load(FOLDER / "statements.sql")
    for name in ("list_namespace", "values_at", "writes_of", "chain_of", "chain_of_latest", "ordinal_of"):
        text = statements[name]
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", dict.fromkeys(_parameters(text)))]
        assert not [line for line in plan if line.startswith("SCAN") and "chain" not in line], (name, plan)
        assert name.startswith("chain") or not [line for line in plan if "TEMP B-TREE" in line], (name, plan)
    connection.close()


def _parameters(text: str) -> list[str]:
    return re.findall(r":(\w+)", text)
