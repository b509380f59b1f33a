"""The rows of what parked nodes wait for: how they are written, and what an attempt is resumed with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from langgraph.types import Interrupt

from milepost.checkpoints.unit import Statement
from milepost.graphs.context import TIMED_OUT
from milepost.server.store.rows import NodeExecution, OpenInterrupt, Run, iso, place
from milepost.server.store.statements import statement


@dataclass(frozen=True, slots=True)
class Wait:
    """What a node, or an item of a `map`, parks with. ``item`` is as in the row (`OpenInterrupt`)."""

    task_id: str
    node_id: str
    item: str | None
    interrupt: Interrupt

    @property
    def said(self) -> Mapping[str, Any]:
        """What the node said of it."""
        return self.interrupt.value if isinstance(self.interrupt.value, Mapping) else {}

    @property
    def kind(self) -> str:
        """As its row has it: what a node's own code asks is for a person."""
        return str(self.said["kind"]) if self.said.get("kind") in ("time", "event", "retry") else "answer"

    @property
    def shown(self) -> str:
        """What viewers are told that it waits for."""
        return "time" if self.kind == "retry" else self.kind

    @property
    def wake_at(self) -> int | None:
        """The time that it waits for, or the end of its patience."""
        until = self.said.get("until")
        return until if isinstance(until, int) else None

    @property
    def news(self) -> dict[str, Any]:
        """As ``node.waiting`` tells it."""
        where = place(self.node_id, self.item) if self.item else {}
        return {"for": self.shown, "until": iso(self.wake_at), **where}

    @property
    def told(self) -> dict[str, Any]:
        """As ``run.waiting`` tells it."""
        head = {"interrupt_id": self.interrupt.id, "node_id": self.node_id}
        return {**head, **place(self.node_id, self.item), "value": self.interrupt.value}


def put_interrupt(run: Run, wait: Wait, now: int, *, again: bool) -> list[Statement]:
    """The statements that park a node; an event that came before is given to it in the same unit."""
    assignees, event = wait.said.get("assignees"), wait.said.get("event")
    put = [
        statement("consume_earlier", run_id=run.run_id, task_id=wait.task_id, interrupt_id=wait.interrupt.id),
        statement(
            "put_interrupt",
            run_id=run.run_id,
            interrupt_id=wait.interrupt.id,
            task_id=wait.task_id,
            node_id=wait.node_id,
            item=wait.item,
            project_id=run.project_id,
            kind=wait.kind,
            value=orjson.dumps(wait.interrupt.value, default=str).decode(),
            event=event if wait.kind == "event" else None,
            assignees=f"|{'|'.join(map(str, assignees))}|" if isinstance(assignees, list) and assignees else None,
            wake_at=wait.wake_at,
            created_at=now,
            again=again,
        ),
    ]
    return [*put, *deliver(run.run_id, str(event), now)] if wait.kind == "event" else put


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

    def asleep(self, waiting: Iterable[NodeExecution]) -> dict[str, str]:
        """The interrupts of nodes and items that go on waiting, by task id.

        A fork has its parent's questions, but no execution that waits: it has told nobody of them.
        """
        known = {row.task_id for row in waiting} | {row.node_id for row in waiting}
        return {
            row.task_id: row.interrupt_id
            for row in self.rows
            if row.unanswered and not self._due(row) and (row.node_id if row.item else row.task_id) in known
        }

    def _due(self, row: OpenInterrupt) -> bool:
        return row.kind in ("time", "retry") and row.wake_at is not None and row.wake_at <= self.now
