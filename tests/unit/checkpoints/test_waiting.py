"""Waiting for one commit from several tasks."""

import asyncio
from concurrent.futures import Future

import pytest

from milepost.checkpoints.waiting import landed


@pytest.mark.parametrize("kind", ["of this loop", "of another thread"])
async def test_a_waiter_that_is_cancelled_leaves_the_others_waiting(kind: str) -> None:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[int] | Future[int] = loop.create_future() if kind == "of this loop" else Future()
    gone, stays = (asyncio.ensure_future(landed(future)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    future.set_result(7)
    assert await stays == 7
    assert await landed(future) == 7


async def test_a_failure_reaches_every_waiter() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    waiters = [asyncio.ensure_future(landed(future)) for _ in range(2)]
    await asyncio.sleep(0)
    future.set_exception(OSError("the disk is full"))
    for waiter in waiters:
        with pytest.raises(OSError, match="full"):
            await waiter
