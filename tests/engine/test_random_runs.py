"""Random definitions on the real engine, through all that can happen to a run at any moment, against the reference."""

import asyncio
import re
from collections import Counter, defaultdict
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from milepost.server.states import NodeStatus, RunStatus
from milepost.server.store.rows import NodeExecution, Run
from tests.engine.conftest import ACTOR, Bench
from tests.engine.random_definitions import Drawn, doomed, knotted, whole
from tests.engine.random_runs import EXECUTED, Driver, Point, Server, Trouble, serving, troubles

BOTH = settings(suppress_health_check=list(HealthCheck))
QUICK = settings(BOTH, max_examples=15, derandomize=True, phases=(Phase.generate,))
"""Says what failed at once; what shrinks it is the long form."""
LONG = settings(BOTH, max_examples=600)
FINAL = frozenset({*EXECUTED, NodeStatus.SKIPPED, NodeStatus.CANCELLED})


def output(run: Run) -> str:
    """What a run gave, without the times in it."""
    return re.sub(r'"waited_until":"[^"]*"', "", run.output or "")


def broke(row: NodeExecution) -> bool:
    """Whether the execution failed the run only this once."""
    return row.status is NodeStatus.FAILED and row.output is None


async def check(driver: Driver, run: Run, drawn: Drawn) -> None:
    """Assert that the run ended as it should and that each of its nodes ran as often as it should."""
    start = driver.start
    rows = [row for row in await driver.bench.executions(run.run_id) if row.run_attempt > start.attempt]
    if run.status is RunStatus.CANCELLED:
        await check_cancelled(driver, rows)
    elif drawn.fatal:
        await check_failed(driver, run, drawn, rows)
    else:
        await check_completed(driver, run, drawn, rows)
    # What a retry set back and did not come to again stays PENDING; what ends the run makes it SKIPPED for readers.
    assert set((await driver.bench.statuses(run.run_id)).values()) <= {*FINAL, NodeStatus.PENDING}
    assert {row.status for row in rows} <= FINAL
    if not start.attempt and not start.ended:
        await check_effects(driver, run, drawn, rows)


async def check_effects(driver: Driver, run: Run, drawn: Drawn, rows: list[NodeExecution]) -> None:
    """Assert that what has an effect never began without a record, nor a second time under another key."""
    keys = {key for key in driver.server.effects if key.startswith(run.run_id)}
    known = {f"{run.run_id}:{row.task_id}": row for row in rows if row.node_type == "planned_effect"}
    assert len(keys - known.keys()) <= drawn.effects_in_items()
    if run.status is RunStatus.COMPLETED:
        assert len(keys - known.keys()) == drawn.effects_in_items()
        assert keys & known.keys() == {key for key, row in known.items() if row.status in EXECUTED}


async def check_completed(driver: Driver, run: Run, drawn: Drawn, rows: list[NodeExecution]) -> None:
    """Assert that every node ran, and what a stop makes run again."""
    assert run.status is RunStatus.COMPLETED, run.error
    due = drawn.in_all()
    due.subtract(driver.start.ended)
    assert min(due.values()) >= 0, due
    good = [row for row in rows if row.status in EXECUTED and not broke(row)]
    ran = Counter(row.node_id for row in good)
    assert ran == +due, (ran - due, due - ran, driver.start)
    tasks: dict[str, list[NodeExecution]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.execution_id):
        tasks[row.task_id].append(row)
    for tries in tasks.values():
        last = tries[-1]
        assert last in good or (last.node_type != "planned_effect" and last.node_id in drawn.entered()), tries
        assert all(row.status is NodeStatus.CANCELLED or broke(row) for row in tries if row not in good), tries
        assert all(row is last for row in tries if row in good), tries
    events = [event for event in await driver.bench.events(run.run_id) if event["seq"] > driver.start.seq]
    told = Counter(event["node_id"] for event in events if event["type"] == "node.completed")
    assert told == Counter(row.node_id for row in rows if row.status is NodeStatus.COMPLETED)
    again = sum(event["type"] in ("run.failed", "run.recovered") for event in events)
    assert max(Counter(row.node_id for row in rows if broke(row)).values(), default=0) <= again
    statuses = await driver.bench.statuses(run.run_id)
    shown = {name for name in statuses if "/" not in name}
    assert shown == {item["id"] for item in drawn.definition["nodes"]}
    assert set(statuses.values()) <= {*EXECUTED, NodeStatus.SKIPPED}
    assert {name for name, status in statuses.items() if status is not NodeStatus.SKIPPED} <= set(drawn.in_all())


async def check_failed(driver: Driver, run: Run, drawn: Drawn, rows: list[NodeExecution]) -> None:
    """Assert that the run failed for what it had to, twice, and that nothing ran more often than it may."""
    assert run.status is RunStatus.FAILED
    error = orjson.loads(run.error or "")
    assert drawn.fatal.get(error["node_id"]) == error["code"], (error, drawn.fatal)
    good = Counter(row.node_id for row in rows if row.status in EXECUTED and not broke(row))
    assert good <= drawn.in_all()
    assert driver.failures >= 2


async def check_cancelled(driver: Driver, rows: list[NodeExecution]) -> None:
    """Assert that nothing follows a cancel, not even after a restart."""
    run_id, server = driver.run_id, driver.server
    before, executions = await driver.bench.events(run_id), await driver.bench.executions(run_id)
    effects = Counter(server.effects)
    await server.stop()
    await server.open()
    after = await server.bench.events(run_id)
    assert {event["type"] for event in after[len(before) :]} <= {"run.stopped"}
    place = next(place for place, event in enumerate(after) if event["type"] == "run.cancelled")
    assert {event["type"] for event in after[place + 1 :]} <= {"run.stopped"}
    assert await server.bench.executions(run_id) == executions
    assert server.effects == effects
    assert (await server.bench.app.store.run(run_id)).status is RunStatus.CANCELLED
    assert all(row.consumed or not row.unanswered for row in await server.bench.app.store.interrupts(run_id))


async def stored(bench: Bench, drawn: Drawn) -> str:
    """The id of a new workflow, after those that it names."""
    text = orjson.dumps(drawn.definition).decode()
    for name, child in drawn.children.items():
        text = text.replace(name, await stored(bench, child))
    created = await bench.app.workflows.create(bench.project, "random", "", orjson.loads(text))
    return str(created["workflow_id"])


async def untroubled_and_troubled(server: Server, drawn: Drawn, trouble: Trouble) -> None:
    """Run the definition in peace, and again through its troubles; both must be what the reference says, and alike."""
    workflow_id = await stored(server.bench, drawn)
    peaceful = await server.bench.start_again(workflow_id)
    peace = Driver(server, Point(peaceful), drawn, Trouble(alike=trouble.alike))
    first = await peace.drive()
    await check(peace, first, drawn)
    war = Driver(server, Point(await server.bench.start_again(workflow_id)), drawn, trouble)
    second = await war.drive()
    await check(war, second, drawn)
    await alike(server.bench, first, second)
    for fork in war.forks:
        await server.bench.app.start.execute(ACTOR, server.bench.project, fork.run_id)
        again = Driver(server, fork, drawn, Trouble(alike=trouble.alike))
        third = await again.drive()
        await check(again, third, drawn)
        await alike(server.bench, first, third)


async def alike(bench: Bench, one: Run, other: Run) -> None:
    """Assert that both runs gave the same, and left their nodes alike."""
    if one.status is other.status is RunStatus.COMPLETED:
        assert output(other) == output(one)
        assert await bench.statuses(other.run_id) == await bench.statuses(one.run_id)


def play_on_a_server(data: Path, drawn: Drawn, trouble: Trouble) -> None:
    """One example, on a directory that earlier ones have used."""

    async def once() -> None:
        async with serving(data) as server:
            await untroubled_and_troubled(server, drawn, trouble)

    asyncio.run(once())


DRAWN = st.one_of(whole(), whole(), knotted(), doomed())


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
