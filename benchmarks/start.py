"""From the start of the command to the first answered request, and memory when idle: the command that users run."""

import asyncio
import socket
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.figures import Figure, at_most
from tests.acceptance.process import environment
from tests.acceptance.spawning import ROOT

TITLE = "Cold start and idle memory"

ROUNDS = 7

IDLE = 2.0
"""Seconds after the first answer."""


async def measure() -> list[Figure]:
    """On a fresh directory, and on one that has been served before."""
    fresh, again, memory = [], [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as directory:
            data = Path(directory) / "data"
            seconds, _ = await _start(data)
            fresh.append(seconds)
            seconds, size = await _start(data, idle=IDLE)
            again.append(seconds)
            memory.append(size / 1e6)
    return [
        at_most("first answer, fresh directory", fresh, "s", 1.5, digits=2),
        at_most("first answer, known directory", again, "s", 1.5, digits=2),
        at_most("resident memory when idle", memory, "MB", 150, digits=0),
    ]


async def _start(data: Path, idle: float = 0.0) -> tuple[float, int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("milepost")), "serve", "--data", str(data), "--port", str(port)]
    began = time.perf_counter()
    silent = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=environment({}), stdout=silent, stderr=silent
    )
    try:
        while not await _answers(port):
            await asyncio.sleep(0.005)
        seconds = time.perf_counter() - began
        await asyncio.sleep(idle)
        return seconds, psutil.Process(process.pid).memory_info().rss
    finally:
        process.terminate()
        await process.wait()


async def _answers(port: int) -> bool:
    with suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        status = await reader.readline()
        writer.close()
        return b" 200 " in status
    return False
