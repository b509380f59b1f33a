"""Models with tools in a whole server: what is kept of their calls, and how a loop goes on after a stop."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest

from milepost.graphs import NodeContext, NodeType
from milepost.server.errors import InvalidDefinition
from milepost.server.runs.control import Paused, Resume
from milepost.server.states import RunStatus
from milepost.server.store.rows import Run
from tests.engine.conftest import ACTOR, Bench, opened
from tests.engine.test_regions import crashing
from tests.probes import TraceConfig, leave

ANY = {"type": "object"}


def calls(*names: str, **arguments: Any) -> dict[str, Any]:
    """A reply of a script that uses tools."""
    return {"calls": [{"name": name, "arguments": arguments} for name in names]}


def tool(name: str, type_: str = "trace", /, **config: Any) -> dict[str, Any]:
    """A tool that takes anything."""
    return {"name": name, "parameters": ANY, "node": {"type": type_, "config": config}}


def traces(name: str, file: Path, seconds: float = 0.0) -> dict[str, Any]:
    """A tool that leaves its name in a file."""
    return tool(name, file=str(file), text=name, seconds=seconds)


def agent(*script: Any, tools: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A definition of one node."""
    config = {"model": "scripted", "prompt": "go", "script": list(script), "tools": tools}
    return {"nodes": [{"id": "a", "type": "ai", "config": config, **more}]}


def left(file: Path) -> Counter[str]:
    """How often each tool left its name."""
    return Counter(file.read_text().split()) if file.exists() else Counter()


async def rows(bench: Bench, run_id: str) -> list[tuple[int, str]]:
    """The calls of a run's node as the logs have them: number and status."""
    page = await bench.app.read.items(bench.project, run_id, "a", failed=None, limit=100, after=-1)
    return [(row["item"], row["status"]) for row in page["items"]]


async def until_called(bench: Bench, run_id: str, name: str) -> None:
    """Wait until the model uses a tool."""
    after = 0
    while True:
        event = await bench.until(run_id, "node.log", after=after)
        if event["data"]["message"] == f"calls {name}":
            return
        after = event["seq"]


def text(run: Run) -> Any:
    """What the model said last."""
    return orjson.loads(run.output or "null")["text"]


class Effect(NodeType[TraceConfig]):
    """Has an effect outside: leaves its idempotency key, then takes its time."""

    name: ClassVar[str] = "effect"
    config_model = TraceConfig
    side_effects = True

    async def run(self, ctx: NodeContext[TraceConfig]) -> Mapping[str, Any]:
        leave(ctx.config.file, f"{ctx.config.text} {ctx.idempotency_key}")
        await asyncio.sleep(ctx.config.seconds)
        return {"key": ctx.idempotency_key}


async def test_each_call_has_a_row_and_log_lines(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "left"
    definition = agent(calls("one", "two"), calls("one"), "Done.", tools=[traces("one", file), traces("two", file)])
    run_id = await bench.start(definition)
    run = await bench.ended(run_id)
    assert run.status is RunStatus.COMPLETED
    assert left(file) == {"one": 2, "two": 1}
    assert await rows(bench, run_id) == [(0, "COMPLETED"), (1, "COMPLETED"), (2, "COMPLETED")]
    lines = [event["data"]["message"] for event in await bench.events(run_id) if event["type"] == "node.log"]
    assert lines.count("calls one") == 2
    assert lines.count("two answered") == 1
    assert await bench.statuses(run_id) == {"a": "COMPLETED"}
    (execution,) = await bench.executions(run_id)
    assert orjson.loads(execution.input or "")["tools"] == ["one", "two"]


async def test_a_loop_goes_on_after_a_step_pause_and_a_restart(tmp_path: Path) -> None:
    file, data = tmp_path / "left", tmp_path / "data"
    tools = [traces("one", file), traces("slow", file, 0.3), traces("three", file)]
    definition = agent(calls("one"), calls("slow"), calls("three"), "Done.", tools=tools)
    async with opened(data, shutdown_grace=1.0) as bench:
        run_id = await bench.start(definition)
        await until_called(bench, run_id, "slow")
        paused = await bench.app.control.pause(ACTOR, bench.project, run_id)
        assert isinstance(paused, Paused)
        assert left(file) == {"one": 1, "slow": 1}
    async with opened(data, shutdown_grace=1.0) as bench:
        await bench.app.control.resume(ACTOR, bench.project, run_id, Resume())
        assert text(await bench.ended(run_id)) == "Done."
        assert left(file) == {"one": 1, "slow": 1, "three": 1}
        assert await rows(bench, run_id) == [(0, "COMPLETED"), (1, "COMPLETED"), (2, "COMPLETED")]


async def test_after_a_crash_only_the_call_that_was_under_way_is_made_again_with_its_key(tmp_path: Path) -> None:
    file, keys, data = tmp_path / "left", tmp_path / "keys", tmp_path / "data"
    slow = tool("slow", "effect", file=str(keys), text="slow", seconds=0.5)
    definition = agent(
        calls("one"), calls("two", "slow"), "Done.", tools=[traces("one", file), traces("two", file), slow]
    )
    async with crashing(data, types=[Effect]) as bench:
        run_id = await bench.start(definition)
        while len(await rows(bench, run_id)) < 2 or not keys.exists():
            await bench.until(run_id, "node.log", after=(await bench.app.store.run(run_id)).last_seq - 1)
    assert left(file) == {"one": 1, "two": 1}
    async with opened(data, types=[Effect]) as bench:
        assert text(await bench.ended(run_id)) == "Done."
        assert len(await rows(bench, run_id)) == 3
    assert left(file) == {"one": 1, "two": 1}
    first, again = keys.read_text().splitlines()
    assert first == again


async def test_a_cancel_stops_the_tools(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "left"
    held = tool("held", "held", file=str(file), text="held", seconds=60)
    run_id = await bench.start(agent(calls("held"), "Done.", tools=[held]))
    await until_called(bench, run_id, "held")
    cancelled = await bench.app.control.cancel(ACTOR, bench.project, run_id)
    assert cancelled.still_running == []
    assert file.read_text().splitlines() == ["held began", "held stopped"]


async def test_a_tool_asks_a_person_and_the_run_parks(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "left"
    ask = tool("ask", "approval", question="May I pay {{ args.sum }}?")
    script = [{"calls": [{"name": "ask", "arguments": {"sum": 9}}, {"name": "one"}]}, "Done."]
    run_id = await bench.start(agent(*script, tools=[ask, traces("one", file)]))
    waiting = await bench.until(run_id, "run.waiting")
    (asked,) = waiting["data"]["interrupts"]
    assert (asked["node_id"], asked["value"]["question"]) == ("a", "May I pay 9?")
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer={"yes": True}, has_answer=True))
    run = await bench.ended(run_id)
    assert text(run) == "Done."
    assert left(file) == {"one": 1}
    assert await rows(bench, run_id) == [(0, "COMPLETED"), (1, "COMPLETED")]


async def test_a_workflow_is_a_tool_and_its_input_schema_what_the_model_is_told(bench: Bench) -> None:
    wants = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    child = {"input_schema": wants, "nodes": [{"id": "z", "type": "output", "config": {"value": "{{ input.n * 2 }}"}}]}
    workflow_id = str((await bench.app.workflows.create(bench.project, "child", "", child))["workflow_id"])
    double = {"name": "double", "workflow": {"workflow_id": workflow_id}}
    script = [calls("double", n="x"), calls("double", n=4), "Done."]
    run_id = await bench.start(agent(*script, tools=[double]))
    run = await bench.ended(run_id)
    assert [call["failed"] for call in orjson.loads(run.output or "")["calls"]] == [True, False]
    page = await bench.app.read.items(bench.project, run_id, "a", failed=None, limit=9, after=-1)
    assert [orjson.loads(orjson.dumps(row["output"])) for row in page["items"]] == [{"value": 8}]


@pytest.mark.timed
async def test_a_node_that_is_tried_again_forgets_the_calls_before(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "left"
    slow = [traces("one", file), traces("slow", file, 60)]
    definition = agent(
        calls("one", "one"), calls("slow"), tools=slow, timeout=0.3, retry={"max_attempts": 2, "initial_interval": 0}
    )
    run_id = await bench.start(definition)
    run = await bench.ended(run_id)
    assert orjson.loads(run.error or "")["code"] == "timeout"
    assert left(file) == {"one": 4}
    assert await rows(bench, run_id) == [(0, "COMPLETED"), (1, "COMPLETED")]


async def test_a_secret_that_a_model_says_is_kept_nowhere_and_tools_have_their_own(tmp_path: Path) -> None:
    secret, data = "token-8f2LqZ71", tmp_path / "data"
    said = {"text": "{{ secrets.TOKEN }}", "calls": [{"name": "one", "arguments": {"said": "{{ secrets.TOKEN }}"}}]}
    async with opened(data) as bench:
        await bench.app.secrets.set(ACTOR, bench.project.project_id, "TOKEN", secret)
        told = tool("one", "process", value="{{ args.said }}")
        run_id = await bench.start(agent(said, "again {{ secrets.TOKEN }}", tools=[told]))
        run = await bench.ended(run_id)
        assert text(run) == "again •••"
        assert orjson.loads(run.output or "")["calls"][0]["arguments"] == {"said": "•••"}
        failing = agent(said, tools=[told])
        failing["nodes"][0]["config"] |= {"output_schema": {"const": 1}, "script": ["{{ secrets.TOKEN }}"]}
        failed = await bench.ended(await bench.start(failing))
        assert orjson.loads(failed.error or "")["code"] == "invalid_output"
        told["node"]["config"] = {"value": "{{ secrets.TOKEN }}"}
        with pytest.raises(InvalidDefinition):
            await bench.start(agent("x", tools=[told]))
    assert [path.name for path in data.iterdir() if path.is_file() and secret.encode() in path.read_bytes()] == []
