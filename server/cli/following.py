"""Follows a run on a server over its WebSocket, through dropped connections and restarts. Shows nothing itself."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import orjson
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect

from milepost.server.cli.mistake import Mistake

FIRST_DELAY, LONGEST_DELAY = 0.2, 5.0
"""Seconds between two tries to connect; they double."""

SILENCE = 45.0
"""Seconds without anything, heartbeats included, after which a connection counts as dead."""

TERMINAL = {"run.completed": "COMPLETED", "run.failed": "FAILED", "run.cancelled": "CANCELLED"}

REFUSALS: Mapping[int, str] = {
    4400: "the server refused the request",
    4401: "the server does not accept this key; give --key, MILEPOST_KEY, or --data with the server's data directory",
    4403: "this key may not watch this run",
    4404: "the server has no such run in this project",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A run on a server."""

    url: str
    project: str
    run_id: str
    key: str

    def socket(self, after: int) -> str:
        """The address of the run's WebSocket from behind an event on."""
        parts = urlsplit(self.url)
        scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
        if scheme is None or not parts.netloc:
            raise Mistake(f"--url must look like http://127.0.0.1:8000, not {self.url!r}")
        path = f"/api/projects/{quote(self.project, safe='')}/workflows/runs/{quote(self.run_id, safe='')}/ws"
        return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}{path}?after={after}"


class Following:
    """One run being followed. ``seq`` is the last event seen; ``status`` the run's newest one that is known."""

    def __init__(self, place: Place, after: int, on_event: Callable[[dict[str, Any]], None]) -> None:
        self.seq = after
        self.status = ""
        self._place = place
        self._on_event = on_event

    def follow(self, on_trouble: Callable[[str], None]) -> str:
        """Follow until the run has ended, and give its last status. A connection that breaks is made anew.

        Raises:
            Mistake: the server cannot be reached at first, or refuses.
        """
        delay, reached = FIRST_DELAY, False
        while True:
            before = self.seq
            try:
                with connect(self._place.socket(self.seq), additional_headers=self._headers(), max_size=None) as socket:
                    reached = True
                    if self._read(socket):
                        return self.status
            except ConnectionClosed as closed:
                self._check(closed)
            except InvalidURI as error:
                raise Mistake(f"--url: {error}") from error
            except (OSError, InvalidHandshake, TimeoutError) as error:
                if not reached:
                    raise Mistake(f"cannot reach {self._place.url}: {error}") from error
            delay = FIRST_DELAY if self.seq > before else min(delay * 2, LONGEST_DELAY)
            on_trouble(f"connection lost after event {self.seq}; connecting again")
            time.sleep(delay)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._place.key}"}

    def _read(self, socket: ClientConnection) -> bool:
        """Read until the connection breaks (raises) or the run has ended (True)."""
        while True:
            frame = orjson.loads(socket.recv(timeout=SILENCE))
            if frame["type"] == "hello":
                self.status = str(frame["run"])
            elif frame["type"] == "events":
                for event in frame["events"]:
                    self._take(event)
            elif frame["type"] == "end":
                return True

    def _take(self, event: dict[str, Any]) -> None:
        self.seq = int(event["seq"])
        self.status = TERMINAL.get(event["type"], self.status)
        self._on_event(event)

    def _check(self, closed: ConnectionClosed) -> None:
        code = closed.rcvd.code if closed.rcvd else 1006
        if code in REFUSALS:
            reason = f" ({closed.rcvd.reason})" if closed.rcvd and closed.rcvd.reason else ""
            raise Mistake(REFUSALS[code] + reason) from closed
