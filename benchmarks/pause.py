"""From the request to PAUSED with mode ``now``, one run after the other, on a busy server."""

import asyncio

from benchmarks.busy import busy_server
from benchmarks.client import Connection
from benchmarks.figures import Figure, at_most, percentile

TITLE = "Pause `now`: 200 runs waiting in nodes, 50 runs of no-op nodes keeping the engine busy"

ROUNDS = 3

PACE = 0.01
"""Seconds between two pauses."""


async def measure() -> list[Figure]:
    """Every request is answered PAUSED; the resume is measured up to its answer."""
    paused, resumed = [], []
    for _ in range(ROUNDS):
        stops: list[float] = []
        starts: list[float] = []
        async with busy_server(200, 50) as (server, held), Connection(server.url, server.key) as connection:
            for run_id in held:
                seconds, answer = await connection.timed("POST", f"/{run_id}/pause", {"mode": "now"})
                if answer["status"] != "PAUSED" or answer["still_running"]:
                    raise RuntimeError(f"not paused: {answer}")
                stops.append(seconds * 1000)
                seconds, _ = await connection.timed("POST", f"/{run_id}/resume", expect=202)
                starts.append(seconds * 1000)
                await asyncio.sleep(PACE)
        paused.append(percentile(stops, 99))
        resumed.append(percentile(starts, 99))
    return [at_most("request to PAUSED, p99", paused, "ms", 100), at_most("request to resumed, p99", resumed, "ms")]
