"""Runs what talks to the network as tasks of their own, each cancelled once at most."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

CLOSING = 0.5
"""Seconds that calls which are under way get to end in."""


class Late(Exception):
    """A call took longer than it may."""


class Calls:
    """The calls that are under way.

    A run that is stopped gets more than one cancel, and httpcore's pool awaits while it closes a connection: the second
    one would leave the connection open. So whoever waits is cancelled as often as may be, the call once.
    """

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    async def run(
        self,
        call: Coroutine[Any, Any, T],
        within: float | None = None,
        dropped: Callable[[T], Coroutine[Any, Any, None]] | None = None,
    ) -> T:
        """What the call returns. Raises `Late` after `within` seconds.

        `dropped` disposes of a result that came together with a cancel.
        """
        task = self._started(call)
        try:
            await asyncio.wait({task}, timeout=within)
        except asyncio.CancelledError:
            if not task.done():
                task.cancel()
            elif dropped is not None and not task.cancelled() and task.exception() is None:
                self._started(dropped(task.result()))
            raise
        if not task.done():
            task.cancel()
            raise Late
        return task.result()

    async def close(self) -> None:
        """Cancel all of them, and wait a moment for their ends."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=CLOSING)

    def _started(self, call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(call)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()
