"""Marks whose code a thread is executing, step by step, so that whoever finds the process dead can tell who had it."""

from __future__ import annotations

import types
from collections.abc import Awaitable, Generator
from typing import Any, Protocol


class Witness(Protocol):
    """Remembers marks beyond the process's death. Called from any thread, twice for every step of every node."""

    def enter(self, run_id: str, node_id: str) -> int:
        """A thread begins to execute the node's code. Gives the mark to leave with."""
        ...

    def leave(self, mark: int) -> None:
        """The thread has come out of it, to wait or because it ended."""
        ...


@types.coroutine
def stepping(awaitable: Awaitable[Any], witness: Witness, run_id: str, node_id: str) -> Generator[Any, Any, Any]:
    """Await ``awaitable``, marked whenever its code has the thread and not while it waits. Raises what it raises."""
    steps: Any = awaitable.__await__()
    value, error = None, None
    while True:
        mark = witness.enter(run_id, node_id)
        try:
            waits_for = steps.send(value) if error is None else steps.throw(error)
        except StopIteration as end:
            return end.value
        finally:
            witness.leave(mark)
        value, error = None, None
        try:
            value = yield waits_for
        except BaseException as thrown:  # noqa: BLE001 - a cancellation, say: it is the node's to handle
            error = thrown
