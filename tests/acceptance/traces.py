"""What nodes wrote, as it happens: they append to a pipe that the test holds open across any number of servers."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

CHUNK = 65_536


class Traces:
    """``with Traces(path) as traces`` on an event loop: ``path`` is what nodes are given as their file.

    A line is ``<run id> <what>``. Lines that a killed process had written are still read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[str] = []
        self._rest = b""
        self._news = asyncio.Event()
        self._descriptor = -1

    def __enter__(self) -> Self:
        os.mkfifo(self.path)
        # Open for writing too, so that the pipe outlives every server.
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        asyncio.get_running_loop().add_reader(self._descriptor, self.read)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)

    def read(self) -> None:
        """Take everything that was written."""
        while True:
            try:
                data = os.read(self._descriptor, CHUNK)
            except BlockingIOError:
                break
            *lines, self._rest = (self._rest + data).split(b"\n")
            self.lines += [line.decode() for line in lines]
        self._news.set()

    async def until(self, reached: Callable[[list[str]], bool], within: float = 60.0) -> None:
        """Wait until the lines fulfil a condition; fails the test if they do not in time."""
        try:
            async with asyncio.timeout(within):
                while not reached(self.lines):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            raise AssertionError(
                f"not reached within {within} s; {len(self.lines)} lines: {self.lines[-20:]}"
            ) from error

    async def count(self, lines: int, within: float = 60.0) -> None:
        """Wait until there are so many lines."""
        await self.until(lambda found: len(found) >= lines, within)

    def counted(self) -> Counter[tuple[str, str]]:
        """How often each (run id, what) was written."""
        return Counter((line.partition(" ")[0], line.partition(" ")[2]) for line in self.lines)

    def of(self, run_id: str) -> list[str]:
        """What one run wrote, in order."""
        return [line.partition(" ")[2] for line in self.lines if line.startswith(run_id)]
