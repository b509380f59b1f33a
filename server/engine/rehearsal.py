"""What a dry run is executed with: the answers that it was given, and what an earlier run has recorded."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from milepost.graphs.comparison import changed, entered, followers, writers
from milepost.graphs.executable import Executable
from milepost.graphs.failures import NodeFailure
from milepost.graphs.program import Program
from milepost.graphs.rehearsal import Recorded, Recording, Rehearsal
from milepost.server.states import NodeStatus
from milepost.server.store.rows import NodeState, OpenInterrupt, Run, place
from milepost.server.store.store import Store

ENDED = frozenset({NodeStatus.COMPLETED, NodeStatus.FAILED})

MAX_FORKS = 16
"""How many forks of forks are followed back for what had ended before them."""

SLACK = 1.0
"""Seconds that a dry run may execute beyond its time: who waits for it cancels it before."""

Load = Callable[[Run], Awaitable[Executable]]


@dataclass(frozen=True, slots=True)
class Step:
    """One execution of a run that ended by itself."""

    run_id: str
    execution_id: str
    task_id: str
    stand_in: str | None


def time_limit(program: Executable, run: Run) -> float | None:
    """Seconds that a run may execute; a dry run that nobody waits for any more has an end as well."""
    given: float | None = orjson.loads(run.dry_run or "{}").get("timeout_seconds")
    if given is None:
        return program.timeout
    return given + SLACK if program.timeout is None else min(program.timeout, given + SLACK)


async def rehearsal_of(store: Store, load: Load, run: Run, program: Executable) -> Rehearsal:
    """What the attempt of the dry run ``run`` is executed with.

    Raises:
        NotFound: the run that it replays was deleted. NotRunnable: this release refuses that run's definition.
    """
    asked = orjson.loads(run.dry_run or "{}")
    source = asked.get("replay_run_id")
    if source is None:
        return Rehearsal(asked.get("answers"))
    recorded = await store.run(source)
    steps = await _steps(store, recorded)
    told = _answers(await store.interrupts(source), steps)
    # The nodes that a fork starts with have no executions of its own: what comes after them is not replayed.
    recording = None
    if run.forked_from is None:
        before, now = await load(recorded), program
        assert isinstance(before, Program)
        assert isinstance(now, Program)
        recording = await _recording(store, before, now, steps)
        await _go_on(store, run, now, recording)
    given_before = orjson.loads(recorded.dry_run or "{}").get("answers")
    return Rehearsal(asked.get("answers"), told, recording, given_before)


async def _recording(store: Store, before: Program, program: Program, steps: Mapping[str, Sequence[Step]]) -> Recording:
    async def fetch(node: str, step: Step) -> Recorded:
        row = await store.fetch_one("recorded_step", run_id=step.run_id, execution_id=step.execution_id)
        attempt, given, output, error = row or (1, None, None, None)
        return Recorded(
            attempt,
            None if given is None else orjson.loads(given),
            None if output is None else orjson.loads(output),
            None if error is None else _failure(orjson.loads(error), node),
        )

    return Recording(changed(before, program), entered(program), writers(program), steps, fetch)


def _failure(error: Mapping[str, Any], node: str) -> NodeFailure:
    """The failure of a node, named as the workflow that it stands in names it."""
    inside = node.rpartition("/")[0]
    name = str(error["node_id"]).removeprefix(f"{inside}/" if inside else "")
    return NodeFailure(error["code"], error["type"], error["message"], name, error.get("traceback", ""))


async def _go_on(store: Store, run: Run, program: Program, recording: Recording) -> None:
    """Take up a dry run that was stopped: what it has replayed is used up, what was real is followed by real things."""
    if run.checkpoint_id is None:
        return
    steps = await _steps(store, run)
    recording.taken = Counter({node: len(taken) for node, taken in steps.items()})
    real = [node for node, taken in steps.items() if any(step.stand_in != "replayed" for step in taken)]
    recording.mark(followers(program, real))


async def _steps(store: Store, run: Run, forks: int = MAX_FORKS) -> dict[str, list[Step]]:
    """The executions of each node, in order, that lead to where the run stands: of each task the last one that ended.

    What time travel has abandoned is left out, and a fork has what had ended in its parent before it.
    """
    tasks: dict[str, dict[str, Step]] = {}
    for execution_id, task_id, node_id, stand_in in await store.fetch("recorded_steps", run_id=run.run_id):
        tasks.setdefault(node_id, {})[task_id] = Step(run.run_id, execution_id, task_id, stand_in)
    states = {state.node_id: _executed(state) for state in await store.node_states(run.run_id)}
    steps = {node: list(ended.values())[-states[node] :] for node, ended in tasks.items() if states.get(node)}
    missing = {node: count - len(steps.get(node, ())) for node, count in states.items()}
    if run.parent_run_id is not None and forks and any(count > 0 for count in missing.values()):
        parents = await store.runs("get_run", run_id=run.parent_run_id)
        earlier = await _steps(store, parents[0], forks - 1) if parents else {}
        for node, count in missing.items():
            if count > 0:
                steps[node] = [*earlier.get(node, ())[:count], *steps.get(node, ())]
    return steps


def _executed(state: NodeState) -> int:
    """How often a node ended on the way to where its run stands; one that began anew has not ended once more."""
    return state.iterations if state.status in ENDED else max(0, state.iterations - 1)


def _answers(rows: Iterable[OpenInterrupt], steps: Mapping[str, Sequence[Step]]) -> dict[str, list[Any]]:
    """What people and events answered, by the place of who asked; not what time travel has abandoned."""
    tasks = {step.task_id for taken in steps.values() for step in taken}
    answers: dict[str, list[Any]] = {}
    for row in sorted(rows, key=OpenInterrupt.turn):
        known = row.item is not None or row.task_id in tasks or not row.consumed
        if row.kind in ("answer", "event") and row.answer is not None and known:
            answers.setdefault(place(row.node_id, row.item)["path"], []).append(orjson.loads(row.answer))
    return answers
