"""Requests inside other nodes: workflows, maps and tools pass on when a server wants to be asked again."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.server.runs.control import Resume
from tests.engine.conftest import ACTOR, Bench, opened
from tests.openai_server import Refused, Said, openai_server
from tests.web import Visit, Web

ITEMS = 100
"""All of a map's window."""


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """An app whose nodes may call this machine."""
    async with opened(tmp_path / "data", shutdown_grace=0.5, allowed_hosts="127.0.0.1") as bench:
        yield bench


async def fine(visit: Visit) -> None:
    """An answer."""
    await visit.json({"path": visit.asked.path, "query": visit.asked.query})


async def silent(visit: Visit) -> None:
    """Never a word."""
    await visit.gone()


def call(url: str, **config: Any) -> dict[str, Any]:
    """A node without a place in the graph that sends a request."""
    return {"type": "call_api", "config": {"url": url, **config}}


def alone(type_: str, config: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A definition of one node."""
    return {"steps": [{"id": "a", "type": type_, "config": dict(config), **more}]}


RETRY: Mapping[str, Any] = {"max_attempts": 2, "initial_interval": 0.001}


async def test_what_a_server_asks_to_wait_counts_around_the_node_too(bench: Bench) -> None:
    """Longer than a node waits in its place: the run parks, and goes on with the second attempt."""
    refused = set[str]()

    async def later(visit: Visit) -> None:
        if visit.asked.query in refused:
            await fine(visit)
        else:
            refused.add(visit.asked.query)
            await visit.answer(503, Retry_After="6")

    async with Web({"/": later}) as web:
        steps = {
            "steps": [{"id": "b", **call(f"{web.url('/')}?{{{{ input.where }}}}")}, {"id": "c", "type": "process"}]
        }
        inner = (await bench.app.workflows.create(bench.project, "inner", "", steps))["workflow_id"]

        def child(where: str) -> dict[str, Any]:
            return {"workflow_id": inner, "input": {"where": where}}

        def url(where: str) -> str:
            return f"{web.url('/')}?{where}"

        definitions = {
            "node": alone("call_api", {"url": url("node")}, retry=RETRY),
            "webhook": alone(
                "send_notification", {"channel": "webhook", "url": url("webhook"), "title": "T"}, retry=RETRY
            ),
            "subworkflow": alone("subworkflow", child("subworkflow"), retry=RETRY),
            "map": alone("map", {"over": [1], "node": call(url("map"))}, retry=RETRY),
            "children": alone("map", {"over": [1], "workflow": child("children")}, retry=RETRY),
            "item": alone("map", {"over": [1], "node": {**call(url("item")), "retry": dict(RETRY)}}),
        }
        runs = {where: await bench.start(definition) for where, definition in definitions.items()}
        for where, run_id in runs.items():
            waiting = await bench.until(run_id, "run.waiting", "run.completed", "run.failed")
            assert (waiting["type"], waiting["data"].get("for")) == ("run.waiting", "time"), where
        assert sorted(asked.query for asked in web.asked) == sorted(runs)
        for where, run_id in runs.items():
            run = await bench.ended(run_id)
            assert run.status == "COMPLETED", (where, run.error)
            assert run.output != "null", where
        assert sorted(asked.query for asked in web.asked) == sorted([*runs, *runs])


async def test_a_model_with_tools_is_asked_again_when_its_server_wants_it(bench: Bench) -> None:
    async with openai_server(Refused(429, "slow down", {"Retry-After": "1"}), Said("done")) as server:
        tool = {"name": "t", "parameters": {"type": "object"}, "node": {"type": "process", "config": {}}}
        config = {"model": "openai:m", "base_url": server.url, "prompt": "go", "tools": [tool]}
        began = time.monotonic()
        run = await bench.ended(await bench.start(alone("ai", config, retry=RETRY)))
        assert run.status == "COMPLETED", run.error
        assert time.monotonic() - began >= 1.0


@pytest.mark.timed
@pytest.mark.parametrize("stop", ["none", "cancel", "pause"])
async def test_a_whole_window_of_requests_at_once(bench: Bench, stop: str) -> None:
    gate = asyncio.Event()

    async def held(visit: Visit) -> None:
        await gate.wait()
        await fine(visit)

    async with Web({"/": silent if stop != "none" else held}) as web:
        over = {"over": f"range({2 * ITEMS})", "node": call(f"{web.url('/')}?n={{{{ item }}}}", method="POST")}
        run_id = await bench.start(alone("map", over))
        await web.until(lambda: len(web.asked) == ITEMS)
        assert web.open == ITEMS
        if stop == "cancel":
            await bench.app.control.cancel(ACTOR, bench.project, run_id)
        elif stop == "pause":
            await bench.app.control.pause(ACTOR, bench.project, run_id, "now", 0)
        if stop != "none":
            await web.until(lambda: web.open == 0, within=1.0)
        if stop == "cancel":
            return
        gate.set()
        web.routes["/"] = fine
        if stop == "pause":
            await bench.app.control.resume(ACTOR, bench.project, run_id, Resume())
        run = await bench.ended(run_id)
        assert run.status == "COMPLETED", run.error
        items = orjson.loads(run.output or "null")["items"]
        assert [item["body"]["query"] for item in items] == [f"n={n}" for n in range(2 * ITEMS)]
        keys = {asked.query: set[str]() for asked in web.asked}
        for asked in web.asked:
            keys[asked.query].add(asked.headers["idempotency-key"])
        assert [len(found) for found in keys.values()] == [1] * 2 * ITEMS
        assert len(set.union(*keys.values())) == 2 * ITEMS


async def test_a_webhook_goes_the_way_of_all_requests(bench: Bench) -> None:
    async def to_metadata(visit: Visit) -> None:
        await visit.answer(307, Location="http://169.254.169.254/latest/meta-data/")

    def hook(url: str) -> dict[str, Any]:
        return alone("send_notification", {"channel": "webhook", "url": url, "title": "T", "headers": {"X-Mark": "1"}})

    async with Web({"/ok": fine, "/hop": to_metadata}) as web:
        run = await bench.ended(await bench.start(hook(web.url("/ok"))))
        assert run.status == "COMPLETED", run.error
        (asked,) = web.asked
        assert (asked.method, asked.headers["x-mark"], orjson.loads(asked.body)["title"]) == ("POST", "1", "T")
        assert asked.headers["idempotency-key"].startswith(f"{run.run_id}:")
        for refused in (web.url("/hop"), "http://127.0.0.2/", "http://[::1]/", "http://169.254.169.254/"):
            run = await bench.ended(await bench.start(hook(refused)))
            assert orjson.loads(run.error or "{}")["code"] == "address_refused", refused
