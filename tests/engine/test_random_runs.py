"""Random definitions on the real engine, through pauses, crashes and restarts at any moment, against the reference."""

import asyncio
import re
from collections import Counter
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from milepost.server.states import NodeStatus, RunStatus
from milepost.server.store.rows import Run
from tests.engine.conftest import Bench
from tests.engine.random_runs import Drawn, Driver, Server, Trouble, knotted, serving, troubles, whole

EXECUTED = (NodeStatus.COMPLETED, NodeStatus.FAILED)
BOTH = settings(deadline=None, suppress_health_check=list(HealthCheck))
QUICK = settings(BOTH, max_examples=15, derandomize=True, phases=(Phase.generate,))
"""Says what failed at once; what shrinks it is the long form."""
LONG = settings(BOTH, max_examples=600)


def output(run: Run) -> str:
    """What a run gave, without the times in it."""
    return re.sub(r'"waited_until":"[^"]*"', "", run.output or "")


async def check(bench: Bench, run: Run, drawn: Drawn) -> None:
    """Assert that the run ended as it should and that each of its nodes ran as often as it should."""
    assert run.status is RunStatus.COMPLETED, run.error
    rows = await bench.executions(run.run_id)
    assert Counter(row.node_id for row in rows if row.status in EXECUTED) == drawn.in_all()
    ended = {row.task_id: row for row in rows if row.status in EXECUTED}
    assert {row.status for row in rows if row.task_id not in ended} <= {NodeStatus.CANCELLED}
    for row in rows:
        # The first nodes of a run and of a branch begin while its first checkpoint is on its way: a stop before that is
        # on disk gives their next execution another task.
        last = ended.get(row.task_id, row)
        assert row.execution_id <= last.execution_id, f"{row.node_id} ran again"
    events = await bench.events(run.run_id)
    told = [event["node_id"] for event in events if event["type"] in ("node.completed", "node.failed")]
    assert Counter(told) == drawn.in_all()
    statuses = await bench.statuses(run.run_id)
    assert {name for name in statuses if "/" not in name} == {item["id"] for item in drawn.definition["nodes"]}
    assert set(statuses.values()) <= {*EXECUTED, NodeStatus.SKIPPED}
    assert {name for name, status in statuses.items() if status is not NodeStatus.SKIPPED} <= set(drawn.in_all())


async def stored(bench: Bench, drawn: Drawn) -> str:
    """The id of a new workflow, after those that it names."""
    text = orjson.dumps(drawn.definition).decode()
    for name, child in drawn.children.items():
        text = text.replace(name, await stored(bench, child))
    created = await bench.app.workflows.create(bench.project, "random", "", orjson.loads(text))
    return str(created["workflow_id"])


async def untroubled_and_troubled(server: Server, drawn: Drawn, trouble: Trouble) -> None:
    """Run the definition in peace, and again through its troubles; both must be what the reference says, and alike."""
    bench = server.bench
    workflow_id = await stored(bench, drawn)
    peaceful = await bench.start_again(workflow_id)
    first = await Driver(server, peaceful, drawn, Trouble()).drive()
    await check(bench, first, drawn)
    troubled = await bench.start_again(workflow_id)
    second = await Driver(server, troubled, drawn, trouble).drive()
    await check(server.bench, second, drawn)
    assert output(second) == output(first)
    assert await server.bench.statuses(troubled) == await server.bench.statuses(peaceful)


def play_on_a_server(data: Path, drawn: Drawn, trouble: Trouble) -> None:
    """One example, on a directory that earlier ones have used."""

    async def once() -> None:
        async with serving(data) as server:
            await untroubled_and_troubled(server, drawn, trouble)

    asyncio.run(once())


DRAWN = st.one_of(whole(), knotted())


@QUICK
@given(drawn=DRAWN, trouble=troubles(3))
def test_random_runs_come_to_what_the_reference_says(tmp_path: Path, drawn: Drawn, trouble: Trouble) -> None:
    play_on_a_server(tmp_path, drawn, trouble)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@LONG
@given(drawn=DRAWN, trouble=troubles(8))
def test_many_random_runs_come_to_what_the_reference_says(tmp_path: Path, drawn: Drawn, trouble: Trouble) -> None:
    play_on_a_server(tmp_path, drawn, trouble)
