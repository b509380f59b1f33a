"""`map` over ten thousand items, a node or a workflow for each: memory, stalls, what a viewer sees, pauses."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from benchmarks.client import Connection
from benchmarks.figures import Figure, at_most
from milepost.graphs.fan_out import WINDOW, WORKFLOWS
from tests.acceptance.process import ServerProcess

TITLE = "`map` over 10,000 items"

ITEMS = 10_000

PAUSES = 5

LOOK = 0.02
"""Seconds between two looks at the server's memory."""

NODE = {"type": "process", "config": {"operation": "uppercase", "value": "item {{ item }}"}}

CHILD = {
    "name": "each",
    "steps": [
        {"id": "up", "type": "process", "config": {"operation": "uppercase", "value": "item {{ input.item }}"}},
        {"id": "out", "type": "output", "config": {"value": {"value": "{{ outputs.up.value }}"}}},
    ],
}


async def measure() -> list[Figure]:
    """Each form in a server of its own: a run to its end, then one that is paused and resumed again and again."""
    with_node = await _form("a node for each", WINDOW, None)
    return with_node + await _form("a workflow of two nodes for each", WORKFLOWS, CHILD)


async def _form(name: str, window: int, child: Mapping[str, Any] | None) -> list[Figure]:
    with tempfile.TemporaryDirectory() as directory:
        async with ServerProcess(Path(directory)) as server, Connection(server.url, server.key) as connection:
            body = {"node": NODE} if child is None else {"workflow": {"workflow_id": await server.workflow(child)}}
            fan = {"id": "fan", "type": "map", "config": {"over": f"range({ITEMS})", **body}}
            workflow_id = await server.workflow({"name": "fan", "steps": [fan]})
            idle = psutil.Process(server.pid).memory_info().rss
            await _whole(connection, workflow_id, server)
            seconds, highest, events = await _whole(connection, workflow_id, server)
            stalls = await _stalls(server)
            pauses, repeated = await _pauses(connection, workflow_id, window)
    grown = (highest - idle) / 1_000_000
    figures = [
        at_most("from the start to the end", [seconds], "s", digits=2),
        at_most("resident memory above that of the idle server, the highest", [grown], "MB", 150, digits=0),
        at_most("the engine's loop stood still, the longest", [stalls], "ms", 100, digits=0),
        at_most("events of the run", [events], "", 1000, digits=0),
        at_most(f"step pause to PAUSED, {PAUSES} of them: the longest", [max(pauses)], "ms", digits=0),
        at_most(f"items that ended between the two, in windows of {window}", [max(repeated)], "windows", 2, digits=1),
    ]
    return [replace(figure, name=f"{name}: {figure.name}") for figure in figures]


async def _whole(connection: Connection, workflow_id: str, server: ServerProcess) -> tuple[float, int, float]:
    """Seconds, the highest resident memory in bytes, and the number of events."""
    process = psutil.Process(server.pid)
    highest = 0

    async def look() -> None:
        nonlocal highest
        while True:
            highest = max(highest, process.memory_info().rss)
            await asyncio.sleep(LOOK)

    looking = asyncio.ensure_future(look())
    began = time.perf_counter()
    run = await connection.request("POST", "", {"workflow_id": workflow_id, "execute": True}, expect=201)
    path, status = f"/{run['run_id']}", run
    while status["status"] not in ("COMPLETED", "FAILED"):
        status = await connection.request("GET", f"{path}/status?wait=60")
    seconds = time.perf_counter() - began
    looking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await looking
    items = (await connection.request("GET", path))["output_data"]["items"]
    if [item["value"] for item in items] != [f"ITEM {number}" for number in range(ITEMS)]:
        raise RuntimeError("the results are not those of the items, in order")
    last = await connection.request("GET", f"{path}/status")
    return seconds, highest, float(last["last_seq"])


async def _stalls(server: ServerProcess) -> float:
    """The longest lag of the engine's loop that the server has seen, in milliseconds: the histogram's bound."""
    text = (await server.client.get(f"{server.url}/metrics")).text
    wanted = 'milepost_loop_lag_seen_seconds_bucket{le="'
    counts = [
        (float(line[len(wanted) :].partition('"')[0]), float(line.rpartition(" ")[2]))
        for line in text.splitlines()
        if line.startswith(wanted) and 'loop="engine"' in line
    ]
    most = max(count for _, count in counts)
    return min(limit for limit, count in counts if count == most) * 1000


async def _pauses(connection: Connection, workflow_id: str, window: int) -> tuple[list[float], list[float]]:
    run = await connection.request("POST", "", {"workflow_id": workflow_id, "execute": True}, expect=201)
    path, times, windows = f"/{run['run_id']}", [], []
    for _ in range(PAUSES):
        await asyncio.sleep(0.2)
        seconds, answer = await connection.timed("POST", f"{path}/pause", {"mode": "step"})
        if answer["status"] != "PAUSED":
            raise RuntimeError(f"not paused: {answer}")
        times.append(seconds * 1000)
        windows.append(await _ended_late(connection, path) / window)
        await connection.request("POST", f"{path}/resume", {}, expect=202)
    return times, windows


async def _ended_late(connection: Connection, path: str) -> int:
    """How many items ended after the pause was asked for."""
    events = await connection.request("GET", f"{path}/events?limit=1000")
    asked = [event["ts"] for event in events["items"] if event["type"] == "run.pausing"][-1]
    late, after = 0, ""
    while after is not None:
        page = await connection.request("GET", f"{path}/logs?node_id=fan&items=true&limit=500&after={after}")
        late += sum(item["completed_at"] > asked for item in page["items"])
        after = page["next_cursor"]
    return late
