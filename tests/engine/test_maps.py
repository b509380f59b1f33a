"""`map` in a whole server: windows, failures, what viewers see, stops in the middle."""

from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.graphs import fan_out
from milepost.server.errors import InvalidDefinition
from milepost.server.runs.control import Paused, Resume
from milepost.server.states import RunStatus
from tests.engine.conftest import ACTOR, Bench, opened
from tests.engine.test_subworkflows import BREAKS, SHOUT, chain, output, ran, stored, traced


def fan(over: Any, node: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A `map` called `fan`."""
    body = {"node": node} if node is not None else {}
    more = {"as" if key == "as_" else key: value for key, value in more.items()}
    return {"id": "fan", "type": "map", "config": {"over": over, **body, **more}}


def upper(value: str = "{{ item }}") -> dict[str, Any]:
    """A body that writes its item large."""
    return {"type": "process", "config": {"operation": "uppercase", "value": value}}


def numbers(count: int) -> dict[str, Any]:
    """An input with a list."""
    return {"list": list(range(count))}


TEXT = "{{ index }}:{{ item }}"


async def test_results_come_in_the_lists_order(bench: Bench) -> None:
    count = 2 * fan_out.WINDOW + 7
    run_id = await bench.start(chain(fan("input.list", upper(TEXT))), numbers(count))
    run = await bench.ended(run_id)
    assert output(run)["items"] == [{"value": f"{number}:{number}"} for number in range(count)]
    assert output(run)["counts"] == {"total": count, "completed": count, "failed": 0}
    events = await bench.events(run_id)
    told = [event["data"]["items"] for event in events if event["type"] == "node.progress"]
    assert told[-1] == {"total": count, "completed": count, "failed": 0}
    assert len(events) < 30
    assert len(await bench.executions(run_id)) == 1


@pytest.mark.parametrize("over", ["input.list", "{{ input.list }}", ["a", "b", "c"], ["{{ input.list[0] }}", "b", "c"]])
async def test_a_list_is_written_in_several_ways(bench: Bench, over: Any) -> None:
    run = await bench.ended(await bench.start(chain(fan(over, upper())), {"list": ["a", "b", "c"]}))
    assert [item["value"] for item in output(run)["items"]] == ["A", "B", "C"]


async def test_an_empty_list_gives_no_results(bench: Bench) -> None:
    run = await bench.ended(await bench.start(chain(fan([], upper()))))
    assert output(run) == {"items": [], "counts": {"total": 0, "completed": 0, "failed": 0}}


@pytest.mark.parametrize(
    ("value", "kind"), [({"a": 1}, "an object"), ("ab", "a string"), (3, "a number"), (None, "null")]
)
async def test_what_is_no_list_is_an_error(bench: Bench, value: Any, kind: str) -> None:
    run = await bench.ended(await bench.start(chain(fan("input.x", upper())), {"x": value}))
    error = orjson.loads(run.error or "null")
    assert (error["code"], error["message"]) == ("invalid_input", f"over is {kind}, not a list")


PICKY = {"type": "process", "config": {"operation": "pick", "value": "{{ item }}", "fields": ["a"]}}


async def test_an_item_that_fails_fails_the_node(bench: Bench) -> None:
    run_id = await bench.start(chain(fan([{"a": 1}, 2], PICKY)))
    error = orjson.loads((await bench.ended(run_id)).error or "null")
    assert (error["code"], error["node_id"]) == ("invalid_input", "fan")
    assert error["message"] == "item 1: pick needs an object"
    assert await bench.statuses(run_id) == {"fan": "FAILED"}


async def test_an_item_that_fails_may_leave_its_error_in_its_place(bench: Bench) -> None:
    run_id = await bench.start(chain(fan([{"a": 1}, 2, {"a": 3}], PICKY, on_item_error="continue")))
    given = output(await bench.ended(run_id))
    assert given["counts"] == {"total": 3, "completed": 2, "failed": 1}
    assert [given["items"][0], given["items"][2]] == [{"a": 1}, {"a": 3}]
    assert given["items"][1]["error"]["code"] == "invalid_input"
    page = await bench.app.read.items(bench.project, run_id, "fan", failed=None, limit=2, after=-1)
    assert [(row["item"], row["status"]) for row in page["items"]] == [(0, "COMPLETED"), (1, "FAILED")]
    rest = await bench.app.read.items(
        bench.project, run_id, "fan", failed=None, limit=2, after=int(page["next_cursor"])
    )
    assert [row["item"] for row in rest["items"]] == [2]
    assert rest["next_cursor"] is None
    failed = await bench.app.read.items(bench.project, run_id, "fan", failed=True, limit=2, after=-1)
    assert [row["item"] for row in failed["items"]] == [1]


async def test_an_item_is_tried_again(bench: Bench, tmp_path: Path) -> None:
    body = {
        "type": "trace",
        "config": {"file": f"{tmp_path}/{{{{ item }}}}", "text": "x", "fail_first": 1},
        "retry": {"max_attempts": 2, "initial_interval": 0},
    }
    run_id = await bench.start(chain(fan(["a", "b"], body)))
    assert output(await bench.ended(run_id))["counts"]["completed"] == 2
    page = await bench.app.read.items(bench.project, run_id, "fan", failed=None, limit=9, after=-1)
    assert [row["attempt"] for row in page["items"]] == [2, 2]


async def test_results_that_are_too_large_together_are_an_error(bench: Bench) -> None:
    body = {"type": "process", "config": {"value": "x" * 600}}
    run = await bench.ended(await bench.start(chain(fan("range(3)", body), max_state_bytes=1024)))
    assert orjson.loads(run.error or "null")["code"] == "state_too_large"


async def test_no_more_items_run_at_once_than_allowed(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "held"
    body = {"type": "held", "config": {"file": str(file), "text": "i", "seconds": 0.02}}
    await bench.ended(await bench.start(chain(fan("range(6)", body, max_concurrency=2))))
    at_once = most = 0
    for line in file.read_text().splitlines():
        at_once += 1 if line.endswith("began") else -1
        most = max(most, at_once)
    assert most == 2


async def test_what_is_wrong_with_a_map_is_found_when_it_is_saved(bench: Bench) -> None:
    wrong = [
        (fan([]), "nodes[0].config", "invalid_value"),
        (fan([], upper(), workflow={"workflow_id": "x"}), "nodes[0].config", "invalid_value"),
        (fan([], upper(), as_="input"), "nodes[0].config.as", "invalid_value"),
        (fan([], upper("{{ thing }}")), "nodes[0].config.node.config.value", "unknown_name"),
        (fan([], {"type": "no"}), "nodes[0].config.node.type", "unknown_type"),
        (fan([], {"type": "process", "config": {"x": 1}}), "nodes[0].config.node.config.x", "unknown_key"),
        (fan([], {"type": "map"}), "nodes[0].config.node.type", "invalid_value"),
        (fan([], workflow={"workflow_id": "x"}), "nodes[0].config.workflow.workflow_id", "unknown_workflow"),
        (fan("nothing.here", upper()), "nodes[0].config.over", "unknown_name"),
    ]
    for node, path, code in wrong:
        with pytest.raises(InvalidDefinition) as refused:
            await bench.app.workflows.create(bench.project, "refused", "", chain(node))
        assert [(each["path"], each["code"]) for each in refused.value.errors] == [(path, code)]


async def test_a_workflow_runs_for_each_item(bench: Bench) -> None:
    child = await stored(bench, SHOUT)
    body = {"workflow_id": child, "input": {"word": "{{ name.first }}{{ index }}{{ outputs.a.value }}"}}
    first = {"id": "a", "type": "process", "config": {"value": "!"}}
    people = [{"first": "ann"}, {"first": "bob"}]
    run_id = await bench.start(chain(first, fan(people, as_="name", workflow=body)))
    assert output(await bench.ended(run_id))["items"] == [{"said": "ANN0!"}, {"said": "BOB1!"}]
    assert set(await bench.statuses(run_id)) == {"a", "fan"}
    assert [row.node_id for row in await bench.executions(run_id)] == ["a", "fan"]
    again = await bench.ended(await bench.start(chain(fan(["x"], as_="word", workflow={"workflow_id": child}))))
    assert output(again)["items"] == [{"said": "X"}]


async def test_a_map_stands_in_a_workflow_that_a_map_runs(bench: Bench) -> None:
    row = await stored(bench, chain(fan("input.row", upper("{{ item }}{{ input.mark }}"))))
    body = {"workflow_id": row, "input": {"row": "{{ item }}", "mark": "{{ index }}"}}
    run_id = await bench.start(chain(fan([["a", "b"], ["c"]], workflow=body)))
    rows = [[cell["value"] for cell in each["items"]] for each in output(await bench.ended(run_id))["items"]]
    assert rows == [["A0", "B0"], ["C1"]]
    assert set(await bench.statuses(run_id)) == {"fan"}


async def test_a_failure_in_a_workflow_for_an_item_says_where(bench: Bench) -> None:
    child = await stored(bench, chain(BREAKS))
    error = orjson.loads(
        (await bench.ended(await bench.start(chain(fan([1], workflow={"workflow_id": child}))))).error or ""
    )
    assert (error["node_id"], error["message"]) == ("fan/bad", "item 0: pick needs an object")


def traces(file: Path, seconds: float = 0.0) -> dict[str, Any]:
    """A body that leaves its item in a file."""
    return {"type": "trace", "config": {"file": str(file), "text": "i{{ item }}", "seconds": seconds}}


NAMES = [f"i{number}" for number in range(20)]
EACH = Counter(NAMES)


async def paused_in_the_middle(bench: Bench, file: Path, mode: Any = "step") -> tuple[str, str]:
    """A run whose map is between its second and its last window, paused; the run's id and its checkpoint's."""
    run_id = await bench.start(
        chain(traced("a", file), fan("input.list", traces(file, 0.03), max_concurrency=2)), numbers(20)
    )
    await bench.until(run_id, "node.progress")
    paused = await bench.app.control.pause(ACTOR, bench.project, run_id, mode)
    assert isinstance(paused, Paused)
    assert 0 < sum(ran(file).values()) < 20
    return run_id, paused.run.checkpoint_id or ""


async def test_a_pause_takes_hold_within_a_window(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    run_id, _ = await paused_in_the_middle(bench, file)
    assert sum(ran(file).values()) % 2 == 1
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume())
    run = await bench.ended(run_id)
    assert ran(file) == EACH + Counter("a")
    assert [item["text"] for item in output(run)["items"]] == NAMES


async def test_a_pause_now_repeats_at_most_a_window(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    run_id, _ = await paused_in_the_middle(bench, file, "now")
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume())
    run = await bench.ended(run_id)
    assert output(run)["counts"]["completed"] == 20
    assert (ran(file) - EACH - Counter("a")).total() <= 2


async def test_a_fork_in_the_middle_of_a_map_goes_on_there(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    run_id, checkpoint_id = await paused_in_the_middle(bench, file)
    child = await bench.app.fork.fork(ACTOR, bench.project, run_id, checkpoint_id, execute=True)
    run = await bench.ended(child.run_id)
    assert [item["text"] for item in output(run)["items"]] == NAMES
    assert ran(file) == EACH + Counter("a")
    page = await bench.app.read.items(bench.project, child.run_id, "fan", failed=None, limit=50, after=-1)
    assert [row["item"] for row in page["items"]] == list(range(20))


async def test_time_travel_to_before_a_map_runs_all_items_again(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    run_id, checkpoint_id = await paused_in_the_middle(bench, file)
    done = ran(file) - Counter("a")
    first = (await bench.app.history.checkpoints(bench.project, run_id, 100))[-1]
    assert first.checkpoint_id != checkpoint_id
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(checkpoint_id=first.checkpoint_id))
    assert output(await bench.ended(run_id))["counts"]["completed"] == 20
    assert ran(file) == EACH + done + Counter("aa")


async def test_a_cancel_ends_the_items(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "held"
    body = {"type": "held", "config": {"file": str(file), "text": "i", "seconds": 30}}
    run_id = await bench.start(chain(fan("range(3)", body)))
    await bench.until_node(run_id, "node.started", "fan")
    cancelled = await bench.app.control.cancel(ACTOR, bench.project, run_id)
    assert cancelled.still_running == []
    assert await bench.statuses(run_id) == {"fan": "CANCELLED"}


async def test_a_server_that_stops_in_the_middle_of_a_map_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "trace"
    async with opened(tmp_path / "data", shutdown_grace=5.0) as bench:
        definition = chain(traced("a", file), fan("input.list", traces(file, 0.03), max_concurrency=2))
        run_id = await bench.start(definition, numbers(20))
        await bench.until(run_id, "node.progress")
    assert ran(file).total() < 21
    async with opened(tmp_path / "data") as bench:
        run = await bench.ended(run_id)
    assert [item["text"] for item in output(run)["items"]] == NAMES
    assert ran(file) == EACH + Counter("a")


async def test_a_retry_of_the_run_keeps_the_items_of_the_window_that_had_ended(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    flaky = {"id": "t", "type": "trace", "config": {"file": str(file), "text": "i{{ input.item }}"}}
    fails = {"id": "f", "type": "trace", "config": {"file": f"{file}.f", "text": "f", "fail_first": 1, "seconds": 0.2}}
    choose = {"id": "c", "type": "condition", "config": {"expression": "input.item == 3"}}
    child = chain(flaky, choose, fails)
    child["edges"][1]["when"] = True
    workflow_id = await stored(bench, child)
    run_id = await bench.start(chain(fan("range(5)", workflow={"workflow_id": workflow_id})))
    assert (await bench.ended(run_id)).status is RunStatus.FAILED
    after = (await bench.app.store.run(run_id)).last_seq
    await bench.app.control.retry(ACTOR, bench.project, run_id)
    await bench.until(run_id, "run.completed", after=after)
    assert ran(file) == Counter(NAMES[:5])


async def test_an_item_asks_and_goes_on_with_the_answer(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    question = {"id": "q", "type": "ask", "config": {"question": "Go?"}}
    child = await stored(bench, chain(traced("b", file), question, traced("e", file)))
    inline = {"type": "ask", "config": {"question": "{{ item }}?"}}
    run_id = await bench.start(chain(fan([1, 2], workflow={"workflow_id": child}), fan(["x"], inline) | {"id": "in"}))
    told = await bench.until(run_id, "run.waiting")
    asked = told["data"]["interrupts"]
    assert [each["node_id"] for each in asked] == ["fan", "fan"]
    answers = {each["interrupt_id"]: 1 for each in asked}
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answers=answers))
    told = await bench.until(run_id, "run.waiting", after=told["seq"])
    [asked] = told["data"]["interrupts"]
    assert asked["node_id"] == "in"
    assert ran(file) == Counter("bbee")
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer=5, has_answer=True))
    assert (await bench.ended(run_id)).status is RunStatus.COMPLETED
    assert await bench.statuses(run_id) == {"fan": "COMPLETED", "in": "COMPLETED"}


async def test_a_loop_runs_a_map_afresh(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    counter = {"set": {"n": "{{ (variables.n or 0) + 1 }}"}}
    loop = {
        "nodes": [
            traced("first", file),
            fan("range(3 - (variables.n or 0))", traces(file)) | counter,
            {"id": "again", "type": "condition", "config": {"expression": "variables.n < 3"}},
            {"id": "end", "type": "output", "config": {"value": "{{ outputs.fan.counts.total }}"}},
        ],
        "edges": [
            {"source": "first", "target": "fan"},
            {"source": "fan", "target": "again"},
            {"source": "again", "target": "fan", "when": True},
            {"source": "again", "target": "end", "when": False},
        ],
    }
    run_id = await bench.start(loop)
    assert output(await bench.ended(run_id)) == 1
    assert ran(file) == Counter(["first", *NAMES[:3], *NAMES[:2], *NAMES[:1]])
    page = await bench.app.read.items(bench.project, run_id, "fan", failed=None, limit=50, after=-1)
    assert [row["item"] for row in page["items"]] == [0]
