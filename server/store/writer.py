"""The one writer of the database: a thread that owns the write connection and commits what waits as a group."""

import asyncio
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

import orjson
import structlog

from milepost.checkpoints.unit import Statement
from milepost.server.errors import GuardFailed, Unavailable, WriteFailed
from milepost.server.store.mailbox import Mailbox, Outcome
from milepost.server.store.rows import Event
from milepost.server.store.unit import NewEvent, Returning, Row, Unit

log = structlog.get_logger("milepost.store")

MAX_GROUP = 512
"""Units of one transaction, so that the first of a flood does not wait for the last."""


class Job(NamedTuple):
    unit: Unit
    done: "Future[tuple[Event, ...]] | asyncio.Future[tuple[Event, ...]]"
    mailbox: Mailbox | None


@dataclass(frozen=True, slots=True)
class Commit:
    """What one transaction did: units in it, seconds it took, events that it stored."""

    units: int
    seconds: float
    events: tuple[Event, ...]


class Writer:
    """Runs units in the order in which they were submitted, many to a transaction.

    A unit whose guard fails is rolled back alone and its caller gets ``GuardFailed``. Where SQLite gave up the whole
    transaction (disk full, I/O error), the units run again one by one and each caller gets its own outcome.
    """

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], sql: Mapping[str, str], on_commit: Callable[[Commit], None]
    ) -> None:
        self._connect = connect
        self._sql = sql
        self._on_commit = on_commit
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="milepost-writer", daemon=True)

    def start(self) -> None:
        """Start the thread. Units submitted before are run then."""
        self._thread.start()

    def close(self) -> None:
        """Run what was submitted, then end. Later units are refused with ``Unavailable``."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._thread.join()

    def submit(self, unit: Unit | Sequence[Statement]) -> "Future[tuple[Event, ...]]":
        """Queue a unit; callable from any thread.

        Returns:
            A future that resolves after the commit with the events that were stored, numbered. It fails with
            ``GuardFailed``, ``WriteFailed`` or ``Unavailable``; then nothing of the unit is stored.
        """
        done: Future[tuple[Event, ...]] = Future()
        self._put(Job(unit if isinstance(unit, Unit) else Unit(list(unit)), done, None))
        return done

    def post(self, units: Sequence[tuple[Unit, "asyncio.Future[tuple[Event, ...]]"]], mailbox: Mailbox) -> None:
        """The same for units of an event loop, with futures of that loop: a commit wakes it once for all of them."""
        self._put(*(Job(unit, done, mailbox) for unit, done in units))

    def _put(self, *jobs: Job) -> None:
        with self._closing:
            if not self._closed:
                for job in jobs:
                    self._jobs.put(job)
                return
        _answer(jobs, [Unavailable()] * len(jobs))

    def _run(self) -> None:
        connection = self._connect()
        try:
            while (group := self._next_group()) is not None:
                self._commit_group(connection, group)
        finally:
            connection.close()

    def _next_group(self) -> list[Job] | None:
        first = self._jobs.get()
        if first is None:
            return None
        group = [first]
        while len(group) < MAX_GROUP:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            group.append(job)
        return group

    def _commit_group(self, connection: sqlite3.Connection, group: Sequence[Job]) -> None:
        started = time.perf_counter()
        outcomes: Sequence[Outcome] | None
        try:
            outcomes = self._together(connection, group)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is one unit's: they are tried one by one
            _abandon(connection)
            outcomes = self._one_by_one(connection, group) if len(group) > 1 else [_translate(error)]
        if outcomes is None:
            for job in group:
                self._commit_group(connection, [job])
            return
        stored = tuple(event for outcome in outcomes if isinstance(outcome, tuple) for event in outcome)
        self._tell(Commit(len(group), time.perf_counter() - started, stored))
        _answer(group, outcomes)

    def _tell(self, commit: Commit) -> None:
        try:
            self._on_commit(commit)
        except Exception:
            # What is on disk is on disk: a listener that fails must not take the writer, and so everybody, with it.
            log.exception("a listener to commits failed")

    def _together(self, connection: sqlite3.Connection, group: Sequence[Job]) -> Sequence[Outcome]:
        """Commit all units, or none and raise: a unit seldom fails, and without savepoints each costs two calls less.

        Each call of SQLite gives the interpreter's lock away and has to get it back.
        """
        connection.execute("BEGIN IMMEDIATE")
        outcomes = self._store_events(connection, [self._apply(connection, job.unit) for job in group])
        connection.execute("COMMIT")
        return outcomes

    def _one_by_one(self, connection: sqlite3.Connection, group: Sequence[Job]) -> Sequence[Outcome] | None:
        """Commit the units that do not fail. None: SQLite gave up the transaction."""
        try:
            connection.execute("BEGIN IMMEDIATE")
            outcomes = [self._run_unit(connection, job.unit) for job in group]
            connection.execute("COMMIT")
        except sqlite3.Error:
            _abandon(connection)
            return None
        return outcomes

    def _run_unit(self, connection: sqlite3.Connection, unit: Unit) -> Outcome:
        connection.execute("SAVEPOINT unit")
        try:
            (events,) = self._store_events(connection, [self._apply(connection, unit)])
        except Exception as error:
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO unit")
            connection.execute("RELEASE unit")
            return _translate(error)
        connection.execute("RELEASE unit")
        return events

    def _apply(self, connection: sqlite3.Connection, unit: Unit) -> list[NewEvent]:
        events: list[NewEvent] = []
        for item in unit.statements:
            statement = item.statement if isinstance(item, Returning) else item
            cursor = connection.execute(statement.sql, statement.parameters)
            rows: list[Row] = cursor.fetchall() if isinstance(item, Returning) else []
            touched = len(rows) if isinstance(item, Returning) else cursor.rowcount
            if statement.rows is not None and touched != statement.rows:
                raise GuardFailed(f"touched {touched} rows instead of {statement.rows}")
            if isinstance(item, Returning):
                events.extend(item.events(rows))
        # What a statement found out comes first: a node's end before the end of its run.
        events.extend(unit.events)
        return events

    def _store_events(
        self, connection: sqlite3.Connection, units: Sequence[Sequence[NewEvent]]
    ) -> list[tuple[Event, ...]]:
        """Number and store the events of several units with three statements, however many there are."""
        counts = Counter(event.run_id for events in units for event in events)
        if not counts:
            return [()] * len(units)
        ids = orjson.dumps(list(counts)).decode()
        (found,) = connection.execute(self._sql["event_numbers"], {"run_ids": ids}).fetchone()
        runs: dict[str, tuple[int, str]] = orjson.loads(found)
        if missing := counts.keys() - runs.keys():
            raise GuardFailed(f"there is no run {', '.join(missing)}")
        number = {run_id: count(last_seq + 1).__next__ for run_id, (last_seq, _) in runs.items()}
        stored = [
            tuple(
                Event(
                    new.run_id,
                    number[new.run_id](),
                    new.ts,
                    new.type,
                    new.node_id,
                    new.run_attempt,
                    new.data,
                    runs[new.run_id][1],
                )
                for new in events
            )
            for events in units
        ]
        rows = orjson.dumps([event[:7] for events in stored for event in events]).decode()
        connection.execute(self._sql["insert_events"], {"events": rows})
        connection.execute(self._sql["set_event_numbers"], {"counts": orjson.dumps(counts).decode()})
        return stored


def _answer(group: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
    mail: dict[Mailbox, list[tuple[asyncio.Future[Any], Outcome]]] = {}
    for job, outcome in zip(group, outcomes, strict=True):
        if isinstance(job.done, asyncio.Future):
            if job.mailbox is not None:
                mail.setdefault(job.mailbox, []).append((job.done, outcome))
        elif not job.done.set_running_or_notify_cancel():
            # Whoever submitted it has gone away. It is stored all the same, and the writer goes on.
            continue
        elif isinstance(outcome, BaseException):
            job.done.set_exception(outcome)
        else:
            job.done.set_result(outcome)
    for mailbox, delivery in mail.items():
        mailbox.deliver(delivery)


def _abandon(connection: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _translate(error: Exception) -> Exception:
    if isinstance(error, sqlite3.IntegrityError):
        return GuardFailed(str(error))
    if isinstance(error, sqlite3.OperationalError):
        return WriteFailed(f"the database could not be written: {error}")
    return error
