"""Forks and what they come from: the runs before a run, and the whole path to where it stands."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from milepost.server.errors import NotFound
from milepost.server.runs.paths import Step
from milepost.server.runs.summaries import Json
from milepost.server.states import NodeStatus
from milepost.server.store.rows import Run
from milepost.server.store.store import Store
from milepost.server.store.unit import Row

DEEPEST = 50
"""Forks of forks that are followed."""

ENDED = frozenset({NodeStatus.COMPLETED, NodeStatus.FAILED})


@dataclass(frozen=True, slots=True)
class Lineage:
    """A run, the run that it was forked from, and so on, up to one that was deleted."""

    runs: Sequence[Run]

    def common(self, other: "Lineage") -> Json | None:
        """The nearest run that both come from, and at which of its checkpoints each left it; None: it is that run."""
        theirs = {run.run_id: number for number, run in enumerate(other.runs)}
        for number, run in enumerate(self.runs):
            if run.run_id in theirs:
                return {
                    "run_id": run.run_id,
                    "left_checkpoint_id": self._left(number),
                    "right_checkpoint_id": other._left(theirs[run.run_id]),
                }
        return None

    def _left(self, number: int) -> str | None:
        return self.runs[number - 1].forked_from if number else None


class Ancestry:
    """Reads where runs come from."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, run: Run) -> Lineage:
        """A run with its ancestors, nearest first."""
        runs = [run]
        while runs[-1].parent_run_id is not None and len(runs) < DEEPEST:
            try:
                runs.append(await self._store.run_of(run.project_id, runs[-1].parent_run_id))
            except NotFound:
                break
        return Lineage(runs)

    async def steps(self, lineage: Lineage, limit: int) -> tuple[list[Step], bool]:
        """The first ``limit`` steps of the whole path to where a run stands, and whether there are more.

        What it inherited is what had ended at the checkpoint that it was forked from, and what had finished beside it.
        """
        run, *before = lineage.runs
        own = await self._own(run, limit)
        inherited = [] if run.forked_from is None else await self._until(before, run.forked_from, limit)
        if before:
            inherited += await self._beside(run, before[0], own, inherited, limit)
        steps = [*inherited, *own]
        return steps[:limit], len(steps) > limit

    async def _own(self, run: Run, limit: int) -> list[Step]:
        rows = await self._store.fetch("steps", run_id=run.run_id, limit=limit + 1)
        return await asyncio.to_thread(_read, rows)

    async def _until(self, runs: Sequence[Run], checkpoint_id: str, limit: int) -> list[Step]:
        """What had ended at a checkpoint of the first of ``runs``, or of one that it was forked from."""
        for number, run in enumerate(runs):
            told = f'"checkpoint_id":"{checkpoint_id}"'
            (row,) = await self._store.fetch("seq_of_checkpoint", run_id=run.run_id, told=told)
            if row[0] is not None:
                ends = Counter[str]()
                for node_id, times in await self._store.fetch("ends_before", run_id=run.run_id, seq=row[0]):
                    ends[node_id] = times
                before = runs[number + 1 :]
                earlier = [] if run.forked_from is None else await self._until(before, run.forked_from, limit)
                return [*earlier, *_first(await self._own(run, limit), ends)]
        return []

    async def _beside(
        self, run: Run, parent: Run, own: Sequence[Step], inherited: Sequence[Step], limit: int
    ) -> list[Step]:
        """What the parent had finished beside the checkpoint: the fork's nodes have its very times."""
        kept = {(state.node_id, state.completed_at) for state in await self._store.node_states(run.run_id)}
        kept -= {(step.node_id, step.completed_at) for step in (*own, *inherited)}
        there = await self._own(parent, limit) if kept else []
        return [step for step in there if step.status in ENDED and (step.node_id, step.completed_at) in kept]


def _read(rows: Iterable[Row]) -> list[Step]:
    return [Step(*(*row[:4], NodeStatus(row[4]), *row[5:])) for row in rows]


def _first(steps: Sequence[Step], ends: Counter[str]) -> Iterator[Step]:
    """Of each node as many of its first executions that ended as ``ends`` has."""
    for step in steps:
        if step.status in ENDED and ends[step.node_id] > 0:
            ends[step.node_id] -= 1
            yield step
