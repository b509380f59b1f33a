"""What nodes were executing when the process died: a small mapped file, which outlives any death but the machine's.

A crash takes every run with it. Only the one whose code had a thread can have caused it, and rows on disk lag behind.
"""

import mmap
from collections import deque
from contextlib import suppress
from pathlib import Path

WIDTH = 128
"""Bytes of one mark: a run's id, a blank and the node's id, ended by a zero; empty when it begins with one."""


class BlackBox:
    """Implements ``Witness``. ``open`` comes first; a mark costs a copy into memory, the system does the rest."""

    def __init__(self, path: Path, marks: int) -> None:
        self._path = path
        self._size = marks * WIDTH
        self._free = deque(range(0, self._size, WIDTH))
        self._map: mmap.mmap | None = None

    def open(self) -> dict[str, str]:
        """Begin anew.

        Returns:
            The node that had a thread when the last process died, by run id; empty after an orderly stop.
        """
        found = self._read()
        self._path.write_bytes(bytes(self._size))
        with self._path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), self._size)
        return found

    def _read(self) -> dict[str, str]:
        found = {}
        with suppress(FileNotFoundError):
            content = self._path.read_bytes()
            for offset in range(0, len(content), WIDTH):
                mark = content[offset : offset + WIDTH].split(b"\0", 1)[0].decode("utf-8", "replace")
                if mark:
                    run_id, _, node_id = mark.partition(" ")
                    found[run_id] = node_id
        return found

    def enter(self, run_id: str, node_id: str) -> int:
        """A thread begins to execute a node's code. Gives the mark to leave with, -1 when there are too many."""
        if self._map is None or not self._free:
            return -1
        offset = self._free.popleft()
        mark = f"{run_id} {node_id}".encode()[: WIDTH - 1] + b"\0"
        self._map[offset : offset + len(mark)] = mark
        return offset

    def leave(self, mark: int) -> None:
        """The thread has come out of it."""
        if mark >= 0 and self._map is not None:
            self._map[mark] = 0
            self._free.append(mark)
