"""Awaits a future of another thread. Knows nothing of what it stands for."""

import asyncio
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def landed(future: Future[T] | asyncio.Future[T]) -> T:
    """Return the result of a future that another thread, or this event loop, resolves.

    Takes half the time of `asyncio.wrap_future`, and a cancelled waiter leaves the future alone: a unit that was handed
    to the writer is committed all the same, because what it says has happened.
    """
    if not future.done():
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        if isinstance(future, asyncio.Future):
            # Not awaited itself: several tasks wait for one commit, and cancelling one would cancel it for all.
            future.add_done_callback(lambda _: _wake(waiter))
        else:
            future.add_done_callback(lambda _: _wake_from_thread(loop, waiter))
        await waiter
    return future.result()


def _wake_from_thread(loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[None]) -> None:
    try:
        loop.call_soon_threadsafe(_wake, waiter)
    except RuntimeError:  # the loop was closed, and nobody waits any more
        return


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
