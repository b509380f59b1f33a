"""Requests while a node blocks the engine's loop for five seconds with ``time.sleep`` in an ``async def``."""

import time

from benchmarks.busy import busy_server
from benchmarks.client import Connection
from benchmarks.figures import Figure, at_most, percentile
from tests.acceptance.definitions import node

TITLE = "A node blocks the loop for 5 s: other requests meanwhile, 50 runs of no-op nodes going"

ROUNDS = 3

SECONDS = 5.0


async def measure() -> list[Figure]:
    """One client asks for statuses, lists and runs, makes runs and cancels, for as long as the loop is blocked."""
    reads, creates, cancels = [], [], []
    for _ in range(ROUNDS):
        async with busy_server(100, 50) as (server, held), Connection(server.url, server.key) as connection:
            careless = {"name": "careless", "steps": [node("careless", "blocking", seconds=SECONDS)]}
            workflow_id = await server.workflow(careless)
            await connection.request("POST", "", {"workflow_id": workflow_id, "execute": True}, expect=201)
            end = time.monotonic() + SECONDS - 0.5
            read: list[float] = []
            create: list[float] = []
            cancel: list[float] = []
            for run_id in held:
                if time.monotonic() > end:
                    break
                paths = (f"/{run_id}/status", "?limit=20", f"/{run_id}")
                read += [(await connection.timed("GET", path))[0] * 1000 for path in paths]
                create.append((await connection.timed("POST", "", {"workflow_id": workflow_id}, expect=201))[0] * 1000)
                if len(create) % 10 == 0:
                    cancel.append((await connection.timed("POST", f"/{run_id}/cancel"))[0] * 1000)
        reads.append(percentile(read, 99))
        creates.append(percentile(create, 99))
        cancels.append(percentile(cancel, 99))
    return [
        at_most("reads, p99", reads, "ms", 100),
        at_most("new runs, p99", creates, "ms", 100),
        at_most("cancels, slowest answer", cancels, "ms", 1000),
    ]
