"""What a node's code is executing is marked, and only while it has the thread."""

from __future__ import annotations

import asyncio

import pytest

from milepost.graphs.witness import stepping


class Marks:
    """A witness that keeps what it was told."""

    def __init__(self) -> None:
        self.now: list[str] = []
        self.count = 0

    def enter(self, run_id: str, node_id: str) -> int:
        self.now.append(f"{run_id}/{node_id}")
        self.count += 1
        return self.count

    def leave(self, mark: int) -> None:
        self.now.pop()


async def test_a_coroutine_is_marked_in_each_step_and_not_while_it_waits() -> None:
    marks, go, seen = Marks(), asyncio.Event(), []

    async def node() -> str:
        seen.append(list(marks.now))
        await go.wait()
        seen.append(list(marks.now))
        return "done"

    task = asyncio.ensure_future(_await(node(), marks))
    await asyncio.sleep(0)
    assert marks.now == []
    go.set()
    assert await task == "done"
    assert seen == [["r/n"], ["r/n"]]
    assert (marks.now, marks.count) == ([], 2)


async def test_a_cancellation_reaches_the_code_and_what_it_raises_comes_out() -> None:
    marks, cleaned = Marks(), []

    async def node() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cleaned.append(list(marks.now))
            raise KeyError("instead") from None

    task = asyncio.ensure_future(_await(node(), marks))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(KeyError, match="instead"):
        await task
    assert cleaned == [["r/n"]]
    assert marks.now == []


async def test_code_that_goes_on_after_a_cancellation_is_followed_to_its_end() -> None:
    marks, go = Marks(), asyncio.Event()

    async def node() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await go.wait()
        return 3

    task = asyncio.ensure_future(_await(node(), marks))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    go.set()
    assert await task == 3


async def _await(coroutine: object, marks: Marks) -> object:
    return await stepping(coroutine, marks, "r", "n")  # type: ignore[arg-type]
