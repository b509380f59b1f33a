"""What claims and wakes runs goes on whatever it meets, and what it costs does not grow with what waits."""

import asyncio
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from milepost.checkpoints.unit import Statement
from milepost.server.states import RunStatus
from milepost.server.store.reader import Reader
from milepost.server.store.statements import SQL, statement
from milepost.server.store.unit import Row, Unit
from milepost.server.store.writer import Commit
from tests.engine.conftest import ACTOR, Bench, opened
from tests.engine.test_control import chain, lines

NAMES = {sql: name for name, sql in SQL.items()}


class Counting(Reader):
    """A reader that counts its queries by name."""

    def __init__(self, bench: Bench) -> None:
        self.inner = bench.app.store.reader
        self.counts: Counter[str] = Counter()

    def fetch(self, sql: str, parameters: Mapping[str, Any]) -> "Future[list[Row]]":
        self.counts[NAMES.get(sql, "")] += 1
        return self.inner.fetch(sql, parameters)

    def close(self) -> None:
        self.inner.close()


async def test_a_pause_holds_at_the_claim_though_the_version_can_no_longer_be_read(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", shutdown_grace=0.0) as bench:
        run_id = await bench.start(chain(tmp_path / "t", 0, 30, 0))
        await bench.until_node(run_id, "node.started", "n1")
        run = await bench.app.store.run(run_id)
        asked = statement("request_pause", 1, run_id=run_id, run_attempt=run.run_attempt, mode="step")
        refused = Statement("UPDATE workflow_versions SET definition = '{\"steps\": 1}'", {})
        await bench.app.store.commit(Unit([asked, refused]))
        bench.app.store.writer.close()
    async with opened(tmp_path / "data", shutdown_grace=1.0) as bench:
        await bench.until(run_id, "run.paused")
        other = await bench.start(chain(tmp_path / "t", 0))
        assert (await bench.ended(other)).status is RunStatus.COMPLETED


async def test_a_free_slot_looks_into_one_queue_however_many_projects_have_one(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", max_concurrent_runs=1, shutdown_grace=0.0) as bench:
        first = await bench.start(chain(tmp_path / "t", 30))
        await bench.until(first, "node.started")
        queued = []
        for number in range(20):
            bench.project = await bench.app.projects.create(ACTOR, f"p{number}", f"p{number}")
            queued.append(await bench.start(chain(tmp_path / "t", 0)))
        bench.app.store.reader = counting = Counting(bench)
        bench.project = await bench.app.store.project("default")
        await bench.app.control.cancel(ACTOR, bench.project, first)
        await asyncio.gather(*(bench.ended(run_id) for run_id in queued))
        assert counting.counts["queued_runs"] <= 2 * len(queued)


@pytest.mark.parametrize("mode", ["cancel", "now", "step"])
async def test_what_is_asked_of_a_run_before_the_engine_has_it_holds(tmp_path: Path, mode: str) -> None:
    """The row says RUNNING as soon as the claim is on disk; a busy loop learns of it a little later."""
    free = threading.Event()
    async with opened(tmp_path / "data", max_concurrent_runs=1, shutdown_grace=0.0) as bench:
        control, loop = bench.app.control, bench.app.engine._loop
        first = await bench.start(chain(tmp_path / "first", 30))
        await bench.until(first, "node.started")
        run_id = await bench.start(chain(tmp_path / "t", 0, 0))

        def hold_loop(commit: Commit) -> None:
            if any((event.run_id, event.type) == (run_id, "run.started") for event in commit.events):
                loop.call_soon_threadsafe(free.wait)

        bench.app.store.on_commit(hold_loop)
        await control.cancel(ACTOR, bench.project, first)
        await bench.until(run_id, "run.started")
        try:
            if mode == "cancel":
                await control.cancel(ACTOR, bench.project, run_id)
            else:
                await control.pause(ACTOR, bench.project, run_id, "now" if mode == "now" else "step", 0)
        finally:
            free.set()
        if mode == "step":
            await bench.until(run_id, "run.paused")
        last = await bench.start(chain(tmp_path / "last", 0))
        await bench.ended(last)
        assert (await bench.app.store.run(run_id)).status == ("CANCELLED" if mode == "cancel" else "PAUSED")
        assert lines(tmp_path / "t") == []
