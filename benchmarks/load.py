"""Starts runs on a server and waits for their ends: `python -m benchmarks.load URL KEY WORKFLOW RUNS AT_ONCE`.

At one at a time a run is created first and its socket opened; the time is from the POST that executes it to the
terminal event on that socket. At several at once each POST waits for the run's end. Prints one JSON line, as ``bare``
does.
"""

import asyncio
import gc
import json
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

import uvloop

from benchmarks.client import Connection, open_socket


async def one_at_a_time(url: str, key: str, workflow_id: str, runs: int) -> dict[str, Any]:
    """Seconds from the POST to the terminal event, run by run."""
    each: list[float] = []
    async with Connection(url, key) as connection:
        for _ in range(runs):
            run = await connection.request("POST", "", {"workflow_id": workflow_id}, expect=201)
            viewer = await open_socket(url, key, run["run_id"])
            began = time.perf_counter()
            connection.send("POST", f"/{run['run_id']}/execute")
            over = await viewer.over
            await connection.receive()
            each.append(over - began)
            await viewer.ended
    return {"seconds": sum(each), "each": each}


async def many_at_once(url: str, key: str, workflow_id: str, runs: int, at_once: int) -> dict[str, Any]:
    """Seconds of the whole, and of each POST that waited for its run."""
    numbers, each = iter(range(runs)), []

    async def work(connection: Connection) -> None:
        for _ in numbers:
            body = {"workflow_id": workflow_id, "execute": True}
            seconds, run = await connection.timed("POST", "?wait=60", body, expect=201)
            if run["status"] != "COMPLETED":
                raise RuntimeError(f"{run['run_id']} is {run['status']}")
            each.append(seconds)

    async with AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(Connection(url, key)) for _ in range(at_once)]
        began = time.perf_counter()
        await asyncio.gather(*map(work, connections))
        return {"seconds": time.perf_counter() - began, "each": each}


async def measure(url: str, key: str, workflow_id: str, runs: int, at_once: int) -> dict[str, Any]:
    """Either, after a few runs to warm up."""
    await many_at_once(url, key, workflow_id, 3, 1)
    gc.disable()
    if at_once == 1:
        return await one_at_a_time(url, key, workflow_id, runs)
    return await many_at_once(url, key, workflow_id, runs, at_once)


def main() -> None:
    """As the module says."""
    url, key, workflow_id, runs, at_once = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(measure(url, key, workflow_id, int(runs), int(at_once)))))


if __name__ == "__main__":
    main()
