"""The live viewer in a real browser: how soon it shows, how late it is, how it scrolls, and what it weighs.

Each row of figures is measured by itself: where one fails, it says why and the others go on.
"""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable

from benchmarks.figures import Figure, at_most
from benchmarks.web import drops, live, loading, weight
from benchmarks.web.stage import Stage

TITLE = "The live viewer: Chromium and the server on one machine"

ROW_SECONDS = 150

ROWS: tuple[Callable[[Stage], Awaitable[list[Figure]]], ...] = (
    weight.first_load,
    loading.first_paint,
    loading.run_page,
    loading.small_graph,
    loading.large_graph,
    live.slow,
    live.fast,
    live.keys,
    loading.log,
    loading.long_log,
    drops.three_drops_and_a_restart,
    weight.build,
)


async def measure() -> list[Figure]:
    """All rows, one after the other, each with a browser and a server of its own."""
    figures = [Figure("load of the machine when it began, processes", f"{os.getloadavg()[0]:.1f}")]
    paces: list[float] = []
    if shutil.which("chromium") is None:
        return [*figures, Figure("not measured: there is no Chromium (apt-get install chromium)", "")]
    for row in ROWS:
        paces.append(await asyncio.to_thread(_pace))
        began = time.monotonic()
        async with Stage() as stage:
            figures += await _whatever_happens(row, stage)
        sys.stderr.write(f"{row.__name__}: {time.monotonic() - began:.0f} s\n")
    return [figures[0], at_most("ten million additions in Python, before each row", paces, "s", digits=2), *figures[1:]]


def _pace() -> float:
    """Seconds: how fast the machine is at this hour."""
    began, total = time.perf_counter(), 0
    for each in range(10_000_000):
        total += each
    return time.perf_counter() - began


async def _whatever_happens(row: Callable[[Stage], Awaitable[list[Figure]]], stage: Stage) -> list[Figure]:
    name = row.__name__.replace("_", " ")
    try:
        async with asyncio.timeout(ROW_SECONDS):
            return await row(stage)
    except TimeoutError:
        return [Figure(name, f"nothing within {ROW_SECONDS} s", met=False)]
    except Exception as failure:  # noqa: BLE001 - one row that fails must not take the others with it
        said = str(failure).strip().splitlines() or [""]
        return [Figure(name, f"{type(failure).__name__}: {said[0][:100]}", met=False)]
