"""Branches that do not wait for one another: asked, paused, killed, forked and travelled in the middle of several."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.graphs import NodeType
from milepost.server.app import DEFAULT_SLUG, build, prepare
from milepost.server.config import load_settings
from milepost.server.errors import HasOpenQuestions
from milepost.server.runs.control import Paused, Resume
from milepost.server.states import RunStatus
from milepost.server.store.rows import Run
from tests.engine.conftest import ACTOR, Bench, opened
from tests.probes import registry

TEN = [f"p{number}" for number in range(10)]


def trace(name: str, file: Path, seconds: float = 0.0) -> dict[str, Any]:
    """A node that leaves its name in a file when it ends."""
    return {"id": name, "type": "trace", "config": {"file": str(file), "text": name, "seconds": seconds}}


def ask(name: str) -> dict[str, Any]:
    """A node that asks a person."""
    return {"id": name, "type": "ask", "config": {"question": f"{name}?"}}


def edges(text: str) -> list[dict[str, str]]:
    """Edges written like `a>b>c b>d`."""
    chains = [chain.split(">") for chain in text.split()]
    return [{"source": source, "target": target} for chain in chains for source, target in pairwise(chain)]


def two_branches(file: Path, seconds: float = 0.0) -> dict[str, Any]:
    """One branch asks, the other has ten nodes; both end in `j`, and `z` gives what was answered."""
    slow = [trace(name, file, seconds) for name in TEN]
    output = {"id": "z", "type": "output", "config": {"value": "{{ outputs.q.answers }}"}}
    return {
        "nodes": [trace("s", file), ask("q"), trace("q2", file), *slow, trace("j", file), output],
        "edges": edges(f"s>q>q2>j s>{'>'.join(TEN)}>j j>z"),
    }


def ran(file: Path) -> Counter[str]:
    """How often each node came to its end."""
    return Counter(file.read_text().split())


EACH = Counter(dict.fromkeys(["s", "q2", *TEN, "j"], 1))


async def answer(bench: Bench, run_id: str, value: Any = 42) -> Run:
    """Answer the one open question."""
    return await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answer=value, has_answer=True))


async def resume(bench: Bench, run_id: str, checkpoint_id: str | None = None) -> Run:
    """Let a paused run go on."""
    return await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(checkpoint_id=checkpoint_id))


async def waiting(bench: Bench, run_id: str, after: int = 0) -> dict[str, Any]:
    """The event that says that the run is parked."""
    return await bench.until(run_id, "run.waiting", after=after)


async def completions(bench: Bench, run_id: str) -> Counter[str]:
    """How often each node was said to be completed."""
    events = await bench.events(run_id)
    return Counter(event["node_id"] for event in events if event["type"] == "node.completed")


async def test_all_of_one_branch_completes_while_the_other_asks(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    run_id = await bench.start(two_branches(file))
    told = await waiting(bench, run_id)
    assert [item["node_id"] for item in told["data"]["interrupts"]] == ["q"]
    statuses = await bench.statuses(run_id)
    assert {statuses[name] for name in TEN} == {"COMPLETED"}
    assert statuses["q"] == "WAITING"
    await answer(bench, run_id)
    run = await bench.ended(run_id)
    assert (run.status, orjson.loads(run.output or "null")) == (RunStatus.COMPLETED, [42])
    assert ran(file) == EACH
    assert await completions(bench, run_id) == EACH + Counter(["q", "z"])


async def test_an_answer_that_comes_while_the_other_branch_runs_is_used(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    run_id = await bench.start(two_branches(file, seconds=0.05))
    await bench.until_node(run_id, "node.waiting", "q")
    assert (await bench.app.store.run(run_id)).status is RunStatus.RUNNING
    run = await answer(bench, run_id, "early")
    assert run.status is RunStatus.RUNNING
    run = await bench.ended(run_id)
    assert (run.status, orjson.loads(run.output or "null")) == (RunStatus.COMPLETED, ["early"])
    assert ran(file) == EACH


async def test_nothing_of_a_branch_shows_outside(bench: Bench, tmp_path: Path) -> None:
    definition = two_branches(tmp_path / "trace")
    names = {node["id"] for node in definition["nodes"]}
    run_id = await bench.start(definition)
    await waiting(bench, run_id)
    await answer(bench, run_id)
    await bench.ended(run_id)
    events = await bench.events(run_id)
    assert {event["node_id"] for event in events} <= {*names, None}
    saved = [event["data"] for event in events if event["type"] == "checkpoint.saved"]
    assert all(set(data) == {"checkpoint_id", "step", "next"} and set(data["next"]) <= names for data in saved)
    assert [data["next"] for data in saved] == [["s"], ["q", "p0"], ["j"], ["z"], []]
    listed = await bench.app.history.checkpoints(bench.project, run_id, 100)
    assert [row.checkpoint_id for row in listed] == [data["checkpoint_id"] for data in reversed(saved)]
    assert {row.node_id for row in await bench.executions(run_id)} == names


async def shown_in_row(bench: Bench, run_id: str) -> Any:
    """What the run's row says of its checkpoint."""
    query = "SELECT checkpoint_json FROM workflow_runs WHERE run_id = :run_id"
    [[text]] = await asyncio.wrap_future(bench.app.store.reader.fetch(query, {"run_id": run_id}))
    return orjson.loads(text)


async def paused_in_the_middle(bench: Bench, file: Path, mode: Any) -> tuple[str, Run]:
    """A run whose first branch has asked and whose second is between p2 and p8, paused."""
    run_id = await bench.start(two_branches(file, seconds=0.05))
    await bench.until_node(run_id, "node.completed", "p2")
    outcome = await bench.app.control.pause(ACTOR, bench.project, run_id, mode)
    assert isinstance(outcome, Paused)
    assert outcome.run.status is RunStatus.PAUSED
    assert "p8" not in ran(file)
    return run_id, outcome.run


async def test_a_pause_at_a_step_stops_every_branch_at_its_next_step(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    run_id, run = await paused_in_the_middle(bench, file, "step")
    done = [name for name in TEN if ran(file)[name]]
    shown = await shown_in_row(bench, run_id)
    assert shown["next"] == ["q", TEN[len(done)]]
    assert set(shown["values"]["outputs"]) == {"s", *done}
    point = await bench.app.history.checkpoint(bench.project, run_id, run.checkpoint_id or "")
    assert set(point["values"]["outputs"]) == {"s", *done}
    await resume(bench, run_id)
    await waiting(bench, run_id)
    await answer(bench, run_id)
    assert (await bench.ended(run_id)).status is RunStatus.COMPLETED
    assert ran(file) == EACH


async def test_a_pause_now_repeats_only_what_was_executing(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    run_id, _ = await paused_in_the_middle(bench, file, "now")
    before = await completions(bench, run_id)
    shown = await shown_in_row(bench, run_id)
    assert set(before) == set(shown["values"]["outputs"])
    assert shown["next"] == ["q", TEN[len(before) - 1]]
    await resume(bench, run_id)
    await waiting(bench, run_id)
    await answer(bench, run_id)
    assert (await bench.ended(run_id)).status is RunStatus.COMPLETED
    assert await completions(bench, run_id) == EACH + Counter(["q", "z"])


async def test_an_answer_given_while_paused_is_used(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    run_id, _ = await paused_in_the_middle(bench, file, "step")
    run = await answer(bench, run_id, "in time")
    run = await bench.ended(run_id)
    assert orjson.loads(run.output or "null") == ["in time"]
    assert ran(file) == EACH


async def test_a_fork_in_the_middle_of_branches_goes_on_where_they_stood(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    run_id, run = await paused_in_the_middle(bench, file, "step")
    done = [name for name in TEN if ran(file)[name]]
    child = await bench.app.fork.fork(ACTOR, bench.project, run_id, run.checkpoint_id or "", execute=True)
    assert set(await bench.statuses(child.run_id)) >= {"s", *done}
    await waiting(bench, child.run_id)
    await answer(bench, child.run_id, "child")
    ended = await bench.ended(child.run_id)
    assert orjson.loads(ended.output or "null") == ["child"]
    assert set(await completions(bench, child.run_id)) == {"q", "q2", "j", "z", *TEN} - set(done)
    await resume(bench, run_id)
    await waiting(bench, run_id)
    await answer(bench, run_id, "parent")
    assert orjson.loads((await bench.ended(run_id)).output or "null") == ["parent"]
    expected = EACH + Counter(["q2", "j", *(name for name in TEN if name not in done)])
    assert ran(file) == expected


async def test_time_travel_to_before_the_branches_runs_them_again(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    run_id, _ = await paused_in_the_middle(bench, file, "step")
    done = [name for name in TEN if ran(file)[name]]
    first = (await bench.app.history.checkpoints(bench.project, run_id, 100))[-1]
    await resume(bench, run_id, first.checkpoint_id)
    await waiting(bench, run_id)
    await answer(bench, run_id, "again")
    assert orjson.loads((await bench.ended(run_id)).output or "null") == ["again"]
    assert ran(file) == EACH + Counter(["s", *done])


async def test_an_edit_is_refused_while_branches_are_on_their_way(bench: Bench, tmp_path: Path) -> None:
    run_id, _ = await paused_in_the_middle(bench, tmp_path / "trace", "step")
    with pytest.raises(HasOpenQuestions):
        await bench.app.edit.edit(ACTOR, bench.project, run_id, {"outputs": {"s": {"text": "other"}}})


async def test_a_server_that_stops_in_the_middle_of_branches_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "trace"
    async with opened(tmp_path / "data", shutdown_grace=5.0) as bench:
        run_id = await bench.start(two_branches(file, seconds=0.05))
        await bench.until_node(run_id, "node.completed", "p2")
    stopped = ran(file)
    assert (stopped["p2"], stopped["p9"]) == (1, 0)
    async with opened(tmp_path / "data") as bench:
        await waiting(bench, run_id)
        await answer(bench, run_id)
        assert (await bench.ended(run_id)).status is RunStatus.COMPLETED
    assert ran(file) == EACH


async def test_a_crash_in_the_middle_of_branches_repeats_only_what_was_not_on_disk(tmp_path: Path) -> None:
    file = tmp_path / "trace"
    async with crashing(tmp_path / "data") as bench:
        run_id = await bench.start(two_branches(file, seconds=0.05))
        await bench.until_node(run_id, "node.completed", "p2")
    async with opened(tmp_path / "data") as bench:
        recovered = await bench.until(run_id, "run.recovered")
        told = [event for event in await bench.events(run_id) if event["seq"] < recovered["seq"]]
        done = {event["node_id"] for event in told if event["type"] == "node.completed"}
        assert "p2" in done
        assert "p9" not in done
        await waiting(bench, run_id)
        await answer(bench, run_id)
        assert (await bench.ended(run_id)).status is RunStatus.COMPLETED
        again = [event["node_id"] for event in (await bench.events(run_id))[recovered["seq"] :]]
        assert done.isdisjoint(again)
        assert await completions(bench, run_id) == EACH + Counter(["q", "z"])


@asynccontextmanager
async def crashing(data: Path, *, types: Iterable[type[NodeType[Any]]] = ()) -> AsyncIterator[Bench]:
    """An app whose writer ends first, as in a crash: what the engine does after that is lost."""
    known = registry()
    for node_type in types:
        known.register(node_type)
    app = build(load_settings(data=data, examples=False), known)
    await asyncio.to_thread(app.open)
    app.hub.attach(asyncio.get_running_loop())
    await prepare(app)
    yield Bench(app, await app.store.project(DEFAULT_SLUG))
    app.hub.close()
    await asyncio.to_thread(app.store.writer.close)
    await asyncio.to_thread(app.engine.stop, 0)
    await asyncio.to_thread(app.store.close)


def nested_questions(file: Path) -> dict[str, Any]:
    """Branches in a branch and one beside it; two of them ask, and one has a node that fails at first."""
    retry = {"max_attempts": 3, "initial_interval": 0.05, "jitter": False}
    again = trace("b2", file) | {"retry": retry}
    again["config"] |= {"fail_first": 1}
    return {
        "nodes": [
            *(trace(name, file) for name in ("s", "a", "q2", "b")),
            again,
            *(trace(name, file) for name in ("k", "r2", "j")),
            ask("q"),
            ask("r"),
            {"id": "z", "type": "output", "config": {"value": ["{{ outputs.q.answers }}", "{{ outputs.r.answers }}"]}},
        ],
        "edges": edges("s>a>q>q2>k a>b>b2>k k>j s>r>r2>j j>z"),
    }


async def test_questions_in_branches_inside_one_another_are_answered_one_by_one(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    run_id = await bench.start(nested_questions(file))
    told = await waiting(bench, run_id)
    asked = {item["node_id"]: item["interrupt_id"] for item in told["data"]["interrupts"]}
    assert set(asked) == {"q", "r"}
    assert ran(file) == Counter(["s", "a", "b", "b2"])
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answers={asked["q"]: "first"}))
    told = await waiting(bench, run_id, after=told["seq"])
    assert [item["node_id"] for item in told["data"]["interrupts"]] == ["r"]
    assert ran(file) == Counter(["s", "a", "b", "b2", "q2", "k"])
    outcome = await bench.app.control.pause(ACTOR, bench.project, run_id)
    assert isinstance(outcome, Paused)
    child = await bench.app.fork.fork(ACTOR, bench.project, run_id, outcome.run.checkpoint_id or "", execute=True)
    for each, expected in ((child.run_id, "child"), (run_id, "parent")):
        await bench.app.control.resume(ACTOR, bench.project, each, Resume(answers={asked["r"]: expected}))
        ended = await bench.ended(each)
        assert orjson.loads(ended.output or "null") == [["first"], [expected]]
    assert ran(file) == Counter(["s", "a", "b", "b2", "q2", "k", "r2", "j", "r2", "j"])


async def test_a_failure_in_a_branch_fails_the_run_and_a_retry_repeats_only_that_node(
    bench: Bench, tmp_path: Path
) -> None:
    file = tmp_path / "trace"
    definition = nested_questions(file)
    definition["nodes"][4].pop("retry")
    run_id = await bench.start(definition)
    run = await bench.ended(run_id)
    assert (run.status, orjson.loads(run.error or "{}")["node_id"]) == (RunStatus.FAILED, "b2")
    failed = run.last_seq
    await bench.app.control.retry(ACTOR, bench.project, run_id)
    told = await waiting(bench, run_id, after=failed)
    answers = {item["interrupt_id"]: item["node_id"] for item in told["data"]["interrupts"]}
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(answers=answers))
    ended = await bench.ended(run_id)
    assert orjson.loads(ended.output or "null") == [["q"], ["r"]]
    assert ran(file) == Counter(["s", "a", "b", "b2", "q2", "k", "r2", "j"])
