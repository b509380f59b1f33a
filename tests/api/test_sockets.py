"""Live events over a real socket: everything, once, in order; every close code; commands; slow ones delay nobody."""

import asyncio
import base64
import os
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from milepost.server.states import Action
from milepost.server.store.rows import Run
from tests.api.conftest import Site
from tests.api.seed import append, move, new_id, seed_project, seed_run, seed_workflow

QUICK = {"nodes": [{"id": name, "type": "process", "config": {}} for name in "abc"], "edges": []}
LONG = {"nodes": [{"id": "nap", "type": "trace", "config": {"seconds": 30}}], "edges": []}
SYNC = {"nodes": [{"id": "thread", "type": "sync", "config": {"seconds": 0.6}}], "edges": []}


@pytest.fixture
async def run(served: Site) -> Run:
    return await seed_run(served.app.store, served.project, await served.workflow(), Action.EXECUTE, Action.CLAIM)


async def watch(site: Site, path: str, **options: Any) -> list[dict[str, Any]]:
    """Every message until the server closes, and the close as the last one."""
    messages: list[dict[str, Any]] = []
    async with connect(site.ws(path), additional_headers=options.pop("headers", site.headers), **options) as ws:
        with suppress(ConnectionClosed):
            while True:
                messages.append(orjson.loads(await ws.recv()))
    return [*messages, {"type": "close", "code": ws.close_code, "reason": ws.close_reason}]


def seqs(messages: list[dict[str, Any]]) -> list[int]:
    """Numbers of all events, in the order in which they came."""
    return [event["seq"] for message in messages if message["type"] == "events" for event in message["events"]]


async def started(site: Site, definition: dict[str, Any]) -> str:
    """A run of a definition, executing."""
    body = {"workflow_id": await site.workflow(definition), "execute": True}
    return str((await site.client.post(f"{site.base}/runs", json=body)).json()["run_id"])


async def receive(ws: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of a type."""
    while (message := orjson.loads(await ws.recv()))["type"] != kind:
        pass
    return dict(message)


async def close_code(ws: ClientConnection) -> int | None:
    """The code with which the server closes, whatever it sends before."""
    with suppress(ConnectionClosed):
        while True:
            await ws.recv()
    return ws.close_code


async def test_a_run_is_told_from_hello_to_end(served: Site) -> None:
    run_id = await started(served, QUICK)
    messages = await watch(served, f"/{run_id}/ws?after=0")
    assert messages[0]["type"] == "hello"
    assert set(messages[0]) == {"type", "run", "last_seq", "server_time"}
    told = seqs(messages)
    assert told == list(range(1, told[-1] + 1))
    assert messages[-2:] == [
        {"type": "end", "last_seq": told[-1]},
        {"type": "close", "code": 1000, "reason": ""},
    ]
    stored = (await served.client.get(f"{served.base}/runs/{run_id}/events")).json()["items"]
    assert [event for message in messages if message["type"] == "events" for event in message["events"]] == stored


async def test_three_dropped_sockets_see_each_event_once(served: Site, run: Run) -> None:
    told: list[int] = []
    for _ in range(3):
        after = told[-1] if told else 0
        async with connect(served.ws(f"/{run.run_id}/ws?after={after}"), additional_headers=served.headers) as ws:
            writing = asyncio.create_task(append(served.app.store, run, *["node.log"] * 20))
            told += seqs([await receive(ws, "events")])
        await writing
    await move(served.app.store, await served.app.store.run(run.run_id), Action.FINISH)
    told += seqs(await watch(served, f"/{run.run_id}/ws?after={told[-1]}"))
    assert told == list(range(1, 65))


async def test_an_ended_run_is_told_again(served: Site, run: Run) -> None:
    await move(served.app.store, run, Action.FINISH)
    assert seqs(await watch(served, f"/{run.run_id}/ws")) == [1, 2, 3, 4]
    messages = await watch(served, f"/{run.run_id}/ws?after=4")
    assert [message["type"] for message in messages] == ["hello", "end", "close"]


async def test_a_failed_run_that_is_retried_goes_on(served: Site, run: Run) -> None:
    store = served.app.store
    failed = await move(store, run, Action.FAIL, error='{"code":"x","type":"E","message":"m","node_id":null}')
    await move(store, failed, Action.RETRY)
    async with connect(served.ws(f"/{run.run_id}/ws"), additional_headers=served.headers) as ws:
        assert seqs([await receive(ws, "hello"), await receive(ws, "events")]) == [1, 2, 3, 4, 5]
        await move(store, await store.run(run.run_id), Action.CANCEL)
        assert seqs([await receive(ws, "events")]) == [6]
        assert (await receive(ws, "end"))["last_seq"] == 6


async def test_the_end_waits_for_a_node_that_still_executes(served: Site) -> None:
    run_id = await started(served, SYNC)
    async with connect(served.ws(f"/{run_id}/ws"), additional_headers=served.headers) as ws:
        while "node.started" not in [event["type"] for event in (await receive(ws, "events"))["events"]]:
            pass
        answer = (await served.client.post(f"{served.base}/runs/{run_id}/cancel")).json()
        assert answer["still_running"] == ["thread"]
        types = []
        while (message := orjson.loads(await ws.recv()))["type"] == "events":
            types += [event["type"] for event in message["events"]]
        assert message["type"] == "end"
        assert types[-1] == "run.stopped"


async def test_who_comes_before_the_last_end_is_written_waits_for_it(served: Site, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    nodes = [{"id": "thread", "type": "sync", "config": {"seconds": 0.6, "file": str(trace), "text": "it"}}]
    run_id = await started(served, {"nodes": nodes, "edges": []})
    async with connect(served.ws(f"/{run_id}/ws"), additional_headers=served.headers) as ws:
        while "node.started" not in [event["type"] for event in (await receive(ws, "events"))["events"]]:
            pass
    answer = (await served.client.post(f"{served.base}/runs/{run_id}/cancel")).json()
    assert answer["still_running"] == ["thread"]
    with closing(sqlite3.connect(tmp_path / "data" / "milepost.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        while "it ended" not in trace.read_text():
            await asyncio.sleep(0)
        async with connect(served.ws(f"/{run_id}/ws"), additional_headers=served.headers) as ws:
            types = [event["type"] for event in (await receive(ws, "events"))["events"]]
            assert types[-1] == "run.cancelled"
            other.execute("ROLLBACK")
            assert (await receive(ws, "events"))["events"][0]["type"] == "run.stopped"
            await receive(ws, "end")


async def test_commands_are_obeyed_and_answered_before_the_end(served: Site) -> None:
    run_id = await started(served, LONG)
    async with connect(served.ws(f"/{run_id}/ws"), additional_headers=served.headers) as ws:
        await ws.send(orjson.dumps({"type": "ping"}).decode())
        while "node.started" not in [event["type"] for event in (await receive(ws, "events"))["events"]]:
            pass
        await ws.send(orjson.dumps({"type": "command", "id": 1, "command": "pause", "mode": "now"}).decode())
        paused = await receive(ws, "result")
        assert (paused["id"], paused["ok"], paused["body"]["status"]) == (1, True, "PAUSED")
        await ws.send(orjson.dumps({"type": "command", "id": "2", "command": "resume"}).decode())
        assert (await receive(ws, "result"))["status"] == 202
        await ws.send(orjson.dumps({"type": "command", "id": 3, "command": "pause", "mode": "later"}).decode())
        refused = await receive(ws, "result")
        assert (refused["ok"], refused["error"]["code"]) == (False, "invalid_request")
        await ws.send(orjson.dumps({"type": "command", "id": 4, "command": "cancel"}).decode())
        cancelled = await receive(ws, "result")
        assert cancelled["body"]["status"] == "CANCELLED"
        await receive(ws, "end")
        assert await close_code(ws) == 1000


async def test_what_is_refused_is_accepted_first_and_closed_with_its_code(served: Site, run: Run) -> None:
    other = await seed_project(served.app.store, "other")
    foreign = await seed_run(served.app.store, other, await seed_workflow(served.app.store, other))
    mine = f"/{run.run_id}/ws"
    for path, headers, code in (
        (f"{mine}?after=4", {}, 4400),
        (f"{mine}?after=-1", {}, 4400),
        (f"{mine}?after=x", {}, 4400),
        (f"{mine}?after={'9' * 400}", {}, 4400),
        (mine, {"X-API-Key": "mp_wrong"}, 4401),
        ("/ws", {"X-API-Key": "mp_wrong"}, 4401),
        (mine, {"Origin": "https://elsewhere.example"}, 4403),
        (mine, {"Origin": "null"}, 4403),
        ("/ws", {"Origin": "http://127.0.0.1:1"}, 4403),
        (f"/{new_id()}/ws", {}, 4404),
        ("/nonsense/ws", {}, 4404),
        (f"/{foreign.run_id}/ws", {}, 4404),
    ):
        messages = await watch(served, path, headers={**served.headers, **headers})
        assert [message.get("code") for message in messages] == [code], path
        assert messages[0]["reason"]


async def test_a_page_of_the_same_origin_may_connect(served: Site, run: Run) -> None:
    await move(served.app.store, run, Action.FINISH)
    headers = {**served.headers, "Origin": f"http://{served.address}"}
    assert (await watch(served, f"/{run.run_id}/ws", headers=headers))[-1]["code"] == 1000


@pytest.mark.parametrize("path", ["/{run}/ws", "/ws"])
async def test_a_message_that_is_none_closes_with_4400(served: Site, run: Run, path: str) -> None:
    for message in ("{", "[]", '{"type":"dance"}', b"\x00", '{"type":{}}', '{"type":"events","events":[NaN]}'):
        async with connect(served.ws(path.format(run=run.run_id)), additional_headers=served.headers) as ws:
            await receive(ws, "hello")
            await ws.send(message)
            assert await close_code(ws) == 4400, message


async def test_an_unknown_command_is_answered_and_closes_nothing(served: Site, run: Run) -> None:
    async with connect(served.ws(f"/{run.run_id}/ws"), additional_headers=served.headers) as ws:
        await ws.send('{"type":"command","id":[1],"command":"explode"}')
        result = await receive(ws, "result")
        assert (result["id"], result["error"]["status"]) == ([1], 400)
        await append(served.app.store, run, "node.log")
        await receive(ws, "events")


async def test_a_stopping_server_closes_with_1012(served: Site, run: Run) -> None:
    async with (
        connect(served.ws(f"/{run.run_id}/ws"), additional_headers=served.headers) as one,
        connect(served.ws("/ws"), additional_headers=served.headers) as two,
    ):
        for ws in (one, two):
            await receive(ws, "hello")
        served.app.hub.close()
        for ws in (one, two):
            assert await close_code(ws) == 1012


@pytest.mark.timed
async def test_a_viewer_that_does_not_read_is_closed_with_4408_and_delays_no_one(served: Site, run: Run) -> None:
    stuck = await Stuck.open(served, f"/{run.run_id}/ws")
    await stuck.until(b'"seq":3')
    watching = asyncio.create_task(watch(served, f"/{run.run_id}/ws"))
    loop = asyncio.get_running_loop()
    while "milepost_viewers_dropped_total 0.0" in (await served.client.get("/metrics")).text:
        for _ in range(5):
            await append(served.app.store, run, *["node.log"] * 20, message="x" * 1500)
    begun = loop.time()
    ended = await move(served.app.store, await served.app.store.run(run.run_id), Action.FINISH)
    messages = await watching
    assert loop.time() - begun < 1
    assert seqs(messages) == list(range(1, ended.last_seq + 1))
    assert await stuck.close_code() == 4408


class Stuck:
    """A client with a small buffer that reads nothing until it is asked to."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    @classmethod
    async def open(cls, site: Site, path: str) -> "Stuck":
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, port = site.address.split(":")
        await asyncio.to_thread(sock.connect, (host, int(port)))
        sock.setblocking(False)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET /api/projects/default/workflows/runs{path} HTTP/1.1",
            f"Host: {site.address}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            f"X-API-Key: {site.secret}",
        ]
        await asyncio.get_running_loop().sock_sendall(sock, "\r\n".join([*lines, "", ""]).encode())
        return cls(sock)

    async def until(self, text: bytes) -> bytes:
        """What the server sends, up to where ``text`` was read with two bytes behind it."""
        loop, data = asyncio.get_running_loop(), b""
        while text not in data[:-2]:
            data += await asyncio.wait_for(loop.sock_recv(self._sock, 65536), 10)
        return data

    async def close_code(self) -> int:
        """The code of the server's close frame, behind everything that it sent before."""
        reason = b"were not read in time"
        data = await self.until(reason)
        self._sock.close()
        frame = data[data.rindex(b"\x88", 0, data.index(reason)) :]
        return int.from_bytes(frame[2:4], "big")


@pytest.fixture
async def list_socket(served: Site) -> AsyncIterator[ClientConnection]:
    async with connect(served.ws("/ws"), additional_headers=served.headers) as ws:
        await receive(ws, "hello")
        yield ws


async def test_the_list_socket_tells_of_each_run_that_changes(served: Site, list_socket: ClientConnection) -> None:
    run_id = await started(served, QUICK)
    while (message := await receive(list_socket, "run"))["status"] != "COMPLETED":
        assert message["run_id"] == run_id
    listed = (await served.client.get(f"{served.base}/runs")).json()["items"]
    assert [{"type": "run", **run} for run in listed] == [message]


async def test_the_list_socket_tells_nothing_of_other_projects(served: Site, list_socket: ClientConnection) -> None:
    other = await seed_project(served.app.store, "other")
    await seed_run(served.app.store, other, await seed_workflow(served.app.store, other))
    mine = await seed_run(served.app.store, served.project, await served.workflow())
    assert (await receive(list_socket, "run"))["run_id"] == mine.run_id


async def test_open_sockets_are_counted(served: Site, list_socket: ClientConnection) -> None:
    assert "milepost_open_sockets 1.0" in (await served.client.get("/metrics")).text
