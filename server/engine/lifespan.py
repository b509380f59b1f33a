"""What is open while the engine's loop runs: entered and left by one task, as some resources demand."""

import asyncio
from contextlib import AbstractAsyncContextManager

LEAVING = 2.0
"""Seconds that what was opened for the graphs gets to close."""


class Lifespan:
    """On the engine's loop."""

    def __init__(self, around: AbstractAsyncContextManager[None]) -> None:
        self._around = around
        self._entered = asyncio.Event()
        self._leaving = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._hold())

    async def _hold(self) -> None:
        async with self._around:
            self._entered.set()
            await self._leaving.wait()

    async def enter(self) -> None:
        """Wait until it is open. Raises what opening it raised."""
        entered = asyncio.ensure_future(self._entered.wait())
        await asyncio.wait([entered, self._task], return_when=asyncio.FIRST_COMPLETED)
        entered.cancel()
        if self._task.done():
            self._task.result()

    async def leave(self, within: float) -> None:
        """Close it, or give up after ``within`` seconds: what a user's code closes must not hold the process."""
        self._leaving.set()
        await asyncio.wait([self._task], timeout=within)
        self._task.cancel()
