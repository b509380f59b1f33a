"""What a run shows after a fork or time travel: its nodes as they were at the checkpoint, not as they are now."""

from pathlib import Path
from typing import Any

from milepost.graphs.programs import Programs
from milepost.server.engine.standing import Standing
from milepost.server.runs.control import Resume
from milepost.server.runs.fork import Fork
from milepost.server.runs.programs import ProgramSource
from milepost.server.runs.travel import Travel
from milepost.server.states import RunStatus
from milepost.server.store.rows import Run
from milepost.server.store.unit import Unit
from tests.engine.conftest import ACTOR, Bench
from tests.engine.test_regions import TEN, answer, ask, edges, resume, trace, two_branches, waiting
from tests.probes import registry

Shown = dict[str, tuple[str, int]]


def rounds(file: Path) -> dict[str, Any]:
    """Two branches, of which one asks, three times round."""
    again = {"id": "again", "type": "condition", "config": {"expression": "variables.n < 3"}}
    b = trace("b", file) | {"set": {"n": "{{ (variables.n or 0) + 1 }}"}}
    back = [{"source": "again", "target": "b", "when": True}, {"source": "again", "target": "z", "when": False}]
    return {
        "nodes": [trace("s", file), b, ask("q"), trace("c", file), trace("j", file), again, trace("z", file)],
        "edges": [*edges("s>b>q>j b>c>j j>again"), *back],
    }


async def shown(bench: Bench, run_id: str) -> Shown:
    """Status and iterations of the nodes that have a row."""
    return {row.node_id: (row.status.value, row.iterations) for row in await bench.app.store.node_states(run_id)}


async def in_the_third_round(bench: Bench, file: Path) -> tuple[str, dict[tuple[int, str], str]]:
    """A run that asks for the third time, and its checkpoints by step and the first node that is next."""
    run_id = await bench.start(rounds(file))
    seq = 0
    for number in range(3):
        seq = (await waiting(bench, run_id, after=seq))["seq"]
        if number < 2:
            await answer(bench, run_id)
    rows = await bench.app.history.checkpoints(bench.project, run_id, 100)
    return run_id, {(row.step, row.next[0]): row.checkpoint_id for row in rows}


def at(number: int, ended: str, to_run: str) -> Shown:
    """States in a round: ended in it, and to run in it."""
    rows = {"s": ("COMPLETED", 1)} | dict.fromkeys(ended.split(), ("COMPLETED", number))
    return rows | (dict.fromkeys(to_run.split(), ("PENDING", number)) if number > 1 else {})


THEN: dict[tuple[int, str], Shown] = {
    (-1, "s"): {},
    (0, "b"): {"s": ("COMPLETED", 1)},
    (1, "q"): at(1, "b", ""),
    (2, "j"): at(1, "b q c", ""),
    (4, "b"): at(2, "", "b q c j again"),
    (5, "q"): at(2, "b", "q c j again"),
    (7, "again"): at(2, "b q c j", "again"),
    (8, "b"): at(3, "", "b q c j again"),
    (9, "q"): at(3, "b c", "q j again"),
}


async def test_a_fork_shows_nodes_as_they_were_at_its_checkpoint(bench: Bench, tmp_path: Path) -> None:
    run_id, points = await in_the_third_round(bench, tmp_path / "trace")
    progress = []
    for point, expected in THEN.items():
        child = await bench.app.fork.fork(ACTOR, bench.project, run_id, points[point])
        assert (point, await shown(bench, child.run_id)) == (point, expected)
        progress.append(child.progress)
    assert progress == sorted(progress)
    assert len(set(progress)) == len(THEN)


async def test_time_travel_shows_nodes_as_they_were_and_takes_progress_back(bench: Bench, tmp_path: Path) -> None:
    run_id, points = await in_the_third_round(bench, tmp_path / "trace")
    travel = Travel(bench.app.store, ProgramSource(bench.app.store, Programs(registry()), bench.app.python))
    highest = (await bench.app.store.run(run_id)).progress
    for point in [(5, "q"), (2, "j"), (0, "b"), (-1, "s")]:
        await bench.app.control.pause(ACTOR, bench.project, run_id)
        back = await travel.to(await bench.app.store.run(run_id), points[point])
        assert back is not None
        await bench.app.store.commit(Unit([*back.statements]))
        assert await shown(bench, run_id) == THEN[point]
        assert (await bench.app.store.run(run_id)).progress == back.progress < highest
        resumed = await resume(bench, run_id)
        await waiting(bench, run_id, after=resumed.last_seq)
    assert await shown(bench, run_id) == at(1, "s b c", "") | {"q": ("WAITING", 1)}
    assert (await bench.app.store.run(run_id)).progress < highest / 2


async def test_a_fork_of_a_fork_knows_what_its_parents_did(bench: Bench, tmp_path: Path) -> None:
    run_id, points = await in_the_third_round(bench, tmp_path / "trace")
    child = await bench.app.fork.fork(ACTOR, bench.project, run_id, points[7, "again"], execute=True)
    await waiting(bench, child.run_id)
    for parent in (child.run_id, run_id):
        again = await bench.app.fork.fork(ACTOR, bench.project, parent, points[7, "again"])
        assert await shown(bench, again.run_id) == THEN[7, "again"]


async def test_a_fork_in_the_middle_of_branches_still_knows_later_what_had_ended(bench: Bench, tmp_path: Path) -> None:
    run_id = await bench.start(two_branches(tmp_path / "trace"))
    await waiting(bench, run_id)
    point = (await bench.app.store.run(run_id)).checkpoint_id or ""
    child = await bench.app.fork.fork(ACTOR, bench.project, run_id, point, execute=True)
    await waiting(bench, child.run_id)
    await answer(bench, child.run_id)
    assert (await bench.ended(child.run_id)).status is RunStatus.COMPLETED
    rows = await bench.app.history.checkpoints(bench.project, child.run_id, 100)
    before_z = next(row.checkpoint_id for row in rows if list(row.next) == ["z"])
    last = await bench.app.fork.fork(ACTOR, bench.project, child.run_id, before_z)
    assert {status for status, _ in (await shown(bench, last.run_id)).values()} == {"COMPLETED"}
    assert len(await shown(bench, last.run_id)) == len(two_branches(tmp_path)["nodes"]) - 1


async def test_an_edited_past_is_followed_from_where_it_was_edited(bench: Bench, tmp_path: Path) -> None:
    run_id, points = await in_the_third_round(bench, tmp_path / "trace")
    await bench.app.control.pause(ACTOR, bench.project, run_id)
    how = Resume(checkpoint_id=points[5, "q"], state={"variables": {"n": 1}})
    resumed = await bench.app.control.resume(ACTOR, bench.project, run_id, how)
    await waiting(bench, run_id, after=resumed.last_seq)
    await answer(bench, run_id)
    await waiting(bench, run_id, after=(await bench.app.store.run(run_id)).last_seq)
    newest = (await bench.app.history.checkpoints(bench.project, run_id, 1))[0].checkpoint_id
    child = await bench.app.fork.fork(ACTOR, bench.project, run_id, newest)
    assert await shown(bench, child.run_id) == THEN[9, "q"]


async def test_the_attempt_after_time_travel_counts_from_where_it_starts(bench: Bench, tmp_path: Path) -> None:
    run_id, points = await in_the_third_round(bench, tmp_path / "trace")
    highest = (await bench.app.store.run(run_id)).progress
    await bench.app.control.pause(ACTOR, bench.project, run_id)
    resumed = await resume(bench, run_id, points[-1, "s"])
    assert resumed.progress == 0
    await waiting(bench, run_id, after=resumed.last_seq)
    assert (await bench.app.store.run(run_id)).progress < highest / 2


class Slow(Travel):
    """Reads where a run stands, and gives it back after a node more has ended."""

    def __init__(self, bench: Bench, programs: ProgramSource) -> None:
        super().__init__(bench.app.store, programs)
        self._bench = bench
        self.reads = 0

    async def standing(self, run: Run, checkpoint_id: str) -> Standing:
        """Read, then let the run go on, once."""
        self.reads += 1
        found = await super().standing(run, checkpoint_id)
        if self.reads == 1:
            last = (await self._bench.app.store.run(run.run_id)).last_seq
            await self._bench.until(run.run_id, "node.completed", after=last)
        return found


async def test_a_fork_of_a_run_that_goes_on_meanwhile_shows_and_has_the_same(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    run_id = await bench.start(two_branches(file, seconds=0.2))
    await bench.until_node(run_id, "node.completed", "p1")
    programs = ProgramSource(bench.app.store, Programs(registry()), bench.app.python)
    travel = Slow(bench, programs)
    point = (await bench.app.store.run(run_id)).checkpoint_id or ""
    forks = Fork(bench.app.store, bench.app.start, programs, travel, bench.app.edit)
    child = await forks.fork(ACTOR, bench.project, run_id, point)
    assert travel.reads > 1
    done = {name for name, (status, _) in (await shown(bench, child.run_id)).items() if status == "COMPLETED"}
    await bench.app.start.execute(ACTOR, bench.project, child.run_id)
    await waiting(bench, child.run_id)
    events = await bench.events(child.run_id)
    assert {event["node_id"] for event in events if event["type"] == "node.completed"} == {"s", *TEN} - done


async def test_a_pause_that_was_taken_back_is_no_travel_to_where_it_was_asked_for(bench: Bench, tmp_path: Path) -> None:
    steps = [trace("a", tmp_path / "t"), trace("b", tmp_path / "t", seconds=0.3), trace("c", tmp_path / "t")]
    run_id = await bench.start({"steps": steps})
    await bench.until_node(run_id, "node.started", "b")
    await bench.app.control.pause(ACTOR, bench.project, run_id, "step", 0.0)
    await resume(bench, run_id)
    assert (await bench.ended(run_id)).status is RunStatus.COMPLETED
    # The run may have reached a further checkpoint since it was read: an earlier one would be travelled to.
    assert [
        event["data"]["checkpoint_id"] for event in await bench.events(run_id) if event["type"] == "run.resumed"
    ] == [None]
