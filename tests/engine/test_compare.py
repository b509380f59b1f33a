"""Two runs compared: which executions answer to one another, where the runs part, and what a fork inherited."""

import random
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.server.runs import compare as comparing
from milepost.server.runs.control import Paused, Resume
from milepost.server.runs.start import NewRun
from tests.engine.conftest import ACTOR, Bench, opened
from tests.python_graphs.conftest import PROJECT, of


def node(node_id: str, type_: str = "process", **config: Any) -> dict[str, Any]:
    return {"id": node_id, "type": type_, "config": config}


def said(node_id: str, value: str) -> dict[str, Any]:
    return node(node_id, operation="template", value=value)


CHAIN: dict[str, Any] = {
    "steps": [
        said("a", "always"),
        said("b", "{{ input.word }}"),
        said("c", "after {{ outputs.b.value }}"),
        node("z", "output", value="{{ outputs.c }}"),
    ]
}


async def compared(bench: Bench, left: str, right: str) -> dict[str, Any]:
    """The comparison as it goes over the wire."""
    told = await bench.app.compare.runs(bench.project, left, right)
    shown: dict[str, Any] = orjson.loads(orjson.dumps(told))
    return shown


def path(told: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [(row["node_id"], row["differs"]) for row in told["path"]]


async def two(bench: Bench, definition: dict[str, Any], left: dict[str, Any], right: dict[str, Any]) -> tuple[str, str]:
    """Two ended runs of one workflow with these inputs."""
    first = await bench.start(definition, left)
    run = await bench.ended(first)
    second = await bench.start_again(run.workflow_id, right)
    await bench.ended(second)
    return first, second


async def test_a_run_is_the_same_as_itself(bench: Bench) -> None:
    run_id = await bench.start(CHAIN, {"word": "tea"})
    await bench.ended(run_id)
    told = await compared(bench, run_id, run_id)
    assert told["first_divergence"] is None
    assert path(told) == [("a", []), ("b", []), ("c", []), ("z", [])]
    assert all(row["same"] for row in told["nodes"])
    assert told["common_ancestor"] == {"run_id": run_id, "left_checkpoint_id": None, "right_checkpoint_id": None}
    assert [told[key]["equal"] for key in ("input", "output", "definition")] == [True, True, True]


async def test_runs_part_at_the_first_node_that_was_given_something_else(bench: Bench) -> None:
    told = await compared(bench, *await two(bench, CHAIN, {"word": "tea"}, {"word": "rum"}))
    found = told["first_divergence"]
    assert (found["position"], found["node_id"], found["because"]) == (1, "b", "input")
    assert found["output"]["changes"] == [{"path": "value", "op": "changed", "from": "tea", "to": "rum"}]
    assert told["input"]["changes"] == [{"path": "word", "op": "changed", "from": "tea", "to": "rum"}]
    assert told["output"]["equal"] is False
    assert told["definition"]["equal"] is True
    assert told["common_ancestor"] is None
    assert {row["node_id"]: row["same"] for row in told["nodes"]} == {"a": True, "b": False, "c": False, "z": False}


async def test_equal_runs_do_not_part(bench: Bench) -> None:
    told = await compared(bench, *await two(bench, CHAIN, {"word": "tea"}, {"word": "tea"}))
    assert told["first_divergence"] is None
    assert told["left"]["run_id"] != told["right"]["run_id"]
    assert told["left"]["workflow_name"] == "test"


@pytest.mark.parametrize("seed", range(3))
async def test_the_order_in_which_parallel_nodes_run_is_no_difference(bench: Bench, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    names = [f"p{number}" for number in range(6)]
    nodes = [node(name, "trace", file=str(tmp_path / name), seconds=0.0) for name in names]
    definition = {"nodes": [*nodes, node("end")], "edges": [{"source": name, "target": "end"} for name in names]}
    first = await bench.ended(await bench.start(definition))
    chance.shuffle(nodes)
    second = await bench.ended(await bench.start({**definition, "nodes": [*nodes, node("end")]}))
    told = await compared(bench, first.run_id, second.run_id)
    assert told["first_divergence"] is None
    assert [row["left"]["position"] for row in told["path"]] == list(range(7))
    assert sorted(row["right"]["position"] for row in told["path"]) == list(range(7))


async def test_another_way_through_the_graph_is_where_runs_part(bench: Bench) -> None:
    definition = {
        "nodes": [node("a", "condition", expression="input.go"), node("yes"), node("no"), node("end")],
        "edges": [
            {"source": "a", "target": "yes", "when": True},
            {"source": "a", "target": "no", "when": False},
            {"source": "yes", "target": "end"},
            {"source": "no", "target": "end"},
        ],
    }
    told = await compared(bench, *await two(bench, definition, {"go": True}, {"go": False}))
    assert path(told)[:3] == [("a", ["input", "output"]), ("yes", ["only_left"]), ("no", ["only_right"])]
    found = told["first_divergence"]
    assert (found["node_id"], found["because"]) == ("a", "input")
    (row,) = [row for row in told["nodes"] if row["node_id"] == "yes"]
    assert (row["left"]["status"], row["right"]["status"], row["same"]) == ("COMPLETED", "SKIPPED", False)


async def test_a_failure_is_where_runs_part(bench: Bench, tmp_path: Path) -> None:
    flaky = node("flaky", "trace", file=str(tmp_path / "file"), fail_first=1)
    definition = {"steps": [node("a"), flaky, node("z")]}
    told = await compared(bench, *await two(bench, definition, {}, {}))
    found = told["first_divergence"]
    assert (found["node_id"], found["because"]) == ("flaky", "status")
    assert (found["left"]["status"], found["right"]["status"]) == ("FAILED", "COMPLETED")
    assert path(told)[2] == ("z", ["only_right"])


async def test_a_fork_shares_what_it_inherited(bench: Bench) -> None:
    parent = await bench.ended(await bench.start(CHAIN, {"word": "tea"}))
    points = await bench.app.history.checkpoints(bench.project, parent.run_id, 20)
    (here,) = [point.checkpoint_id for point in points if list(point.next) == ["c"]]
    edited = {"outputs": {"b": {"value": "rum"}}}
    fork = await bench.app.fork.fork(ACTOR, bench.project, parent.run_id, here, edited, execute=True)
    await bench.ended(fork.run_id)
    told = await compared(bench, parent.run_id, fork.run_id)
    assert [row["right"]["inherited"] for row in told["path"]] == [True, True, False, False]
    assert told["common_ancestor"] == {
        "run_id": parent.run_id,
        "left_checkpoint_id": None,
        "right_checkpoint_id": here,
    }
    assert (told["first_divergence"]["node_id"], told["first_divergence"]["because"]) == ("c", "input")
    grandchild = await bench.app.fork.fork(ACTOR, bench.project, fork.run_id, fork.checkpoint_id or "", execute=True)
    await bench.ended(grandchild.run_id)
    sides = await compared(bench, parent.run_id, grandchild.run_id)
    assert sides["common_ancestor"]["run_id"] == parent.run_id
    assert sides["common_ancestor"]["right_checkpoint_id"] == here
    assert path(sides) == path(told)
    assert (await compared(bench, fork.run_id, grandchild.run_id))["first_divergence"] is None


async def test_a_fork_has_what_had_finished_beside_its_checkpoint(bench: Bench, tmp_path: Path) -> None:
    nodes = [node("a"), node("quick"), node("slow", "held", file=str(tmp_path / "t"), seconds=60.0), node("end")]
    edges = [("a", "quick"), ("a", "slow"), ("quick", "end"), ("slow", "end")]
    definition = {"nodes": nodes, "edges": [{"source": s, "target": t} for s, t in edges]}
    run_id = await bench.start(definition)
    await bench.until_node(run_id, "node.completed", "quick")
    paused = await bench.app.control.pause(ACTOR, bench.project, run_id, "now")
    assert isinstance(paused, Paused)
    fork = await bench.app.fork.fork(ACTOR, bench.project, run_id, paused.run.checkpoint_id or "")
    told = await compared(bench, run_id, fork.run_id)
    assert {row["node_id"] for row in told["path"] if row["right"]} == {"a", "quick"}
    assert told["first_divergence"] is None


async def test_what_a_live_run_has_not_reached_is_unfinished(bench: Bench, tmp_path: Path) -> None:
    definition = {"steps": [node("a"), node("ask", "approval", question="?"), node("z")]}
    first = await bench.start(definition)
    await bench.until(first, "run.waiting")
    run = await bench.app.store.run(first)
    second = await bench.start_again(run.workflow_id)
    await bench.until(second, "run.waiting")
    answer = Resume(answer={"approved": True}, has_answer=True)
    await bench.app.control.resume(ACTOR, bench.project, first, answer)
    await bench.ended(first)
    for left, right in ((first, second), (second, first)):
        told = await compared(bench, left, right)
        assert path(told) == [("a", []), ("ask", ["unfinished"]), ("z", ["unfinished"])]
        assert told["first_divergence"] is None
    await bench.app.control.cancel(ACTOR, bench.project, second)
    told = await compared(bench, first, second)
    assert told["first_divergence"]["node_id"] == "ask"
    assert path(told)[2] == ("z", ["only_left"])


async def test_runs_that_did_not_begin_are_compared(bench: Bench) -> None:
    made = await bench.app.workflows.create(bench.project, "test", "", CHAIN)
    left, right = [
        orjson.loads(await bench.app.start.create(ACTOR, bench.project, NewRun(made["workflow_id"])))["run_id"]
        for _ in range(2)
    ]
    told = await compared(bench, left, right)
    assert (told["path"], told["first_divergence"]) == ([], None)
    assert [row["left"]["status"] for row in told["nodes"]] == ["PENDING"] * 4


async def test_versions_and_workflows_are_compared(bench: Bench) -> None:
    first = await bench.ended(await bench.start(CHAIN, {"word": "tea"}))
    changed = {"steps": [*CHAIN["steps"][:2], said("new", "new"), CHAIN["steps"][3] | {"config": {"value": "1"}}]}
    await bench.app.workflows.revise(bench.project, first.workflow_id, changed)
    second = await bench.ended(await bench.start_again(first.workflow_id, {"word": "tea"}))
    other = await bench.ended(await bench.start(changed, {"word": "tea"}))
    for right in (second, other):
        told = await compared(bench, first.run_id, right.run_id)
        assert [each["id"] for each in told["definition"]["nodes"]["added"]] == ["new"]
        assert [each["id"] for each in told["definition"]["nodes"]["removed"]] == ["c"]
        assert path(told)[:4] == [("a", []), ("b", []), ("c", ["only_left"]), ("new", ["only_right"])]
        found = told["first_divergence"]
        assert (found["node_id"], found["because"], found["right"]) == ("c", "only_left", None)
        rows = {row["node_id"]: row for row in told["nodes"]}
        assert rows["c"]["right"] is None
        assert rows["new"]["left"] is None
    assert (await compared(bench, second.run_id, other.run_id))["first_divergence"] is None


async def test_python_graphs_are_compared(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", shutdown_grace=1.0, config=PROJECT) as bench:
        graphs = of(bench)
        name = next(each.name for each in graphs.app.python.listed if each.workflow_id)
        left, right = await graphs.run(name), await graphs.run(name)
        await graphs.ended(left)
        await graphs.ended(right)
        told = await compared(bench, left, right)
        assert told["definition"]["equal"] is True
        assert told["path"]
        assert told["left"]["workflow_name"] == name


async def test_long_runs_are_cut(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "COMPARED", 3)
    monkeypatch.setattr(comparing, "SHOWN", 2)
    monkeypatch.setattr(comparing, "AT_ONCE", 2)
    told = await compared(bench, *await two(bench, CHAIN, {"word": "tea"}, {"word": "rum"}))
    assert (len(told["path"]), told["path_cut"], len(told["nodes"]), told["nodes_cut"]) == (2, True, 2, True)
    assert told["first_divergence"]["node_id"] == "b"


async def test_large_values_are_cut(bench: Bench) -> None:
    left = {"word": "x" * 300_000, "list": list(range(20_000))}
    right = {"word": "y" * 300_000, "list": list(range(1, 20_001))}
    began = time.monotonic()
    told = await compared(bench, *await two(bench, CHAIN, left, right))
    assert told["input"]["cut"] is True
    assert told["input"]["equal"] is False
    assert len(orjson.dumps(told)) < 4_000_000
    assert time.monotonic() - began < 20
