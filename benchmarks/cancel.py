"""From the request to the terminal status, one run after the other, on a busy server."""

import asyncio

from benchmarks.busy import busy_server
from benchmarks.client import Connection
from benchmarks.figures import Figure, at_most, percentile

TITLE = "Cancel: 200 runs waiting in nodes, 50 runs of no-op nodes keeping the engine busy"

ROUNDS = 3

PACE = 0.01
"""Seconds between two cancels, so that the engine is busy with runs and not with cancels alone."""


async def measure() -> list[Figure]:
    """Every request is answered CANCELLED, with the run's nodes stopped."""
    middles, worst = [], []
    for _ in range(ROUNDS):
        took: list[float] = []
        async with busy_server(200, 50) as (server, held), Connection(server.url, server.key) as connection:
            for run_id in held:
                seconds, answer = await connection.timed("POST", f"/{run_id}/cancel")
                if answer["status"] != "CANCELLED" or answer["still_running"]:
                    raise RuntimeError(f"not cancelled: {answer}")
                took.append(seconds * 1000)
                await asyncio.sleep(PACE)
        middles.append(percentile(took, 50))
        worst.append(percentile(took, 99))
    return [at_most("request to CANCELLED, p50", middles, "ms"), at_most("request to CANCELLED, p99", worst, "ms", 100)]
