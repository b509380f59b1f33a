"""An engine that serves the graphs of the project in this folder."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.server.app import App
from tests.engine.conftest import Bench, opened

PROJECT = Path(__file__).parent / "project"


class GraphBench(Bench):
    """A bench whose workflows are Python graphs, by name."""

    def workflow_id(self, graph: str) -> str:
        """The workflow of a graph."""
        return next(
            each.workflow_id or "" for each in self.app.python.listed if each.name == graph and each.failure is None
        )

    async def run(self, graph: str, input: Mapping[str, Any] | None = None) -> str:
        """The id of a new run, executed."""
        return await self.start_again(self.workflow_id(graph), input)

    async def output(self, run_id: str) -> Any:
        """What a run gave, once it has completed."""
        run = await self.ended(run_id)
        assert run.status == "COMPLETED", run.error
        return orjson.loads(run.output or "null")


def of(bench: Bench) -> GraphBench:
    """The same bench, for Python graphs."""
    app: App = bench.app
    return GraphBench(app, bench.project)


@pytest.fixture
async def graphs(tmp_path: Path) -> AsyncIterator[GraphBench]:
    """An app on an empty data directory."""
    async with opened(tmp_path / "data", shutdown_grace=1.0, config=PROJECT) as bench:
        yield of(bench)
