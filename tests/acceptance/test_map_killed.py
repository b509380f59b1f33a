"""A `map` over thousands of items whose server dies in the middle goes on in its window."""

import random
import sys
from pathlib import Path
from typing import Any

import pytest

from milepost.graphs.fan_out import WINDOW, WORKFLOWS
from tests.acceptance.definitions import Definition
from tests.acceptance.process import ServerProcess
from tests.acceptance.snapshot import Snapshot
from tests.acceptance.traces import Traces

pytestmark = pytest.mark.timeout(300)

KILLS = 3


def traced(file: Path, item: str) -> dict[str, Any]:
    """A node that leaves the number of its item."""
    return {"type": "trace", "config": {"file": str(file), "text": f"{{{{ run.id }}}} {item}"}}


def fan(count: int, **body: Any) -> Definition:
    """A `map` over so many numbers."""
    return {"name": "fan", "steps": [{"id": "fan", "type": "map", "config": {"over": f"range({count})", **body}}]}


def each(file: Path) -> Definition:
    """The workflow that runs for an item: the item's output is what its first node gave."""
    first = {"id": "t", **traced(file, "{{ input.item }}")}
    return {
        "name": "each",
        "steps": [first, {"id": "z", "type": "output", "config": {"value": {"text": "{{ outputs.t.text }}"}}}],
    }


async def goes_on_in_its_window(server: ServerProcess, traces: Traces, run_id: str, count: int, window: int) -> None:
    """Kill the server some times in the middle of a map, and check what ran and what came of it."""
    seed = random.randrange(1 << 30)
    sys.stderr.write(f"seed {seed}\n")
    dice = random.Random(seed)
    for _ in range(KILLS):
        await traces.count(len(traces.lines) + dice.randint(window, count // (KILLS + 1)), within=300)
        await server.kill()
        traces.read()
        lines = len(traces.lines)
        kept = Snapshot(server.data).items[run_id]
        reached = max(kept, default=0) // window * window
        assert kept >= set(range(reached)), f"seed {seed}"
        await server.start()
        await traces.count(lines + 1)
        again = [int(line.partition(" ")[2]) for line in traces.lines[lines:]]
        assert kept.isdisjoint(again), f"seed {seed}"
        assert min(again) in range(reached, reached + 2 * window), f"seed {seed}"
    run = await server.ended(run_id, within=500)
    assert run["status"] == "COMPLETED"
    output = run["output_data"]
    assert output["counts"] == {"total": count, "completed": count, "failed": 0}
    assert [item["text"] for item in output["items"]] == [f"{run_id} {number}" for number in range(count)]
    counted = traces.counted()
    assert counted.keys() == {(run_id, str(number)) for number in range(count)}
    assert counted.total() <= count + KILLS * window
    assert len(await server.events(run_id)) < 10 * count / window


async def test_a_map_over_ten_thousand_items_goes_on_in_its_window(server: ServerProcess, traces: Traces) -> None:
    run_id = await server.start_run(fan(10_000, node=traced(traces.path, "{{ item }}")))
    await goes_on_in_its_window(server, traces, run_id, 10_000, WINDOW)


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
async def test_a_map_of_workflows_goes_on_in_its_window(server: ServerProcess, traces: Traces, count: int) -> None:
    child = await server.workflow(each(traces.path))
    run_id = await server.start_run(fan(count, workflow={"workflow_id": child}))
    await goes_on_in_its_window(server, traces, run_id, count, WORKFLOWS)
