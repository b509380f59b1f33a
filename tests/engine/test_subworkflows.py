"""Workflows inside workflows, in a whole server: saved, run, stopped in the middle, forked."""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.server.errors import InvalidDefinition
from milepost.server.runs.control import Paused, Resume
from milepost.server.states import RunStatus
from tests.engine.conftest import ACTOR, Bench, opened


def traced(name: str, file: Path, seconds: float = 0.0, **more: Any) -> dict[str, Any]:
    """A node that leaves its name in a file."""
    return {"id": name, "type": "trace", "config": {"file": str(file), "text": name, "seconds": seconds}, **more}


def chain(*nodes: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A definition of nodes one after the other."""
    ends = pairwise(nodes)
    return {"nodes": list(nodes), "edges": [{"source": a["id"], "target": b["id"]} for a, b in ends], **more}


def sub(node_id: str, workflow_id: str, input: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A node that runs a workflow; `version` among ``more`` goes into its config."""
    config = {"workflow_id": workflow_id, **({"input": input} if input is not None else {})}
    if "version" in more:
        config["version"] = more.pop("version")
    return {"id": node_id, "type": "subworkflow", "config": config, **more}


async def stored(bench: Bench, definition: Mapping[str, Any]) -> str:
    """The id of a new workflow."""
    return str((await bench.app.workflows.create(bench.project, "child", "", definition))["workflow_id"])


def ran(file: Path) -> Counter[str]:
    """How often each node left its name."""
    return Counter(file.read_text().split()) if file.exists() else Counter()


async def problems(
    bench: Bench, definition: Mapping[str, Any], workflow_id: str | None = None
) -> list[tuple[str, str]]:
    """Path and code of all that keeps a definition from being saved."""
    workflows, project = bench.app.workflows, bench.project
    saving = workflows.revise(project, workflow_id, definition) if workflow_id else None
    with pytest.raises(InvalidDefinition) as refused:
        await (saving or workflows.create(project, "refused", "", definition))
    return [(each["path"], each["code"]) for each in refused.value.errors]


def output(value: Any) -> Any:
    """The run's output."""
    return orjson.loads(value.output or "null")


SHOUT = {
    "input_schema": {"type": "object", "required": ["word"], "properties": {"word": {"type": "string"}}},
    "nodes": [
        {"id": "up", "type": "process", "config": {"operation": "uppercase", "value": "{{ input.word }}"}},
        {"id": "out", "type": "output", "config": {"value": {"said": "{{ outputs.up.value }}"}}},
    ],
    "edges": [{"source": "up", "target": "out"}],
}


async def test_a_child_gets_its_input_and_gives_its_output(bench: Bench) -> None:
    child = await stored(bench, SHOUT)
    parent = chain(
        {"id": "up", "type": "process", "config": {"value": "low"}},
        sub("s", child, {"word": "{{ outputs.up.value }}{{ input.mark }}"}),
        {"id": "end", "type": "output", "config": {"value": "{{ outputs }}"}},
    )
    run_id = await bench.start(parent, {"mark": "!"})
    run = await bench.ended(run_id)
    assert output(run) == {"up": {"value": "low"}, "s": {"said": "LOW!"}}
    statuses = await bench.statuses(run_id)
    assert statuses == dict.fromkeys(["up", "s", "s/up", "s/out", "end"], "COMPLETED")
    events = await bench.events(run_id)
    order = [event["node_id"] for event in events if event["type"] in ("node.started", "node.completed")]
    assert order == ["up", "up", "s", "s/up", "s/up", "s/out", "s/out", "s", "end", "end"]
    assert {row.node_id: row.node_type for row in await bench.executions(run_id)}["s/up"] == "process"
    status = await bench.app.read.status(bench.project, run_id, 0)
    assert [state["node_id"] for state in status["node_states"]] == ["up", "s", "s/up", "s/out", "end"]


async def test_an_input_that_the_child_refuses_fails_the_node(bench: Bench) -> None:
    child = await stored(bench, SHOUT)
    run = await bench.ended(await bench.start(chain(sub("s", child, {"word": 1}))))
    error = orjson.loads(run.error or "null")
    assert (run.status, error["code"], error["node_id"]) == (RunStatus.FAILED, "invalid_input", "s")
    assert "input_data.word" in error["message"]


async def test_a_version_is_pinned_when_the_parent_is_saved(bench: Bench) -> None:
    child = await stored(bench, SHOUT)
    made = await bench.app.workflows.create(bench.project, "parent", "", chain(sub("s", child, {"word": "a"})))
    again = {"nodes": [{"id": "out", "type": "output", "config": {"value": "second"}}], "edges": []}
    await bench.app.workflows.revise(bench.project, child, again)
    run = await bench.ended(await bench.start_again(made["workflow_id"]))
    assert output(run) == {"said": "A"}
    assert orjson.loads(orjson.dumps(made["pins"])) == {child: 1}
    assert "version" not in orjson.loads(orjson.dumps(made["definition"]))["nodes"][0]["config"]
    saved = await bench.app.workflows.revise(bench.project, made["workflow_id"], chain(sub("s", child)))
    assert orjson.loads(orjson.dumps(saved["pins"])) == {child: 2}
    run = await bench.ended(await bench.start_again(made["workflow_id"]))
    assert output(run) == {"value": "second"}
    run = await bench.ended(await bench.start(chain(sub("s", child, {"word": "b"}, version=1))))
    assert output(run) == {"said": "B"}


async def test_what_cannot_be_used_is_refused_with_its_path(bench: Bench) -> None:
    child = await stored(bench, SHOUT)
    assert await problems(bench, chain(sub("s", "nobody"))) == [("nodes[0].config.workflow_id", "unknown_workflow")]
    assert await problems(bench, chain(sub("s", child, version=2))) == [("nodes[0].config.version", "unknown_version")]
    assert await problems(bench, chain(sub("s", "{{ input.id }}")))
    home, bench.project = bench.project, await bench.app.projects.create(ACTOR, "other", "Other")
    assert await problems(bench, chain(sub("s", child))) == [("nodes[0].config.workflow_id", "unknown_workflow")]
    bench.project = home
    parent = await stored(bench, chain(sub("s", child, {"word": "a"})))
    await bench.app.workflows.archive(bench.project, child)
    assert await problems(bench, chain(sub("s", child))) == [("nodes[0].config.workflow_id", "workflow_archived")]
    run = await bench.ended(await bench.start_again(parent))
    assert output(run) == {"said": "A"}


async def test_recursion_is_refused_with_its_chain(bench: Bench) -> None:
    first = await stored(bench, SHOUT)
    second = await stored(bench, chain(sub("s", first)))
    third = await stored(bench, chain(sub("s", second)))
    assert await problems(bench, chain(sub("s", first)), first) == [("nodes[0].config.workflow_id", "recursion")]
    with pytest.raises(InvalidDefinition, match=f"{first} → {third} → {second} → {first}"):
        await bench.app.workflows.revise(bench.project, first, chain(sub("s", third)))


async def test_workflows_are_nested_eight_levels_deep_and_no_deeper(bench: Bench) -> None:
    deepest = await stored(bench, SHOUT)
    for _ in range(7):
        deepest = await stored(bench, chain(sub("s", deepest, {"word": "{{ input.word }}"})))
    run_id = await bench.start(chain(sub("s", deepest, {"word": "deep"})))
    assert output(await bench.ended(run_id)) == {"said": "DEEP"}
    assert (await bench.statuses(run_id))["/".join("s" * 8) + "/up"] == "COMPLETED"
    ninth = await stored(bench, chain(sub("s", deepest)))
    assert await problems(bench, chain(sub("s", ninth))) == [("nodes[0].config.workflow_id", "nested_too_deep")]


@pytest.mark.timed
async def test_a_pause_in_a_child_stops_at_its_next_step(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    names = [f"c{number}" for number in range(6)]
    child = await stored(bench, chain(*(traced(name, file, 0.05) for name in names)))
    run_id = await bench.start(chain(traced("a", file), sub("s", child), traced("z", file)))
    await bench.until_node(run_id, "node.completed", "s/c1")
    paused = await bench.app.control.pause(ACTOR, bench.project, run_id, "step")
    assert isinstance(paused, Paused)
    done = sum(ran(file)[name] for name in names)
    assert 2 <= done <= 4
    status = await bench.app.read.status(bench.project, run_id, 0)
    assert {state["status"] for state in status["node_states"]} == {"COMPLETED", "PENDING"}
    point = await bench.app.history.checkpoint(bench.project, run_id, paused.run.checkpoint_id or "")
    assert set(point["values"]["outputs"]) == {"a"}
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume())
    assert (await bench.ended(run_id)).status is RunStatus.COMPLETED
    assert ran(file) == Counter(["a", *names, "z"])


async def test_a_fork_in_the_middle_of_a_child_goes_on_there(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    names = [f"c{number}" for number in range(6)]
    child = await stored(bench, chain(*(traced(name, file, 0.05) for name in names)))
    run_id = await bench.start(chain(traced("a", file), sub("s", child), traced("z", file)))
    await bench.until_node(run_id, "node.completed", "s/c1")
    paused = await bench.app.control.pause(ACTOR, bench.project, run_id, "step")
    assert isinstance(paused, Paused)
    done = [name for name in names if ran(file)[name]]
    fork = await bench.app.fork.fork(ACTOR, bench.project, run_id, paused.run.checkpoint_id or "", execute=True)
    assert (await bench.ended(fork.run_id)).status is RunStatus.COMPLETED
    assert ran(file) == Counter(["a", *names, "z"])
    assert set(await bench.statuses(fork.run_id)) == {"a", "s", "z", *(f"s/{name}" for name in names)}
    first = (await bench.app.history.checkpoints(bench.project, run_id, 100))[-1]
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(checkpoint_id=first.checkpoint_id))
    assert (await bench.ended(run_id)).status is RunStatus.COMPLETED
    assert ran(file) == Counter(["a", *names, "z", "a", *names, "z"])
    assert done


async def test_a_server_that_stops_in_the_middle_of_a_child_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "trace"
    names = [f"c{number}" for number in range(6)]
    async with opened(tmp_path / "data", shutdown_grace=5.0) as bench:
        child = await stored(bench, chain(*(traced(name, file, 0.05) for name in names)))
        run_id = await bench.start(chain(traced("a", file), sub("s", child), traced("z", file)))
        await bench.until_node(run_id, "node.completed", "s/c1")
    assert ran(file)["c5"] == 0
    async with opened(tmp_path / "data") as bench:
        assert (await bench.ended(run_id)).status is RunStatus.COMPLETED
    assert ran(file) == Counter(["a", *names, "z"])


async def test_a_child_asks_and_goes_on_with_the_answer(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    question = {"id": "q", "type": "ask", "config": {"question": "Go?"}}
    child = await stored(bench, chain(traced("a", file), question, traced("b", file)))
    run_id = await bench.start(chain(sub("s", child), traced("z", file)))
    told = await bench.until(run_id, "run.waiting")
    assert [item["node_id"] for item in told["data"]["interrupts"]] == ["s/q"]
    statuses = await bench.statuses(run_id)
    assert (statuses["s"], statuses["s/q"]) == ("WAITING", "WAITING")
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer=1, has_answer=True))
    assert (await bench.ended(run_id)).status is RunStatus.COMPLETED
    assert ran(file) == Counter("abz")
    assert [row.node_id for row in await bench.executions(run_id)] == ["s", "s/a", "s/q", "s/b", "z"]


BREAKS = {"id": "bad", "type": "process", "config": {"operation": "pick", "value": "no object", "fields": ["a"]}}


async def test_a_childs_failure_is_the_nodes(bench: Bench, tmp_path: Path) -> None:
    child = await stored(bench, chain(BREAKS))
    run_id = await bench.start(chain(sub("s", child)))
    error = orjson.loads((await bench.ended(run_id)).error or "null")
    assert (error["code"], error["node_id"]) == ("invalid_input", "s/bad")
    assert await bench.statuses(run_id) == {"s": "FAILED", "s/bad": "FAILED"}
    handled = chain(sub("s", child, on_error="continue"), {"id": "z", "type": "output", "config": {"value": 1}})
    run_id = await bench.start(handled)
    assert (await bench.ended(run_id)).status is RunStatus.COMPLETED
    assert await bench.statuses(run_id) == {"s": "FAILED", "s/bad": "FAILED", "z": "COMPLETED"}
    edge = chain(sub("s", child), {"id": "z", "type": "output", "config": {"value": "{{ outputs.s.error.code }}"}})
    edge["edges"][0]["when"] = "error"
    assert output(await bench.ended(await bench.start(edge))) == "invalid_input"


async def test_what_a_failed_child_left_open_is_over(bench: Bench, tmp_path: Path) -> None:
    slow = {"id": "slow", "type": "held", "config": {"file": str(tmp_path / "held"), "text": "slow", "seconds": 30}}
    question = {"id": "q", "type": "ask", "config": {"question": "Go?"}}
    both = {"nodes": [slow, question, traced("a", tmp_path / "t", 0.1), BREAKS], "edges": []}
    both["edges"] = [{"source": "a", "target": "bad"}]
    child = await stored(bench, both)
    run_id = await bench.start(chain(sub("s", child, on_error="continue"), traced("z", tmp_path / "t")))
    assert (await bench.ended(run_id)).status is RunStatus.COMPLETED
    statuses = await bench.statuses(run_id)
    assert (statuses["s/slow"], statuses["s/q"], statuses["s/bad"]) == ("CANCELLED", "CANCELLED", "FAILED")
    assert {row.status for row in await bench.executions(run_id)} == {"COMPLETED", "CANCELLED", "FAILED"}


async def test_a_retry_runs_the_whole_child_again(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    flaky = {"id": "f", "type": "trace", "config": {"file": str(file), "text": "f", "fail_first": 1}}
    question = {"id": "q", "type": "ask", "config": {"question": "Go?"}}
    child = await stored(bench, chain(traced("a", file), flaky, question, traced("b", file)))
    retry = {"max_attempts": 2, "initial_interval": 0, "jitter": False}
    run_id = await bench.start(chain(sub("s", child, retry=retry)))
    await bench.until(run_id, "run.waiting")
    assert ran(file) == Counter("aaf")
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer=1, has_answer=True))
    assert (await bench.ended(run_id)).status is RunStatus.COMPLETED
    assert ran(file) == Counter("aafb")


async def test_a_time_limit_holds_for_the_whole_child(bench: Bench, tmp_path: Path) -> None:
    child = await stored(bench, chain(*(traced(name, tmp_path / "t", 0.1) for name in "abcdefgh")))
    run = await bench.ended(await bench.start(chain(sub("s", child, timeout=0.25))))
    assert orjson.loads(run.error or "null")["code"] == "timeout"
    own = await stored(bench, chain(*(traced(name, tmp_path / "t", 0.1) for name in "abcdefgh"), timeout=0.25))
    run = await bench.ended(await bench.start(chain(sub("s", own))))
    assert orjson.loads(run.error or "null")["code"] == "timed_out"


async def test_a_loop_enters_the_child_afresh(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    child = await stored(bench, chain(traced("a", file), traced("b", file)))
    loop = {
        "nodes": [
            traced("first", file),
            sub("s", child, set={"n": "{{ (variables.n or 0) + 1 }}"}),
            {"id": "again", "type": "condition", "config": {"expression": "variables.n < 3"}},
            traced("z", file),
        ],
        "edges": [
            {"source": "first", "target": "s"},
            {"source": "s", "target": "again"},
            {"source": "again", "target": "s", "when": True},
            {"source": "again", "target": "z", "when": False},
        ],
    }
    run_id = await bench.start(loop)
    assert (await bench.ended(run_id)).status is RunStatus.COMPLETED
    assert ran(file) == Counter(["first", *"aaabbbz"])
    states = {state.node_id: state.iterations for state in await bench.app.store.node_states(run_id)}
    assert (states["s"], states["s/a"], states["s/b"]) == (3, 3, 3)


async def test_two_of_one_child_run_beside_each_other_and_a_left_out_one_is_skipped(bench: Bench) -> None:
    child = await stored(bench, SHOUT)
    definition = {
        "nodes": [
            {"id": "c", "type": "condition", "config": {"expression": "true"}},
            sub("left", child, {"word": "l"}),
            sub("right", child, {"word": "r"}),
            sub("never", child, {"word": "n"}),
        ],
        "edges": [
            {"source": "c", "target": "left", "when": True},
            {"source": "c", "target": "right", "when": True},
            {"source": "c", "target": "never", "when": False},
        ],
    }
    run_id = await bench.start(definition)
    assert output(await bench.ended(run_id)) == {"left": {"said": "L"}, "right": {"said": "R"}}
    statuses = await bench.statuses(run_id)
    assert {statuses[f"{name}/up"] for name in ("left", "right")} == {"COMPLETED"}
    assert (statuses["never"], statuses["never/up"]) == ("SKIPPED", "SKIPPED")


async def test_the_drawing_shows_what_is_inside(bench: Bench) -> None:
    child = await stored(bench, SHOUT)
    made = await bench.app.workflows.create(bench.project, "p", "", chain(sub("s", child, {"word": "a"}, name="Say")))
    drawn = await bench.app.workflows.graph(bench.project, made["workflow_id"], None, "json")
    assert isinstance(drawn, dict)
    assert [node["id"] for node in drawn["nodes"]] == ["s", "s/up", "s/out"]
    assert drawn["edges"] == [{"source": "s/up", "target": "s/out", "back": False}]
    text = await bench.app.workflows.graph(bench.project, made["workflow_id"], None, "mermaid")
    assert 'subgraph n0["Say"]' in text


async def test_a_failure_that_was_handled_is_not_the_runs(bench: Bench) -> None:
    child = await stored(bench, chain(BREAKS))
    run_id = await bench.start(chain(sub("s", child, on_error="continue"), BREAKS | {"id": "later"}))
    assert orjson.loads((await bench.ended(run_id)).error or "null")["node_id"] == "later"
