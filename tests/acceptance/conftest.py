"""Servers in real processes on real ports. Long forms are marked ``slow`` and run only when asked for (-m slow)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.process import ServerProcess
from tests.acceptance.traces import Traces


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "slow: the long form of a test; deselected unless -m names it")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave long forms out of a run that does not ask for them."""
    if "slow" in config.option.markexpr:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server with its default settings, but a short grace."""
    async with ServerProcess(tmp_path / "data", shutdown_grace=2) as started:
        yield started


@pytest.fixture
async def traces(tmp_path: Path) -> AsyncIterator[Traces]:
    """Where nodes leave their traces."""
    with Traces(tmp_path / "traces") as opened:
        yield opened
