"""What a run shows at each of its checkpoints is written down while it runs, and compared with what is told later."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.graphs.programs import Programs
from milepost.server.engine.durations import stored_expectation
from milepost.server.engine.nodes import OVER
from milepost.server.runs.past import progress_of
from milepost.server.runs.programs import ProgramSource
from milepost.server.runs.travel import Travel
from milepost.server.states import NodeStatus, RunStatus
from milepost.server.store.rows import NodeState, Run
from milepost.server.store.unit import Unit
from milepost.server.store.writer import Commit
from tests.engine.conftest import ACTOR, Bench
from tests.engine.test_estimates import told
from tests.engine.test_regions import answer, ask, resume, waiting
from tests.probes import registry
from tests.unit.graphs import test_nested_shapes, test_shapes
from tests.unit.graphs.recording import condition, graph, node
from tests.unit.graphs.test_nested_shapes import fan, sub
from tests.unit.graphs.test_shapes import counter, failing

STATES = """SELECT node_id, status, progress, attempt, iterations, started_at, completed_at FROM node_states
WHERE run_id = ?"""
ITEMS = """SELECT i.node_id, i.item, i.status, i.output FROM node_items i JOIN node_states s
ON s.run_id = i.run_id AND s.node_id = i.node_id AND s.iterations = i.iteration WHERE i.run_id = ? ORDER BY 1, 2"""
PROGRESS = "SELECT progress FROM workflow_runs WHERE run_id = ?"


@dataclass(frozen=True)
class Moment:
    """What a run showed when a checkpoint had been saved and nothing had begun from it."""

    states: dict[str, NodeState]
    items: list[tuple[Any, ...]]
    progress: float


NOTHING = Moment({}, [], 0.0)


@dataclass
class Record:
    """Reads rows in the writer's thread, where nothing can follow before they are read."""

    file: Path
    moments: dict[tuple[str, str], Moment] = field(default_factory=dict)

    def __call__(self, commit: Commit) -> None:
        newest = {event.run_id: event.seq for event in commit.events}
        saved = [event for event in commit.events if event.type == "checkpoint.saved"]
        if not saved:
            return
        connection = sqlite3.connect(self.file)
        for event in saved:
            data = orjson.loads(event.data)
            shown = NOTHING if data["step"] < 0 else _read(connection, event.run_id)
            # LangGraph does not wait for the first checkpoint of an attempt: what follows may be in the rows.
            begun = any(_begun(shown.states.get(node_id)) for node_id in data["next"])
            if data["step"] < 0 or (event.seq == newest[event.run_id] and not begun):
                self.moments[event.run_id, data["checkpoint_id"]] = shown
        connection.close()


def _begun(state: NodeState | None) -> bool:
    return state is not None and state.status is NodeStatus.RUNNING


def _read(connection: sqlite3.Connection, run_id: str) -> Moment:
    states = [NodeState(row[0], NodeStatus(row[1]), *row[2:]) for row in connection.execute(STATES, (run_id,))]
    (progress,) = connection.execute(PROGRESS, (run_id,)).fetchone()
    return Moment(
        {state.node_id: state for state in states if state.iterations or state.status is NodeStatus.SKIPPED},
        connection.execute(ITEMS, (run_id,)).fetchall(),
        progress,
    )


@dataclass
class Shape:
    """A definition, and the workflows that it names."""

    name: str
    definition: dict[str, Any]
    input: dict[str, Any] = field(default_factory=dict)
    workflows: dict[str, dict[str, Any]] = field(default_factory=dict)


LOOP = test_nested_shapes.WORKFLOWS["loop"]
AGAIN = "variables.n < 3"
UP_TO_N = "{{ range(variables.n) }}"


def rounds(*inside: dict[str, Any] | str, edges: str) -> dict[str, Any]:
    """Three rounds of what stands between `b` and `again`."""
    end = [condition("again", AGAIN), node("z")]
    return graph(node("s"), counter("b"), *inside, *end, edges=f"s>b {edges} again>b:true again>z:false")


def flaky(name: str) -> dict[str, Any]:
    """A node that fails in each run of its workflow but the last one."""
    return node(name, "process", operation="pick", value="{{ {'a': 1} if input.n > 2 else 2 }}", fields=["a"])


SPOILT = graph("a", "a2", flaky("x"), "e", edges="a>a2 a2>x x>e")
ONCE = graph("a", counter("b"), condition("c", "variables.n < 2"), "d", "e", edges="a>b b>c c>b:true c>d:false d>e")
SHORT = {**graph("a", node("w", "wait", seconds=4), "e", edges="a>w w>e"), "timeout": 0.4}
LONG = graph(node("w", "wait", seconds=4), "e", edges="w>e")
CHOSEN = graph(
    "s",
    counter("b"),
    condition("c", "variables.n == 1"),
    "one",
    "two",
    condition("again", AGAIN),
    edges="s>b b>c c>one:true c>two:false one>again two>again again>b:true",
)
TWICE = {"max_attempts": 2, "initial_interval": 0}

SHAPES = [
    Shape("a chain in a cycle", rounds(node("c"), edges="b>c c>again")),
    Shape(
        "branches in a cycle, one of them chosen",
        rounds(
            node("p"),
            node("p2"),
            condition("q", "variables.n == 2"),
            node("q2"),
            node("q3"),
            node("j"),
            edges="b>p p>p2 b>q q>q2:true q>q3:false p2>j q2>j q3>j j>again",
        ),
    ),
    Shape(
        "a cycle in a branch",
        graph(
            "s",
            counter("b"),
            condition("again", AGAIN),
            "x",
            "p",
            "p2",
            "j",
            edges="s>b b>again again>b:true again>x:false x>j s>p p>p2 p2>j",
        ),
    ),
    Shape(
        "a cycle in a branch in a cycle",
        graph(
            "s",
            {"id": "o", "type": "process", "config": {}, "set": {"o": "{{ (variables.o or 0) + 1 }}", "n": "{{ 0 }}"}},
            counter("b"),
            condition("again", "variables.n < 2"),
            "p",
            "p2",
            "j",
            condition("over", "variables.o < 3"),
            "z",
            edges="s>o o>b b>again again>b:true again>j:false o>p p>p2 p2>j j>over over>o:true over>z:false",
        ),
    ),
    Shape("a workflow in a cycle", rounds(sub("w", "chain"), edges="b>w w>again")),
    Shape("a cycle in a workflow in a cycle", rounds(sub("w", "loop"), edges="b>w w>again")),
    Shape("a workflow in a workflow in a cycle", rounds(sub("w", "outer"), node("c"), edges="b>w w>c c>again")),
    Shape("a choice in a workflow in a cycle", rounds(sub("w", "chosen"), edges="b>w w>again")),
    Shape(
        "a workflow that is left out in one round",
        rounds(condition("q", "variables.n == 2"), sub("w", "outer"), edges="b>q q>w:true q>again:false w>again"),
    ),
    Shape(
        "a workflow that is tried again in a cycle",
        rounds(sub("w", "spoilt", {"n": "{{ variables.n }}"}, retry=TWICE, on_error="continue"), edges="b>w w>again"),
    ),
    Shape(
        "a workflow that takes too long in a cycle",
        rounds(sub("w", "short", on_error="continue"), sub("v", "once"), edges="b>w w>v v>again"),
    ),
    Shape(
        "a workflow that takes too long beside another",
        graph(
            "s",
            sub("w", "long", timeout=0.02, on_error="continue"),
            sub("v", "once"),
            "j",
            edges="s>w s>v w>j v>j",
        ),
    ),
    Shape("a failure that is handled in a cycle", rounds(failing("x"), "h", edges="b>x x>h:error h>again")),
    Shape("a map in a cycle", rounds(fan("f", UP_TO_N), edges="b>f f>again")),
    Shape("a map of workflows with cycles in a cycle", rounds(fan("f", UP_TO_N, "loop"), edges="b>f f>again")),
    Shape(
        "a map in a workflow in a cycle",
        rounds(sub("w", "rows", {"item": UP_TO_N}), edges="b>w w>again"),
    ),
    Shape(
        "maps beside each other in a cycle",
        rounds(
            fan("f", UP_TO_N),
            fan("g", "{{ range(4 - variables.n) }}"),
            node("j"),
            edges="b>f b>g f>j g>j j>again",
        ),
    ),
]
for _each in SHAPES:
    _each.workflows = {**test_nested_shapes.WORKFLOWS, "spoilt": SPOILT, "once": ONCE, "short": SHORT, "long": LONG}
    _each.workflows["chosen"] = CHOSEN

TABLES = [
    *SHAPES,
    *(Shape(each.name, each.definition, each.input) for each in test_shapes.SHAPES),
    *(
        Shape(each.name, each.definition, each.input, test_nested_shapes.WORKFLOWS)
        for each in test_nested_shapes.SHAPES
    ),
]


async def stored(bench: Bench, definition: Mapping[str, Any], workflows: Mapping[str, Any]) -> str:
    """The id of a new workflow, after those that it names."""
    named = {value for value in _named(definition) if value in workflows}
    text = orjson.dumps(definition).decode()
    for name in named:
        child = await stored(bench, workflows[name], workflows)
        text = text.replace(f'"workflow_id":"{name}"', f'"workflow_id":"{child}"')
    created = await bench.app.workflows.create(bench.project, "shape", "", orjson.loads(text))
    return str(created["workflow_id"])


def _named(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        found = [value["workflow_id"]] if "workflow_id" in value else []
        return found + [name for inner in value.values() for name in _named(inner)]
    return [name for inner in value for name in _named(inner)] if isinstance(value, list) else []


def recorded(bench: Bench) -> Record:
    """Write down from now on."""
    record = Record(bench.app.settings.database)
    bench.app.store.on_commit(record)
    return record


async def items(bench: Bench, run_id: str) -> list[tuple[Any, ...]]:
    """Items as the route shows them."""
    found: list[tuple[Any, ...]] = []
    for state in await bench.app.store.node_states(run_id):
        page = await bench.app.read.items(bench.project, run_id, state.node_id, failed=None, limit=1000, after=-1)
        found += [(row["node_id"], row["item"], row["status"], _text(row["output"])) for row in page["items"]]
    return sorted(found)


def _text(fragment: Any) -> str | None:
    return None if fragment is None else bytes(orjson.dumps(fragment)).decode()


async def rows(bench: Bench, run_id: str) -> dict[str, NodeState]:
    """The run's node states."""
    return {row.node_id: row for row in await bench.app.store.node_states(run_id)}


async def compare(bench: Bench, record: Record, run: Run, *, forks: bool = True) -> int:
    """Assert that each checkpoint tells what was shown at it, and that a fork there starts with it: how many do."""
    programs = ProgramSource(bench.app.store, Programs(registry()), bench.app.python)
    travel, program = Travel(bench.app.store, programs), await programs.of_run(run)
    moments = {point: moment for (run_id, point), moment in record.moments.items() if run_id == run.run_id}
    without_history = stored_expectation(None, program)
    for point, moment in moments.items():
        states = await travel.states(run, program, point)
        assert {state.node_id: state for state in states} == moment.states
        if run.parent_run_id is None:
            assert progress_of(without_history, program, states) <= moment.progress
        if not forks:
            continue
        child = await bench.app.fork.fork(ACTOR, bench.project, run.run_id, point)
        assert await rows(bench, child.run_id) == moment.states
        assert await items(bench, child.run_id) == sorted(moment.items)
        assert child.progress == await travel.progress(run, program, states)
    return len(moments)


@pytest.mark.parametrize("shape", TABLES, ids=lambda shape: shape.name)
async def test_progress_only_grows_and_every_checkpoint_tells_what_was_shown_at_it(bench: Bench, shape: Shape) -> None:
    record = recorded(bench)
    workflow_id = await stored(bench, shape.definition, shape.workflows)
    run = await bench.ended(await bench.start_again(workflow_id, shape.input))
    assert run.status is RunStatus.COMPLETED, run.error
    assert await compare(bench, record, run, forks=shape in SHAPES) > 1
    shown = [moment.progress for (run_id, _), moment in record.moments.items() if run_id == run.run_id]
    assert shown == sorted(shown)
    again = await bench.ended(await bench.start_again(workflow_id, shape.input))
    for run_id in (run.run_id, again.run_id):
        progress = await told(bench, run_id)
        assert progress == sorted(progress)
        assert progress[-1] == 1
        assert max(progress[:-1]) < 1


def outline(states: Mapping[str, NodeState]) -> dict[str, tuple[str, int]]:
    """Status and iterations of each node that ended by itself: how far others come in time is chance."""
    return {name: (state.status.value, state.iterations) for name, state in states.items() if state.status in OVER}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
async def test_forks_from_every_checkpoint_come_to_the_same_end(bench: Bench, shape: Shape) -> None:
    record = recorded(bench)
    run = await bench.ended(await bench.start_again(await stored(bench, shape.definition, shape.workflows)))
    points = [point for _, point in record.moments]
    for point in points[::3]:
        forked = await bench.app.fork.fork(ACTOR, bench.project, run.run_id, point, execute=True)
        child = await bench.ended(forked.run_id)
        assert child.output == run.output
        assert outline(await rows(bench, child.run_id)) == outline(await rows(bench, run.run_id))
        assert await items(bench, child.run_id) == await items(bench, run.run_id)
        if point == points[3]:
            await compare(bench, record, child)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
async def test_time_travel_shows_what_was_shown(bench: Bench, shape: Shape) -> None:
    record = recorded(bench)
    last = shape.definition["nodes"][-1]["id"]
    definition = {
        **shape.definition,
        "nodes": [*shape.definition["nodes"], ask("last")],
        "edges": [*shape.definition["edges"], {"source": last, "target": "last"}],
    }
    run_id = await bench.start_again(await stored(bench, definition, shape.workflows))
    await waiting(bench, run_id)
    before = outline(await rows(bench, run_id)), await items(bench, run_id)
    await bench.app.control.pause(ACTOR, bench.project, run_id)
    travel = Travel(bench.app.store, ProgramSource(bench.app.store, Programs(registry()), bench.app.python))
    (_, first), *later = record.moments
    for _, point in reversed(later[:-1]):
        back = await travel.to(await bench.app.store.run(run_id), point)
        assert back is not None
        await bench.app.store.commit(Unit([*back.statements]))
        moment = record.moments[run_id, point]
        assert await rows(bench, run_id) == moment.states
        assert await items(bench, run_id) == sorted(moment.items)
        assert (await bench.app.store.run(run_id)).progress <= moment.progress
    resumed = await resume(bench, run_id, first)
    await waiting(bench, run_id, after=resumed.last_seq)
    assert (outline(await rows(bench, run_id)), await items(bench, run_id)) == before
    await answer(bench, run_id)
    run = await bench.ended(run_id)
    assert run.status is RunStatus.COMPLETED
    await compare(bench, record, run)
