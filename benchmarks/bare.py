"""Bare LangGraph with the stock SQLite saver, no server: `python -m benchmarks.bare FILE RUNS AT_ONCE DURABILITY`.

Ten no-op nodes in sequence. Prints one JSON line: the seconds of the whole and of each run.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Durability
from typing_extensions import TypedDict

NODES = 10

State = TypedDict("State", {f"n{number}": dict[str, str] for number in range(NODES)}, total=False)  # type: ignore[misc]


def _node(name: str) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    async def run(state: Any) -> dict[str, Any]:
        return {name: {"text": ""}}

    return run


def _graph() -> Any:
    graph: Any = StateGraph(State)
    before = START
    for number in range(NODES):
        # A node and a channel may not have the same name.
        graph.add_node(f"node{number}", _node(f"n{number}"))
        graph.add_edge(before, f"node{number}")
        before = f"node{number}"
    return graph


async def measure(file: str, runs: int, at_once: int, durability: Durability) -> dict[str, Any]:
    """Run them all, ``at_once`` at a time, after a few to warm up."""
    async with AsyncSqliteSaver.from_conn_string(file) as saver:
        await saver.setup()
        compiled = _graph().compile(checkpointer=saver)

        async def one(number: int) -> float:
            config = cast("RunnableConfig", {"configurable": {"thread_id": f"t{number}"}})
            began = time.perf_counter()
            await compiled.ainvoke({}, config, durability=durability)
            return time.perf_counter() - began

        for number in range(3):
            await one(-1 - number)
        numbers = iter(range(runs))
        began = time.perf_counter()
        each: list[float] = []

        async def work() -> None:
            each.extend([await one(number) for number in numbers])

        await asyncio.gather(*(work() for _ in range(at_once)))
        return {"seconds": time.perf_counter() - began, "each": each}


def main() -> None:
    """As the module says."""
    file, runs, at_once, durability = sys.argv[1:]
    print(json.dumps(asyncio.run(measure(file, int(runs), int(at_once), cast("Durability", durability)))))


if __name__ == "__main__":
    main()
