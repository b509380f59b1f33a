"""Two runs compared: their paths, nodes, inputs, outputs and definitions, and where they part."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from milepost.checkpoints.diff import diff
from milepost.checkpoints.plain import to_json
from milepost.server.errors import NotRunnable
from milepost.server.runs import revisions
from milepost.server.runs.ancestry import Ancestry, Lineage
from milepost.server.runs.paths import UNFINISHED, Pair, Path, align, because, first_divergence
from milepost.server.runs.programs import ProgramSource
from milepost.server.runs.summaries import Json, dry_run_json, node_states_json, run_summary
from milepost.server.states import NodeStatus
from milepost.server.store.rows import Project, Run
from milepost.server.store.store import Store

COMPARED = 10_000
"""Executions of a run that are compared."""

SHOWN = 2_000
"""Rows of a path, and of the nodes, in an answer."""

CHANGES = 500
VALUE = 256 * 1024
"""Bytes of each side of a difference in an answer."""

AT_ONCE = 500
"""Pairs that one query reads: a reader serves others in between."""


@dataclass(frozen=True, slots=True)
class Side:
    """A run with all that is compared of it."""

    run: Run
    workflow_name: str
    definition: Mapping[str, Any]
    path: Path
    cut: bool
    nodes: Mapping[str, NodeStatus]
    lineage: Lineage

    def summary(self) -> Json:
        """The run as lists show it."""
        run = self.run
        took = None if run.started_at is None or run.finished_at is None else max(0, run.finished_at - run.started_at)
        return {**run_summary(run), "workflow_name": self.workflow_name, "duration_ms": took}

    def step(self, position: int | None) -> Json | None:
        """The step at a position of the path."""
        return None if position is None else self.path.steps[position].as_json(self.run.run_id, position)


class Compare:
    """Reads two runs of a project, of whichever workflows and versions, ended or not."""

    def __init__(self, store: Store, programs: ProgramSource) -> None:
        self._store = store
        self._programs = programs
        self._ancestry = Ancestry(store)

    async def runs(self, project: Project, left_id: str, right_id: str) -> Json:
        """Both runs node by node, and the differences of their inputs, outputs and definitions.

        Raises:
            NotFound: one of them is not the project's.
        """
        left = await self._side(project, left_id)
        right = await self._side(project, right_id)
        pairs = await asyncio.to_thread(align, left.path, right.path)
        await self._look_inside(left.path, right.path, pairs)
        return {
            "left": left.summary(),
            "right": right.summary(),
            "common_ancestor": left.lineage.common(right.lineage),
            "first_divergence": await self._divergence(left, right, pairs),
            **await asyncio.to_thread(_side_by_side, left, right, pairs),
            **await asyncio.to_thread(_differences_of_runs, left, right),
        }

    async def _side(self, project: Project, run_id: str) -> Side:
        run = await self._store.run_of(project.project_id, run_id)
        workflow = await self._store.workflow(project.project_id, run.workflow_id, run.version)
        draft = dry_run_json(run)["definition"] if run.dry_run is not None else None
        lineage = await self._ancestry.of(run)
        steps, cut = await self._ancestry.steps(lineage, COMPARED)
        states = await self._store.node_states(run_id)
        shown = node_states_json(run, [*await self._known(run), *dict.fromkeys(step.node_id for step in steps)], states)
        return Side(
            run,
            workflow.name,
            draft or orjson.loads(workflow.definition),
            Path(run_id, steps, run.ended),
            cut,
            {each["node_id"]: each["status"] for each in shown},
            lineage,
        )

    async def _known(self, run: Run) -> list[str]:
        try:
            return [node.id for node in (await self._programs.of_run(run)).everything]
        except NotRunnable:
            return []

    async def _look_inside(self, left: Path, right: Path, pairs: Sequence[Pair]) -> None:
        """Note what differs in the content of executions that answer to one another."""
        asked = []
        for number, pair in enumerate(pairs):
            if pair.left is not None and pair.right is not None:
                here, there = left.steps[pair.left].place, right.steps[pair.right].place
                if here != there:
                    asked.append((number, *here, *there))
        for first in range(0, len(asked), AT_ONCE):
            text = orjson.dumps(asked[first : first + AT_ONCE]).decode()
            for number, put_in, came_out, went_wrong in await self._store.fetch("differing_steps", pairs=text):
                ended = UNFINISHED not in pairs[number].differs
                found = (("input", put_in), ("output", came_out and ended), ("error", went_wrong and ended))
                pairs[number].differs += [name for name, differs in found if differs]

    async def _divergence(self, left: Side, right: Side, pairs: Sequence[Pair]) -> Json | None:
        index = first_divergence(pairs)
        if index is None:
            return None
        pair = pairs[index]
        here, there = await self._content(left.path, pair.left), await self._content(right.path, pair.right)
        put_in, came_out = await asyncio.to_thread(
            lambda: [difference(*texts) for texts in zip(here, there, strict=True)]
        )
        return {
            "position": index,
            "node_id": pair.node_id,
            "because": because(pair),
            "left": left.step(pair.left),
            "right": right.step(pair.right),
            "input": put_in,
            "output": came_out,
        }

    async def _content(self, path: Path, position: int | None) -> tuple[str | None, str | None]:
        """What went into a step and what came out, as JSON."""
        if position is None:
            return None, None
        run_id, execution_id = path.steps[position].place
        row = await self._store.fetch_one("recorded_step", run_id=run_id, execution_id=execution_id)
        return (row[1], row[2]) if row else (None, None)


def difference(left: str | None, right: str | None) -> Json:
    """The differences of two JSON texts, path by path: `{equal, changes, cut}`. None is JSON's null."""
    if left == right:
        return {"equal": True, "changes": [], "cut": False}
    before, after = (to_json(orjson.loads(text or "null"), VALUE) for text in (left, right))
    found = diff(before.data, after.data, limit=CHANGES)
    cut = found.cut or before.cut or after.cut
    return {
        "equal": not found.changes and not cut,
        "changes": [change.as_json() for change in found.changes],
        "cut": cut,
    }


def _differences_of_runs(left: Side, right: Side) -> Json:
    return {
        "input": difference(left.run.input, right.run.input),
        "output": difference(left.run.output, right.run.output),
        "definition": revisions.compare(left.definition, right.definition),
    }


def _side_by_side(left: Side, right: Side, pairs: Sequence[Pair]) -> Json:
    return {
        "path": [_row(left, right, pair) for pair in pairs[:SHOWN]],
        "path_cut": len(pairs) > SHOWN or left.cut or right.cut,
        **_nodes(left, right, pairs),
    }


def _row(left: Side, right: Side, pair: Pair) -> Json:
    return {
        "node_id": pair.node_id,
        "execution": pair.execution,
        "left": left.step(pair.left),
        "right": right.step(pair.right),
        "differs": pair.differs,
    }


def _nodes(left: Side, right: Side, pairs: Iterable[Pair]) -> Json:
    """Both runs node by node, in the order of the left definition, then of the right one."""
    differing = {pair.node_id for pair in pairs if pair.differs}
    figures = _figures(left), _figures(right)
    names = list(dict.fromkeys((*left.nodes, *right.nodes)))
    rows = []
    for name in names[:SHOWN]:
        here, there = figures[0].get(name), figures[1].get(name)
        alike = here is not None and there is not None and here["status"] == there["status"]
        rows.append({"node_id": name, "left": here, "right": there, "same": alike and name not in differing})
    return {"nodes": rows, "nodes_cut": len(names) > SHOWN}


def _figures(side: Side) -> dict[str, Json]:
    executions, failed, attempts = Counter[str](), Counter[str](), defaultdict[str, int](int)
    took = Counter[str]()
    for step in side.path.steps:
        executions[step.node_id] += 1
        failed[step.node_id] += step.status is NodeStatus.FAILED
        attempts[step.node_id] = max(attempts[step.node_id], step.attempt)
        took[step.node_id] += step.duration_ms or 0
    return {
        name: {
            "status": status,
            "executions": executions[name],
            "failed": failed[name],
            "attempts": attempts[name],
            "duration_ms": took[name],
        }
        for name, status in side.nodes.items()
    }
