"""The node types that exist, and what is told about them."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from milepost.graphs import Config, NodeContext, NodeType, Program, Registry, RunContext, load
from milepost.graphs.blocking import blocking_node
from tests.unit.graphs.recording import Recorder, node


class Nothing(Config):
    """No settings."""


class Here(NodeType[Nothing]):
    """Finds itself on the stack."""

    name: ClassVar[str] = "here"
    config_model = Nothing

    async def run(self, ctx: NodeContext[Nothing]) -> Mapping[str, Any]:
        found = blocking_node(sys._getframe())
        return {"node": found.node_id if found else None, "run": found.run_id if found else None}


def test_the_built_in_types_are_there() -> None:
    registry = Registry()
    assert registry.names() == [
        *(
            "ai",
            "approval",
            "call_api",
            "code",
            "condition",
            "create_task",
            "input",
            "map",
            "output",
            "process",
            "send_notification",
            "subworkflow",
            "switch",
            "wait",
            "wait_event",
        )
    ]
    assert Registry.installed().names() == registry.names()


def test_a_type_is_added_once() -> None:
    registry = Registry()
    registry.register(Here)
    assert registry.get("here") is not None
    with pytest.raises(ValueError, match="here"):
        registry.register(Here)


def test_every_type_tells_the_schema_of_its_config() -> None:
    for described in Registry().describe():
        assert described["config_schema"]["type"] == "object"
        assert described["config_schema"]["additionalProperties"] is False
        assert described["title"]
        assert described["description"]


def test_a_package_adds_types_through_its_entry_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shout_nodes.py").write_text(
        "from milepost.graphs import Config, NodeType\n"
        "class Shout(NodeType[Config]):\n"
        "    name = 'shout'\n"
        "    config_model = Config\n"
        "    async def run(self, ctx):\n"
        "        return {'text': 'HEY'}\n"
    )
    info = tmp_path / "shout_nodes-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shout-nodes\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[milepost.node_types]\nshout = shout_nodes:Shout\n")
    monkeypatch.syspath_prepend(tmp_path)
    program = load({"nodes": [node("a", "shout")]}, Registry.installed())
    assert asyncio.run(_output(program)) == {"text": "HEY"}
    assert Registry().get("shout") is None


async def _output(program: Program) -> Any:
    recorder = Recorder()
    await program.graph.ainvoke(program.graph_input({}), context=RunContext({"id": "r"}, recorder))
    return recorder.outcomes[0].output


def test_the_node_in_whose_code_a_thread_is_can_be_named() -> None:
    registry = Registry()
    registry.register(Here)
    program = load({"nodes": [node("a", "here")]}, registry)
    assert asyncio.run(_output(program)) == {"node": "a", "run": "r"}
    assert blocking_node(sys._getframe()) is None


class Holds(NodeType[Nothing]):
    """Holds the loop until somebody has looked."""

    name: ClassVar[str] = "holds"
    config_model = Nothing
    looked: ClassVar[threading.Event] = threading.Event()

    async def run(self, ctx: NodeContext[Nothing]) -> Mapping[str, Any]:
        Holds.looked.wait(10)
        return {}


def test_a_node_that_holds_the_loop_is_named_from_another_thread() -> None:
    registry = Registry()
    registry.register(Holds)
    program = load({"nodes": [node("a", "holds")]}, registry)
    found: list[Any] = []

    def look(thread: int) -> None:
        end = time.monotonic() + 10
        while not any(found) and time.monotonic() < end:
            found.append(blocking_node(sys._current_frames().get(thread)))
        Holds.looked.set()

    watcher = threading.Thread(target=look, args=(threading.get_ident(),))
    watcher.start()
    asyncio.run(_output(program))
    watcher.join()
    assert found[-1].node_id == "a"
