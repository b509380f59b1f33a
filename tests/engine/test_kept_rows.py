"""Tasks and notifications of nodes: on disk with the node's result, once, and with no node that came to none."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest

from milepost.graphs.context import NodeContext
from milepost.graphs.node_types import NodeType
from milepost.server.runs.notifications import NotificationFilter
from milepost.server.runs.tasks import TaskFilter
from tests.engine.conftest import ACTOR, Bench, opened
from tests.probes import TraceConfig

TASK = {"title": "Call {{ input.who }}", "description": "d", "assignee": "ada", "due": "2030-01-01T10:00:00+01:00"}


def task(node_id: str = "call", **config: Any) -> dict[str, Any]:
    """A node that makes a task."""
    return {"id": node_id, "type": "create_task", "config": {**TASK, **config}}


async def tasks(bench: Bench) -> list[dict[str, Any]]:
    """All tasks, newest first."""
    return list((await bench.app.tasks.page(bench.project, TaskFilter(), 1000, None))["items"])


async def notifications(bench: Bench) -> list[dict[str, Any]]:
    """All notifications, newest first."""
    return list((await bench.app.notifications.page(bench.project, NotificationFilter(), 1000, None))["items"])


async def test_a_task_is_what_its_node_says(bench: Bench) -> None:
    run_id = await bench.start({"steps": [task()]}, {"who": "Bob"})
    output = orjson.loads((await bench.ended(run_id)).output or "")
    (made,) = await tasks(bench)
    assert output == {"task_id": made["task_id"], "title": "Call Bob", "assignee": "ada", "due": made["due"]}
    assert made["due"] == "2030-01-01T09:00:00.000Z"
    assert (made["description"], made["status"], made["created_by"]) == ("d", "open", None)
    assert (made["run_id"], made["node_id"]) == (run_id, "call")


async def test_everybody_is_told_once(bench: Bench) -> None:
    config = {"to": ["ada", "bob", "ada"], "title": "Done", "body": "{{ input.who }}"}
    run_id = await bench.start({"steps": [{"id": "tell", "type": "send_notification", "config": config}]}, {"who": "x"})
    output = orjson.loads((await bench.ended(run_id)).output or "")
    told = await notifications(bench)
    assert {row["to"] for row in told} == {"ada", "bob"}
    assert len(told) == 2
    assert set(output["notification_ids"]) == {row["notification_id"] for row in told}
    assert {(row["title"], row["body"], row["run_id"], row["node_id"], row["read_at"]) for row in told} == {
        ("Done", "x", run_id, "tell", None)
    }


async def test_a_row_is_on_disk_when_the_completion_is(bench: Bench) -> None:
    held = {"id": "held", "type": "trace", "config": {"seconds": 60}}
    run_id = await bench.start({"steps": [task(), held]}, {"who": "Bob"})
    completed = await bench.until_node(run_id, "node.completed", "call")
    assert completed
    assert len(await tasks(bench)) == 1
    await bench.app.control.cancel(ACTOR, bench.project, run_id)


class KeepsAndFails(NodeType[TraceConfig]):
    """Wants a row and fails, the first times."""

    name: ClassVar[str] = "keeps_and_fails"
    config_model = TraceConfig

    async def run(self, ctx: NodeContext[TraceConfig]) -> Mapping[str, Any]:
        tries = Path(ctx.config.file)
        with tries.open("a") as file:
            file.write("x")
        attempt = len(tries.read_text())
        row = {"description": "", "assignee": None, "due": None}
        ctx.keep("task", task_id=f"{ctx.idempotency_key}:{attempt}", title=f"try {attempt}", **row)
        if attempt <= ctx.config.fail_first:
            raise RuntimeError("not yet")
        return {}


@pytest.mark.parametrize(("fail_first", "left"), [(1, ["try 2"]), (9, [])])
async def test_a_try_that_failed_leaves_nothing(tmp_path: Path, fail_first: int, left: list[str]) -> None:
    step = {
        "id": "k",
        "type": "keeps_and_fails",
        "config": {"file": str(tmp_path / "tries"), "fail_first": fail_first},
        "retry": {"max_attempts": 2, "initial_interval": 0},
        "on_error": "continue",
    }
    async with opened(tmp_path / "data", types=[KeepsAndFails]) as bench:
        run = await bench.ended(await bench.start({"steps": [step]}))
        assert run.status == "COMPLETED"
        assert [each["title"] for each in await tasks(bench)] == left


async def test_a_node_whose_variables_fail_leaves_nothing(bench: Bench) -> None:
    step = {**task(title="t"), "set": {"x": "{{ outputs.call.task_id + 1 }}"}}
    assert (await bench.ended(await bench.start({"steps": [step]}))).status == "FAILED"
    assert await tasks(bench) == []


async def test_items_of_a_map_and_nodes_of_workflows_make_rows_of_their_own(bench: Bench) -> None:
    child = {
        "steps": [task("inner", title="in {{ input.item }}"), {"id": "end", "type": "output", "config": {"value": 1}}]
    }
    child_id = (await bench.app.workflows.create(bench.project, "child", "", child))["workflow_id"]
    definition = {
        "steps": [
            {"id": "each", "type": "map", "config": {"over": "range(60)", "node": _bare(task(title="n{{ item }}"))}},
            {"id": "deep", "type": "map", "config": {"over": "range(3)", "workflow": {"workflow_id": child_id}}},
            {"id": "sub", "type": "subworkflow", "config": {"workflow_id": child_id, "input": {"item": "sub"}}},
        ]
    }
    run = await bench.ended(await bench.start(definition), within=60)
    assert run.status == "COMPLETED"
    made = await tasks(bench)
    titles = sorted((each["title"], each["node_id"]) for each in made)
    assert titles == sorted(
        [(f"n{number}", "each") for number in range(60)]
        + [(f"in {number}", "deep") for number in range(3)]
        + [("in sub", "sub/inner")]
    )


def _bare(step: dict[str, Any]) -> dict[str, Any]:
    return {key: step[key] for key in ("type", "config")}


async def test_a_cycle_makes_a_row_each_time(bench: Bench) -> None:
    definition = {
        "nodes": [
            {"id": "begin", "type": "process", "config": {}},
            {**task(title="round"), "set": {"n": "{{ (variables.n or 0) + 1 }}"}},
            {"id": "more", "type": "condition", "config": {"expression": "variables.n < 3"}},
        ],
        "edges": [
            {"source": "begin", "target": "call"},
            {"source": "call", "target": "more"},
            {"source": "more", "target": "call", "when": True},
        ],
    }
    assert (await bench.ended(await bench.start(definition))).status == "COMPLETED"
    assert len(await tasks(bench)) == 3


async def test_what_people_are_to_do_outlives_the_run(bench: Bench) -> None:
    tell = {"id": "tell", "type": "send_notification", "config": {"to": "ada", "title": "t"}}
    run_id = await bench.start({"steps": [task(title="t"), tell]})
    await bench.ended(run_id)
    await asyncio.wrap_future(bench.app.engine.settled(run_id))
    await bench.app.control.delete(ACTOR, bench.project, run_id)
    (made,), (told,) = await tasks(bench), await notifications(bench)
    assert (made["run_id"], made["node_id"], told["run_id"], told["node_id"]) == (None, "call", None, "tell")


@pytest.mark.parametrize(
    ("config", "path", "said"),
    [
        ({"title": "t"}, "to", "somebody"),
        ({"title": "t", "to": []}, "to", "somebody"),
        ({"title": "t", "to": "a|b"}, "to[0]", "pattern"),
        ({"title": "x" * 201, "to": "a"}, "title", "200"),
        ({"title": "t", "to": "a", "body": "x" * 10_001}, "body", "10000"),
        ({"title": "t", "to": ["a"] * 101}, "to", "100"),
        ({"title": "t", "to": "a", "url": "https://example.com"}, "url", "webhook"),
        ({"title": "t", "channel": "webhook"}, "url", "needs a url"),
        ({"title": "t", "to": "a", "channel": "sms"}, "channel", "in_app"),
    ],
)
async def test_what_a_notification_lacks_is_said_when_it_is_saved(
    bench: Bench, config: dict[str, Any], path: str, said: str
) -> None:
    step = {"id": "tell", "type": "send_notification", "config": config}
    report = await bench.app.workflows.validate(bench.project, {"steps": [step]})
    (problem,) = report["errors"]
    assert problem["path"] == f"steps[0].config.{path}"
    assert said in problem["message"]


async def test_what_is_wrong_once_it_is_computed_fails_the_node(bench: Bench) -> None:
    for config in ({"title": "t", "to": "a", "channel": "{{ input.c }}"}, {"title": "{{ input.long }}", "to": "a"}):
        step = {"id": "tell", "type": "send_notification", "config": config}
        run = await bench.ended(await bench.start({"steps": [step]}, {"c": "webhook", "long": "x" * 300}))
        assert '"code":"invalid_config"' in (run.error or "")
    assert await notifications(bench) == []
