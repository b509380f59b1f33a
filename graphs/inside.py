"""What the nodes of a graph inside a node report, as the graph around it tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from milepost.graphs.failures import NodeFailure
from milepost.graphs.reporter import Outcome, Reporter


class Inside:
    """Passes everything on; a node's id stands below that of the node which holds it."""

    def __init__(self, reporter: Reporter, node_id: str) -> None:
        self._reporter = reporter
        self._prefix = f"{node_id}/"
        self.retrying = reporter.retrying
        self.progress = reporter.progress
        self.log = reporter.log
        self.delta = reporter.delta
        self.row = reporter.row
        self.left = reporter.left
        self.flush = reporter.flush
        self.inside = reporter.inside
        self.item = reporter.item
        self.counted = reporter.counted

    def started(self, task_id: str, node_id: str, input: Any) -> None:
        """A node inside begins."""
        self._reporter.started(task_id, self._prefix + node_id, input)

    def finished(self, task_id: str, outcome: Outcome) -> None:
        """A node inside has ended. What its failure does to the run is decided outside."""
        prefix = self._prefix
        told = replace(
            outcome,
            node_id=prefix + outcome.node_id,
            failure=outcome.failure and placed(outcome.failure, prefix),
            fatal=False,
            skipped=tuple(prefix + node for node in outcome.skipped),
            restarted=tuple(prefix + node for node in outcome.restarted),
        )
        self._reporter.finished(task_id, told)


class InItem:
    """What happens for one item of a `map`: it is counted and kept, but shown only to those who ask for it."""

    def __init__(self, reporter: Reporter, holder: str, task_id: str, index: int) -> None:
        self._reporter = reporter
        self._holder = holder
        self._index = index
        self._places: dict[str, str] = {}
        self.task_id = task_id
        self.failed = False
        self.row = reporter.row
        self.left = reporter.left
        self.flush = reporter.flush

    def started(self, task_id: str, node_id: str, input: Any) -> None:
        """The item's node begins, or one of its workflow."""
        place = str(self._index)
        if task_id != self.task_id:
            place = self._places[task_id] = f"{place}/{node_id.partition('/')[2]}"
        self._reporter.inside(task_id, self._holder, place)

    def inside(self, task_id: str, holder: str, place: str) -> None:
        """Code begins for something that a node inside the item runs: for those outside it is this one's."""
        around = self._places.get(holder, str(self._index))
        self._reporter.inside(task_id, self._holder, f"{around}/{place}")

    def finished(self, task_id: str, outcome: Outcome) -> None:
        """The item has ended, or a node of its workflow."""
        if task_id == self.task_id:
            self.failed = outcome.status == "FAILED"
            self._reporter.item(task_id, self._holder, self._index, outcome)

    def log(self, task_id: str, level: str, message: str, fields: Mapping[str, Any]) -> None:
        """A line of the item is one of the `map`."""
        self._reporter.log(self._holder, level, message, {**fields, "item": self._index})

    def retrying(self, task_id: str, failure: NodeFailure, attempt: int, delay: float) -> None:
        """Not shown: how many attempts an item took is kept with it."""

    def progress(self, task_id: str, fraction: float, message: str | None) -> None:
        """Not shown."""

    def delta(self, task_id: str, text: str) -> None:
        """Not shown."""

    def item(self, task_id: str, holder: str, index: int, outcome: Outcome) -> None:
        """Not kept: an item of a `map` inside the item."""

    def counted(self, task_id: str, total: int, completed: int, failed: int) -> None:
        """Not shown."""


def placed(failure: NodeFailure, prefix: str) -> NodeFailure:
    """The failure of a node whose id stands below another one's."""
    node_id = prefix + failure.node_id
    return NodeFailure(failure.code, failure.type, failure.message, node_id, failure.traceback, failure.retry_after)
