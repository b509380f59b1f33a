"""The viewer's reducer on random runs of the real engine: what it makes of their events is what the server says."""

import asyncio
import json
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from milepost.server.errors import MilepostError
from milepost.server.store.rows import Run
from tests.engine.conftest import ACTOR
from tests.engine.random_definitions import Drawn
from tests.engine.random_runs import Driver, Point, Trouble, serving, troubles
from tests.engine.test_random_runs import DRAWN, stored

WEB = Path(__file__).parents[2] / "web"
VITEST = WEB / "node_modules" / "vitest" / "vitest.mjs"
NODE = shutil.which("node")
QUICK = settings(
    suppress_health_check=list(HealthCheck),
    max_examples=25,
    derandomize=True,
    phases=(Phase.generate,),
)
LONG = settings(QUICK, max_examples=150, derandomize=False)
pytestmark = pytest.mark.skipif(NODE is None or not VITEST.exists(), reason="needs Node and `npm ci` in web/")

Replay = dict[str, Any]


class Watched(Driver):
    """Notes the status of its run each time that it looks at the run."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.statuses: list[dict[str, Any]] = []

    async def _run(self) -> Run:
        status = await self.bench.app.read.status(self.bench.project, self.run_id, 0)
        if not self.statuses or self.statuses[-1]["last_seq"] < status["last_seq"]:
            self.statuses.append(status)
        return await super()._run()

    async def replay(self, name: str) -> Replay:
        """What was noted, with the run's events."""
        return {"name": name, "events": await self.bench.events(self.run_id), "statuses": self.statuses}


async def recorded(data: Path, drawn: Drawn, trouble: Trouble, name: str) -> list[Replay]:
    """A run through its troubles, and the forks that were made of it."""
    async with serving(data) as server:
        workflow_id = await stored(server.bench, drawn)
        driver = Watched(server, Point(await server.bench.start_again(workflow_id)), drawn, trouble)
        with suppress(MilepostError):
            # A command that came too late ends the drive; what was seen until then counts.
            await driver.drive()
        replays = [await driver.replay(name)]
        for fork in driver.forks:
            await server.bench.app.start.execute(ACTOR, server.bench.project, fork.run_id)
            again = Watched(server, fork, drawn, Trouble(alike=trouble.alike))
            with suppress(MilepostError):
                await again.drive()
            replays.append(await again.replay(f"fork of {name}"))
        return replays


def check(replays: list[Replay], file: Path) -> None:
    """Let the viewer's reducer replay what was recorded."""
    file.write_text(json.dumps(replays, default=str))
    command = [str(NODE), str(VITEST), "run", "tests/model/replays.test.ts"]
    done = subprocess.run(
        command,
        check=False,
        cwd=WEB,
        env=os.environ | {"MILEPOST_REPLAYS": str(file)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_the_viewer_shows_the_servers_states_of_random_runs(tmp_path: Path) -> None:
    replays: list[Replay] = []

    @QUICK
    @given(drawn=DRAWN, trouble=troubles(4))
    def record(drawn: Drawn, trouble: Trouble) -> None:
        replays.extend(asyncio.run(recorded(tmp_path, drawn, trouble, f"run {len(replays)}")))

    record()
    check(replays, tmp_path / "replays.json")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_viewer_shows_the_servers_states_of_many_random_runs(tmp_path: Path) -> None:
    replays: list[Replay] = []

    @LONG
    @given(drawn=DRAWN, trouble=troubles(8))
    def record(drawn: Drawn, trouble: Trouble) -> None:
        replays.extend(asyncio.run(recorded(tmp_path, drawn, trouble, f"run {len(replays)}")))

    record()
    check(replays, tmp_path / "replays.json")
