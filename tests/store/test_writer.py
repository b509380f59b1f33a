"""The one writer: units are whole or not at all, guards fail alone, a full disk loses nothing that was acknowledged."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from milepost.checkpoints.unit import Statement
from milepost.server.errors import GuardFailed, IllegalTransition, Unavailable, WriteFailed
from milepost.server.runs.new import insertion, new_run
from milepost.server.states import Action
from milepost.server.store.database import Database
from milepost.server.store.rows import Run, Workflow
from milepost.server.store.statements import event, statement, transition
from milepost.server.store.store import Store
from milepost.server.store.unit import MAX_DATA_BYTES, NewEvent, Returning, Unit, encode
from milepost.server.store.writer import Commit


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(Database(tmp_path / "milepost.db"))
    store.open()
    yield store
    store.close()


@pytest.fixture
def run(store: Store) -> Run:
    store.submit(
        Unit(
            [
                statement("insert_project", 1, project_id="p", slug="default", name="P", now=1),
                statement("insert_workflow", 1, workflow_id="w", project_id="p", name="w", description="", now=1),
                statement("insert_version", 1, workflow_id="w", version=1, definition="{}", pins="{}", now=1),
            ]
        )
    ).result(10)
    run = new_run("p", "w", 1, "{}", "{}", 1)
    workflow = Workflow("w", "p", "w", "", 1, 1, 1, None, 1, "{}", "{}", 1)
    store.submit(insertion(run, workflow, 1)).result(10)
    return run


def status_of(store: Store, run: Run) -> str:
    rows = store.reader.fetch("SELECT status FROM workflow_runs WHERE run_id = :run_id", {"run_id": run.run_id})
    return str(rows.result(10)[0][0])


def seqs(store: Store, run: Run) -> list[int]:
    query = "SELECT seq FROM run_events WHERE run_id = :run_id ORDER BY seq"
    return [row[0] for row in store.reader.fetch(query, {"run_id": run.run_id}).result(10)]


def test_a_unit_whose_guard_fails_is_rolled_back_alone(store: Store, run: Run) -> None:
    queued, change = transition(run, Action.EXECUTE, 2)
    lost = Unit([statement("set_progress", run_id=run.run_id, progress=0.5), change, change], [event(run, "x", 2)])
    outcomes = [store.submit(Unit([change], [event(queued, "run.queued", 2)])), store.submit(lost)]
    assert [told.seq for told in outcomes[0].result(10)] == [2]
    with pytest.raises(GuardFailed):
        outcomes[1].result(10)
    assert status_of(store, run) == "QUEUED"
    assert seqs(store, run) == [1, 2]


def test_a_lost_race_touches_no_row(store: Store, run: Run) -> None:
    _, first = transition(run, Action.EXECUTE, 2)
    _, second = transition(run, Action.CANCEL, 2)
    store.submit(Unit([first])).result(10)
    with pytest.raises(GuardFailed):
        store.submit(Unit([second])).result(10)
    assert status_of(store, run) == "QUEUED"


def test_the_table_refuses_what_it_does_not_know(run: Run) -> None:
    with pytest.raises(IllegalTransition, match="PENDING run cannot resume"):
        transition(run, Action.RESUME, 2)


def test_returned_rows_become_events_of_the_same_transaction(store: Store, run: Run) -> None:
    def told(rows: object) -> list[NewEvent]:
        assert rows == [(run.run_id,)]
        return [event(run, "told", 3)]

    sql = "UPDATE workflow_runs SET current_node = 'n' WHERE run_id = :run_id RETURNING run_id"
    unit = Unit([Returning(Statement(sql, {"run_id": run.run_id}), told)])
    assert [(each.seq, each.type) for each in store.submit(unit).result(10)] == [(2, "told")]


def test_what_waits_is_committed_as_a_group_in_order(store: Store, run: Run) -> None:
    commits: list[Commit] = []
    store.on_commit(commits.append)
    events = [store.submit(Unit(events=[event(run, f"e{n}", 5)])) for n in range(200)]
    numbers = [future.result(10)[0].seq for future in events]
    assert numbers == list(range(2, 202))
    assert sum(commit.units for commit in commits) == 200
    assert [each.seq for commit in commits for each in commit.events] == numbers


def test_a_caller_that_goes_away_takes_nobody_with_it(store: Store, run: Run) -> None:
    busy, told = threading.Event(), threading.Event()

    def hold(commit: Commit) -> None:
        busy.set()
        told.wait(10)

    store.on_commit(hold)
    first = store.submit(Unit(events=[event(run, "first", 5)]))
    assert busy.wait(10)
    gone = store.submit(Unit(events=[event(run, "gone", 5)]))
    assert gone.cancel()
    told.set()
    last = store.submit(Unit(events=[event(run, "last", 5)]))
    assert [first.result(10)[0].seq, last.result(10)[0].seq] == [2, 4]


def test_events_of_an_unknown_run_are_refused(store: Store, run: Run) -> None:
    stray = NewEvent("nobody", "x", 1, 0, "{}")
    with pytest.raises(GuardFailed, match="no run"):
        store.submit(Unit(events=[stray])).result(10)


def test_a_closed_writer_refuses_and_what_was_submitted_before_is_stored(tmp_path: Path) -> None:
    store = Store(Database(tmp_path / "milepost.db"))
    store.open()
    last = [
        store.submit([statement("insert_project", 1, project_id=f"p{n}", slug=f"s{n}", name="", now=1)])
        for n in range(50)
    ]
    store.close()
    assert all(future.done() and future.exception() is None for future in last)
    with pytest.raises(Unavailable):
        store.submit(Unit()).result(10)


def leave_room(store: Store, pages: int) -> None:
    """Let the file grow by so many pages: SQLite treats the limit as a full disk."""
    (now,) = store.reader.fetch("PRAGMA page_count", {}).result(10)[0]
    store.submit([Statement(f"PRAGMA max_page_count={now + pages}", {})]).result(10)


def test_a_full_disk_fails_who_does_not_fit_and_nobody_else(store: Store, run: Run) -> None:
    leave_room(store, 20)
    big = "x" * 400_000
    write = "UPDATE workflow_runs SET metadata = :text WHERE run_id = :run_id"
    small = [store.submit(Unit(events=[event(run, "small", 5)])) for _ in range(5)]
    failing = store.submit([Statement(write, {"text": big, "run_id": run.run_id})])
    after = [store.submit(Unit(events=[event(run, "after", 5)])) for _ in range(5)]
    with pytest.raises(WriteFailed, match="full"):
        failing.result(10)
    numbers = [future.result(10)[0].seq for future in small + after]
    assert numbers == seqs(store, run)[1:]
    leave_room(store, 10_000)
    store.submit([Statement(write, {"text": big, "run_id": run.run_id}, 1)]).result(10)


def test_data_of_an_event_is_cut_and_says_so() -> None:
    text = encode({"message": "é\n" * 10_000, "level": "info"})
    assert len(text.encode()) <= MAX_DATA_BYTES
    assert '"cut":true' in text
    assert encode({"a": 1}) == '{"a":1}'
    assert len(encode({str(n): "y" * 3_000 for n in range(50)}).encode()) <= MAX_DATA_BYTES
