"""Runs over HTTP, durable at every step and with all events, against bare LangGraph with the stock SQLite saver."""

import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.bare import NODES
from benchmarks.figures import Figure, at_least, at_most
from tests.acceptance.process import ServerProcess
from tests.acceptance.spawning import ROOT

TITLE = "Speed: ten no-op nodes in sequence, against bare LangGraph with the stock saver"

ROUNDS = 5

MANY, AT_ONCE = 400, 50

SINGLE = 60

DEFINITION = {"name": "ten", "steps": [{"id": f"n{number}", "type": "trace", "config": {}} for number in range(NODES)]}


async def measure() -> list[Figure]:
    """Bare LangGraph and the server take turns, each round with processes and files of its own."""
    rates: dict[str, list[float]] = {"sync": [], "async": [], "server": []}
    times: dict[str, list[float]] = {"sync": [], "async": [], "server": []}
    for _ in range(ROUNDS):
        for durability in ("sync", "async"):
            rates[durability].append(MANY / (await _bare(MANY, AT_ONCE, durability))["seconds"])
            times[durability].append(_middle(await _bare(SINGLE, 1, durability)))
        many, single = await _served()
        rates["server"].append(MANY / many["seconds"])
        times["server"].append(_middle(single))
    return [
        at_least("50 at once, Milepost over HTTP", rates["server"], "runs/s", digits=0),
        at_least("50 at once, bare, durability sync", rates["sync"], "runs/s", digits=0),
        at_least("50 at once, bare, durability async (its default)", rates["async"], "runs/s", digits=0),
        _ratio("50 at once, Milepost ÷ bare sync", rates, "sync", least=1.5),
        _ratio("50 at once, Milepost ÷ bare async", rates, "async", least=1.5),
        at_most("1 at a time, Milepost, POST to terminal event", times["server"], "ms"),
        at_most("1 at a time, bare, durability sync", times["sync"], "ms"),
        at_most("1 at a time, bare, durability async (its default)", times["async"], "ms"),
        _ratio("1 at a time, Milepost ÷ bare sync", times, "sync", most=1.2),
        _ratio("1 at a time, Milepost ÷ bare async", times, "async", most=1.2),
    ]


def _ratio(
    name: str, values: dict[str, list[float]], bare: str, *, least: float | None = None, most: float | None = None
) -> Figure:
    """The ratio of the medians; its spread is that of the rounds."""
    ratio = statistics.median(values["server"]) / statistics.median(values[bare])
    each: Sequence[float] = [ours / theirs for ours, theirs in zip(values["server"], values[bare], strict=True)]
    target = f"≥ {least:g}" if least is not None else f"≤ {most:g}"
    met = ratio >= least if least is not None else ratio <= (most or 0)
    return Figure(name, f"{ratio:.2f} ×", f"{min(each):.2f} to {max(each):.2f}", target, met)


def _middle(measured: dict[str, Any]) -> float:
    return float(statistics.median(measured["each"])) * 1000


async def _bare(runs: int, at_once: int, durability: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        return await measured("benchmarks.bare", f"{directory}/stock.db", runs, at_once, durability)


async def _served() -> tuple[dict[str, Any], dict[str, Any]]:
    with tempfile.TemporaryDirectory() as directory:
        async with ServerProcess(Path(directory) / "data") as server:
            known = (server.url, server.key, await server.workflow(DEFINITION))
            many = await measured("benchmarks.load", *known, MANY, AT_ONCE)
            return many, await measured("benchmarks.load", *known, SINGLE, 1)


async def measured(module: str, *arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{module} ended with {process.returncode}")
    found: dict[str, Any] = json.loads(output)
    return found
