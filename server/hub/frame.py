"""A batch of one run's events and its encoding, made once for all viewers that stand at the same point."""

from collections.abc import Callable, Sequence

from milepost.server.store.rows import Told

MAX_EVENTS = 500
"""Events of one frame."""

MAX_SIZE = 160 * 1024
"""Bytes of events in one frame, so that a viewer that stops reading holds little; one event always fits."""

TERMINAL_TYPES = frozenset({"run.completed", "run.failed", "run.cancelled"})
"""Events that end a run. A failed one goes on when it is retried."""

REOPENING_TYPES = frozenset({"run.queued", "run.started"})
"""Events after which an ended run is live again."""


class Frame:
    """Events of a run in order, at most ``MAX_EVENTS``. Empty where a viewer was only nudged."""

    __slots__ = ("_encoded", "events")

    def __init__(self, events: Sequence[Told]) -> None:
        self.events = events
        self._encoded: bytes | None = None

    def encoded(self, encode: Callable[[bytes], bytes]) -> bytes:
        """The message ``{"type": "events", …}`` through ``encode``, which must be the same for every viewer."""
        if self._encoded is None:
            self._encoded = encode(
                b'{"type":"events","events":[' + b",".join([event.wire for event in self.events]) + b"]}"
            )
        return self._encoded


EMPTY = Frame(())


def fitting(events: Sequence[Told]) -> Sequence[Told]:
    """As many of the first events as a frame takes."""
    size = 0
    for count, event in enumerate(events[:MAX_EVENTS]):
        size += len(event.wire)
        if size > MAX_SIZE and count:
            return events[:count]
    return events[:MAX_EVENTS]
