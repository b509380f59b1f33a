"""`call_api` on a real engine: stopped calls let go of their connection, and repeated ones keep their key."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from milepost.server.runs.control import Resume
from tests.engine.conftest import ACTOR, Bench, opened
from tests.web import Visit, Web


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """An app whose nodes may call this machine."""
    async with opened(tmp_path / "data", shutdown_grace=0.5, allowed_hosts="127.0.0.1") as bench:
        yield bench


async def silent(visit: Visit) -> None:
    """Never a word."""
    await visit.gone()


async def slow(visit: Visit) -> None:
    """The beginning of an answer."""
    await visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello")
    await visit.gone()


async def fine(visit: Visit) -> None:
    """An answer."""
    await visit.json({"ok": True})


def calling(url: str, **keys: Any) -> dict[str, Any]:
    """A definition of one call."""
    return {"name": "calling", "nodes": [{"id": "a", "type": "call_api", "config": {"url": url}, **keys}]}


async def cancel(bench: Bench, run_id: str) -> None:
    cancelled = await bench.app.control.cancel(ACTOR, bench.project, run_id)
    assert cancelled.still_running == []


async def pause_now(bench: Bench, run_id: str) -> None:
    await bench.app.control.pause(ACTOR, bench.project, run_id, "now", 0)


@pytest.mark.timed
@pytest.mark.parametrize("handler", [silent, slow])
@pytest.mark.parametrize("stop", [cancel, pause_now])
async def test_a_stopped_call_closes_its_connection_within_a_second(
    bench: Bench,
    handler: Callable[[Visit], Awaitable[None]],
    stop: Callable[[Bench, str], Awaitable[None]],
) -> None:
    async with Web({"/": handler}) as web:
        run_id = await bench.start(calling(web.url("/")))
        await web.until(lambda: len(web.asked) == 1)
        began = time.monotonic()
        await stop(bench, run_id)
        await web.until(lambda: web.open == 0, within=1.0)
        assert time.monotonic() - began < 1.0


@pytest.mark.timed
async def test_many_calls_that_are_cancelled_at_once_leave_no_connection_open(bench: Bench) -> None:
    async with Web({"/": silent}) as web:
        over = {"over": "range(40)", "max_concurrency": 40, "node": calling(web.url("/"))["nodes"][0]}
        over["node"] = {key: over["node"][key] for key in ("type", "config")}
        run_id = await bench.start({"name": "many", "nodes": [{"id": "m", "type": "map", "config": over}]})
        await web.until(lambda: len(web.asked) == 40)
        await cancel(bench, run_id)
        await web.until(lambda: web.open == 0, within=1.0)


async def test_a_nodes_timeout_closes_its_connection(bench: Bench) -> None:
    async with Web({"/": slow}) as web:
        run_id = await bench.start(calling(web.url("/"), timeout=0.3))
        run = await bench.ended(run_id)
        assert (run.status, '"timeout"' in str(run.error)) == ("FAILED", True)
        await web.until(lambda: web.open == 0, within=1.0)


async def test_a_servers_stop_closes_what_is_kept(tmp_path: Path) -> None:
    async with Web({"/": fine}) as web:
        async with opened(tmp_path / "data", shutdown_grace=0.5, allowed_hosts=f"127.0.0.1:{web.port}") as bench:
            run = await bench.ended(await bench.start(calling(web.url("/"))))
            assert (run.status, web.open) == ("COMPLETED", 1)
        await web.until(lambda: web.open == 0, within=1.0)


async def test_retries_send_one_key_and_iterations_one_each(bench: Bench) -> None:
    async def second_time(visit: Visit) -> None:
        tries = len(web.asked)
        await visit.json({"tries": tries}, 503 if tries % 2 else 200)

    async with Web({"/": second_time}) as web:
        definition = {
            "name": "loop",
            "nodes": [
                {"id": "first", "type": "process", "config": {}},
                {
                    "id": "a",
                    "type": "call_api",
                    "config": {"url": web.url("/"), "method": "POST"},
                    "retry": {"max_attempts": 2, "initial_interval": 0.01},
                },
                {"id": "more", "type": "condition", "config": {"expression": "outputs.a.body.tries < 6"}},
            ],
            "edges": [
                {"source": "first", "target": "a"},
                {"source": "a", "target": "more"},
                {"source": "more", "target": "a", "when": True},
            ],
        }
        run_id = await bench.start(definition)
        assert (await bench.ended(run_id)).status == "COMPLETED"
        keys = [asked.headers["idempotency-key"] for asked in web.asked]
        assert all(key.startswith(f"{run_id}:") for key in keys)
        assert keys[0::2] == keys[1::2]
        assert len(set(keys)) == 3


async def test_items_of_a_map_send_a_key_each(bench: Bench) -> None:
    async with Web({"/": fine}) as web:
        body = {"type": "call_api", "config": {"url": web.url("/")}}
        each = {"id": "m", "type": "map", "config": {"over": "range(20)", "node": body}}
        assert (await bench.ended(await bench.start({"name": "map", "nodes": [each]}))).status == "COMPLETED"
        assert len({asked.headers["idempotency-key"] for asked in web.asked}) == 20


async def test_a_pause_and_a_resume_send_the_same_key(bench: Bench) -> None:
    async with Web({"/": silent}) as web:
        run_id = await bench.start(calling(web.url("/")))
        await web.until(lambda: len(web.asked) == 1)
        await pause_now(bench, run_id)
        await web.until(lambda: web.open == 0)
        web.routes["/"] = fine
        await bench.app.control.resume(ACTOR, bench.project, run_id, Resume())
        assert (await bench.ended(run_id)).status == "COMPLETED"
        first, second = web.asked
        assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


async def test_a_refused_address_fails_the_node_and_says_what_to_do(bench: Bench) -> None:
    run = await bench.ended(await bench.start(calling("http://127.0.0.2:1/", retry={"max_attempts": 9})))
    assert run.status == "FAILED"
    assert "address_refused" in str(run.error)
    assert "MILEPOST_ALLOWED_HOSTS" in str(run.error)


async def test_calls_do_not_wait_for_synchronous_nodes(tmp_path: Path) -> None:
    async with (
        Web({"/": fine}) as web,
        opened(tmp_path / "data", shutdown_grace=0.5, sync_threads=1, allowed_hosts="localhost") as bench,
    ):
        held = {"id": "s", "type": "sync", "config": {"seconds": 30}}
        busy = await bench.start({"name": "busy", "nodes": [held]})
        await bench.until(busy, "node.started")
        async with asyncio.timeout(10):
            assert (await bench.ended(await bench.start(calling(web.url("/", "localhost"))))).status == "COMPLETED"
