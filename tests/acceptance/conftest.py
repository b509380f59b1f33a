"""Servers in real processes on real ports."""

import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.acceptance.process import Server, ServerProcess, environment, serve_command
from tests.acceptance.spawning import ROOT
from tests.acceptance.traces import Traces


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server with its default settings, but a short grace."""
    async with ServerProcess(tmp_path / "data", shutdown_grace=2) as started:
        yield started


@pytest.fixture(scope="session")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """``url`` and ``key`` of a server for all tests that leave their server alive and their runs to themselves."""
    command = serve_command(tmp_path_factory.mktemp("lasting"))
    with subprocess.Popen(command, cwd=ROOT, env=environment({"shutdown_grace": 0}), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.kill()


@pytest.fixture
async def shared(lasting: dict[str, str]) -> AsyncIterator[Server]:
    """That server, asked over connections of this test."""
    server = Server()
    await server.attach(lasting["url"], lasting["key"])
    yield server
    await server.disconnect()


@pytest.fixture
async def traces(tmp_path: Path) -> AsyncIterator[Traces]:
    """Where nodes leave their traces."""
    with Traces(tmp_path / "traces") as opened:
        yield opened
