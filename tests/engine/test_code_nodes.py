"""`code` nodes in runs: what they give and how they fail, how they are stopped, and that they are off by default."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from milepost.server.errors import NotRunnable
from milepost.server.runs.control import Resume
from tests.engine.conftest import ACTOR, Bench, opened

SLEEPS = "import os, time\ndef main(input):\n    print(os.getpid())\n    time.sleep(60)\n    return {}"

CODES = "{{ [outputs.memory.error.code, outputs.time.error.code] }}"


def code(source: str, node_id: str = "c", **more: Any) -> dict[str, Any]:
    """A node with this source."""
    config = {"source": source, **({"input": more.pop("input")} if "input" in more else {})}
    return {"id": node_id, "type": "code", "config": config, **more}


@pytest.fixture
async def coding(tmp_path: Path) -> AsyncIterator[Bench]:
    """An app that runs code, and leaves no process."""
    before = psutil.Process().children()
    async with opened(tmp_path / "data", enable_code_nodes=True, code_memory_bytes=256 << 20) as bench:
        yield bench
    made = [child for child in psutil.Process().children() if child not in before]
    assert [child for child in made if child.status() != psutil.STATUS_ZOMBIE] == []


async def sleeping(bench: Bench, run_id: str) -> psutil.Process:
    """The process of a run whose node has said which it is."""
    told = await bench.until(run_id, "node.log")
    return psutil.Process(int(told["data"]["message"]))


def gone(process: psutil.Process, within: float = 1.0) -> bool:
    """Whether a process has ended in time."""
    try:
        process.wait(within)
    except psutil.TimeoutExpired:
        return False
    return True


async def test_code_gives_an_output_and_its_braces_are_its_own(coding: Bench) -> None:
    source = (
        "def main(input):\n    print('{{ input.n }}')\n    return {'twice': 2 * input['n'], 'set': {'a': {'b': 1}}}"
    )
    done = {"id": "done", "type": "output", "config": {"value": "{{ outputs.c.twice }}"}}
    run_id = await coding.start({"steps": [code(source, input={"n": "{{ input.n }}"}), done]}, {"n": 21})
    run = await coding.ended(run_id)
    assert (run.status, run.output) == ("COMPLETED", "42")
    (line,) = [event for event in await coding.events(run_id) if event["type"] == "node.log"]
    assert line["data"] == {"level": "info", "message": "{{ input.n }}", "fields": {}}
    assert '"source"' not in ((await coding.executions(run_id))[0].input or "")


async def test_an_exception_is_the_nodes_failure(coding: Bench) -> None:
    run_id = await coding.start({"steps": [code("def main(input):\n    return {'x': input['nothing']}")]})
    run = await coding.ended(run_id)
    assert run.status == "FAILED"
    failed = (await coding.executions(run_id))[0].error or ""
    assert '"code":"node_error","type":"KeyError","message":"\'nothing\'"' in failed
    assert "return {'x': input['nothing']}" in failed
    assert "milepost" not in failed


async def test_memory_and_time_fail_the_node_and_edges_are_taken(coding: Bench) -> None:
    definition = {
        "nodes": [
            code("def main(input):\n    x = []\n    while True: x.append('x' * 1_000_000)", "memory"),
            code("def main(input):\n    while True: pass", "time", timeout=0.5, on_error="continue"),
            {"id": "out", "type": "output", "config": {"value": CODES}},
        ],
        "edges": [{"source": "memory", "target": "time", "when": "error"}, {"source": "time", "target": "out"}],
    }
    run = await coding.ended(await coding.start(definition))
    assert (run.status, run.output) == ("COMPLETED", '["code_out_of_memory","timeout"]')


async def test_time_of_the_processor_is_limited(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", enable_code_nodes=True, code_cpu_seconds=1) as bench:
        run = await bench.ended(await bench.start({"steps": [code("def main(input):\n    while True: pass")]}))
    assert '"code":"code_timed_out"' in (run.error or "")


async def test_the_server_hands_nothing_on(coding: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILEPOST_KEY", "marked")
    source = """
import os, signal
def main(input):
    opened = []
    for number in range(64):
        try:
            os.fstat(number)
            opened.append(number)
        except OSError:
            pass
    blocked = [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])]
    return {"opened": len(opened), "key": os.environ.get("MILEPOST_KEY"), "blocked": blocked,
            "leader": os.getsid(0) == os.getpid() == os.getpgrp(), "stopped_by": int(signal.getsignal(signal.SIGTERM))}
"""
    run = await coding.ended(await coding.start({"steps": [code(source)]}))
    assert run.status == "COMPLETED", run.error
    assert orjson.loads(run.output or "") == {"opened": 4, "key": None, "blocked": [], "leader": True, "stopped_by": 0}


async def test_a_further_try_has_a_process_of_its_own(coding: Bench) -> None:
    source = "import os\ndef main(input):\n    print(os.getpid())\n    raise ValueError"
    run_id = await coding.start({"steps": [code(source, retry={"max_attempts": 2, "initial_interval": 0})]})
    assert (await coding.ended(run_id)).status == "FAILED"
    lines = [event["data"]["message"] for event in await coding.events(run_id) if event["type"] == "node.log"]
    assert len(set(lines)) == 2


@pytest.mark.timed
async def test_a_cancelled_node_is_gone_within_a_second(coding: Bench) -> None:
    run_id = await coding.start({"steps": [code(SLEEPS)]})
    process = await sleeping(coding, run_id)
    cancelled = await coding.app.control.cancel(ACTOR, coding.project, run_id)
    assert cancelled.still_running == []
    assert await asyncio.to_thread(gone, process)
    assert (await coding.statuses(run_id))["c"] == "CANCELLED"


@pytest.mark.timed
async def test_a_pause_now_kills_it_and_a_resume_starts_it_again(coding: Bench) -> None:
    run_id = await coding.start({"steps": [code(SLEEPS)]})
    process = await sleeping(coding, run_id)
    await coding.app.control.pause(ACTOR, coding.project, run_id, "now")
    assert await asyncio.to_thread(gone, process)
    paused = (await coding.until(run_id, "run.paused"))["seq"]
    await coding.app.control.resume(ACTOR, coding.project, run_id, Resume())
    again = await coding.until(run_id, "node.log", after=paused)
    assert int(again["data"]["message"]) != process.pid
    await coding.app.control.cancel(ACTOR, coding.project, run_id)


@pytest.mark.timed
async def test_a_stop_of_the_server_kills_it(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", enable_code_nodes=True, shutdown_grace=0.1) as bench:
        run_id = await bench.start({"steps": [code(SLEEPS)]})
        process = await sleeping(bench, run_id)
    assert await asyncio.to_thread(gone, process)


async def test_sixty_four_run_at_once_and_hold_no_thread(tmp_path: Path) -> None:
    source = "def main(input):\n    return {'n': input['n']}"
    async with opened(tmp_path / "data", enable_code_nodes=True, sync_threads=1) as bench:
        each = {"type": "code", "config": {"source": source, "input": {"n": "{{ item }}"}}}
        step = {"id": "all", "type": "map", "config": {"over": "range(64)", "max_concurrency": 64, "node": each}}
        run = await bench.ended(await bench.start({"steps": [step]}), within=60)
    assert run.status == "COMPLETED"
    assert '"counts":{"total":64,"completed":64,"failed":0}' in (run.output or "")


async def test_without_the_setting_code_is_saved_with_a_warning_and_not_run(bench: Bench) -> None:
    definition = {"steps": [code("def main(input): return {}")]}
    made = await bench.app.workflows.create(bench.project, "test", "", definition)
    (warning,) = made["warnings"]
    assert (warning["path"], warning["code"]) == ("steps[0].config", "not_runnable")
    assert "MILEPOST_ENABLE_CODE_NODES" in warning["message"]
    with pytest.raises(NotRunnable, match="MILEPOST_ENABLE_CODE_NODES"):
        await bench.start_again(made["workflow_id"])


async def test_a_run_from_before_the_setting_was_taken_away_fails_at_its_node(tmp_path: Path) -> None:
    ask = {"id": "ask", "type": "approval", "config": {"question": "Go on?"}}
    definition = {"steps": [ask, code("def main(input): return {}")]}
    async with opened(tmp_path / "data", enable_code_nodes=True) as bench:
        run_id = await bench.start(definition)
        await bench.until(run_id, "run.waiting")
    async with opened(tmp_path / "data") as bench:
        (asked,) = (await bench.app.read.status(bench.project, run_id, 0))["interrupts"]
        await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answers={asked["interrupt_id"]: True}))
        run = await bench.ended(run_id)
    assert run.status == "FAILED"
    assert '"code":"not_runnable"' in (run.error or "")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def main(input)\n    return {}", "line 1"),
        ("x = 1\nreturn {}\n)", "line 3"),
        ("output = {}", "main(input)"),
        ("(" * 5000, "nested"),
        ("a\0b", "null"),
    ],
)
async def test_source_that_is_not_python_is_refused_when_it_is_saved(bench: Bench, source: str, said: str) -> None:
    report = await bench.app.workflows.validate(bench.project, {"steps": [code(source)]})
    (problem,) = report["errors"]
    assert (problem["path"], problem["code"]) == ("steps[0].config.source", "invalid_value")
    assert said in problem["message"]
