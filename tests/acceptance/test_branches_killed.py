"""Servers die and leave in the middle of branches side by side: what completed stays, what waits goes on waiting."""

import json
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.definitions import Definition, trace
from tests.acceptance.killing import kill_often
from tests.acceptance.process import ENDED, RUNS, ServerProcess
from tests.acceptance.snapshot import Snapshot
from tests.acceptance.test_nothing_lost import check_all_complete
from tests.acceptance.traces import Traces

pytestmark = pytest.mark.timeout(300)

AT_ONCE = 8

INNER = 4
"""Stages of the workflow inside."""

LATER = 10
"""Seconds of a long wait: enough for two restarts before it is over."""

FATAL = pytest.mark.parametrize("fatal", [True, False], ids=["SIGKILL", "SIGTERM"])


def edges(text: str) -> list[dict[str, str]]:
    """Edges written like `a>b>c b>d`."""
    chains = [chain.split(">") for chain in text.split()]
    return [{"source": source, "target": target} for chain in chains for source, target in pairwise(chain)]


def output(value: Any) -> dict[str, Any]:
    """The node called `z`, which gives the run's output."""
    return {"id": "z", "type": "output", "config": {"value": value}}


async def stop(server: ServerProcess, fatal: bool) -> Snapshot:
    """Kill the server, or let it leave in good order; what it left on disk."""
    if fatal:
        await server.kill()
    else:
        code, _ = await server.terminate()
        assert code == 0
    return Snapshot(server.data)


SHAPE = (
    "s{0}>a{0}>b{0}>x{0}>y{0}>k{0}>l{0}>s{1} b{0}>u{0}>v{0}>k{0} "  # a branch with two more inside
    "s{0}>p{0}>q{0}>r{0}>s{1} s{0}>m{0}>n{0}>s{1}"
)
"""One stage: three branches side by side."""

SECONDS = {"a": 0.004, "b": 0.006, "x": 0.012, "y": 0.003, "u": 0.002, "v": 0.011, "k": 0.0, "l": 0.005}
SECONDS |= {"p": 0.009, "q": 0.013, "r": 0.002, "m": 0.017, "n": 0.001}


def stages(count: int, file: Path, place: str = "") -> tuple[list[dict[str, Any]], str]:
    """Nodes and edges of so many stages one after the other, s0 to s<count>; ``place`` leads the traces' names."""
    names = {"s0": 0.0}
    for number in range(count):
        names |= {f"{name}{number}": seconds for name, seconds in SECONDS.items()} | {f"s{number + 1}": 0.0}
    nodes = [trace(name, file, seconds, text="{{ run.id }} " + place + name) for name, seconds in names.items()]
    return nodes, " ".join(SHAPE.format(number, number + 1) for number in range(count))


def inner(file: Path) -> Definition:
    """What runs inside the node ``w``."""
    nodes, shape = stages(INNER, file, "w/")
    shape += f" s{INNER}>z"
    return {
        "name": "inner",
        "nodes": [*nodes, output({"text": f"{{{{ outputs.s{INNER}.text }}}}"})],
        "edges": edges(shape),
    }


def outer(count: int, file: Path, child: str) -> Definition:
    """Stages, and beside them a branch in which a workflow runs."""
    nodes, shape = stages(count, file)
    child_node = {"id": "w", "type": "subworkflow", "config": {"workflow_id": child, "input": {}}}
    texts = output([f"{{{{ outputs.{name}.text }}}}" for name in ("w", "w2", f"s{count}")])
    shape += f" s0>w>w2>j s{count}>j>z"
    return {
        "name": "outer",
        "nodes": [*nodes, child_node, trace("w2", file), trace("j", file), texts],
        "edges": edges(shape),
    }


def ids(count: int, place: str = "") -> set[str]:
    """The nodes of ``stages``."""
    return {f"{place}{node['id']}" for node in stages(count, Path())[0]}


@pytest.mark.parametrize("kills", [4, pytest.param(30, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
async def test_no_completed_node_of_a_branch_runs_again(server: ServerProcess, traces: Traces, kills: int) -> None:
    count = 2 * kills
    child = await server.workflow(inner(traces.path))
    run_ids = await server.runs(await server.workflow(outer(count, traces.path, child)), AT_ONCE)
    await kill_often(server, traces, kills, most=16 * AT_ONCE)
    await traces.until(lambda _: {(run_id, "j") for run_id in run_ids} <= traces.counted().keys(), within=300)
    await server.terminate()
    traced = ids(count) | ids(INNER, "w/") | {"w2", "j"}
    end = check_all_complete(server.data, run_ids, len(traced) + 3)
    for run_id in run_ids:
        given = json.loads(end.columns[run_id]["output"])
        assert given == [f"{run_id} {name}" for name in (f"w/s{INNER}", "w2", f"s{count}")]
    counted = traces.counted()
    assert counted.keys() == {(run_id, name) for run_id in run_ids for name in traced}
    assert max(counted.values()) <= 1 + kills


# What waits.

WORK = [f"p{number}" for number in range(8)]


def beside_work(name: str, file: Path, **waits: Mapping[str, Any]) -> Definition:
    """Branches that wait, each with a node after it, beside one that works. ``waits``: type and config by node id."""
    nodes = [trace("s", file), *(trace(each, file, 0.15) for each in WORK), trace("j", file)]
    nodes += [{"id": node_id, **wait} for node_id, wait in waits.items()]
    nodes += [trace(f"{node_id}2", file) for node_id in waits]
    shape = [f"s>{'>'.join(WORK)}>j", *(f"s>{node_id}>{node_id}2>j" for node_id in waits), "j>z"]
    value = {node_id: f"{{{{ outputs.{node_id} }}}}" for node_id in waits}
    return {"name": name, "nodes": [*nodes, output(value)], "edges": edges(" ".join(shape))}


ASK = {"type": "approval", "config": {"question": "Who?", "schema": {"type": "string"}}}

TAKE = {"type": "wait_event", "config": {"event": "item"}}

SLEEP = {"type": "wait", "config": {"seconds": LATER}}


def fails_once(file: Path) -> dict[str, Any]:
    """A node whose second try is due in a while."""
    retry = {"max_attempts": 2, "initial_interval": LATER, "max_interval": LATER, "jitter": False}
    return trace("r", file, fail_first=1) | {"retry": retry}


async def give(server: ServerProcess, run_id: str, waits: Mapping[str, Any]) -> None:
    """Answer and send whatever a run waits for."""
    if "q" in waits:
        (asked,) = (await server.status(run_id))["interrupts"]
        response = await server.post(f"/{run_id}/resume", {"answers": {asked["interrupt_id"]: "me"}})
        assert response.status_code == 202, response.text
    if "e" in waits:
        response = await server.client.post(f"{RUNS}/{run_id}/events/item", json={"n": 1})
        assert response.status_code == 202, response.text


@FATAL
async def test_what_waits_beside_a_branch_that_works_outlives_stops(
    server: ServerProcess, traces: Traces, fatal: bool
) -> None:
    forms: list[dict[str, Any]] = [{"q": ASK}, {"e": TAKE}, {"t": SLEEP}, {"r": fails_once(traces.path)}]
    forms.append({**forms[0], **forms[1], **forms[2]})
    runs = {await server.start_run(beside_work(" ".join(form), traces.path, **form)): form for form in forms}
    for run_id, form in runs.items():
        for node_id in form:
            await server.until(run_id, "node.waiting", "node.retrying", node=node_id)
    in_the_middle = await stop(server, fatal)
    first = traces.counted()
    # On a slow machine the work of the first runs may be over.
    statuses = set(in_the_middle.statuses.values())
    stopped = "RUNNING" if fatal else "QUEUED"
    assert stopped in statuses
    assert statuses <= {stopped, "WAITING"}
    await server.start()
    for run_id in runs:
        await server.until(run_id, "run.waiting", *ENDED)
    parked = await stop(server, fatal)
    before = [(in_the_middle, first), (parked, traces.counted())]
    # Where a restart takes as long as the wait, the time has come before.
    timed = {run_id for run_id, form in runs.items() if form.keys() & {"t", "r"}}
    assert {status for run_id, status in parked.statuses.items() if run_id not in timed} == {"WAITING"}
    await server.start()
    for run_id, form in runs.items():
        await give(server, run_id, form)
    for run_id, form in runs.items():
        run = await server.ended(run_id)
        assert run["status"] == "COMPLETED"
        expected = {"q": {"answer": "me"}, "e": {"n": 1}, "r": {"text": f"{run_id} r"}}
        given = {node_id: value for node_id, value in run["output_data"].items() if node_id != "t"}
        assert given == {node_id: expected[node_id] for node_id in form if node_id != "t"}
    await server.terminate()
    counted = traces.counted()
    for run_id, form in runs.items():
        left = {"s", *WORK, "j", *(f"{node_id}2" for node_id in form), *({"r"} & form.keys())}
        assert {name for run, name in counted if run == run_id} == left
    for snapshot, times in before:
        completed = snapshot.completed() & counted.keys()
        assert {key: counted[key] for key in completed} == {key: times[key] for key in completed}
    repeated = Counter(run_id for (run_id, name), times in counted.items() if times > 1)
    assert max(repeated.values(), default=0) <= (1 if fatal else 0)
    end = Snapshot(server.data)
    for run_id, form in runs.items():
        types = Counter((event.type, event.node_id) for event in end.events[run_id])
        told = {name for kind, name in types if kind == "node.completed"}
        assert told == {"s", *WORK, "j", "z", *form, *(f"{node_id}2" for node_id in form)}
        assert all(times == 1 for (kind, _), times in types.items() if kind in ("node.completed", "run.completed"))


@FATAL
async def test_questions_of_several_branches_are_answered_one_by_one_across_stops(
    server: ServerProcess, traces: Traces, fatal: bool
) -> None:
    asked = ("q", "r", "t")
    run_id = await server.start_run(beside_work("several", traces.path, **dict.fromkeys(asked, ASK)))
    for node_id in asked:
        await server.until(run_id, "node.waiting", node=node_id)
    for number, node_id in enumerate(asked):
        # The first answer comes while the other branch works, the others while the run is parked or on its way there.
        questions = {each["node_id"]: each["interrupt_id"] for each in (await server.status(run_id))["interrupts"]}
        assert set(questions) == set(asked[number:])
        response = await server.post(f"/{run_id}/resume", {"answers": {questions[node_id]: f"answer {node_id}"}})
        assert response.status_code == 202, response.text
        await stop(server, fatal)
        await server.start()
        last = node_id == asked[-1]
        await server.until(run_id, "run.completed" if last else "node.completed", node=None if last else node_id)
    run = await server.ended(run_id)
    assert run["output_data"] == {node_id: {"answer": f"answer {node_id}"} for node_id in asked}
    await server.terminate()
    end = check_all_complete(server.data, [run_id], 2 + len(WORK) + 1 + 2 * len(asked))
    counted = Counter(event.node_id for event in end.events[run_id] if event.type == "node.completed")
    assert set(counted.values()) == {1}
    # Nodes that a kill met between their end and its commit run again.
    assert {name for name, _ in Counter(traces.of(run_id)).items()} == {"s", *WORK, "j", *(f"{a}2" for a in asked)}
    assert max(Counter(traces.of(run_id)).values()) <= (2 if fatal else 1)
