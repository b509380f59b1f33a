"""A chain of a thousand nodes, each with an output of five hundred bytes: what it leaves on disk, what a node costs."""

import asyncio
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, at_most
from tests.acceptance.process import ServerProcess

TITLE = "A chain of 1,000 nodes with outputs of 500 bytes"

ROUNDS = 3

SIZES = (10, 100, 1000)


async def measure() -> list[Figure]:
    """The size is that of the whole data directory after an ordered stop; a node's time is of the run alone."""
    megabytes: list[float] = []
    costs: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as directory:
            data = Path(directory) / "data"
            async with ServerProcess(data) as server:
                for size in SIZES:
                    costs[size].append(await _run(server, size) / size * 1000)
                await server.terminate()
            megabytes.append(await asyncio.to_thread(_size, data) / 1e6)
    files = f"data directory after chains of {', '.join(map(str, SIZES))} nodes"
    return [
        at_most(files, megabytes, "MB", 40),
        *(at_most(f"time a node, chain of {size}", costs[size], "ms", digits=2) for size in SIZES),
    ]


async def _run(server: ServerProcess, size: int) -> float:
    config = {"operation": "template", "value": "x" * 500}
    steps = [{"id": f"n{number}", "type": "process", "config": config} for number in range(size)]
    run_id = await server.run(await server.workflow({"name": "chain", "steps": steps}), execute=False)
    began = time.perf_counter()
    await server.post(f"/{run_id}/execute")
    await server.ended(run_id, within=120)
    return time.perf_counter() - began


def _size(data: Path) -> int:
    return sum(path.stat().st_size for path in data.iterdir())
