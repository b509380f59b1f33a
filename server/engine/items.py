"""The items of a run's `map` nodes: counted for viewers, kept for those who ask. No I/O, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from milepost.checkpoints.unit import Statement
from milepost.graphs.reporter import Outcome
from milepost.server.engine.nodes import Node
from milepost.server.store.statements import statement

MAX_OUTPUT = 16 * 1024
"""Bytes of an item's result that its row keeps; the whole result is in the node's output."""


@dataclass(slots=True)
class Counts:
    """How far one execution of a `map` is."""

    total: int = 0
    completed: int = 0
    failed: int = 0

    @property
    def fraction(self) -> float:
        """The part of the items that has ended, 0..1."""
        return (self.completed + self.failed) / self.total if self.total else 0.0


@dataclass(slots=True)
class Items:
    """What is known of the items of one attempt of a run."""

    run_id: str
    nodes: Mapping[str, Node]
    """How the nodes stand: an item is one of its node's newest iteration."""
    _counts: dict[str, Counts] = field(default_factory=dict)
    _began: dict[str, int] = field(default_factory=dict)
    _rows: list[tuple[Any, ...]] = field(default_factory=list)
    _statements: list[Statement] = field(default_factory=list)

    @property
    def dirty(self) -> bool:
        """Whether ``drain`` would give anything."""
        return bool(self._rows or self._statements)

    def began(self, task_id: str, now: int) -> None:
        """An item's code begins; what counts is the first time."""
        self._began.setdefault(task_id, now)

    def counted(self, holder: str, node_id: str, total: int, completed: int, failed: int) -> None:
        """All items of an execution so far; what an earlier one of the same iteration came to is forgotten."""
        if not completed + failed:
            iteration = self._iteration(node_id)
            self._rows = [row for row in self._rows if row[0] != node_id]
            forgotten = statement("forget_items", run_id=self.run_id, node_id=node_id, iteration=iteration)
            self._statements.append(forgotten)
        self._counts[holder] = Counts(total, completed, failed)

    def ended(self, task_id: str, holder: str, node_id: str, index: int, outcome: Outcome, now: int) -> None:
        """An item's result is about to be on disk."""
        counts = self._counts.setdefault(holder, Counts())
        if outcome.status == "COMPLETED":
            counts.completed += 1
        else:
            counts.failed += 1
        output = None if outcome.output is None else orjson.dumps(outcome.output, default=str).decode()
        failure = outcome.failure
        error = None if failure is None else {"code": failure.code, "type": failure.type, "message": failure.message}
        if output is not None and len(output) > MAX_OUTPUT:
            output = None
        began = self._began.pop(task_id, now)
        told = None if error is None else orjson.dumps(error).decode()
        self._rows.append(
            (node_id, self._iteration(node_id), index, outcome.status, outcome.attempt, output, told, began, now)
        )

    def _iteration(self, node_id: str) -> int:
        return self.nodes[node_id].iterations if node_id in self.nodes else 1

    def counts(self, holder: str) -> Counts:
        """How far an execution is."""
        return self._counts.get(holder, Counts())

    def drain(self) -> list[Statement]:
        """The rows since the last call: two statements, however many items there are."""
        statements, self._statements = self._statements, []
        if self._rows:
            rows, self._rows = self._rows, []
            statements.append(statement("put_items", run_id=self.run_id, items=orjson.dumps(rows).decode()))
        return statements
