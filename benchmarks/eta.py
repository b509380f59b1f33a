"""How right the expected end of a run is: fifty runs of history, two branches at once, one of them rarely the longer.

Nodes take 20 to 60 ms, each a little more or less in every run. At half-way is the first node that completed after half
of the run's time.
"""

import asyncio
import random
import statistics
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, at_most
from tests.acceptance.process import ServerProcess

TITLE = "Expected end: two branches, fifty runs of history"

HISTORY, MEASURED, AT_ONCE = 50, 20, 2

WORK = {
    "begin": 0.02,
    **{f"left{number}": seconds for number, seconds in enumerate((0.03, 0.05, 0.02, 0.06))},
    **{f"right{number}": seconds for number, seconds in enumerate((0.04, 0.02, 0.03))},
    "extra": 0.06,
    "end": 0.04,
}


def definition() -> dict[str, Any]:
    """A fork into two chains; behind one of them a third of the runs take a node more."""
    nodes: list[dict[str, Any]] = [
        {
            "id": node_id,
            "type": "trace",
            "config": {"text": node_id, "seconds": f"{{{{ input.factors.{node_id} * {seconds} }}}}"},
        }
        for node_id, seconds in WORK.items()
    ]
    nodes.append({"id": "more", "type": "condition", "config": {"expression": "input.more"}})
    chains = [("begin", "left0"), ("begin", "right0"), ("right2", "more"), ("left3", "end"), ("extra", "end")]
    chains += [(f"left{number}", f"left{number + 1}") for number in range(3)]
    chains += [(f"right{number}", f"right{number + 1}") for number in range(2)]
    edges: list[dict[str, Any]] = [{"source": source, "target": target} for source, target in chains]
    edges += [
        {"source": "more", "target": "extra", "when": True},
        {"source": "more", "target": "end", "when": False},
    ]
    return {"name": "branches", "nodes": nodes, "edges": edges}


def drawn(dice: random.Random) -> dict[str, Any]:
    """One run's input: what its nodes take, and whether it takes the rarer branch."""
    return {"factors": {node_id: dice.uniform(0.8, 1.25) for node_id in WORK}, "more": dice.random() < 1 / 3}


async def measure() -> list[Figure]:
    """The error is of the expected time of the whole run: |expected end - end| ÷ (end - start)."""
    dice = random.Random(7)
    errors: list[float] = []
    setbacks = 0
    with tempfile.TemporaryDirectory() as directory:
        async with ServerProcess(Path(directory) / "data") as server:
            workflow_id = await server.workflow(definition())
            for _ in range(HISTORY // AT_ONCE):
                await asyncio.gather(*(_run(server, workflow_id, drawn(dice)) for _ in range(AT_ONCE)))
            for _ in range(MEASURED):
                events = await _run(server, workflow_id, drawn(dice))
                errors.append(_error_at_half(events) * 100)
                progress = [each["data"]["progress"] for each in events if _tells_progress(each)]
                setbacks += progress != sorted(progress)
    worst = statistics.quantiles(errors, n=10)[-1]
    return [
        at_most("error of the expected end at half-way", errors, "%", 25),
        at_most("the same, nine of ten runs", [worst], "%"),
        at_most("runs whose progress went back", [setbacks], "", 0, digits=0),
    ]


async def _run(server: ServerProcess, workflow_id: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a run that has ended."""
    run_id = await server.run(workflow_id, given)
    await server.ended(run_id)
    return await server.events(run_id)


def _tells_progress(event: dict[str, Any]) -> bool:
    return event["type"] in ("node.completed", "run.progress", "run.completed")


def _error_at_half(events: list[dict[str, Any]]) -> float:
    began, over = (_time(events, kind) for kind in ("run.started", "run.completed"))
    half = (began + over) / 2
    for event in events:
        expected = event["data"].get("estimated_completion")
        if event["type"] == "node.completed" and expected and _seconds(event["ts"]) >= half:
            return abs(_seconds(expected) - over) / (over - began)
    raise RuntimeError("no event after half-way tells an expected end")


def _time(events: list[dict[str, Any]], kind: str) -> float:
    return next(_seconds(event["ts"]) for event in events if event["type"] == kind)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
