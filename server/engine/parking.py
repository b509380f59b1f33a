"""The rows of what parked nodes wait for: how they are written, and what an attempt is resumed with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from langgraph.types import Interrupt

from milepost.checkpoints.unit import Statement
from milepost.graphs.context import TIMED_OUT
from milepost.server.store.rows import OpenInterrupt, Run
from milepost.server.store.statements import statement


def put_interrupt(
    run: Run, task_id: str, node_id: str, kind: str, interrupt: Interrupt, now: int, *, again: bool
) -> list[Statement]:
    """The statements that park a node; an event that came before is given to it in the same unit."""
    value = interrupt.value if isinstance(interrupt.value, Mapping) else {}
    until, assignees, event = value.get("until"), value.get("assignees"), value.get("event")
    put = [
        statement("consume_earlier", run_id=run.run_id, task_id=task_id, interrupt_id=interrupt.id),
        statement(
            "put_interrupt",
            run_id=run.run_id,
            interrupt_id=interrupt.id,
            task_id=task_id,
            node_id=node_id,
            project_id=run.project_id,
            kind=kind,
            value=orjson.dumps(interrupt.value, default=str).decode(),
            event=event if kind == "event" else None,
            assignees=f"|{'|'.join(map(str, assignees))}|" if isinstance(assignees, list) and assignees else None,
            wake_at=until if isinstance(until, int) else None,
            created_at=now,
            again=again,
        ),
    ]
    return [*put, *deliver(run.run_id, str(event), now)] if kind == "event" else put


def deliver(run_id: str, event: str, now: int) -> list[Statement]:
    """The statements that give the oldest event of a name to the oldest wait for it, if there are both."""
    return [
        statement("deliver_signal", run_id=run_id, event=event, now=now),
        statement("take_signal", run_id=run_id, event=event),
    ]


@dataclass(frozen=True, slots=True)
class Parked:
    """What a run's nodes wait for when an attempt begins."""

    rows: Sequence[OpenInterrupt] = ()
    now: int = 0

    @property
    def too_late(self) -> bool:
        """Whether something was not answered in time and its row does not say so yet."""
        return any(row.unanswered and row.late(self.now) for row in self.rows)

    @property
    def values(self) -> dict[str, Any]:
        """What the nodes parked with, by task id."""
        return {row.task_id: orjson.loads(row.value) for row in self.rows if not row.consumed}

    @property
    def tasks(self) -> frozenset[str]:
        """Of the nodes that parked and have not ended."""
        return frozenset(row.task_id for row in self.rows if not row.consumed)

    @property
    def people(self) -> frozenset[str]:
        """The tasks that wait for a person or an event: how long is no measure of their work."""
        return frozenset(row.task_id for row in self.rows if row.kind in ("answer", "event"))

    @property
    def answers(self) -> dict[str, Any]:
        """What the graph is resumed with, by interrupt id: answers, events, and the news that it is too late."""
        answers: dict[str, Any] = {}
        for row in self.rows:
            if row.consumed or row.kind == "retry":
                continue
            if row.answer is not None:
                answers[row.interrupt_id] = orjson.loads(row.answer)
            elif row.expired_at is not None:
                answers[row.interrupt_id] = TIMED_OUT
            elif row.kind == "time" and self._due(row):
                answers[row.interrupt_id] = {"woken_at": self.now}
        return answers

    @property
    def asleep(self) -> dict[str, str]:
        """The interrupts of nodes that go on waiting, by task id."""
        return {row.task_id: row.interrupt_id for row in self.rows if row.unanswered and not self._due(row)}

    def _due(self, row: OpenInterrupt) -> bool:
        return row.kind in ("time", "retry") and row.wake_at is not None and row.wake_at <= self.now
