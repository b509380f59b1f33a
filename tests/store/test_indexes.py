"""What statements read: by an index, in its order, so that they cost the same at a hundred thousand runs."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from milepost.checkpoints.sql import load
from milepost.server.store.listings import SQL as LISTINGS
from milepost.server.store.statements import SQL

ROOT = Path(__file__).parents[2]

SMALL = {
    "limited_projects": "the projects of a server",
    "list_projects": "the projects of a server",
    "queued_projects": "the projects of a server",
    "projects_to_wake": "the projects of a server",
    "next_wake": "the projects of a server",
    "list_keys": "the keys of a server",
    "revoke_owner_keys": "the keys of a server",
    "count_by_status": "every run, inside an index, when somebody asks for the metrics",
    "queued_suspects": "the queued runs that were there in a crash, by an index of no others",
    "runs_of_other_boots": "the runs that are RUNNING, by an index of no others",
    "answered_runs": "the answers that nobody used yet, by an index of no others",
    "python_workflows": "the graphs that are written in Python, by an index of no others",
    "any_secret": "the first entry of an index",
    "list_all": "all checkpoints: LangGraph asks for them without a thread",
}
"""What a statement may read as a whole."""


def statements() -> dict[str, str]:
    """Every statement that there is but for the fragments of the run list."""
    checkpoints = [found for path in (ROOT / "checkpoints").rglob("*.sql") for found in load(path).items()]
    return {**SQL, **dict(checkpoints)}


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    """The schema, empty."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript((ROOT / "schema.sql").read_text())
        yield connection


def steps(database: sqlite3.Connection, sql: str) -> list[str]:
    """How SQLite would execute a statement; what it makes of a JSON parameter or of its own rows is left out."""
    parameters = dict.fromkeys(re.findall(r"(?<![:\w]):(\w+)", sql))
    plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    own = r"SCAN (chain|a|h|found|periods|(4 )?CONSTANT ROW|json_each|more|\(subquery)"
    return [step for step in plan if not re.match(own, step)]


def test_every_statement_reads_by_an_index(database: sqlite3.Connection) -> None:
    for name, sql in statements().items():
        plan = steps(database, sql)
        assert name in SMALL or not [step for step in plan if step.startswith("SCAN")], (name, plan)


def test_what_reads_a_whole_table_is_there(database: sqlite3.Connection) -> None:
    assert SMALL.keys() <= statements().keys()


TASKS = ("list_tasks", "list_tasks_of_status", "list_tasks_of_assignee", "list_open_tasks_of_assignee")
TOLD = tuple(f"{name}{to}" for name in ("list_notifications", "unread_notifications") for to in ("", "_to"))


@pytest.mark.parametrize(
    "name", ["queued_runs", "runs_to_wake", "held_runs", "queued_suspects", "inbox", *TASKS, *TOLD]
)
def test_what_is_taken_in_order_is_not_sorted(database: sqlite3.Connection, name: str) -> None:
    assert not [step for step in steps(database, statements()[name]) if "TEMP" in step]


@pytest.mark.parametrize("chosen", [(), ("of_workflow",), ("of_statuses",), ("about",)])
@pytest.mark.parametrize(
    "order", [f"{by}_{way}" for by in ("created_at", "started_at", "finished_at") for way in ("asc", "desc")]
)
def test_the_run_list_is_read_in_its_order(database: sqlite3.Connection, chosen: tuple[str, ...], order: str) -> None:
    plan = steps(database, "\n".join(LISTINGS[part] for part in ("list_runs", *chosen, order)))
    assert [step for step in plan if step.startswith("SEARCH workflow_runs USING INDEX")] == plan


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("list_tasks_of_assignee", "tasks_of_assignee (project_id=? AND assignee=?"),
        ("list_open_tasks_of_assignee", "tasks_open (project_id=? AND assignee=?"),
        ("list_notifications_to", "notifications_to (project_id=? AND recipient=?"),
        ("unread_notifications_to", "notifications_unread_to (project_id=? AND recipient=?"),
        ("read_all_notifications_to", "notifications_unread_to (project_id=? AND recipient=?"),
    ],
)
def test_what_one_person_is_told_and_has_to_do_is_read_alone(
    database: sqlite3.Connection, name: str, index: str
) -> None:
    assert [step for step in steps(database, statements()[name]) if index in step]


FIGURES = ("unfinished_runs", "ended_by_period", "ended_by_workflow", "slowest_nodes", "failing_nodes")


@pytest.mark.parametrize("name", FIGURES)
def test_figures_read_no_run_and_no_execution(database: sqlite3.Connection, name: str) -> None:
    plan = steps(database, statements()[name])
    read = [step for step in plan if re.match(r"S\w+ (r|e|n|s|w|run_rollups)\b", step)]
    assert read
    assert not [step for step in read if "node_executions" in step or "sqlite_autoindex_workflow_runs" in step]
    inside = [step for step in read if re.match(r"SEARCH r\b", step)]
    assert inside == ([] if name != "unfinished_runs" else [_COUNTED, _DRY])


_COUNTED = "SEARCH r USING COVERING INDEX runs_unfinished (workflow_id=? AND status=?)"
_DRY = "SEARCH r USING INDEX dry_runs_unfinished (workflow_id=? AND status=?)"


def test_the_newest_runs_of_a_workflow_are_found_inside_an_index(database: sqlite3.Connection) -> None:
    plan = steps(database, statements()["last_runs"])
    assert "SEARCH n USING COVERING INDEX runs_by_workflow (workflow_id=?)" in plan
