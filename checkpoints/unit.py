"""The protocols between the saver and whoever owns the database: a statement, a writer, a reader and a sink.

No SQL, no LangGraph behaviour and no transaction lives here; the store implements Writer and Reader, the engine Sink.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from langgraph.checkpoint.base import Checkpoint

Row = tuple[Any, ...]


class Statement(NamedTuple):
    """One named SQL statement with its parameters; `rows` is the number of rows it must touch, None is any number."""

    sql: str
    parameters: Mapping[str, Any]
    rows: int | None = None


class Writer(Protocol):
    """The one writer of the database."""

    def submit(self, statements: Sequence[Statement]) -> Future[Any]:
        """Queue the statements as one unit, from any thread. Resolves after COMMIT, fails if the unit rolled back."""
        ...


class Reader(Protocol):
    """Reads what has been committed."""

    def fetch(self, sql: str, parameters: Mapping[str, Any]) -> Future[list[Row]]:
        """Run one query, from any thread, and resolve to all its rows."""
        ...


class TaskSaved(NamedTuple):
    """What one task wrote, about to be stored beside the checkpoint that it ran from."""

    run_id: str
    ns: str
    checkpoint_id: str
    task_id: str
    task_path: str
    writes: Sequence[tuple[str, Any]]


class CheckpointSaved(NamedTuple):
    """A checkpoint about to be stored; `size` is in bytes, `next` names the nodes that run after it."""

    run_id: str
    ns: str
    checkpoint: Checkpoint
    checkpoint_id: str
    parent_id: str | None
    step: int
    source: str
    ordinal: int
    size: int
    next: tuple[str, ...] = ()


Committed = Future[Any] | asyncio.Future[Any]
"""Resolves after COMMIT: a future of another thread, or one of the event loop that the saver is used on.

Only the asynchronous methods of a saver can wait for the second kind.
"""


class Sink(Protocol):
    """What a saver's units go through, so that other rows can join the unit before it is submitted."""

    def task_saved(self, saved: TaskSaved, statements: list[Statement]) -> Committed:
        """Submit the unit that stores a task's writes. Called synchronously, in LangGraph's order."""
        ...

    def checkpoint_saved(self, saved: CheckpointSaved, statements: list[Statement]) -> Committed:
        """Submit the unit that stores a checkpoint."""
        ...


class DirectSink:
    """Hands every unit to a writer as it is."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def task_saved(self, saved: TaskSaved, statements: list[Statement]) -> Future[None]:
        """Submit the statements unchanged."""
        return self._writer.submit(statements)

    def checkpoint_saved(self, saved: CheckpointSaved, statements: list[Statement]) -> Future[None]:
        """Submit the statements unchanged."""
        return self._writer.submit(statements)
