"""Lets graphs that keep no checkpoints run inside one whose checkpoints are awaited.

LangGraph 1.2 then waits for a checkpoint of the inner graph as well, and fails because there is none to wait for.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from langgraph.pregel._loop import AsyncPregelLoop, SyncPregelLoop

_AWAITED = "_put_checkpoint_fut"


class _Nothing:
    """A checkpoint that need not be waited for."""

    def result(self) -> None:
        """Nothing, at once."""

    def __await__(self) -> Generator[Any, Any, None]:
        return
        yield


def let_unkept_graphs_run() -> None:
    """Give LangGraph's loops something to wait for where they have made no checkpoint."""
    for loop in (AsyncPregelLoop, SyncPregelLoop):
        if not hasattr(loop, _AWAITED):
            setattr(loop, _AWAITED, _Nothing())
