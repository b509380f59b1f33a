"""Viewers see every event once and in order: over drops and restarts, by the hundred, beside one that hardly reads."""

import asyncio
import json
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed

from tests.acceptance.audience import handshake, take_frame
from tests.acceptance.definitions import Definition, chain, graph, node
from tests.acceptance.process import Server, ServerProcess
from tests.acceptance.spawning import ROOT

SLOW_READ = 100
"""Bytes that the slow viewer reads each tenth of a second."""


def chatty(lines: int, padding: int = 0) -> Definition:
    """Asks whether to begin, then logs a hundred lines a second."""
    talk = {"id": "talk", "type": "chatty", "config": {"lines": lines, "every": 0.01, "padding": padding}}
    return graph("chatty", [node("go", "ask") | {"config": {"question": "Go?"}}, talk], ("go", "talk"))


async def test_three_drops_and_a_restart_show_each_event_once_and_in_order(server: ServerProcess) -> None:
    run_id = await server.start_run(chain(60, seconds=0.05))
    seen: list[int] = []
    for drop in range(4):
        async with server.watch(run_id, after=len(seen)) as watch:
            async for event in watch.events():
                seen.append(event["seq"])
                if len(seen) >= 30 * (drop + 1):
                    break
            assert not watch.at_end
            if drop < 3:
                watch.socket.transport.abort()
            else:
                _, closed = await asyncio.gather(server.terminate(), drain(watch.events(), seen))
                assert closed == 1012
    await server.start()
    async with server.watch(run_id, after=len(seen)) as watch:
        seen += [event["seq"] async for event in watch.events()]
    assert watch.at_end
    whole = await server.get(f"/{run_id}")
    assert whole["status"] == "COMPLETED"
    assert seen == list(range(1, whole["last_seq"] + 1))


async def drain(events: Any, seen: list[int]) -> int | None:
    """Read until the server closes; its close code."""
    try:
        seen += [event["seq"] async for event in events]
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None
    return None


async def test_a_viewer_that_comes_late_reads_the_same_bytes_as_one_that_was_there(shared: Server) -> None:
    run_id = await shared.run(await shared.workflow(chain(5, seconds=0.02)), execute=False)
    async with shared.ws(run_id) as live:
        await shared.post(f"/{run_id}/execute")
        was_there = await frames(live)
    async with shared.ws(run_id) as late:
        came_late = await frames(late)
    assert was_there == came_late


async def frames(socket: Any) -> list[str]:
    """The events of a socket as they stand on the wire."""
    texts = [str(message) async for message in socket]
    bodies = [
        text.removeprefix('{"type":"events","events":[').removesuffix("]}") for text in texts if '"events":[' in text
    ]
    return [event for body in bodies for event in body.replace(',{"seq"', '\n{"seq"').split("\n")]


def sizes() -> Iterable[Any]:
    """How many viewers see how many lines: the quick form, and the one that is promised."""
    return [(100, 200), pytest.param(500, 1000, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]


@pytest.mark.parametrize(("viewers", "lines"), sizes())
async def test_every_viewer_of_a_busy_run_receives_everything(shared: Server, viewers: int, lines: int) -> None:
    run_id = await shared.start_run(chatty(lines))
    command = [sys.executable, "-m", "tests.acceptance.audience", shared.url, shared.key, run_id, str(viewers)]
    audience = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        assert audience.stdout is not None
        assert await audience.stdout.readline() == b"open\n"
        await shared.post(f"/{run_id}/resume", {"answer": True})
        report = json.loads(await audience.stdout.readline())
        await audience.wait()
    finally:
        with suppress(ProcessLookupError):
            audience.kill()
    last = (await shared.get(f"/{run_id}"))["last_seq"]
    assert last > lines
    assert report["events"] == last
    assert report["in_order"] == report["complete"] == viewers
    assert report["close_codes"] == [1000]


@pytest.mark.timed
async def test_a_viewer_that_hardly_reads_is_dropped_and_delays_no_other(tmp_path: Path) -> None:
    async with ServerProcess(tmp_path / "data", viewer_queue=64) as server:
        run_id = await server.start_run(chatty(500, padding=3000))
        await server.until(run_id, "run.waiting")
        with slow_viewer(server, run_id) as slow:
            async with server.watch(run_id) as quick:
                await quick.until("run.waiting")
                reading = asyncio.create_task(read_slowly(slow))
                await server.post(f"/{run_id}/resume", {"answer": True})
                seen = [event async for event in quick.events()]
            reading.cancel()
            numbers = [event["data"]["fields"]["number"] for event in seen if event["type"] == "node.log"]
            assert numbers == list(range(500))
            assert seen[-1]["type"] == "run.completed"
            (talk,) = (await server.get(f"/{run_id}/logs", node_id="talk"))["items"]
            # 500 lines a hundredth apart, on a machine that may be busy with other things.
            assert talk["duration_ms"] < 15_000
            with suppress(asyncio.CancelledError):
                await reading
            assert "milepost_viewers_dropped_total 1.0" in (await server.client.get("/metrics")).text
            assert await last_close_code(slow) == 4408


def slow_viewer(server: Server, run_id: str) -> socket.socket:
    """A connection with as little room as the kernel gives."""
    address = urlsplit(server.url)
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    slow.connect((address.hostname, address.port))
    slow.sendall(handshake(server.url, server.key, run_id))
    slow.setblocking(False)
    return slow


async def read_slowly(slow: socket.socket) -> bytes:
    """A thousand bytes a second: waiting is what this viewer does."""
    loop, read = asyncio.get_running_loop(), b""
    while True:
        read += await loop.sock_recv(slow, SLOW_READ)
        await asyncio.sleep(SLOW_READ / 1000)


async def last_close_code(slow: socket.socket) -> int:
    """Read what is left, as fast as it comes, down to the close frame; its code."""
    loop, tail = asyncio.get_running_loop(), b""
    while data := await loop.sock_recv(slow, 65536):
        tail = (tail + data)[-200:]
        # Events are ASCII here: no other byte looks like the head of a close frame.
        frame = take_frame(tail[at:]) if (at := tail.find(b"\x88")) >= 0 else None
        if frame is not None:
            return int.from_bytes(frame[1][:2])
    raise AssertionError("the connection was cut without a close frame")
