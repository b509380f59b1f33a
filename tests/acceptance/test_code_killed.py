"""A server that dies: its code nodes' processes go with it, and what nodes put into lists is there once."""

import asyncio
import random
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.acceptance.process import ServerProcess
from tests.acceptance.snapshot import Snapshot

SLEEPS = (
    "import os, time\ndef main(input):\n    print(os.getpid())\n    time.sleep(input.get('seconds', 60))\n    return {}"
)

RUNS, STEPS, KILLS = 20, 10, 3


def code(node_id: str, **given: Any) -> dict[str, Any]:
    """A node that says which process it is, and sleeps."""
    return {"id": node_id, "type": "code", "config": {"source": SLEEPS, "input": given}}


async def pids(server: ServerProcess, run_ids: list[str]) -> list[int]:
    """The processes that the nodes of the runs say they are."""
    events = await asyncio.gather(*(server.until(run_id, "node.log") for run_id in run_ids))
    return [int(event["data"]["message"]) for event in events]


def gone(number: int, within: float = 1.0) -> bool:
    """Whether a process has ended in time; what nobody has waited for yet has."""
    try:
        process = psutil.Process(number)
        process.wait(within)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return process.status() == psutil.STATUS_ZOMBIE
    return True


@pytest.mark.timed
@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "cancel"])
async def test_the_processes_of_code_are_gone_within_a_second(tmp_path: Path, how: str) -> None:
    settings = {"enable_code_nodes": True, "shutdown_grace": 0.2}
    async with ServerProcess(tmp_path / "data", **settings) as server:
        workflow_id = await server.workflow({"name": "sleeps", "steps": [code("c")]})
        run_ids = await server.runs(workflow_id, 8)
        found = await pids(server, run_ids)
        assert all(psutil.pid_exists(number) for number in found)
        if how == "cancel":
            answers = await asyncio.gather(*(server.post(f"/{run_id}/cancel") for run_id in run_ids))
            assert [answer.json()["still_running"] for answer in answers] == [[]] * len(run_ids)
        elif how == "SIGTERM":
            assert (await server.terminate())[0] == 0
        else:
            await server.kill()
        assert [number for number in found if not await asyncio.to_thread(gone, number)] == []
        if how == "SIGKILL":
            assert list((tmp_path / "data" / "scratch").iterdir())
            await server.start()
            again = await pids_after(server, run_ids, found)
            assert len(list((tmp_path / "data" / "scratch").iterdir())) == len(again)


async def pids_after(server: ServerProcess, run_ids: list[str], before: list[int]) -> list[int]:
    """The processes of the second attempt."""
    after: list[int] = []
    for run_id, number in zip(run_ids, before, strict=True):
        event = await server.until(run_id, "node.log", after=(await first_log(server, run_id))["seq"])
        assert int(event["data"]["message"]) != number
        after.append(int(event["data"]["message"]))
    return after


async def first_log(server: ServerProcess, run_id: str) -> dict[str, Any]:
    """The first line of a run."""
    return await server.until(run_id, "node.log")


def stored(data: Path, table: str) -> Counter[tuple[str, str]]:
    """How many rows there are by run and node, in the copy that a snapshot has made."""
    with closing(sqlite3.connect(data.with_name("snapshot") / "milepost.db")) as connection:
        return Counter(connection.execute(f"SELECT run_id, node_id FROM {table}").fetchall())


def rows(completed: Iterable[tuple[str, str]]) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """The tasks and the notifications that the completed nodes have made."""
    nodes = list(completed)
    tasks = Counter(each for each in nodes if each[1].startswith("t"))
    return tasks, Counter({each: 2 for each in nodes if each[1].startswith("n")})


async def test_tasks_and_notifications_are_stored_once_over_kills(tmp_path: Path) -> None:
    seed = random.randrange(1 << 30)
    sys.stderr.write(f"seed {seed}\n")
    dice = random.Random(seed)
    steps: list[dict[str, Any]] = []
    for number in range(STEPS):
        steps.append({"id": f"t{number}", "type": "create_task", "config": {"title": f"t{number}"}})
        tell = {"to": ["ada", "bob"], "title": f"n{number}"}
        steps.append({"id": f"n{number}", "type": "send_notification", "config": tell})
        steps.append({"id": f"w{number}", "type": "trace", "config": {"seconds": 0.05}})
    async with ServerProcess(tmp_path / "data") as server:
        run_ids = await server.runs(await server.workflow({"name": "rows", "steps": steps}), RUNS)
        for kill in range(KILLS):
            wanted = dice.choice([f"{kind}{number}" for kind in "tnw" for number in (3 * kill, 3 * kill + 1)])
            await server.until(dice.choice(run_ids), "node.completed", node=wanted)
            await server.kill()
            snapshot = Snapshot(server.data)
            found = stored(server.data, "tasks"), stored(server.data, "notifications")
            assert found == rows(snapshot.completed()), f"seed {seed}"
            assert 0 < found[0].total() < RUNS * STEPS, f"seed {seed}"
            await server.start()
        for run_id in run_ids:
            assert (await server.ended(run_id))["status"] == "COMPLETED"
        assert (await server.terminate())[0] == 0
        assert len(Snapshot(server.data).completed()) == RUNS * 3 * STEPS
        found = stored(server.data, "tasks"), stored(server.data, "notifications")
        assert found == rows((run_id, step["id"]) for run_id in run_ids for step in steps), f"seed {seed}"
