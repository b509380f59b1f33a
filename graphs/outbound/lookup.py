"""Finds the addresses of a name with the system's resolver, in threads of its own: a slow one stops nobody else."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a name, best first. Raises `OSError` where there are none."""

MOST = 32
"""Look-ups at once, those that nobody waits for any more included."""

T = TypeVar("T")


def in_thread(call: Callable[[], T]) -> Future[T]:
    """Make a call in a daemon thread, which a stop of the process does not wait for."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def work() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - a thread's end: whoever awaits it gets it
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=work, name="milepost-lookup", daemon=True).start()
    return future


class SystemLookup:
    """Asks the system each time; what it keeps for how long is the system's affair."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(MOST)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a name. Raises `OSError`."""
        await self._places.acquire()
        loop = asyncio.get_running_loop()
        found = in_thread(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        future = asyncio.wrap_future(found, loop=loop)
        found.add_done_callback(lambda _: _release(loop, self._places))
        return list(dict.fromkeys(str(address[0]) for *_, address in await future))


def _release(loop: asyncio.AbstractEventLoop, places: asyncio.Semaphore) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(places.release)
