"""Builds every object of a server, once, and hands each what it needs. Nothing else is global."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog
import uuid_utils

from milepost.graphs.examples import examples
from milepost.graphs.node_types import Registry
from milepost.graphs.node_types.code import Code
from milepost.graphs.outbound.addresses import AllowedHosts
from milepost.graphs.outbound.gate import Gate
from milepost.graphs.programs import Programs
from milepost.graphs.python.config import GraphsConfig, InvalidConfig, read_config
from milepost.graphs.sandbox.sandbox import Sandbox, SandboxLimits
from milepost.server.access.cipher import Cipher
from milepost.server.access.keys import Keys
from milepost.server.access.one_time import OneTime
from milepost.server.access.secrets import Secrets
from milepost.server.access.sessions import Sessions
from milepost.server.config import Settings
from milepost.server.engine.black_box import BlackBox
from milepost.server.engine.engine import Engine
from milepost.server.engine.revealing import Revealing
from milepost.server.errors import StartRefused
from milepost.server.hub.hub import Hub
from milepost.server.logs import Veils
from milepost.server.metrics import Metrics
from milepost.server.runs.answers import Answers
from milepost.server.runs.compare import Compare
from milepost.server.runs.concurrency import Concurrency
from milepost.server.runs.control import Control
from milepost.server.runs.dry_runs import DryRuns
from milepost.server.runs.edit import Edit
from milepost.server.runs.fork import Fork
from milepost.server.runs.history import History
from milepost.server.runs.inbox import Inbox
from milepost.server.runs.limits import Limits
from milepost.server.runs.notifications import Notifications
from milepost.server.runs.programs import ProgramSource
from milepost.server.runs.projects import Projects
from milepost.server.runs.python_graphs import PythonGraphs
from milepost.server.runs.quotas import Quotas
from milepost.server.runs.read import Read
from milepost.server.runs.signals import Signals
from milepost.server.runs.start import Start
from milepost.server.runs.statistics import Statistics
from milepost.server.runs.tasks import Tasks
from milepost.server.runs.travel import Travel
from milepost.server.runs.workflows import Workflows
from milepost.server.store.database import Database
from milepost.server.store.rows import Project
from milepost.server.store.statements import statement
from milepost.server.store.store import Store, wall_clock
from milepost.server.store.unit import Unit

DEFAULT_SLUG = "default"

log = structlog.get_logger("milepost.graphs")


@dataclass(frozen=True, slots=True)
class App:
    """A server without its sockets. ``open`` and ``close`` bracket its life; ``close`` may take the shutdown grace."""

    settings: Settings
    store: Store
    hub: Hub
    engine: Engine
    keys: Keys
    sessions: Sessions
    one_time: OneTime
    secrets: Secrets
    veils: Veils
    metrics: Metrics
    registry: Registry
    python: PythonGraphs
    workflows: Workflows
    quotas: Quotas
    projects: Projects
    read: Read
    start: Start
    control: Control
    signals: Signals
    statistics: Statistics
    compare: Compare
    inbox: Inbox
    tasks: Tasks
    notifications: Notifications
    history: History
    fork: Fork
    edit: Edit
    dry_runs: DryRuns

    def open(self) -> None:
        """Open the database and go on with what an earlier server left. Blocks until recovery is committed.

        Raises:
            StartRefused: the data directory is in use, foreign, newer than this release, or has secrets of another key.
        """
        for each in self.registry.refused:
            log.error(
                "a node type is not there",
                node_type=each.type,
                package=each.package,
                at=each.place,
                reason=each.reason,
                traceback=each.traceback,
            )
        self.store.open()
        try:
            self.secrets.check()
        except BaseException:
            self.store.close()
            raise
        try:
            self.engine.start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drain the runs, stop the engine, commit what waits and let go of the data directory. Blocks."""
        self.engine.stop(self.settings.shutdown_grace)
        self.store.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def build(settings: Settings, registry: Registry | None = None, clock: Callable[[], int] = wall_clock) -> App:
    """Every object of a server with these settings; nothing is opened yet."""
    registry = registry or Registry.installed()
    if settings.enable_code_nodes:
        registry = registry.having(Code(_sandbox(settings)))
    metrics = Metrics()
    store = Store(Database(settings.database, settings.synchronous), clock)
    store.on_commit(metrics.commit)
    hub = Hub(store, settings.viewer_queue, metrics.event_lag)
    python = PythonGraphs(store, _config(settings))
    programs = ProgramSource(store, Programs(registry), python)
    secrets, veils = Secrets(store, Cipher(settings.data, settings.secret_key)), Veils()
    travel = Travel(store, programs)
    http = Gate(AllowedHosts(settings.allowed_hosts))
    engine = Engine(
        store,
        programs.to_drive,
        boot_id=str(uuid_utils.uuid7()),
        black_box=BlackBox(settings.data / "executing", settings.sync_threads + 1),
        max_runs=settings.max_concurrent_runs,
        sync_threads=settings.sync_threads,
        allowed_types=settings.allowed_types,
        http=http,
        on_settled=hub.settle,
        on_lag=lambda seconds: metrics.loop_lag("engine", seconds),
        on_queue_wait=metrics.queue_wait,
        note_pause=travel.noted,
        around=lambda: _serving(store, python, http),
        foreign_code=python.configured,
        secrets=Revealing(secrets.reveal, veils.add),
    )
    limits = Limits(store)
    concurrency = Concurrency(store, programs, engine)
    edit = Edit(store, programs, travel, settings.allowed_types)
    start = Start(store, hub, engine, programs, limits, secrets)
    answers = Answers(store, engine, start)
    workflows = Workflows(store, registry, programs, python, concurrency, secrets)
    control = Control(store, engine, hub, start, answers, travel, edit)
    history = History(store, programs, travel)
    return App(
        settings=settings,
        store=store,
        hub=hub,
        engine=engine,
        keys=Keys(store),
        sessions=Sessions(store),
        one_time=OneTime(store),
        secrets=secrets,
        veils=veils,
        metrics=metrics,
        registry=registry,
        python=python,
        workflows=workflows,
        quotas=Quotas(store, limits, concurrency, engine),
        projects=Projects(store),
        read=Read(store, hub, engine, programs, limits),
        start=start,
        control=control,
        signals=Signals(store, answers),
        statistics=Statistics(store),
        compare=Compare(store, programs),
        inbox=Inbox(store),
        tasks=Tasks(store),
        notifications=Notifications(store),
        history=history,
        fork=Fork(store, start, programs, travel, edit),
        edit=edit,
        dry_runs=DryRuns(store, hub, programs, workflows, start, control, history),
    )


def _config(settings: Settings) -> GraphsConfig | None:
    try:
        return None if settings.config is None else read_config(settings.config)
    except InvalidConfig as error:
        raise StartRefused(f"MILEPOST_CONFIG: {error}") from error


@asynccontextmanager
async def _serving(store: Store, python: PythonGraphs, http: Gate) -> AsyncIterator[None]:
    if python.configured and await store.fetch_one("get_project", ref=DEFAULT_SLUG) is None:
        await _first_project(store)
    async with aclosing(http), python.serving(await store.project(DEFAULT_SLUG) if python.configured else None):
        yield


async def _first_project(store: Store) -> Project:
    now = store.clock()
    row = statement("insert_project", 1, project_id=str(uuid_utils.uuid7()), slug=DEFAULT_SLUG, name="Default", now=now)
    await store.commit(Unit([row]))
    return await store.project(DEFAULT_SLUG)


def _sandbox(settings: Settings) -> Sandbox:
    limits = SandboxLimits(settings.code_seconds, settings.code_cpu_seconds, settings.code_memory_bytes)
    return Sandbox(settings.data / "scratch", limits)


async def prepare(app: App) -> str:
    """Make what a fresh server has: a project, the owner's key and, if the settings say so, the example workflows.

    Returns:
        The owner's key.
    """
    secret = await app.keys.ensure_owner_key(app.settings.data)
    if await app.store.fetch_one("get_project", ref=DEFAULT_SLUG) is None:
        project = await _first_project(app.store)
        if app.settings.examples:
            # Lists show what is newest first; the first example is to be read first.
            for definition in reversed(examples()):
                await app.workflows.create(project, definition["name"], definition.get("description", ""), definition)
    return secret
