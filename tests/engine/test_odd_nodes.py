"""Node code that behaves as nobody should: its run ends and says why, and the runs beside it go on."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest

from milepost.graphs.context import NodeContext
from milepost.graphs.node_types import Config, NodeType
from tests.engine.conftest import Bench, opened
from tests.engine.test_control import chain

BROKEN = "half a pair: \udcff"
"""What a file's name that is not UTF-8 looks like in Python: text that has no encoding."""


class OddConfig(Config):
    """What to do."""

    what: Any = ""


class Odd(NodeType[OddConfig]):
    """Does it."""

    name: ClassVar[str] = "odd"
    config_model = OddConfig

    async def run(self, ctx: NodeContext[OddConfig]) -> Mapping[str, Any]:
        await asyncio.sleep(0)
        match ctx.config.what:
            case "cancels itself":
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
                await asyncio.sleep(0)
            case "raises":
                raise ValueError(BROKEN)
            case "logs":
                ctx.log("info", BROKEN, field=BROKEN)
            case "progress":
                ctx.progress(0.5, BROKEN)
            case "streams":
                ctx.delta(BROKEN)
            case "asks":
                ctx.interrupt(BROKEN)
            case "returns":
                return {"text": BROKEN}
            case "a large number":
                return {"number": 2**80}
        return {}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """An app with the odd node."""
    async with opened(tmp_path / "data", types=[Odd]) as bench:
        yield bench


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("cancels itself", "FAILED"),
        ("raises", "FAILED"),
        ("logs", "COMPLETED"),
        ("progress", "COMPLETED"),
        ("streams", "COMPLETED"),
        ("asks", "FAILED"),
        ("returns", "FAILED"),
        ("{{ 9223372036854775807 * 4 }}", "FAILED"),
        ("a large number", "FAILED"),
    ],
)
async def test_a_run_of_odd_code_ends_and_says_why(bench: Bench, tmp_path: Path, what: str, status: str) -> None:
    beside = await bench.start(chain(tmp_path / "t", 0.1, 0.1))
    run_id = await bench.start({"name": "o", "steps": [{"id": "odd", "type": "odd", "config": {"what": what}}]})
    run = await bench.ended(run_id, within=5)
    assert run.status == status
    if status == "FAILED":
        assert orjson.loads(run.error or "")["message"]
    assert (await bench.ended(beside)).status == "COMPLETED"
