"""A server that is killed again and again while its runs leave traces."""

import random
import sys

from tests.acceptance.process import ServerProcess
from tests.acceptance.snapshot import Snapshot
from tests.acceptance.traces import Traces


async def kill_often(server: ServerProcess, traces: Traces, kills: int, most: int) -> None:
    """Kill and start the server, each time after 2 to ``most`` more traces; what had completed leaves none again."""
    seed = random.randrange(1 << 30)
    sys.stderr.write(f"seed {seed}\n")
    dice = random.Random(seed)
    for _ in range(kills):
        await traces.count(len(traces.lines) + dice.randint(2, most))
        await server.kill()
        traces.read()
        lines = len(traces.lines)
        completed = Snapshot(server.data).completed()
        await server.start()
        await traces.count(lines + 1)
        again = {tuple(line.split(" ")) for line in traces.lines[lines:]} & completed
        assert not again, f"seed {seed}"
