"""Brings the units of all runs to the writer: those of one turn of the loop together, small news a little later."""

import asyncio
from typing import Protocol

from milepost.server.store.mailbox import Mailbox
from milepost.server.store.rows import Event
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

GATHER = 0.004
"""Seconds that a node's start, progress or completion may wait for the checkpoint that usually follows at once."""

PATIENCE = 0.1
"""The same while the loop is busy: a turn then takes longer than ``GATHER``, and the checkpoint with it."""

Committed = asyncio.Future[tuple[Event, ...]]


class Sender(Protocol):
    """Who has something to send."""

    def leave(self) -> tuple[Unit, Committed] | None:
        """All that is to be sent, and the future that waits for its commit."""
        ...


class Outbox:
    """On the engine's loop. A sender is asked for its unit when it is due."""

    def __init__(self, store: Store) -> None:
        self._writer = store.writer
        self._loop = asyncio.get_running_loop()
        self._mailbox: Mailbox = store.mailbox()
        self._urgent: dict[Sender, None] = {}
        self._gathered: dict[Sender, None] = {}
        self._since = self._due = 0.0

    def soon(self, sender: Sender) -> None:
        """Send within ``GATHER``."""
        if not self._gathered:
            self._since = self._loop.time()
            self._wait()
        self._gathered[sender] = None

    def now(self, sender: Sender) -> None:
        """Send at the end of this turn of the loop."""
        if not self._urgent:
            self._loop.call_soon(self._send_urgent)
        self._urgent[sender] = None
        self._gathered.pop(sender, None)

    def _send_urgent(self) -> None:
        senders, self._urgent = self._urgent, {}
        self._send(senders)

    def _wait(self) -> None:
        self._due = self._loop.time() + GATHER
        self._loop.call_at(self._due, self._send_gathered)

    def _send_gathered(self) -> None:
        now = self._loop.time()
        if now - self._due > GATHER / 2 and now - self._since < PATIENCE:
            self._wait()
            return
        senders, self._gathered = self._gathered, {}
        self._send(senders)

    def _send(self, senders: dict[Sender, None]) -> None:
        units = [unit for sender in senders if (unit := sender.leave()) is not None]
        if units:
            self._writer.post(units, self._mailbox)
