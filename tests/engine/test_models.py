"""Models of a provider on a real engine: LangChain's OpenAI package, the way out, a server on this machine."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.server.states import RunStatus
from tests.engine.conftest import ACTOR, Bench, opened
from tests.openai_server import OpenAiServer, Refused, Said, Stalled, openai_server


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """An app whose nodes may call this machine."""
    async with opened(tmp_path / "data", shutdown_grace=0.5, allowed_hosts="127.0.0.1") as bench:
        yield bench


def asking(server: OpenAiServer, *, more: dict[str, Any] | None = None, **config: Any) -> dict[str, Any]:
    """A definition of one node that asks a server."""
    config = {"model": "openai:local", "prompt": "hello", "base_url": server.url, **config}
    return {"nodes": [{"id": "a", "type": "ai", "config": config, **(more or {})}]}


async def cancel(bench: Bench, run_id: str) -> None:
    cancelled = await bench.app.control.cancel(ACTOR, bench.project, run_id)
    assert cancelled.still_running == []


async def pause_now(bench: Bench, run_id: str) -> None:
    await bench.app.control.pause(ACTOR, bench.project, run_id, "now", 0)


LOOK = {"name": "look", "parameters": {"type": "object"}, "node": {"type": "trace", "config": {"text": "x"}}}


@pytest.mark.timed
@pytest.mark.parametrize("tools", [None, [LOOK]], ids=["plain", "tools"])
@pytest.mark.parametrize("answer", [Stalled(), Stalled("Let me th")], ids=["silent", "begun"])
@pytest.mark.parametrize("stop", [cancel, pause_now])
async def test_a_stopped_run_closes_its_connection_within_a_second(
    bench: Bench, stop: Callable[[Bench, str], Awaitable[None]], answer: Stalled, tools: list[dict[str, Any]] | None
) -> None:
    async with openai_server(answer) as server:
        run_id = await bench.start(asking(server, tools=tools))
        await asyncio.wait_for(server.stalled.wait(), 20)
        began = time.monotonic()
        await stop(bench, run_id)
        await asyncio.wait_for(server.closed.wait(), 1)
        assert time.monotonic() - began < 1


async def test_what_a_model_says_is_streamed_to_viewers(bench: Bench) -> None:
    async with openai_server(Said("Hello there, you")) as server:
        run_id = await bench.start(asking(server))
        run = await bench.ended(run_id)
    assert orjson.loads(run.output or "")["text"] == "Hello there, you"
    told = [event["data"]["text"] for event in await bench.events(run_id) if event["type"] == "node.delta"]
    assert "".join(told) == "Hello there, you"


async def test_an_address_that_is_not_allowed_is_refused(tmp_path: Path) -> None:
    async with openai_server(Said("secret")) as server, opened(tmp_path / "data", shutdown_grace=0.5) as bench:
        run = await bench.ended(await bench.start(asking(server)))
        assert orjson.loads(run.error or "")["code"] == "address_refused"
        assert server.asked == []


async def test_a_rate_limit_in_a_loop_repeats_the_question_and_not_the_tools(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "left"
    tool = {**LOOK, "node": {"type": "trace", "config": {"file": str(file), "text": "x"}}}
    answers = (Said(calls=(("look", "{}"),)), Refused(429, "slow down"), Refused(500, "broken"), Said("Done."))
    retry = {"retry": {"max_attempts": 3, "initial_interval": 0.01}}
    async with openai_server(*answers) as server:
        run = await bench.ended(await bench.start(asking(server, tools=[tool], more=retry)))
        assert orjson.loads(run.output or "")["text"] == "Done."
        assert len(server.asked) == 4
    assert file.read_text() == "x\n"
    async with openai_server(Said(calls=(("look", "{}"),)), *[Refused(429, "slow down")] * 9) as server:
        run = await bench.ended(await bench.start(asking(server, tools=[tool], more=retry)))
        assert run.status is RunStatus.FAILED
        assert orjson.loads(run.error or "")["code"] == "model_error"
        assert len(server.asked) == 4
    assert file.read_text() == "x\nx\n"


async def test_fifty_runs_ask_at_once(bench: Bench) -> None:
    async with openai_server() as server:
        server.answer = lambda body: Said(f"about {body['messages'][-1]['content']}")
        definition = asking(server, prompt="{{ input.n }}")
        first = await bench.start(definition, {"n": 0})
        workflow_id = (await bench.app.store.run(first)).workflow_id
        runs = [first, *[await bench.start_again(workflow_id, {"n": number}) for number in range(1, 50)]]
        ended = [await bench.ended(run_id) for run_id in runs]
    assert [run.error for run in ended] == [None] * 50
    assert [orjson.loads(run.output or "")["text"] for run in ended] == [f"about {number}" for number in range(50)]
