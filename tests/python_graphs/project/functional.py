"""LangGraph's functional API."""

from typing import Any

from langgraph.func import entrypoint, task


@task
async def double(n: int) -> int:
    """Twice as much."""
    return n * 2


@entrypoint()
async def flow(given: dict[str, Any]) -> dict[str, int]:
    """Double twice."""
    return {"n": await double(await double(given["n"]))}
