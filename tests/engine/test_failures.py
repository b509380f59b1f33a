"""What each way to fail looks like in status, events, logs and the run's error: the table in docs/definitions.md."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.graphs import Config, NodeContext, NodeError, NodeType
from milepost.server.states import RunStatus
from tests.engine.conftest import Bench, opened

PAGE = Path(__file__).parents[2] / "docs/definitions.md"

HEAD = "| what happens | node | events | run | run's error |"

FAILS = {"fail_first": 1}


def wild(file: str, **more: Any) -> dict[str, Any]:
    return {"id": "wild", "type": "trace", "config": {"file": file, "text": "wild", **FAILS}, **more}


def ways(file: str) -> dict[str, dict[str, Any]]:
    """A definition for each row of the table."""
    after = {"id": "after", "type": "process", "config": {}}
    quick = {"initial_interval": 0.01, "max_attempts": 2}
    edge = {"source": "wild", "target": "after", "when": "error"}
    lasting = {"id": "wild", "type": "trace", "config": {"file": file, "text": "wild", "seconds": 30}}
    twice = {"file": file, "text": "wild", "fail_first": 2}
    return {
        "`on_error: stop`": {"steps": [wild(file), after]},
        "`on_error: continue`": {"steps": [wild(file, on_error="continue"), after]},
        "`retry`, a later try succeeds": {"steps": [wild(file, retry=quick), after]},
        "`retry`, every try fails": {"steps": [{**wild(file, retry=quick), "config": twice}, after]},
        'an edge with `when: "error"`': {"nodes": [wild(file), after], "edges": [edge]},
        "the node's `timeout`": {"steps": [{**lasting, "timeout": 0.05}, after]},
        "the run's `timeout`": {"steps": [lasting, after], "timeout": 0.05},
    }


def table() -> dict[str, list[str]]:
    """The rows of the page, by their first column."""
    text = PAGE.read_text(encoding="utf-8")
    rows = text[text.index(HEAD) :].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {first: rest for first, *rest in cells}


def test_the_table_has_a_row_for_each_way() -> None:
    assert list(table()) == list(ways(""))


@pytest.mark.parametrize("way", list(ways("")))
async def test_a_failure_looks_as_the_table_says(bench: Bench, tmp_path: Path, way: str) -> None:
    run_id = await bench.start({"name": "f", **ways(str(tmp_path / "t"))[way]})
    run = await bench.ended(run_id)
    error = orjson.loads(run.error) if run.error else {}
    events = [each for each in await bench.events(run_id) if each["node_id"] == "wild"]
    kinds = [each["type"] for each in events if each["type"] != "node.started"]
    found = [(await bench.statuses(run_id))["wild"], ", ".join(kinds), run.status, error.get("code", "none")]
    assert found == [cell.replace("`", "") for cell in table()[way]]
    (row,) = [each for each in await bench.executions(run_id) if each.node_id == "wild"]
    assert row.status == found[0]
    if row.status == "FAILED":
        logged = orjson.loads(row.error or "")
        assert logged.keys() == {"code", "type", "message", "node_id", "traceback"}
        told = next(each["data"]["error"] for each in events if each["type"] == "node.failed")
        assert told == {key: logged[key] for key in ("code", "type", "message", "node_id")}
        frames = re.findall(r'File "([^"]+)"', logged["traceback"])
        assert not [frame for frame in frames if "/graphs/" in frame or "/langgraph/" in frame]
        if error:
            assert error == logged
    if error:
        assert error["message"]
        assert error["node_id"] == ("wild" if row.status == "FAILED" else None)


class HalfAnError(NodeType[Config]):
    """Fails with a code and a message that have no UTF-8."""

    name = "half"
    config_model = Config

    async def run(self, ctx: NodeContext[Config]) -> Mapping[str, Any]:
        raise NodeError("half \ud800", "half \ud800", retryable=False)


class Interrupted(NodeType[Config]):
    """Raises what would end the engine's loop."""

    name = "interrupted"
    config_model = Config

    async def run(self, ctx: NodeContext[Config]) -> Mapping[str, Any]:
        raise KeyboardInterrupt


async def test_a_run_ends_whatever_its_node_raises(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", types=[HalfAnError, Interrupted], shutdown_grace=1.0) as bench:
        for kind, code, message in (
            ("half", "half ?", "half ?"),
            ("interrupted", "node_error", "KeyboardInterrupt"),
        ):
            run = await bench.ended(await bench.start({"steps": [{"id": "wild", "type": kind}]}))
            error = orjson.loads(run.error or "{}")
            assert (run.status, error["code"], error["message"]) == (RunStatus.FAILED, code, message)
