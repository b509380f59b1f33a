"""Watches the engine's loop from a thread of its own: names the node that blocks it, and where."""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import structlog

from milepost.graphs.blocking import blocking_node
from milepost.server.store.store import Store
from milepost.server.store.unit import NewEvent, Unit, encode

BEAT = 0.1
"""Seconds between two looks at the loop."""

BLOCKED = 1.0
"""Seconds without a turn of the loop after which its stack is told."""

log = structlog.get_logger("milepost.engine")


class Watchdog:
    """Measures lag for the metrics and reports each long block once."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        store: Store,
        attempt_of: Callable[[str], int],
        on_lag: Callable[[float], None],
    ) -> None:
        self._loop = loop
        self._store = store
        self._attempt_of = attempt_of
        self._on_lag = on_lag
        self._stopped = threading.Event()
        self._answered = threading.Event()
        self._loop_thread = 0
        self._thread = threading.Thread(target=self._watch, name="milepost-watchdog", daemon=True)

    def start(self, loop_thread: int) -> None:
        """Watch the loop that runs in the thread with this identifier."""
        self._loop_thread = loop_thread
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(BEAT):
            self._answered.clear()
            asked = time.monotonic()
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._answered.set)
            if not self._answered.wait(BLOCKED):
                self._report(time.monotonic() - asked)
                self._answered.wait()
            self._on_lag(time.monotonic() - asked)

    def _report(self, seconds: float) -> None:
        frame = sys._current_frames().get(self._loop_thread)
        if frame is None:
            return
        found = blocking_node(frame)
        stack = _stack(frame)
        node_id, run_id = (found.node_id, found.run_id) if found else (None, None)
        log.warning("the engine's loop is blocked", node_id=node_id, run_id=run_id, seconds=round(seconds, 1), at=stack)
        if run_id is not None:
            self._publish(run_id, node_id, seconds, stack)

    def _publish(self, run_id: str, node_id: str | None, seconds: float, stack: list[str]) -> None:
        message = f"{node_id} has blocked the event loop for {seconds:.1f} s: use async calls or a synchronous node"
        data: dict[str, Any] = {"level": "warning", "message": message, "fields": {"stack": stack}}
        told = NewEvent(run_id, "node.log", self._store.clock(), self._attempt_of(run_id), encode(data), node_id)
        self._store.submit(Unit(events=[told]))


def _stack(frame: FrameType) -> list[str]:
    """Where the loop is, innermost last: file:line function."""
    return [f"{entry.filename}:{entry.lineno} {entry.name}" for entry in traceback.extract_stack(frame)[-8:]]
