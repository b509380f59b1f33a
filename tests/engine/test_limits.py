"""Limits of workflows and projects, priorities, times to start at: who starts, who waits, who is refused, and why."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.server.access.keys import Identity
from milepost.server.errors import (
    ConcurrencyLimit,
    InvalidInput,
    InvalidRequest,
    MilepostError,
    NotFound,
    ProjectLimit,
    WorkflowArchived,
)
from milepost.server.runs.concurrency import ConcurrencyRule, OnLimit
from milepost.server.runs.control import Resume
from milepost.server.runs.start import NewRun, Timing
from milepost.server.store.rows import Project, Run
from milepost.server.store.statements import statement
from milepost.server.store.store import wall_clock
from milepost.server.store.unit import Unit
from tests.engine.conftest import ACTOR, Bench, opened
from tests.engine.test_races import Gates, gate_type

HOUR = 3_600_000
GATE = {"name": "gate", "steps": [{"id": "gate", "type": "gate", "config": {}}]}
ASK = {"name": "ask", "steps": [{"id": "ask", "type": "ask", "config": {"question": "?"}}]}


class Clock:
    """The wall clock, some milliseconds ahead."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return wall_clock() + self.ahead


class Hall:
    """A bench whose nodes wait at gates."""

    def __init__(self, bench: Bench, gates: Gates, clock: Clock) -> None:
        self.bench = bench
        self.app = bench.app
        self.project = bench.project
        self.gates = gates
        self.clock = clock

    async def workflow(
        self,
        maximum: int | None = None,
        key: str | None = None,
        on_limit: OnLimit = "queue",
        definition: dict[str, Any] = GATE,
        project: Project | None = None,
    ) -> str:
        """A new workflow with a limit."""
        rule = ConcurrencyRule(maximum, key, on_limit)
        made = await self.app.workflows.create(project or self.project, "w", "", definition, rule)
        return str(made["workflow_id"])

    async def start(self, workflow_id: str, project: Project | None = None, **more: Any) -> str:
        """A new run, executed."""
        new = NewRun(workflow_id, execute=True, **more)
        return str(orjson.loads(await self.app.start.create(ACTOR, project or self.project, new))["run_id"])

    async def status(self, run_id: str) -> str:
        """A run's status."""
        return (await self.app.store.run(run_id)).status

    async def why(self, run_id: str) -> dict[str, Any]:
        """Why a run does not go on."""
        return await self.app.read.why(self.project, run_id)

    async def at_gate(self, run_id: str) -> None:
        """Wait until the gate executes in the run's attempt."""
        after = 0
        while True:
            event = await self.bench.until(run_id, "node.started", after=after)
            run = await self.app.store.run(run_id)
            if (event["node_id"], event["run_attempt"], "RUNNING") == ("gate", run.run_attempt, run.status):
                return
            after = event["seq"]

    async def through(self, run_id: str) -> Run:
        """Let the run's node end, and wait for the run's end."""
        await self.at_gate(run_id)
        self.gates.let(run_id, succeed=True)
        return await self.bench.ended(run_id)


@asynccontextmanager
async def hall_in(data: Path, clock: Clock | None = None, **settings: Any) -> AsyncIterator[Hall]:
    """An app whose nodes wait at gates."""
    gates, clock = Gates(), clock or Clock()
    async with opened(data, clock, types=[gate_type(gates)], **{"shutdown_grace": 0.0, **settings}) as bench:
        yield Hall(bench, gates, clock)


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Hall]:
    async with hall_in(tmp_path / "data") as hall:
        yield hall


# Workflows.


async def test_of_many_starts_at_once_only_the_limit_passes_where_it_rejects(hall: Hall) -> None:
    for _ in range(5):
        workflow_id = await hall.workflow(2, on_limit="reject")
        tried = await asyncio.gather(*(hall.start(workflow_id) for _ in range(20)), return_exceptions=True)
        passed = [run_id for run_id in tried if isinstance(run_id, str)]
        refused = [error for error in tried if isinstance(error, ConcurrencyLimit)]
        assert (len(passed), len(refused)) == (2, 18)
        assert all(error.status == 409 and error.more["maximum"] == 2 for error in refused)
        for run_id in passed:
            await hall.through(run_id)


async def test_of_many_starts_at_once_only_the_limit_runs_where_it_queues(hall: Hall) -> None:
    workflow_id = await hall.workflow(2)
    runs = await asyncio.gather(*(hall.start(workflow_id) for _ in range(12)))
    assert await drained(hall, runs) == 2


async def drained(hall: Hall, runs: list[str]) -> int:
    """Let all of these runs end, whichever runs first; the most that were RUNNING at one time."""
    left = list(runs)
    while left:
        statuses = {run_id: await hall.status(run_id) for run_id in left}
        if (running := next((run_id for run_id in left if statuses[run_id] == "RUNNING"), None)) is None:
            await asyncio.sleep(0)
            continue
        await hall.through(running)
        left.remove(running)
    return await most_at_once(hall, runs)


async def most_at_once(hall: Hall, runs: list[str]) -> int:
    """The most of these runs that were RUNNING at one time, by the times of their rows."""
    rows = [await hall.app.store.run(run_id) for run_id in runs]
    moments = [(row.started_at or 0, 1) for row in rows] + [(row.finished_at or 0, -1) for row in rows]
    now, most = 0, 0
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    return most


async def test_runs_with_the_same_key_wait_for_one_another(hall: Hall) -> None:
    workflow_id = await hall.workflow(key="input.customer")
    first, second, third, other = [
        await hall.start(workflow_id, input={"customer": name}) for name in ("ada", "ada", "ada", "bob")
    ]
    await hall.at_gate(other)
    assert [await hall.status(run_id) for run_id in (first, second, third, other)] == [
        *("RUNNING", "QUEUED", "QUEUED", "RUNNING")
    ]
    why = await hall.why(third)
    assert (why["code"], why["key"], why["ahead"], why["running"], why["maximum"]) == (
        *("concurrency_key", '"ada"', 1),
        *(1, 1),
    )
    for run_id in (first, second, third):
        await hall.through(run_id)


async def test_why_names_the_limit_of_the_workflow(hall: Hall) -> None:
    workflow_id = await hall.workflow(1)
    runs = [await hall.start(workflow_id) for _ in range(3)]
    why = await hall.why(runs[2])
    assert (why["code"], why["ahead"]) == ("workflow_limit", 1)


async def test_a_key_that_cannot_be_computed_refuses_the_start_and_a_wrong_one_the_workflow(hall: Hall) -> None:
    workflow_id = await hall.workflow(key="input.customer")
    with pytest.raises(InvalidInput, match="concurrency key"):
        await hall.start(workflow_id, input={})
    for key in ("outputs.x", "run.id", "input.", "outputs", "variables.x"):
        with pytest.raises(InvalidRequest):
            await hall.workflow(key=key)


async def test_a_run_that_waits_or_pauses_gives_its_place_to_the_next_and_queues_to_go_on(hall: Hall) -> None:
    steps = [*ASK["steps"], *GATE["steps"]]
    workflow_id = await hall.workflow(1, definition={"name": "both", "steps": steps})
    first, second = await hall.start(workflow_id), await hall.start(workflow_id)
    await hall.bench.until(first, "run.waiting")
    await hall.bench.until(second, "run.waiting")
    for run_id in (first, second):
        await hall.app.control.resume(ACTOR, hall.project, run_id, Resume(answer=1, has_answer=True))
    await hall.at_gate(first)
    assert await hall.status(second) == "QUEUED"
    await hall.app.control.pause(ACTOR, hall.project, first, "now")
    await hall.at_gate(second)
    resumed = await hall.app.control.resume(ACTOR, hall.project, first, Resume())
    assert resumed.status == "QUEUED"
    assert (await hall.why(first))["code"] == "workflow_limit"
    await hall.app.control.cancel(ACTOR, hall.project, second)
    assert (await hall.through(first)).status == "COMPLETED"


async def test_a_full_lane_holds_up_no_other_workflow_and_passes_no_one(tmp_path: Path) -> None:
    async with hall_in(tmp_path / "data", max_concurrent_runs=4) as hall:
        narrow, free = await hall.workflow(1), await hall.workflow()
        queue = [await hall.start(narrow) for _ in range(30)]
        await hall.at_gate(queue[0])
        other = await hall.start(free)
        await hall.at_gate(other)
        for run_id in queue[:3]:
            await hall.through(run_id)
        await hall.at_gate(queue[3])
        assert [await hall.status(run_id) for run_id in queue[:5]] == [*["COMPLETED"] * 3, "RUNNING", "QUEUED"]


async def test_limits_are_exact_after_a_crash(tmp_path: Path) -> None:
    async with hall_in(tmp_path / "data") as hall:
        workflow_id = await hall.workflow(1)
        first, second = await hall.start(workflow_id), await hall.start(workflow_id)
        await hall.at_gate(first)
        hall.app.store.writer.close()
    async with hall_in(tmp_path / "data", shutdown_grace=0.0) as hall:
        await hall.at_gate(first)
        third = await hall.start(workflow_id)
        assert [await hall.status(run_id) for run_id in (first, second, third)] == ["RUNNING", "QUEUED", "QUEUED"]
        for run_id in (first, second, third):
            await hall.through(run_id)
        assert await most_at_once(hall, [second, third]) == 1


async def test_a_limit_that_is_set_holds_for_what_is_live_and_one_that_is_raised_lets_go(hall: Hall) -> None:
    workflow_id = await hall.workflow()
    first = await hall.start(workflow_id)
    await hall.at_gate(first)
    await set_rule(hall, workflow_id, ConcurrencyRule(1))
    second, third = await hall.start(workflow_id), await hall.start(workflow_id)
    assert [await hall.status(run_id) for run_id in (second, third)] == ["QUEUED", "QUEUED"]
    await set_rule(hall, workflow_id, ConcurrencyRule(2))
    await hall.at_gate(second)
    assert await hall.status(third) == "QUEUED"
    await set_rule(hall, workflow_id, ConcurrencyRule())
    await hall.at_gate(third)


async def test_a_limit_of_the_whole_workflow_replaces_one_by_key_for_what_is_live(hall: Hall) -> None:
    workflow_id = await hall.workflow(key="input.n")
    runs = [await hall.start(workflow_id, input={"n": number}) for number in range(2)]
    for run_id in runs:
        await hall.at_gate(run_id)
    await set_rule(hall, workflow_id, ConcurrencyRule(2))
    third = await hall.start(workflow_id, input={"n": 3})
    assert (await hall.why(third))["code"] == "workflow_limit"
    await hall.through(runs[0])
    await hall.at_gate(third)


async def set_rule(hall: Hall, workflow_id: str, rule: ConcurrencyRule) -> None:
    await hall.app.quotas.change(ACTOR, hall.project, {}, {workflow_id: rule})


# Projects.


async def test_a_project_refuses_starts_beyond_its_live_runs(hall: Hall) -> None:
    workflow_id = await hall.workflow()
    await hall.app.quotas.change(ACTOR, hall.project, {"live_runs": 2}, {})
    tried = await asyncio.gather(*(hall.start(workflow_id) for _ in range(8)), return_exceptions=True)
    passed = [run_id for run_id in tried if isinstance(run_id, str)]
    refused = [error for error in tried if isinstance(error, ProjectLimit)]
    assert (len(passed), len(refused)) == (2, 6)
    assert refused[0].more == {"limit": "live_runs", "maximum": 2, "used": 2}
    await hall.app.control.pause(ACTOR, hall.project, passed[0], "now")
    with pytest.raises(ProjectLimit):
        await hall.start(workflow_id)
    await hall.app.control.cancel(ACTOR, hall.project, passed[0])
    await hall.start(workflow_id)
    shown = await hall.app.quotas.show(hall.project)
    assert (shown["live_runs"], shown["running_runs"]) == ({"limit": 2, "used": 2}, {"limit": None, "used": 2})


async def test_a_project_queues_what_it_may_not_run_at_once(hall: Hall) -> None:
    workflow_id = await hall.workflow()
    await hall.app.quotas.change(ACTOR, hall.project, {"running_runs": 2}, {})
    runs = await asyncio.gather(*(hall.start(workflow_id) for _ in range(6)))
    statuses = [await hall.status(run_id) for run_id in runs]
    assert sorted(statuses) == [*["QUEUED"] * 4, *["RUNNING"] * 2]
    why = await hall.why(runs[statuses.index("QUEUED")])
    assert (why["code"], why["maximum"]) == ("project_limit", 2)
    assert await drained(hall, runs) == 2


async def test_a_project_that_has_stored_too_much_starts_nothing(hall: Hall) -> None:
    workflow_id = await hall.workflow()
    await hall.through(await hall.start(workflow_id, input={"text": "x" * 10_000}))
    used = (await hall.app.quotas.show(hall.project))["stored_bytes"]["used"]
    assert used > 10_000
    await hall.app.quotas.change(ACTOR, hall.project, {"stored_bytes": 10_000}, {})
    with pytest.raises(ProjectLimit, match="stored"):
        await hall.start(workflow_id)


async def test_sockets_are_counted_while_they_are_open(hall: Hall) -> None:
    quotas = hall.app.quotas
    await quotas.change(ACTOR, hall.project, {"sockets": 1}, {})
    async with quotas.socket(hall.project):
        with pytest.raises(ProjectLimit):
            async with quotas.socket(hall.project):
                pass
    async with quotas.socket(hall.project):
        assert (await quotas.show(hall.project))["sockets"] == {"limit": 1, "used": 1}


async def test_two_who_set_different_limits_at_once_both_do(hall: Hall) -> None:
    quotas, owner = hall.app.quotas, ACTOR
    await asyncio.gather(
        quotas.change(owner, hall.project, {"live_runs": 5}, {}),
        quotas.change(owner, hall.project, {"sockets": 3}, {}),
        quotas.change(owner, hall.project, {"running_runs": 2}, {}),
    )
    shown = await quotas.change(owner, hall.project, {"running_runs": None}, {})
    assert {name: shown[name]["limit"] for name in ("live_runs", "sockets", "running_runs", "stored_bytes")} == {
        "live_runs": 5,
        "sockets": 3,
        "running_runs": None,
        "stored_bytes": None,
    }


async def test_only_the_owner_sets_limits_and_all_of_a_change_or_nothing(hall: Hall) -> None:
    member = Identity("ci", "ci", hall.project.project_id)
    with pytest.raises(MilepostError) as refused:
        await hall.app.quotas.change(member, hall.project, {"live_runs": 1}, {})
    assert refused.value.status == 403
    known, unknown = await hall.workflow(), hall.project.project_id
    with pytest.raises(NotFound):
        await hall.app.quotas.change(
            ACTOR, hall.project, {"live_runs": 1}, {known: ConcurrencyRule(1), unknown: ConcurrencyRule(1)}
        )
    shown = await hall.app.quotas.show(hall.project)
    assert (shown["live_runs"]["limit"], shown["workflows"]) == (None, [])


# Order.


async def test_the_higher_priority_goes_first_and_nobody_is_overtaken_for_ever(tmp_path: Path) -> None:
    async with hall_in(tmp_path / "data", max_concurrent_runs=1) as hall:
        workflow_id = await hall.workflow()
        running = await hall.start(workflow_id)
        low, low2 = await hall.start(workflow_id), await hall.start(workflow_id)
        high = await hall.start(workflow_id, priority=1)
        lowest = await hall.start(workflow_id, priority=-5)
        hall.clock.ahead += 11 * 60_000
        late = await hall.start(workflow_id, priority=1)
        assert (await hall.why(late))["ahead"] == 3
        for run_id in (running, high, low, low2, late, lowest):
            assert await hall.status(run_id) in ("QUEUED", "RUNNING")
            await hall.through(run_id)
        order = [(await hall.app.store.run(each)).started_at or 0 for each in (running, high, low, low2, late, lowest)]
        assert order == sorted(order)


async def test_a_flood_from_one_project_does_not_hold_up_another(tmp_path: Path) -> None:
    async with hall_in(tmp_path / "data", max_concurrent_runs=2) as hall:
        flooding = await hall.workflow()
        flood = [await hall.start(flooding) for _ in range(40)]
        quiet = await hall.app.projects.create(ACTOR, "quiet", "Quiet")
        workflow_id = await hall.workflow(project=quiet)
        alone = await hall.start(workflow_id, project=quiet)
        await hall.through(flood[0])
        assert (await hall.through(alone)).status == "COMPLETED"
        statuses = [await hall.status(run_id) for run_id in flood]
        assert statuses.count("COMPLETED") == 1


# Times to start at.


def at(hall: Hall, milliseconds: int) -> int:
    return hall.clock() + milliseconds


async def test_a_run_starts_at_its_time(hall: Hall) -> None:
    workflow_id = await hall.workflow(1, on_limit="reject")
    later = await hall.start(workflow_id, start_at=at(hall, HOUR))
    why = await hall.why(later)
    assert (await hall.status(later), why["code"]) == ("QUEUED", "start_at")
    assert why["until"] in why["sentence"]
    await hall.through(await hall.start(workflow_id))
    hall.clock.ahead += HOUR
    assert (await hall.through(later)).status == "COMPLETED"
    types = [(event["type"], event["data"].get("why")) for event in await hall.bench.events(later)]
    assert types[1:4] == [("run.queued", "execute"), ("run.queued", "start_at"), ("run.started", None)]


async def test_a_run_whose_time_has_not_come_is_passed_in_the_queue(tmp_path: Path) -> None:
    async with hall_in(tmp_path / "data", max_concurrent_runs=2) as hall:
        workflow_id = await hall.workflow()
        later = await hall.start(workflow_id, start_at=at(hall, HOUR), priority=9)
        runs = [await hall.start(workflow_id) for _ in range(4)]
        assert (await hall.why(runs[3]))["ahead"] == 1
        assert await drained(hall, runs) == 2
        assert await hall.status(later) == "QUEUED"


@pytest.mark.timed
async def test_a_time_to_start_at_is_kept(hall: Hall) -> None:
    start_at = at(hall, 400)
    run = await hall.through(await hall.start(await hall.workflow(), start_at=start_at))
    assert 0 <= (run.started_at or 0) - start_at < 300


async def test_a_time_to_start_at_survives_a_restart(tmp_path: Path) -> None:
    async with hall_in(tmp_path / "data") as hall:
        run_id = await hall.start(await hall.workflow(), start_at=at(hall, HOUR))
    clock = Clock()
    async with hall_in(tmp_path / "data", clock) as hall:
        assert (await hall.why(run_id))["code"] == "start_at"
        clock.ahead += HOUR
        assert (await hall.through(run_id)).status == "COMPLETED"


@pytest.mark.parametrize("passed", [False, True])
async def test_a_run_with_a_time_to_start_at_can_be_paused_and_resumed(hall: Hall, passed: bool) -> None:
    run_id = await hall.start(await hall.workflow(), start_at=at(hall, HOUR))
    await hall.app.control.pause(ACTOR, hall.project, run_id)
    hall.clock.ahead += HOUR if passed else 0
    resumed = await hall.app.control.resume(ACTOR, hall.project, run_id, Resume())
    assert resumed.status == "QUEUED"
    if not passed:
        assert (await hall.why(run_id))["code"] == "start_at"
        hall.clock.ahead += HOUR
    assert (await hall.through(run_id)).status == "COMPLETED"


async def test_a_run_with_a_time_to_start_at_can_be_cancelled(hall: Hall) -> None:
    run_id = await hall.start(await hall.workflow(), start_at=at(hall, HOUR))
    await hall.app.control.cancel(ACTOR, hall.project, run_id)
    hall.clock.ahead += 2 * HOUR
    assert await hall.status(run_id) == "CANCELLED"


async def test_execute_rerun_and_fork_take_a_priority_and_a_time(hall: Hall) -> None:
    workflow_id, timing = await hall.workflow(), Timing(3, at(hall, HOUR))
    new = NewRun(workflow_id, priority=1)
    await hall.app.start.create(ACTOR, hall.project, new)
    executed = (await hall.app.start.execute(ACTOR, hall.project, new.run_id, timing=timing)).run
    again = await hall.app.start.rerun(ACTOR, hall.project, new.run_id, None, execute=True)
    await hall.at_gate(again.run_id)
    rerun = await hall.app.start.rerun(ACTOR, hall.project, new.run_id, None, execute=True, timing=timing)
    done = await hall.through(again.run_id)
    assert done.checkpoint_id is not None
    fork = await hall.app.fork.fork(
        ACTOR, hall.project, done.run_id, done.checkpoint_id, execute=True, timing=Timing(4, timing.start_at)
    )
    rows = [await hall.app.store.run(each.run_id) for each in (executed, again, rerun, fork)]
    assert [(row.status, row.priority, row.start_at) for row in rows] == [
        ("QUEUED", 3, timing.start_at),
        ("COMPLETED", 3, None),
        ("QUEUED", 3, timing.start_at),
        ("QUEUED", 4, timing.start_at),
    ]


# Archived workflows.


async def archived_behind_its_back(hall: Hall, workflow_id: str) -> None:
    """As when another request archives it between the reading of the workflow and the start."""
    gone = statement("archive_workflow", 1, workflow_id=workflow_id, now=hall.clock())
    await hall.app.store.commit(Unit([gone]))


async def test_no_run_of_a_workflow_that_is_being_archived_becomes_live(hall: Hall) -> None:
    workflow_id = await hall.workflow()
    pending = NewRun(workflow_id)
    await hall.app.start.create(ACTOR, hall.project, pending)
    done = await hall.through(await hall.start(workflow_id))
    failed = await hall.start(workflow_id)
    await hall.at_gate(failed)
    hall.gates.let(failed, succeed=False)
    await hall.bench.ended(failed)
    await archived_behind_its_back(hall, workflow_id)
    starts: list[tuple[type[MilepostError], Callable[[], Any]]] = [
        (WorkflowArchived, lambda: hall.app.start.execute(ACTOR, hall.project, pending.run_id)),
        (NotFound, lambda: hall.start(workflow_id)),
        (WorkflowArchived, lambda: hall.app.control.retry(ACTOR, hall.project, failed)),
        (
            WorkflowArchived,
            lambda: hall.app.fork.fork(ACTOR, hall.project, done.run_id, str(done.checkpoint_id), execute=True),
        ),
        (NotFound, lambda: hall.app.start.rerun(ACTOR, hall.project, done.run_id, None, execute=True)),
    ]
    for kind, start in starts:
        with pytest.raises(kind):
            await start()
    assert dict(await hall.app.store.fetch("live_counts", project_id=hall.project.project_id)) == {}


async def test_create_and_archive_at_once_leave_no_live_run_of_an_archived_workflow(hall: Hall) -> None:
    for turns in range(15):
        workflow_id = await hall.workflow()
        starting = asyncio.ensure_future(hall.start(workflow_id))
        for _ in range(turns):
            await asyncio.sleep(0)
        await asyncio.gather(starting, hall.app.workflows.archive(hall.project, workflow_id), return_exceptions=True)
        archived = (await hall.app.store.workflow(hall.project.project_id, workflow_id)).archived_at is not None
        assert archived is (starting.exception() is not None)
