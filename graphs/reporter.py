"""What a run tells about its nodes while they execute. The engine implements it; nothing here stores anything."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from milepost.graphs.failures import NodeFailure
from milepost.graphs.rehearsal import StandIn


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one execution of a node ended."""

    node_id: str
    status: Literal["COMPLETED", "FAILED", "SKIPPED"]
    attempt: int = 1
    output: Mapping[str, Any] | None = None
    failure: NodeFailure | None = None
    fatal: bool = False
    skipped: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    stand_in: StandIn | None = None
    """What stood in for the real thing, in a dry run."""

    @property
    def marks(self) -> dict[str, bool]:
        """The same as events tell it: `{"simulated": true}`."""
        return {} if self.stand_in is None else {self.stand_in: True}


class Reporter(Protocol):
    """Is told what happens to the nodes of one run, always in the thread of the run's event loop."""

    def started(self, task_id: str, node_id: str, input: Any) -> None:
        """A node begins, or begins again after an interrupt or a restart; `input` is its resolved config."""

    def retrying(self, task_id: str, failure: NodeFailure, attempt: int, delay: float) -> None:
        """Attempt number `attempt` failed; the next one begins in `delay` seconds."""

    def progress(self, task_id: str, fraction: float, message: str | None) -> None:
        """The node says how far it is, 0..1."""

    def log(self, task_id: str, level: str, message: str, fields: Mapping[str, Any]) -> None:
        """The node logs a line."""

    def delta(self, task_id: str, text: str) -> None:
        """A model streams a piece of text."""

    def row(self, task_id: str, kind: str, row: Mapping[str, Any]) -> None:
        """A row, a `task` or a `notification`, is to be stored together with the result that follows."""

    def finished(self, task_id: str, outcome: Outcome) -> None:
        """The execution is decided; what it returns is not saved yet. A join that is left out only gets this."""

    def inside(self, task_id: str, holder: str, place: str) -> None:
        """Code begins that is no node's own: it is for one item of the execution `holder` of a `map`.

        `place` is the item's place in the list, and below it the node of the item's workflow: `"3/review"`.
        """

    def item(self, task_id: str, holder: str, index: int, outcome: Outcome) -> None:
        """An item of the execution `holder` is decided; what it gives is not saved yet."""

    def counted(self, task_id: str, total: int, completed: int, failed: int) -> None:
        """A `map` has taken in all items that have ended, and goes on with the next ones."""

    def left(self, task_id: str) -> None:
        """None of the node's own code is running any more, however it ended."""

    def flush(self) -> Awaitable[object]:
        """Resolves once all that was told and saved so far is on disk."""
        ...
