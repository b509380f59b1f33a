"""Following one run: what a viewer is sent, and when it has seen the end. The same for WebSockets and event streams."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from milepost.server.engine.dispatcher import Dispatcher
from milepost.server.hub.frame import REOPENING_TYPES, TERMINAL_TYPES, Frame
from milepost.server.hub.subscription import Subscription
from milepost.server.store.rows import Run

HEARTBEAT = 15.0
"""Seconds between two signs of life."""


class Sink(Protocol):
    """Where a viewer's events go. Each call returns when the viewer can take more."""

    async def events(self, frame: Frame) -> None:
        """A batch."""

    async def heartbeat(self, last_seq: int) -> None:
        """A sign of life."""


class Follower:
    """Sends a run's events to a sink until the run has ended and nothing of it executes."""

    def __init__(self, subscription: Subscription, run: Run, dispatcher: Dispatcher, sink: Sink) -> None:
        self._subscription = subscription
        self._run_id = run.run_id
        self._known = run.last_seq
        self._ended = run.ended
        self._dispatcher = dispatcher
        self._sink = sink
        self._due = False

    def beat(self) -> None:
        """Send a heartbeat soon, and look again whether this is the end."""
        self._due = True
        self._subscription.nudge()

    async def follow(self) -> int:
        """Send everything.

        Returns:
            The number of the last event, when it was sent and there will be no more.

        Raises:
            ViewerTooSlow, Unavailable: what ended the subscription.
        """
        subscription = self._subscription
        finished = not self._dispatcher.executing(self._run_id)
        while not (self._over() and (finished or subscription.settled)):
            frame = await subscription.next_frame()
            if frame.events:
                self._note(frame)
                await self._sink.events(frame)
                finished = not self._dispatcher.executing(self._run_id)
            if self._due:
                self._due = False
                await self._sink.heartbeat(subscription.position)
                finished = not self._dispatcher.active(self._run_id)
        return subscription.position

    def _over(self) -> bool:
        return self._ended and self._subscription.position >= self._known and not self._subscription.behind

    def _note(self, frame: Frame) -> None:
        for event in frame.events:
            if event.type in TERMINAL_TYPES:
                self._ended = True
            elif event.type in REOPENING_TYPES:
                self._ended = False


async def first_of(*tasks: "asyncio.Task[None]", every: float, tick: Callable[[], None]) -> None:
    """Wait until one of ``tasks`` is done, calling ``tick`` each ``every`` seconds; the others are cancelled.

    Raises:
        What the first task raised.
    """
    try:
        while True:
            done, _ = await asyncio.wait(tasks, timeout=every, return_when=asyncio.FIRST_COMPLETED)
            if done:
                break
            tick()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if task in done:
            task.result()
