"""The node type `ai` with models of a provider: LangChain's own OpenAI package against a server on this machine."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import httpx
import pytest

from milepost.graphs import NodeFailure
from milepost.graphs.failures import NodeError
from milepost.graphs.models import NotRunnable, chat_model
from milepost.graphs.node_types.ai import Ai
from tests.openai_server import Open, OpenAiServer, Refused, Said, Stalled, openai_server
from tests.unit.graphs.recording import Ran, execute, node

SCHEMA = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
STRICT = {**SCHEMA, "additionalProperties": False}


async def ask(server: OpenAiServer, *, more: dict[str, Any] | None = None, **config: Any) -> Ran:
    """Run one `ai` node that asks a server on this machine."""
    asking = node("a", "ai", model="openai:local", base_url=server.url, **{"prompt": "hello", **config})
    return await execute({"nodes": [{**asking, **(more or {})}]}, context={"http": Open(), "random": lambda: 1.0})


async def failure(server: OpenAiServer, **config: Any) -> NodeFailure:
    """How that fails."""
    with pytest.raises(NodeFailure) as raised:
        await ask(server, **config)
    return raised.value


async def test_a_server_that_speaks_openais_protocol_is_streamed() -> None:
    async with openai_server(Said("Hello there, you")) as server:
        ran = await ask(server, system="Be brief.", temperature=0.5, top_p=0.9, max_tokens=100)
    assert ran.recorder.told("delta") == ["Hello t", "here, y", "ou"]
    usage = {"input_tokens": 11, "output_tokens": 5, "total_tokens": 16}
    assert ran.output == {"text": "Hello there, you", "model": "openai:local", "usage": usage}
    (asked,) = server.asked
    assert [message["content"] for message in asked["messages"]] == ["Be brief.", "hello"]
    assert [asked[key] for key in ("model", "temperature", "top_p")] == ["local", 0.5, 0.9]
    assert 100 in (asked.get("max_tokens"), asked.get("max_completion_tokens"))


async def test_a_server_with_an_address_gets_its_own_key_and_never_the_environments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-server")
    async with openai_server(Said("a"), Said("b")) as server:
        await ask(server)
        await ask(server, api_key="sk-of-the-node")
    assert [headers["authorization"] for headers in server.headers] == ["Bearer none", "Bearer sk-of-the-node"]
    assert "sk-of-the-server" not in str(server.headers)


async def test_the_key_is_not_shown_in_an_executions_input() -> None:
    async with openai_server(Said("a")) as server:
        ran = await ask(server, api_key="sk-of-the-node")
    assert "sk-of-the-node" not in str(ran.recorder.told("started"))


@pytest.mark.parametrize(
    ("refused", "attempts"),
    [
        (Refused(401, "bad key"), 1),
        (Refused(400, "no such thing"), 1),
        (Refused(429, "slow down"), 3),
        (Refused(500, "broken"), 3),
    ],
)
async def test_only_what_may_pass_is_tried_again(refused: Refused, attempts: int) -> None:
    retry = {"retry": {"max_attempts": 3, "initial_interval": 0.001}}
    async with openai_server(*[refused] * 5) as server:
        failed = await failure(server, more=retry)
    assert len(server.asked) == attempts
    assert failed.code == "model_error"
    assert refused.message in failed.message


async def test_a_rate_limit_says_how_long_the_server_asks_to_wait() -> None:
    async with openai_server(Refused(429, "slow down", {"Retry-After": "20"})) as server:
        assert "asks to wait 20 s" in (await failure(server)).message


async def test_a_server_that_is_not_there_is_a_model_error() -> None:
    async with openai_server() as server:
        pass
    failed = await failure(server)
    assert failed.code == "model_error"


async def test_a_refused_address_keeps_its_code() -> None:
    class Shut(Open):
        def client(self) -> httpx.AsyncClient:
            async def refuse(request: httpx.Request) -> None:
                raise NodeError("address_refused", f"{request.url.host} is not allowed", retryable=False)

            return httpx.AsyncClient(event_hooks={"request": [refuse]})

    asking = node("a", "ai", model="openai:local", base_url="http://10.0.0.1/v1", prompt="x")
    with pytest.raises(NodeFailure) as raised:
        await execute({"nodes": [asking]}, context={"http": Shut()})
    assert raised.value.code == "address_refused"


async def test_a_cancel_closes_the_connection_at_once() -> None:
    async with openai_server(Stalled("Let me thi")) as server:
        task = asyncio.create_task(ask(server))
        await asyncio.wait_for(server.stalled.wait(), 20)
        task.cancel()
        await asyncio.wait_for(server.closed.wait(), 10)
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.timed
async def test_the_nodes_timeout_closes_the_connection() -> None:
    async with openai_server(Stalled()) as server:
        assert (await failure(server, more={"timeout": 0.5})).code == "timeout"
        await asyncio.wait_for(server.closed.wait(), 10)


async def test_an_output_schema_is_told_to_the_server() -> None:
    async with openai_server(Said('{"n": 1}'), Said('{"n": 2}')) as server:
        assert (await ask(server, output_schema=SCHEMA)).output["data"] == {"n": 1}
        await ask(server, output_schema=STRICT)
    loose, strict = (asked["response_format"]["json_schema"] for asked in server.asked)
    assert (loose["schema"], loose["strict"]) == (SCHEMA, False)
    assert (strict["schema"], strict["strict"]) == (STRICT, True)


async def test_what_a_server_does_not_know_is_left_out() -> None:
    refusals = (Refused(400, "unknown key response_format"), Refused(422, "stream_options: extra field"))
    async with openai_server(*refusals, Said('{"n": 1}')) as server:
        ran = await ask(server, output_schema=SCHEMA)
    assert ran.output["data"] == {"n": 1}
    assert ran.output["usage"] is None
    assert not {"response_format", "stream_options"} & set(server.asked[-1])
    assert [level for level, _, _ in ran.recorder.told("log")] == ["warning", "warning"]


async def test_a_reply_that_does_not_fit_is_asked_for_once_more() -> None:
    async with openai_server(Said("one"), Said('{"n": 1}')) as server:
        ran = await ask(server, output_schema=SCHEMA)
    assert ran.output["data"] == {"n": 1}
    assert ran.output["usage"] == {"input_tokens": 22, "output_tokens": 10, "total_tokens": 32}
    assert [message["role"] for message in server.asked[1]["messages"]] == ["system", "user", "assistant", "user"]
    async with openai_server(Said("one"), Said('{"n": "one"}'), Said('{"n": 1}')) as server:
        assert (await failure(server, output_schema=SCHEMA)).code == "invalid_output"
    assert len(server.asked) == 2


async def test_tools_are_used_over_the_wire() -> None:
    double = {
        "name": "double",
        "description": "Doubles a number.",
        "parameters": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}},
        "node": {"type": "process", "config": {"value": {"doubled": "{{ args.n * 2 }}"}}},
    }
    calls = Said("Let me see", (("double", '{"n": 4}'), ("double", '{"n": '), ("halve", "{}")))
    async with openai_server(calls, Said('{"n": 8}')) as server:
        ran = await ask(server, tools=[double], output_schema=SCHEMA)
    assert ran.output["data"] == {"n": 8}
    assert ran.output["usage"]["total_tokens"] == 32
    function = {key: double[key] for key in ("name", "description", "parameters")}
    assert server.asked[0]["tools"] == [{"type": "function", "function": function}]
    *_, said, first, second, third = server.asked[1]["messages"]
    ids = [message["tool_call_id"] for message in (first, second, third)]
    assert sorted(call["id"] for call in said["tool_calls"]) == sorted(ids) == ["id_0", "id_1", "id_2"]
    results = {message["tool_call_id"]: message["content"] for message in (first, second, third)}
    assert results["id_0"] == '{"doubled":8}'
    assert "not used" in results["id_1"]
    assert "no tool 'halve'" in results["id_2"]


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(NotRunnable, match="OPENAI_API_KEY"):
        chat_model("openai:gpt-5-mini")
    (problem,) = Ai().not_runnable({"model": "openai:gpt-5-mini", "prompt": "x"}, "config")
    assert problem.path == "config.model"
    assert "api_key" in problem.message
    for given in ({"api_key": "{{ secrets.KEY }}"}, {"base_url": "{{ input.url }}"}, {"api_key": "sk"}):
        assert not list(Ai().not_runnable({"model": "openai:gpt-5-mini", "prompt": "x", **given}, "config"))


def test_a_server_that_uses_no_provider_imports_none() -> None:
    seen = "import sys, milepost.server.app; print([each for each in sys.argv[1:] if each in sys.modules])"
    heavy = ["langchain", "langchain_openai", "openai", "langchain_core.tools"]
    ran = subprocess.run([sys.executable, "-c", seen, *heavy], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_an_address_is_for_servers_that_speak_openais_protocol() -> None:
    config = {"model": "anthropic:claude", "prompt": "x", "base_url": "http://10.0.0.1"}
    assert [problem.path for problem in Ai().check(config, "config")] == ["config.base_url"]
    with pytest.raises(NotRunnable, match="base_url"):
        chat_model("anthropic:claude", base_url="http://10.0.0.1")
