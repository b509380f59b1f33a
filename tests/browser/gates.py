"""Gates that a test opens: nodes wait at them as long as it likes, across any number of servers."""

import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PASS, FAIL = b"p", b"f"


class Gates:
    """``with Gates(folder) as gates``: named pipes of which each letter lets one node go on, or fail."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptors: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._folder.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for descriptor in self._descriptors.values():
            os.close(descriptor)

    def node(self, node_id: str, gate: str | None = None, **more: Any) -> dict[str, Any]:
        """A node that waits at a gate, by default at one of its own name."""
        name = gate or node_id
        path = self._folder / name
        if name not in self._descriptors:
            os.mkfifo(path)
            # Open for writing and reading: what is written stays until a node takes it.
            self._descriptors[name] = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        return {"id": node_id, "type": "pipe", "config": {"file": str(path), "text": name}, **more}

    def open(self, gate: str, times: int = 1) -> None:
        """Let so many nodes pass, now or when they come."""
        os.write(self._descriptors[gate], PASS * times)

    def fail(self, gate: str, times: int = 1) -> None:
        """Let so many nodes fail, now or when they come."""
        os.write(self._descriptors[gate], FAIL * times)
