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

CHECK = 5.0
"""Seconds between two looks at whether a viewer still reads."""

STUCK = 15.0
"""Seconds that one batch may wait for its viewer to read."""


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
        self._beats = 0

    def beat(self) -> None:
        """Called each ``CHECK`` seconds: sends a heartbeat when it is time, and looks again whether this is the end."""
        self._beats += 1
        if self._beats * CHECK >= HEARTBEAT:
            self._beats = 0
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
        quiet = self._quiet()
        while not (self._over() and (quiet or subscription.settled)):
            frame = await subscription.next_frame()
            if frame.events:
                self._note(frame)
                await self._sink.events(frame)
                quiet = self._quiet()
            if self._due:
                self._due = False
                await self._sink.heartbeat(subscription.position)
                quiet = not self._dispatcher.active(self._run_id)
        return subscription.position

    def _quiet(self) -> bool:
        return self._ended and not self._dispatcher.executing(self._run_id)

    def _over(self) -> bool:
        return self._ended and self._subscription.position >= self._known and not self._subscription.behind

    def _note(self, frame: Frame) -> None:
        for event in frame.events:
            if event.type in TERMINAL_TYPES:
                self._ended = True
            elif event.type in REOPENING_TYPES:
                self._ended = False


async def first_of(*tasks: "asyncio.Task[None]", tick: Callable[[], None]) -> None:
    """Wait until one of ``tasks`` is done, calling ``tick`` each ``CHECK`` seconds; the others are cancelled.

    Raises:
        What the first task raised.
    """
    try:
        while True:
            done, _ = await asyncio.wait(tasks, timeout=CHECK, return_when=asyncio.FIRST_COMPLETED)
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
