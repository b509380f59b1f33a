"""Figures about many runs: what was counted as they ended is what their rows say."""

import random
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.server.errors import InvalidState, NotFound
from milepost.server.runs.control import Resume
from milepost.server.runs.dry_runs import DryRun
from milepost.server.runs.start import NewRun
from milepost.server.runs.statistics import HOUR, MOST_DAYS
from milepost.server.states import NodeStatus, RunStatus
from milepost.server.store.periods import DAY
from milepost.server.store.rows import Run, iso
from milepost.server.store.statements import rollup
from milepost.server.store.unit import Unit
from tests.engine.conftest import ACTOR, Bench

ENDS = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)


def node(node_id: str, type_: str = "process", **config: Any) -> dict[str, Any]:
    return {"id": node_id, "type": type_, "config": config}


def mixed(file: Path, failures: int) -> dict[str, Any]:
    """Nodes of which one fails its first executions in this file."""
    wild = node("wild", "trace", file=str(file), seconds=0.002, fail_first=failures)
    return {"steps": [node("a"), wild, node("z")]}


async def figures(bench: Bench, workflow_id: str, since: int | None = None) -> dict[str, Any]:
    return await bench.app.statistics.of_workflow(bench.project, workflow_id, since)


async def counted(bench: Bench, run_ids: list[str]) -> tuple[Counter[str], dict[str, tuple[int, int, int, int]]]:
    """How often these runs ended, by status, and what their nodes did, from their events and rows."""
    ends, nodes = Counter[str](), defaultdict[str, list[tuple[bool, int]]](list)
    for run_id in run_ids:
        for event in await bench.events(run_id):
            ends[event["type"].removeprefix("run.").upper()] += event["type"].startswith("run.")
        for row in await bench.executions(run_id):
            if row.status in (NodeStatus.COMPLETED, NodeStatus.FAILED):
                nodes[row.node_id].append((row.status is NodeStatus.FAILED, row.duration_ms or 0))
    took = {key: [ms for _, ms in rows] for key, rows in nodes.items()}
    told = {
        key: (len(rows), sum(failed for failed, _ in rows), sum(took[key]), max(took[key]))
        for key, rows in nodes.items()
    }
    return ends, told


def nodes_of(told: dict[str, Any]) -> dict[str, tuple[int, int, int, int]]:
    return {
        each["node_id"]: (each["executions"], each["failed"], each["total_ms"], each["max_ms"])
        for each in told["slowest_nodes"]
    }


@pytest.mark.parametrize("seed", range(3))
async def test_figures_are_what_the_rows_of_random_runs_say(bench: Bench, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    made = await bench.app.workflows.create(bench.project, "mixed", "", mixed(tmp_path / "file", 6))
    workflow_id, run_ids = made["workflow_id"], list[str]()
    for _ in range(20):
        run_id = await bench.start_again(workflow_id)
        run_ids.append(run_id)
        if chance.random() < 0.2:
            await bench.until(run_id, "run.started")
            if not (await bench.app.store.run(run_id)).ended:
                with suppress(InvalidState):
                    await bench.app.control.cancel(ACTOR, bench.project, run_id)
        run = await bench.ended(run_id)
        if run.status is RunStatus.FAILED and chance.random() < 0.7:
            await bench.app.control.retry(ACTOR, bench.project, run_id)
            await bench.ended(run_id)
    told = await figures(bench, workflow_id)
    ends, nodes = await counted(bench, run_ids)
    assert ends[RunStatus.FAILED] >= 1
    assert {status: told["counts"][status] for status in ENDS} == {status: ends[status] for status in ENDS}
    assert told["success_rate"] == ends["COMPLETED"] / (ends["COMPLETED"] + ends["FAILED"])
    assert nodes_of(told) == nodes
    assert [each["node_id"] for each in told["failures_by_node"]] == ["wild"]
    await bench.app.control.delete(ACTOR, bench.project, run_ids[0])
    again = await figures(bench, workflow_id)
    assert {key: again[key] for key in ("counts", "slowest_nodes")} == {
        key: told[key] for key in ("counts", "slowest_nodes")
    }


async def test_what_a_failed_run_had_done_is_not_counted_again_after_a_retry(bench: Bench, tmp_path: Path) -> None:
    run_id = await bench.start(mixed(tmp_path / "file", 2))
    run = await bench.ended(run_id)
    for _ in range(2):
        await bench.app.control.retry(ACTOR, bench.project, run_id)
        run = await bench.ended(run_id)
    assert run.status is RunStatus.COMPLETED
    told = nodes_of(await figures(bench, run.workflow_id))
    assert {key: value[:2] for key, value in told.items()} == {"a": (1, 0), "wild": (3, 2), "z": (1, 0)}


async def test_time_that_a_node_waited_for_a_person_is_no_work(bench: Bench) -> None:
    run_id = await bench.start({"steps": [node("ask", "approval", question="?"), node("z")]})
    await bench.until(run_id, "run.waiting")
    run = await bench.app.store.run(run_id)
    waiting = await figures(bench, run.workflow_id)
    assert (waiting["counts"]["WAITING"], waiting["counts"]["COMPLETED"], waiting["slowest_nodes"]) == (1, 0, [])
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer={"approved": True}, has_answer=True))
    await bench.ended(run_id)
    told = await figures(bench, run.workflow_id)
    assert nodes_of(told)["ask"] == (1, 0, 0, 0)
    assert told["counts"]["WAITING"] == 0


async def test_dry_runs_are_counted_nowhere(bench: Bench) -> None:
    made = await bench.app.workflows.create(bench.project, "dry", "", {"steps": [node("a")]})
    await bench.app.dry_runs.test(ACTOR, bench.project, DryRun(made["workflow_id"]))
    app, project = bench.app, bench.project
    real = orjson.loads(await app.start.create(ACTOR, project, NewRun(made["workflow_id"])))["run_id"]
    told = await app.statistics.of_project(project, None, 10, None)
    (workflow,) = told["workflows"]
    assert sum(told["counts"].values()) == told["counts"]["PENDING"] == workflow["counts"]["PENDING"] == 1
    assert [each["run_id"] for each in workflow["last_runs"]] == [real]
    assert told["slowest_nodes"] == []


@pytest.mark.parametrize(("seed", "days"), [(0, None), (1, 1), (2, 7), (3, 8), (4, 90), (5, 366), (6, 5000)])
async def test_figures_of_random_endings(bench: Bench, seed: int, days: int | None) -> None:
    chance, now = random.Random(seed), bench.app.store.clock()
    run = await bench.ended(await bench.start({"steps": [node("a")]}))
    ended = [_ended(run, chance, now) for _ in range(1_500)]
    await bench.app.store.commit(Unit([each for one in ended for each in rollup(one)]))
    told = await figures(bench, run.workflow_id, None if days is None else now - days * DAY)
    back = min(days or 7, MOST_DAYS)
    length = HOUR if back <= 7 else DAY
    since_then = None if days is None else now - days * DAY
    everything = await bench.app.statistics.of_project(bench.project, since_then, 10, None)
    (listed,) = everything["workflows"]
    for key in ("counts", "success_rate", "duration"):
        assert listed[key] == everything[key] == told[key]
    # A run that really ran has ended as well; the clock may have gone on into another hour.
    points = {each["start"]: each for each in told["series"]}
    assert len(points) in (back * DAY // length + 1, back * DAY // length + 2)
    since = min(points)
    assert told["since"] == since
    counts = defaultdict[str, Counter[str]](Counter)
    took = []
    for each in [*ended, run]:
        at = each.finished_at or 0
        start = str(iso(at - at % length))
        if start >= since:
            counts[start][each.status] += 1
            if each.status is RunStatus.COMPLETED:
                took.append(at - (each.started_at or 0))
    assert {start: point["counts"] for start, point in points.items()} == {
        start: {status: counts[start][status] for status in ENDS} for start in points
    }
    assert told["duration"]["mean_ms"] == round(sum(took) / len(took))
    assert told["nodes_since"] <= since
    counted = [each for each in (*ended, run) if str(iso(each.finished_at)) >= told["nodes_since"]]
    assert nodes_of(told) == {"a": (len(counted), 0, *nodes_of(told)["a"][2:])}
    took.sort()
    for key, part in (("p50_ms", 0.5), ("p95_ms", 0.95)):
        exact = took[max(0, -int(-part * len(took) // 1) - 1)]
        assert abs(told["duration"][key] - exact) * 8 <= exact


def _ended(run: Run, chance: random.Random, now: int) -> Run:
    back = int(chance.choice((DAY, 7 * DAY, 400 * DAY)) * chance.random())
    took = int(chance.lognormvariate(8, 2))
    return replace(run, status=chance.choice(ENDS), finished_at=now - back, started_at=now - back - took)


async def test_a_project_s_figures_are_paged_by_workflow(bench: Bench) -> None:
    made = []
    for name in ["one", "two", "three"]:
        workflow = await bench.app.workflows.create(bench.project, name, "", {"steps": [node("a")]})
        made.append(workflow["workflow_id"])
        for _ in range(2):
            await bench.ended(await bench.start_again(workflow["workflow_id"]))
    await bench.app.workflows.archive(bench.project, made[1])
    of_project = bench.app.statistics.of_project
    first = await of_project(bench.project, None, 1, None)
    second = await of_project(bench.project, None, 1, first["next_cursor"])
    assert [each["workflow_id"] for each in (*first["workflows"], *second["workflows"])] == [made[2], made[0]]
    assert second["next_cursor"] is None
    for told in (first, second):
        assert told["counts"]["COMPLETED"] == 6
        (workflow,) = told["workflows"]
        assert (workflow["counts"]["COMPLETED"], workflow["success_rate"], len(workflow["last_runs"])) == (2, 1.0, 2)
        newest, older = workflow["last_runs"]
        assert newest["run_id"] > older["run_id"]
        assert newest["duration_ms"] >= 0
    assert {each["workflow_name"] for each in first["slowest_nodes"]} == {"one", "two", "three"}


async def test_what_is_not_there_has_no_figures(bench: Bench) -> None:
    with pytest.raises(NotFound):
        await figures(bench, "01987a3e-5b1c-7000-8000-000000000002")
    told = await bench.app.statistics.of_project(bench.project, None, 10, None)
    assert (told["success_rate"], told["duration"]["p50_ms"], told["workflows"], told["next_cursor"]) == (
        None,
        None,
        [],
        None,
    )
