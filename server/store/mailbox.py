"""Brings the outcomes of a commit to an event loop: one wake-up of the loop for all of them."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

Outcome = tuple[Any, ...] | BaseException

AT_ONCE = 8
"""Futures that one turn of the loop resolves. All of a large commit in one turn would let that many runs step in
lockstep, and whatever else the loop has to do, a cancel for one, wait for all of them."""


class Mailbox:
    """Belongs to one event loop. The writer's thread delivers, the loop resolves."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def deliver(self, outcomes: Sequence[tuple["asyncio.Future[Any]", Outcome]]) -> None:
        """Resolve futures of this loop; callable from any thread. A loop that has closed hears nothing."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._resolve, outcomes)

    def _resolve(self, outcomes: Sequence[tuple["asyncio.Future[Any]", Outcome]]) -> None:
        for future, outcome in outcomes[:AT_ONCE]:
            if future.done():
                continue
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        if len(outcomes) > AT_ONCE:
            self._loop.call_soon(self._resolve, outcomes[AT_ONCE:])
