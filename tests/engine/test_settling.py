"""How a run that has stopped gets its verdict into the database while others write its row."""

import threading
import uuid
from pathlib import Path

import orjson

from milepost.graphs.programs import Programs
from milepost.server.access.cipher import Cipher
from milepost.server.access.secrets import Secrets
from milepost.server.config import load_settings
from milepost.server.engine.black_box import BlackBox
from milepost.server.engine.engine import Engine
from milepost.server.engine.revealing import Revealing
from milepost.server.logs import Veils
from milepost.server.runs.programs import ProgramSource
from milepost.server.runs.python_graphs import PythonGraphs
from milepost.server.runs.start import NewRun
from milepost.server.runs.travel import Travel
from milepost.server.states import Action, RunStatus
from milepost.server.store.database import Database
from milepost.server.store.rows import Event, Run
from milepost.server.store.statements import statement, transition
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit
from milepost.server.store.writer import Commit
from tests.engine.conftest import ACTOR, opened
from tests.probes import registry

ENDS = frozenset({"run.completed", "run.failed"})


class Flapping(Store):
    """A pause is asked for just before a run completes, and taken back at once."""

    flapped = 0

    async def commit(self, unit: Unit) -> tuple[Event, ...]:
        """Commit a unit; twice that of a completion in between."""
        completed = [event for event in unit.events if event.type == "run.completed"]
        if not completed or self.flapped == 2:
            return await super().commit(unit)
        self.flapped += 1
        run = await self.run(completed[0].run_id)
        whose = {"run_id": run.run_id, "run_attempt": run.run_attempt}
        await super().commit(Unit([statement("request_pause", 1, **whose, mode="step")]))
        try:
            return await super().commit(unit)
        finally:
            await super().commit(Unit([statement("withdraw_pause", 1, **whose)]))


async def queued(data: Path) -> str:
    """The id of a run that stands in the queue of a server that has ended."""
    async with opened(data) as bench:
        created = await bench.app.workflows.create(
            bench.project, "one", "", {"name": "one", "steps": [{"id": "one", "type": "process", "config": {}}]}
        )
        new = NewRun(created["workflow_id"])
        run_id = str(orjson.loads(await bench.app.start.create(ACTOR, bench.project, new))["run_id"])
        run = await bench.app.store.run(run_id)
        _, change = transition(run, Action.EXECUTE, bench.app.store.clock())
        await bench.app.store.commit(Unit([change]))
        return run_id


async def driven(store: Store, data: Path, run_id: str) -> Run:
    """The run at its end, driven by an engine on ``store``."""
    ended = threading.Event()

    def look(commit: Commit) -> None:
        if any(event.type in ENDS for event in commit.events):
            ended.set()

    store.on_commit(look)
    programs = ProgramSource(store, Programs(registry()), PythonGraphs(store, None))
    engine = Engine(
        store,
        programs.of_run,
        boot_id=str(uuid.uuid4()),
        black_box=BlackBox(data / "executing", 2),
        max_runs=1,
        sync_threads=1,
        note_pause=Travel(store, programs).noted,
        secrets=Revealing(Secrets(store, Cipher(data, None)).reveal, Veils().add),
    )
    engine.start()
    try:
        assert ended.wait(10)
        return await store.run(run_id)
    finally:
        engine.stop(0)


async def test_a_pause_that_came_and_went_while_a_run_completed_does_not_fail_it(tmp_path: Path) -> None:
    run_id = await queued(tmp_path)
    settings = load_settings(data=tmp_path)
    store = Flapping(Database(settings.database, settings.synchronous))
    store.open()
    try:
        run = await driven(store, tmp_path, run_id)
        assert (run.status, run.error) == (RunStatus.COMPLETED, None)
        assert store.flapped == 2
    finally:
        store.close()
