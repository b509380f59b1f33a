"""From the request to the terminal status, one run after the other, on a busy server."""

import asyncio
import time

from benchmarks.busy import busy_server
from benchmarks.client import Connection, open_socket
from benchmarks.figures import Figure, at_most, percentile

TITLE = "Cancel: 200 runs waiting in nodes, 50 runs of no-op nodes keeping the engine busy"

ROUNDS = 3

PACE = 0.01
"""Seconds between two cancels, so that the engine is busy with runs and not with cancels alone."""


async def measure() -> list[Figure]:
    """Every request is answered CANCELLED, with the run's nodes stopped."""
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        seen: list[float] = []
        answered: list[float] = []
        async with busy_server(200, 50) as (server, held), Connection(server.url, server.key) as connection:
            for run_id in held:
                viewer = await open_socket(server.url, server.key, run_id)
                began = time.perf_counter()
                seconds, answer = await connection.timed("POST", f"/{run_id}/cancel")
                if answer["status"] != "CANCELLED" or answer["still_running"]:
                    raise RuntimeError(f"not cancelled: {answer}")
                answered.append(seconds * 1000)
                seen.append((await viewer.over - began) * 1000)
                await asyncio.sleep(PACE)
        for name, values in (("seen", seen), ("answered", answered)):
            for percent in (50, 99):
                found.setdefault(f"{name} p{percent}", []).append(percentile(values, percent))
    return [
        at_most("request to run.cancelled on an open socket, p50", found["seen p50"], "ms"),
        at_most("request to run.cancelled on an open socket, p99", found["seen p99"], "ms", 100),
        at_most("request to its answer, with the nodes stopped, p50", found["answered p50"], "ms"),
        at_most("request to its answer, with the nodes stopped, p99", found["answered p99"], "ms"),
    ]
