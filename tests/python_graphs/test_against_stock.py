"""Every graph of the project under Milepost and under LangGraph alone with its SQLite saver: the same comes of it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command

from milepost.checkpoints.plain import to_json
from milepost.graphs.python.places import node_of
from milepost.graphs.python.program import PythonProgram
from milepost.server.errors import InvalidState, PauseOvertaken
from milepost.server.runs.control import Resume
from tests.engine.conftest import ACTOR, opened
from tests.python_graphs.conftest import GraphBench, of
from tests.python_graphs.random_graphs import COUNT

ANY = frozenset({"node.started", "node.completed", "node.retrying", "checkpoint.saved", "run.completed", "run.failed"})
TOLD = frozenset({"run.completed", "run.failed", "run.waiting", "run.paused"})


@dataclass
class Told:
    """What came of a run. Nodes that run beside one another end in no order, so they are told by their step."""

    values: Any = None
    steps: dict[int, list[str]] = field(default_factory=dict)
    """Ended nodes of the graph itself, by step."""
    inside: list[str] = field(default_factory=list)
    """Ended nodes of graphs inside it, those of one name in any order."""
    asked: list[list[str]] = field(default_factory=list)
    """What was asked each time that the run waited."""
    error: tuple[str, str] | None = None

    def ended(self, step: int, node_id: str) -> None:
        """A node has ended. What handles an error stands beside its node there and inside it here."""
        if "__error_handler__" in node_id:
            return
        if "/" in node_id:
            self.inside = sorted([*self.inside, node_id])
        else:
            self.steps[step] = sorted([*self.steps.get(step, []), node_id])


def text(value: Any) -> str:
    """A question's value as JSON."""
    return orjson.dumps(to_json(value).data, option=orjson.OPT_SORT_KEYS).decode()


async def bare(program: PythonProgram, given: Mapping[str, Any], answers: Mapping[str, Any], path: Path) -> Told:
    """What LangGraph alone makes of it."""
    told = Told()
    config: Any = {"configurable": {"thread_id": "1"}}
    async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
        graph = copy(program.graph)
        graph.checkpointer = saver
        next_input: Any = given
        try:
            while True:
                await _steps(graph, next_input, config, told)
                state = await graph.aget_state(config)
                if not state.next:
                    break
                values = [text(each.value) for each in state.interrupts]
                told.asked.append(sorted(values))
                resume = {each.id: answers[text(each.value)] for each in state.interrupts}
                next_input = Command(resume=resume) if resume else None
        except Exception as error:  # noqa: BLE001 - whatever it raises is compared
            told.error = (type(error).__name__, timeless(str(error)))
        saved = await saver.aget_tuple(config)
        told.values = program.state(saved.checkpoint["channel_values"]) if saved else None
    return told


async def _steps(graph: Any, given: Any, config: Any, told: Told) -> None:
    async for ns, chunk in graph.astream(given, config, stream_mode="debug", subgraphs=True):
        if chunk["type"] == "task_result":
            result = chunk["payload"]
            if result["error"] is None and not result["interrupts"]:
                told.ended(chunk["step"], "/".join([*filter(None, [node_of("|".join(ns))]), result["name"]]))


async def ours(
    graphs: GraphBench, name: str, given: Mapping[str, Any], answers: Mapping[str, Any], rng: Random | None = None
) -> Told:
    """What a run here makes of it; with ``rng`` it is paused again and again on its way."""
    told, after = Told(), 0
    run_id = await graphs.run(name, given)
    disturbing = asyncio.ensure_future(_disturb(graphs, run_id, rng)) if rng else None
    while (event := await graphs.until(run_id, *TOLD, after=after))["type"] in ("run.waiting", "run.paused"):
        after = event["seq"]
        rows = (await graphs.app.read.status(graphs.project, run_id, 0))["interrupts"]
        told.asked.append(sorted(text(each["value"]) for each in rows))
        resume = {each["interrupt_id"]: answers[text(each["value"])] for each in rows}
        with suppress(InvalidState):
            # Where it is paused meanwhile, an event of that may be seen when the run goes on already.
            await graphs.app.control.resume(ACTOR, graphs.project, run_id, Resume(answers=resume or None))
    if disturbing is not None:
        await disturbing
    for event in await graphs.events(run_id):
        if event["type"] == "node.completed":
            told.ended(event["data"]["step"], event["node_id"])
    run = await graphs.app.store.run(run_id)
    if run.error is not None:
        error = orjson.loads(run.error)
        told.error = (error["type"], timeless(error["message"]))
    point = await graphs.app.history.checkpoint(graphs.project, run_id, run.checkpoint_id or "")
    told.values = fields(point["values"])
    return told


async def _disturb(graphs: GraphBench, run_id: str, rng: Random) -> None:
    """Pause a run a few times, each after a few of its events."""
    after = 0
    for _ in range(rng.randint(1, 4)):
        for _ in range(rng.randint(1, 6)):
            event = await graphs.until(run_id, *ANY, after=after)
            after = event["seq"]
            if event["type"] in ("run.completed", "run.failed"):
                return
        with suppress(InvalidState, PauseOvertaken):
            await graphs.app.control.pause(ACTOR, graphs.project, run_id, rng.choice(["now", "step"]))


def timeless(message: str) -> str:
    """An error's message without how long something took."""
    return message.partition(" (elapsed")[0]


def fields(shown: Any) -> Any:
    """A state as it is shown, without the names of classes, which a history does not construct."""
    if isinstance(shown, dict):
        return (
            fields(shown["contents"])
            if shown.keys() == {"type", "contents"}
            else {k: fields(v) for k, v in shown.items()}
        )
    return [fields(each) for each in shown] if isinstance(shown, list) else shown


NAME, LIST, MANY, AFTER, WHICH = (
    text(value)
    for value in (
        "What is your name?",
        ["anything", {"goes": True}],
        {
            "question": "How many?",
            "schema": {"type": "integer", "minimum": 1},
            "assignees": ["ada"],
            "kind": "time",
            "until": 1,
        },
        "And after that?",
        "Which?",
    )
)

CASES: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
    ("chain", {"topic": "ships"}, {}),
    ("looped", {}, {}),
    ("short", {}, {}),
    ("handled", {"ran": []}, {}),
    ("limited", {"ran": []}, {}),
    ("swallowing", {"ran": []}, {}),
    ("unkept_inside", {"ran": []}, {}),
    ("asks_in_thread", {"ran": []}, {WHICH: "this"}),
    ("fan", {"words": ["a", "bc", "def", "a"]}, {}),
    ("wide", {"ran": []}, {}),
    ("nested", {"text": " Hello "}, {}),
    ("asking", {"answers": []}, {NAME: "Ada", LIST: [1], MANY: 3}),
    ("asks_inside", {"answers": []}, {MANY: 3, AFTER: {"that": "is all"}}),
    ("stops", {"ran": []}, {}),
    ("routed", {"n": 1}, {}),
    ("routed", {"n": 2}, {}),
    ("threads", {"threads": []}, {}),
    ("telling", {}, {}),
    ("failing", {}, {}),
    ("retried", {}, {}),
    ("agent", {"messages": [{"role": "user", "content": "How is the weather?", "id": "asked"}]}, {}),
    ("typed", {}, {}),
    ("made", {}, {}),
    ("made_later", {}, {}),
    ("in_graphs", {}, {}),
]


IDS = [f"{name} {given.get('n', '')}".strip() for name, given, _ in CASES]


@pytest.mark.parametrize(("name", "given", "answers"), CASES, ids=IDS)
async def test_a_graph_behaves_as_under_langgraph_alone(
    graphs: GraphBench, tmp_path: Path, name: str, given: Mapping[str, Any], answers: Mapping[str, Any]
) -> None:
    program = graphs.app.python.current(graphs.workflow_id(name))
    assert program is not None
    here, there = await ours(graphs, name, given, answers), await bare(program, given, answers, tmp_path / "stock.db")
    if name == "threads":
        # The names of threads are not LangGraph's.
        here.values = there.values = None
    if name == "agent":
        for told in (here, there):
            for message in told.values["messages"]:
                message["id"] = None
    if name == "routed":
        # LangGraph tells nothing of a node that leaves its graph with a command to the one around it.
        here.inside = [node for node in here.inside if node != "inside/leaves"]
    assert here == there
    assert here.steps or here.error


class Echo(dict[str, str]):
    """Answers every question with itself."""

    def __missing__(self, question: str) -> str:
        return f"answer to {question}"


@pytest.fixture
async def randoms(tmp_path: Path) -> AsyncIterator[GraphBench]:
    """An app that serves the random graphs."""
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(Path(__file__).with_name("random_graphs.py"), project / "randomly_made.py")
    graphs = {f"graph_{seed}": f"./randomly_made.py:graph_{seed}" for seed in range(COUNT)}
    (project / "langgraph.json").write_bytes(orjson.dumps({"graphs": graphs}))
    async with opened(tmp_path / "data", shutdown_grace=1.0, config=project) as bench:
        yield of(bench)


async def test_random_graphs_behave_as_under_langgraph_alone(randoms: GraphBench, tmp_path: Path) -> None:
    ends = set()
    for seed in range(COUNT):
        name = f"graph_{seed}"
        program = randoms.app.python.current(randoms.workflow_id(name))
        assert program is not None
        here = await ours(randoms, name, {"log": []}, Echo())
        there = await bare(program, {"log": []}, Echo(), tmp_path / f"{seed}.db")
        assert here == there, seed
        ends.add((here.error is None, bool(here.asked), bool(here.inside)))
    assert len(ends) > 4


async def test_random_graphs_that_are_paused_on_their_way_come_to_the_same(randoms: GraphBench, tmp_path: Path) -> None:
    paused = 0
    for seed in range(COUNT):
        name = f"graph_{seed}"
        program = randoms.app.python.current(randoms.workflow_id(name))
        assert program is not None
        here = await ours(randoms, name, {"log": []}, Echo(), Random(seed))
        there = await bare(program, {"log": []}, Echo(), tmp_path / f"{seed}.db")
        paused += here.asked != there.asked
        here.asked = there.asked
        if here.error is not None:
            # Which siblings of a node that fails have ended by then is chance.
            here.steps, here.inside = there.steps, there.inside
        assert here == there, seed
    assert paused
