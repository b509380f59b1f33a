"""The live end of one run: its newest events, kept once however many viewers read them, and when to wake those."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from milepost.server.errors import MilepostError
from milepost.server.hub.frame import MAX_EVENTS, REOPENING_TYPES, TERMINAL_TYPES, Frame, fitting
from milepost.server.store.rows import Event, Told

WINDOW = 0.015
"""Seconds between two wake-ups of a run's viewers; the first event after a quiet time and urgent ones go at once."""

MAX_BYTES = 4 << 20
"""Of event data that a channel keeps. Whoever is further behind reads from the store, or is dropped."""

URGENT_TYPES = TERMINAL_TYPES | {"run.stopped", "run.paused", "run.waiting"}


class Viewer(Protocol):
    """What a channel needs to know of its readers."""

    position: int

    def wake(self) -> None:
        """Let the reader look for events."""

    def nudge(self) -> None:
        """Let the reader look again whether this is the end, even if there are no events."""

    def fail(self, error: MilepostError) -> None:
        """End the reader with ``error``."""

    def drop_if_stuck(self, first: int) -> None:
        """Fail the reader if it is stuck in sending what lay before event ``first``, the oldest that is kept."""


class Channel:
    """Events of a run that were committed while someone watched. Lives on the API's loop."""

    def __init__(self, limit: int, observe_lag: Callable[[float], None]) -> None:
        self.viewers: set[Viewer] = set()
        self.last = 0
        self.settled = False
        self._limit = limit
        self._observe_lag = observe_lag
        self._loop = asyncio.get_running_loop()
        self._events: list[Event] = []
        self._told: list[Told] = []
        self._bytes = 0
        self._frames: dict[int, Frame] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next_wake = 0.0
        self._oldest_unseen: int | None = None

    def append(self, events: Sequence[Event]) -> None:
        """Take events that were just committed, in order, and wake the viewers soon."""
        if self._events and events[0].seq != self.last + 1:
            # What came before was on its way to somebody else: the events in between are in the store only.
            self._forget()
        for event in events:
            if event.type in REOPENING_TYPES:
                self.settled = False
            self._bytes += len(event.data)
        self._events.extend(events)
        self.last = events[-1].seq
        self._frames.clear()
        if self._oldest_unseen is None:
            self._oldest_unseen = events[0].ts
        if len(self._events) > self._limit or self._bytes > MAX_BYTES:
            self._trim()
        self._schedule(any(event.type in URGENT_TYPES for event in events))

    def holds(self, seq: int) -> bool:
        """Whether the event can be read here."""
        return bool(self._events) and self._events[0].seq <= seq <= self.last

    def frame(self, first: int) -> Frame:
        """Events from ``first`` on, which must be held; the same object for every viewer that stands there."""
        known = self._frames.get(first)
        if known is None:
            start = first - self._events[0].seq
            known = self._frames[first] = Frame(fitting(self._encoded(start, start + MAX_EVENTS)))
        return known

    def settle(self) -> None:
        """Nothing of the run executes any more: viewers may end."""
        self.settled = True
        for viewer in self.viewers:
            viewer.nudge()

    def wake(self) -> None:
        """Wake every viewer now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        started = time.perf_counter()
        for viewer in self.viewers:
            viewer.wake()
        # Queued behind the viewers that were just woken: called when each has sent, or waits for its peer.
        self._loop.call_soon(self._round_ended, started)

    def close(self) -> None:
        """Forget the timer; the last viewer has left."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget(self) -> None:
        self._events.clear()
        self._told.clear()
        self._frames.clear()
        self._bytes = 0

    def _encoded(self, start: int, end: int) -> list[Told]:
        self._told += [event.told() for event in self._events[len(self._told) : end]]
        return self._told[start:end]

    def _schedule(self, urgent: bool) -> None:
        wait = self._next_wake - self._loop.time()
        if urgent or wait <= 0:
            self.wake()
        elif self._timer is None:
            self._timer = self._loop.call_later(wait, self.wake)

    def _round_ended(self, started: float) -> None:
        # Many viewers may take longer to serve than the window: then batches grow, and half of the time stays free.
        self._next_wake = self._loop.time() + max(WINDOW, time.perf_counter() - started)
        if self._oldest_unseen is not None:
            self._observe_lag(max(0.0, time.time() - self._oldest_unseen / 1000))
            self._oldest_unseen = None
        self._trim()

    def _trim(self) -> None:
        """Drop what every viewer has, and what is more than the bounds allow."""
        seen = min((viewer.position for viewer in self.viewers), default=self.last)
        drop = max(seen - self._events[0].seq + 1, len(self._events) - self._limit) if self._events else 0
        drop = max(0, min(drop, len(self._events)))
        rest = self._bytes - sum(len(event.data) for event in self._events[:drop])
        while rest > MAX_BYTES and drop < len(self._events):
            rest -= len(self._events[drop].data)
            drop += 1
        self._bytes = rest
        if drop:
            del self._events[:drop]
            del self._told[:drop]
            self._frames.clear()
        first = self._events[0].seq if self._events else self.last + 1
        if first > seen + 1:
            for viewer in tuple(self.viewers):
                viewer.drop_if_stuck(first)
