"""A server that has much to do: runs that wait in nodes, and others whose nodes do nothing and keep the engine busy."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.acceptance.definitions import Definition, chain, noops
from tests.acceptance.process import ServerProcess


@asynccontextmanager
async def busy_server(
    waiting: int, hurried: int, waits_in: Definition | None = None
) -> AsyncIterator[tuple[ServerProcess, list[str]]]:
    """The server, and the ids of the runs that wait in a node for an hour."""
    with tempfile.TemporaryDirectory() as directory:
        async with ServerProcess(Path(directory) / "data", max_concurrent_runs=400, shutdown_grace=0) as server:
            held = await server.runs(await server.workflow(waits_in or chain(1, seconds=3600)), waiting)
            await asyncio.gather(*(server.until(run_id, "node.started") for run_id in held))
            keeping = asyncio.create_task(_keep_busy(server, await server.workflow(noops(100)), hurried))
            try:
                yield server, held
            finally:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)


async def _keep_busy(server: ServerProcess, workflow_id: str, count: int) -> None:
    """So many runs at any time, each followed by the next."""

    async def follow() -> None:
        while True:
            await server.client.post(
                "/api/projects/default/workflows/runs?wait=60", json={"workflow_id": workflow_id, "execute": True}
            )

    await asyncio.gather(*(follow() for _ in range(count)))
