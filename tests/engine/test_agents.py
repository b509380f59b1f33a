"""Models with tools in a whole server: what is kept of their calls, and how a loop goes on after a stop."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from milepost.server.runs.control import Paused, Resume
from milepost.server.states import RunStatus
from tests.engine.conftest import ACTOR, Bench, opened

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


async def rows(bench: Bench, run_id: str) -> list[Mapping[str, Any]]:
    """The calls of a run's node as the logs have them."""
    run = await bench.app.store.run(run_id)
    answer = await bench.app.read.items(bench.project, run.run_id, "a", 1, None, 100, None)
    found: list[Mapping[str, Any]] = orjson.loads(answer)["items"]
    return found


async def test_each_call_has_a_row_and_log_lines(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "left"
    definition = agent(calls("one", "two"), calls("one"), "Done.", tools=[traces("one", file), traces("two", file)])
    run_id = await bench.start(definition)
    run = await bench.ended(run_id)
    assert run.status is RunStatus.COMPLETED
    assert left(file) == {"one": 2, "two": 1}
    assert [(row["index"], row["status"]) for row in await rows(bench, run_id)] == [
        (0, "COMPLETED"),
        (1, "COMPLETED"),
        (2, "COMPLETED"),
    ]
    lines = [event["data"]["message"] for event in await bench.events(run_id) if event["type"] == "node.log"]
    assert lines.count("calls one") == 2
    assert lines.count("two answered") == 1
    assert await bench.statuses(run_id) == {"a": "COMPLETED"}
    (execution,) = await bench.executions(run_id)
    assert orjson.loads(execution.input or "")["tools"] == ["one", "two"]


async def test_a_loop_goes_on_after_a_step_pause_and_a_restart(tmp_path: Path) -> None:
    file, data = tmp_path / "left", tmp_path / "data"
    tools = [traces("one", file), traces("slow", file, 0.5), traces("three", file)]
    definition = agent(calls("one"), calls("slow"), calls("three"), "Done.", tools=tools)
    async with opened(data, shutdown_grace=1.0) as bench:
        run_id = await bench.start(definition)
        while (await bench.until(run_id, "node.log"))["data"]["message"] != "calls slow":
            pass
        paused = await bench.app.control.pause(ACTOR, bench.project, run_id, wait=10)
        assert isinstance(paused, Paused)
        assert left(file) == {"one": 1, "slow": 1}
    async with opened(data, shutdown_grace=1.0) as bench:
        await bench.app.control.resume(ACTOR, bench.project, run_id, Resume())
        run = await bench.ended(run_id)
        assert orjson.loads(run.output or "")["text"] == "Done."
        assert left(file) == {"one": 1, "slow": 1, "three": 1}
        assert [row["index"] for row in await rows(bench, run_id)] == [0, 1, 2]


async def test_a_call_that_was_stopped_is_made_again_and_those_that_ended_are_not(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "left"
    tools = [traces("one", file), tool("held", "held", file=str(file), text="held", seconds=1.0)]
    run_id = await bench.start(agent(calls("one"), calls("one", "held"), "Done.", tools=tools))
