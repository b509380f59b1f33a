"""The values of secrets in a run: nodes get them, and whatever nodes report goes through a veil."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from milepost.graphs.context import RunContext
from milepost.graphs.failures import NodeFailure
from milepost.graphs.reporter import Outcome, Reporter
from milepost.graphs.veil import Veil


def keeping(context: RunContext, secrets: Mapping[str, str]) -> RunContext:
    """The context of a run that uses these secrets, by name. Nothing that its nodes tell or give has their values."""
    veil = Veil(secrets.values())
    return replace(context, secrets=secrets, veil=veil, reporter=Veiled(context.reporter, veil))


class Veiled:
    """Passes everything on with the secrets covered. Outputs and failures come covered from the execution."""

    def __init__(self, reporter: Reporter, veil: Veil) -> None:
        self._reporter = reporter
        self._veil = veil
        self._held: dict[str, str] = {}
        self.inside = reporter.inside
        self.item = reporter.item
        self.counted = reporter.counted
        self.flush = reporter.flush

    def started(self, task_id: str, node_id: str, input: Any) -> None:
        """A node begins. What it streamed before it began again is over."""
        self._held.pop(task_id, None)
        self._reporter.started(task_id, node_id, self._veil.value(input))

    def progress(self, task_id: str, fraction: float, message: str | None) -> None:
        """How far a node is."""
        self._reporter.progress(task_id, fraction, None if message is None else self._veil.text(str(message)))

    def log(self, task_id: str, level: str, message: str, fields: Mapping[str, Any]) -> None:
        """A node's line, all of it."""
        veil = self._veil
        self._reporter.log(task_id, veil.text(str(level)), veil.text(str(message)), veil.value(fields))

    def delta(self, task_id: str, text: str) -> None:
        """A piece of text, up to where a secret may have begun; the rest waits for the next piece."""
        whole = self._held.pop(task_id, "") + text
        safe = self._veil.safe_until(whole)
        if safe < len(whole):
            self._held[task_id] = whole[safe:]
        if safe:
            self._reporter.delta(task_id, self._veil.text(whole[:safe]))

    def row(self, task_id: str, kind: str, row: Mapping[str, Any]) -> None:
        """What a node keeps."""
        self._reporter.row(task_id, kind, self._veil.value(row))

    def retrying(self, task_id: str, failure: NodeFailure, attempt: int, delay: float) -> None:
        """An attempt failed: what it streamed last does not go on."""
        self._rest(task_id)
        self._reporter.retrying(task_id, failure, attempt, delay)

    def finished(self, task_id: str, outcome: Outcome) -> None:
        """An execution is decided."""
        self._rest(task_id)
        self._reporter.finished(task_id, outcome)

    def left(self, task_id: str) -> None:
        """A node's code has ended."""
        self._held.pop(task_id, None)
        self._reporter.left(task_id)

    def _rest(self, task_id: str) -> None:
        held = self._held.pop(task_id, "")
        if held:
            self._reporter.delta(task_id, self._veil.text(held))


def unchained(failure: NodeFailure) -> NodeFailure:
    """The failure without the exceptions that led to it: what these say is not covered."""
    failure.__cause__ = failure.__context__ = None
    failure.__suppress_context__ = True
    return failure
