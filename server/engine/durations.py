"""What the nodes of each workflow took in its newest runs: read once, kept in memory, written as a run ends."""

from collections import OrderedDict
from dataclasses import dataclass, field

import orjson

from milepost.checkpoints.unit import Statement
from milepost.graphs.executable import Executable
from milepost.server.engine.estimate import Expectation, NodeHistory, expect
from milepost.server.store.rows import Run
from milepost.server.store.statements import statement
from milepost.server.store.store import Store

WINDOW = 50
"""Runs after which the oldest begin to fade."""

FADED = 0.05
"""A node that the newest runs no longer have is forgotten below this weight."""

REFRESHED = 0.2
"""An expectation is worked out anew once so large a part of its history is new."""

KEPT = 256
"""Workflows in memory."""


@dataclass(slots=True)
class Work:
    """What one run's nodes did: times executed and milliseconds of work by node, and the pauses between nodes."""

    executions: dict[str, int] = field(default_factory=dict)
    work_ms: dict[str, int] = field(default_factory=dict)
    gaps: int = 0
    gap_ms: int = 0

    def add(self, node_id: str, work_ms: int, times: int = 1) -> None:
        """The node executed."""
        self.executions[node_id] = self.executions.get(node_id, 0) + times
        self.work_ms[node_id] = self.work_ms.get(node_id, 0) + work_ms


@dataclass(slots=True)
class _Kept:
    nodes: dict[str, NodeHistory]
    gaps: float = 0.0
    gap_ms: float = 0.0
    counted: int = 0
    expectations: dict[int, tuple[int, Expectation]] = field(default_factory=dict)


class Durations:
    """On the engine's loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def expectation(self, run: Run, program: Executable) -> Expectation:
        """What is expected of a run now: of a dry run nothing. Reads the database for a workflow's first run only."""
        if run.dry_run is not None:
            return _expected(_Kept({}), program)
        kept = self._kept.get(run.workflow_id)
        if kept is None:
            row = await self._store.fetch_one("node_durations", workflow_id=run.workflow_id)
            kept = self._kept.setdefault(run.workflow_id, _read(row[0]) if row else _Kept({}))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        made, expectation = kept.expectations.get(run.version, (0, None))
        if expectation is None or kept.counted - made > REFRESHED * min(made, WINDOW):
            expectation = _expected(kept, program)
            kept.expectations[run.version] = (kept.counted, expectation)
        return expectation

    def completed(self, run: Run, program: Executable, work: Work) -> Statement:
        """Count a completed run; the statement belongs into the unit that completes it."""
        kept = self._kept.setdefault(run.workflow_id, _Kept({}))
        _fade(kept)
        for node in program.nodes:
            found = kept.nodes.get(node.id)
            if found is None or found.type != node.type:
                found = kept.nodes[node.id] = NodeHistory(node.type)
            times = work.executions.get(node.id, 0)
            found.runs += 1
            found.taken += times > 0
            found.executions += times
            found.work_ms += work.work_ms.get(node.id, 0)
        kept.gaps += work.gaps
        kept.gap_ms += work.gap_ms
        kept.counted += 1
        return statement("put_node_durations", workflow_id=run.workflow_id, history=_text(kept))


def stored_expectation(history: str | None, program: Executable) -> Expectation:
    """What is expected by a workflow's stored history, for readers outside the engine."""
    return _expected(_read(history) if history else _Kept({}), program)


def _expected(kept: _Kept, program: Executable) -> Expectation:
    return expect(program, kept.nodes, kept.gap_ms / kept.gaps if kept.gaps else 0.0)


def _fade(kept: _Kept) -> None:
    """Make room for one run more: once there are ``WINDOW``, each older one counts a little less."""
    if kept.counted < WINDOW:
        return
    part = (WINDOW - 1) / WINDOW
    kept.gaps *= part
    kept.gap_ms *= part
    for node_id, found in list(kept.nodes.items()):
        found.runs *= part
        found.taken *= part
        found.executions *= part
        found.work_ms *= part
        if found.runs < FADED:
            del kept.nodes[node_id]


def _text(kept: _Kept) -> str:
    nodes = {
        node_id: [found.type, found.runs, found.taken, found.executions, found.work_ms]
        for node_id, found in kept.nodes.items()
    }
    told = {"runs": kept.counted, "gaps": kept.gaps, "gap_ms": kept.gap_ms, "nodes": nodes}
    return orjson.dumps(told).decode()


def _read(text: str) -> _Kept:
    told = orjson.loads(text)
    nodes = {node_id: NodeHistory(*values) for node_id, values in told["nodes"].items()}
    return _Kept(nodes, told["gaps"], told["gap_ms"], told["runs"])
