"""The server of these benchmarks: `tests.serve` with a node type that speaks at a steady pace."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

from milepost.graphs.context import NodeContext
from milepost.graphs.node_types import Config, NodeType
from tests import serve


class PulseConfig(Config):
    """How many events, seconds between two, and seconds before the first."""

    count: int
    every: float = 0.0
    after: float = 0.0


class Pulse(NodeType[PulseConfig]):
    """Logs and reports progress in turns, each at its time, however late the one before was."""

    name: ClassVar[str] = "pulse"
    config_model = PulseConfig

    async def run(self, ctx: NodeContext[PulseConfig]) -> Mapping[str, Any]:
        loop = asyncio.get_running_loop()
        begin = loop.time() + ctx.config.after
        for number in range(ctx.config.count):
            await asyncio.sleep(max(0.0, begin + number * ctx.config.every - loop.time()))
            if number % 2:
                ctx.progress(number / ctx.config.count, f"{number} of {ctx.config.count}")
            else:
                ctx.log("info", f"pulse {number}", number=number)
        return {"count": ctx.config.count}


if __name__ == "__main__":
    sys.exit(serve.main([Pulse]))
