"""The store: one writer, a few readers, and every read that the server makes, typed."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any
from weakref import WeakKeyDictionary

from milepost.checkpoints.unit import Statement
from milepost.server.errors import NotFound
from milepost.server.states import NodeStatus, RunStatus
from milepost.server.store.database import Database
from milepost.server.store.mailbox import Mailbox
from milepost.server.store.reader import Reader
from milepost.server.store.rows import (
    Event,
    Key,
    NodeExecution,
    NodeState,
    OpenInterrupt,
    Project,
    Run,
    Stands,
    Told,
    Workflow,
)
from milepost.server.store.statements import SQL
from milepost.server.store.unit import Row, Unit
from milepost.server.store.writer import Commit, Writer


def wall_clock() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Store:
    """The database as the server sees it. Opened by ``open``; usable from any thread and event loop."""

    def __init__(self, database: Database, clock: Callable[[], int] = wall_clock) -> None:
        self.clock = clock
        self._database = database
        self._listeners: list[Callable[[Commit], None]] = []
        self._mailboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, Mailbox] = WeakKeyDictionary()
        self.reader = Reader(database.connect_reader)
        self.writer = Writer(database.connect_writer, SQL, self._committed)

    def open(self) -> None:
        """Lock, check and migrate the file, and start the writer.

        Raises:
            StartRefused: the file is in use, foreign or newer than this release.
        """
        self._database.open(self.clock())
        self.writer.start()

    def close(self) -> None:
        """Commit what waits, close every connection, give the lock back."""
        self.writer.close()
        self.reader.close()
        self._database.close()

    def on_commit(self, listener: Callable[[Commit], None]) -> None:
        """Call ``listener`` in the writer's thread after every commit, before the callers are answered."""
        self._listeners.append(listener)

    def _committed(self, commit: Commit) -> None:
        for listener in self._listeners:
            listener(commit)

    def submit(self, unit: Unit | Sequence[Statement]) -> "Future[tuple[Event, ...]]":
        """Queue a unit for the writer (see ``Writer.submit``)."""
        return self.writer.submit(unit)

    async def commit(self, unit: Unit) -> tuple[Event, ...]:
        """Write a unit and wait until it is on disk.

        Raises:
            GuardFailed: the unit's view was stale; nothing is stored.
            WriteFailed: the database cannot be written.
        """
        return await self.post(unit)

    def post(self, unit: Unit) -> "asyncio.Future[tuple[Event, ...]]":
        """Queue a unit from an event loop; the future resolves on that loop, as ``commit`` describes."""
        done: asyncio.Future[tuple[Event, ...]] = asyncio.get_running_loop().create_future()
        self.writer.post([(unit, done)], self.mailbox())
        return done

    def mailbox(self) -> Mailbox:
        """The mailbox of the running event loop."""
        loop = asyncio.get_running_loop()
        mailbox = self._mailboxes.get(loop)
        if mailbox is None:
            mailbox = self._mailboxes.setdefault(loop, Mailbox(loop))
        return mailbox

    async def fetch(self, name: str, /, **parameters: Any) -> list[Row]:
        """All rows of a named query."""
        return await asyncio.wrap_future(self.reader.fetch(SQL[name], parameters))

    async def fetch_one(self, name: str, /, **parameters: Any) -> Row | None:
        """The first row of a named query."""
        rows = await self.fetch(name, **parameters)
        return rows[0] if rows else None

    async def run(self, run_id: str) -> Run:
        """A run, whatever its project.

        Raises:
            NotFound: there is none.
        """
        return _the_run(await self.fetch_one("get_run", run_id=run_id), run_id)

    async def run_of(self, project_id: str, run_id: str) -> Run:
        """A run of a project.

        Raises:
            NotFound: there is none, or it is another project's.
        """
        return _the_run(await self.fetch_one("get_run_of_project", run_id=run_id, project_id=project_id), run_id)

    async def stands(self, project_id: str, run_id: str) -> Stands:
        """How a run of a project stands, all of it as of one moment.

        Raises:
            NotFound: there is none, or it is another project's.
        """
        of_run = {"run_id": run_id}
        wanted = [(SQL["get_run_of_project"], {**of_run, "project_id": project_id})]
        wanted += [(SQL["node_states"], of_run), (SQL["interrupts"], of_run)]
        runs, states, interrupts = await asyncio.wrap_future(self.reader.fetch_together(wanted))
        run = _the_run(runs[0] if runs else None, run_id)
        return Stands(run, [to_state(row) for row in states], [OpenInterrupt(*row) for row in interrupts])

    async def runs(self, name: str, /, **parameters: Any) -> list[Run]:
        """Runs that a named query selects."""
        return [to_run(row) for row in await self.fetch(name, **parameters)]

    async def node_states(self, run_id: str) -> list[NodeState]:
        """States of the nodes that were reached."""
        return [to_state(row) for row in await self.fetch("node_states", run_id=run_id)]

    async def executions(
        self,
        run_id: str,
        *,
        after: str = "",
        limit: int = 100,
        node_id: str | None = None,
        node_type: str | None = None,
        failed: bool | None = None,
    ) -> list[NodeExecution]:
        """Node executions in order, those behind the execution ``after``."""
        rows = await self.fetch(
            "executions",
            run_id=run_id,
            after=after,
            limit=limit,
            node_id=node_id,
            node_type=node_type,
            failed=failed if failed is None else int(failed),
        )
        return [to_execution(row) for row in rows]

    async def waiting_executions(self, run_id: str) -> list[NodeExecution]:
        """Executions that were parked."""
        return [to_execution(row) for row in await self.fetch("open_executions", run_id=run_id)]

    async def node_work(self, run_id: str) -> list[tuple[str, int, int]]:
        """Each node that ended in a run: its id, how often, and its milliseconds of work."""
        return [(row[0], row[1], row[2]) for row in await self.fetch("node_work", run_id=run_id)]

    async def interrupts(self, run_id: str) -> list[OpenInterrupt]:
        """What the run's nodes wait for, answered or not, oldest first."""
        return [OpenInterrupt(*row) for row in await self.fetch("interrupts", run_id=run_id)]

    async def events(self, run_id: str, after: int, limit: int) -> list[Event]:
        """Events with ``seq > after``, oldest first."""
        rows = await self.fetch("events_after", run_id=run_id, after=after, limit=limit)
        return [Event(*row) for row in rows]

    async def told(self, run_id: str, after: int, limit: int) -> list[Told]:
        """The same as viewers get them."""
        return [Told(*row) for row in await asyncio.wrap_future(self.reading_told(run_id, after, limit))]

    def reading_told(self, run_id: str, after: int, limit: int) -> "Future[list[Row]]":
        """As ``told``, for who does something else meanwhile: what each ``Told`` is made of."""
        return self.reader.fetch(SQL["told_after"], {"run_id": run_id, "after": after, "limit": limit})

    async def workflow(self, project_id: str, workflow_id: str, version: int | None = None) -> Workflow:
        """A workflow of a project at a version (None: the latest), archived ones included.

        Raises:
            NotFound: no such workflow or version.
        """
        row = await self.fetch_one("get_workflow", project_id=project_id, workflow_id=workflow_id, version=version)
        if row is None:
            wanted = f"version {version} of workflow {workflow_id}" if version else f"workflow {workflow_id}"
            raise NotFound(f"there is no {wanted} in this project")
        return Workflow(*row)

    async def project(self, ref: str) -> Project:
        """A project by id or slug.

        Raises:
            NotFound: there is none.
        """
        row = await self.fetch_one("get_project", ref=ref)
        if row is None:
            raise NotFound(f"there is no project {ref}")
        return Project(*row)

    async def key(self, secret_hash: str) -> Key | None:
        """The valid key with this hash, if there is one."""
        row = await self.fetch_one("find_key", secret_hash=secret_hash, now=self.clock())
        return Key(*row) if row else None


def to_run(row: Row) -> Run:
    """A row of the run columns as a `Run`."""
    return Run(*(*row[:4], RunStatus(row[4]), *row[5:]))


def to_state(row: Row) -> NodeState:
    """A row of the node state columns as a `NodeState`."""
    return NodeState(row[0], NodeStatus(row[1]), *row[2:])


def to_execution(row: Row) -> NodeExecution:
    """A row of the execution columns as a `NodeExecution`."""
    return NodeExecution(*(*row[:6], NodeStatus(row[6]), *row[7:]))


def _the_run(row: Row | None, run_id: str) -> Run:
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    return to_run(row)
