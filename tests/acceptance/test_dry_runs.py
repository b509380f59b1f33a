"""Dry runs against a real server whose every connection and every opened file is listed."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from milepost.graphs.examples import examples
from milepost.graphs.instances import instance
from milepost.graphs.schemas import violations
from tests import audited
from tests.acceptance.process import ServerProcess

TOPIC = {"topic": "tides"}

BASE = "/api/projects/default/workflows"


class Watched(ServerProcess):
    """A server and what it did outside its data directory."""

    module = audited.__name__

    def outside(self) -> list[str]:
        """What it did so far."""
        return self.data.with_name(audited.SEEN).read_text().splitlines()

    async def test(self, workflow_id: str, **body: Any) -> dict[str, Any]:
        """The answer of a dry run that succeeds."""
        response = await self.client.post(f"{BASE}/{workflow_id}/test", json=body)
        assert response.status_code == 200, response.text
        told: dict[str, Any] = response.json()
        return told


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    async with Watched(tmp_path / "data") as server:
        yield server


def input_of(definition: dict[str, Any]) -> dict[str, Any]:
    """An input that the definition takes."""
    schema = definition.get("input_schema")
    if schema is None or not violations(schema, TOPIC, "", ""):
        return TOPIC
    made: dict[str, Any] = instance(schema)
    return made


async def test_no_example_has_an_effect_outside(watched: Watched) -> None:
    before = watched.outside()
    for definition in examples():
        told = await watched.test(await watched.workflow(definition), input_data=input_of(definition))
        assert told["summary"]["passed"] is (definition["name"] != "Invoice that fails"), told
    assert watched.outside() == before


async def test_what_a_real_run_does_outside_a_dry_run_does_not(watched: Watched, tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        file = tmp_path / "outside"
        config = {"port": listener.getsockname()[1], "file": str(file)}
        definition = {"name": "reach", "steps": [{"id": "r", "type": "reach", "config": config}]}
        workflow_id = await watched.workflow(definition)
        before = watched.outside()
        told = await watched.test(workflow_id)
        assert told["trace"][0]["simulated"]
        assert watched.outside() == before
        assert not file.exists()
        run = await watched.ended(await watched.run(workflow_id))
        assert run["status"] == "COMPLETED", run
        seen = " ".join(watched.outside()[len(before) :])
        assert "socket.connect" in seen
        assert f"open {file}" in seen


async def test_past_its_time_it_answers_504_and_nothing_is_left_running(watched: Watched, tmp_path: Path) -> None:
    file = tmp_path / "data" / "held"
    config = {"seconds": 60, "file": str(file), "text": "h"}
    workflow_id = await watched.workflow({"name": "held", "steps": [{"id": "h", "type": "held", "config": config}]})
    response = await watched.client.post(f"{BASE}/{workflow_id}/test", json={"timeout_seconds": 0.5})
    assert response.status_code == 504
    problem = response.json()
    assert problem["code"] == "execution_timeout"
    assert (await watched.status(problem["run_id"]))["status"] == "CANCELLED"
    why = await watched.get(f"/{problem['run_id']}/why")
    assert why["code"] == "ended"
    assert "stopped" in file.read_text()


async def test_wrong_bodies_are_refused_by_name(watched: Watched) -> None:
    workflow_id = await watched.workflow({"name": "w", "steps": [{"id": "a", "type": "process"}]})
    for body, code in (
        ({"timeout_seconds": 0}, "invalid_request"),
        ({"timeout_seconds": 301}, "invalid_request"),
        ({"answers": {"b": 1}}, "invalid_request"),
        ({"definition": {"nodes": []}}, "invalid_definition"),
        ({"definition": {"steps": [{"id": "a", "type": "process"}]}, "version": 1}, "invalid_request"),
        ({"inputs": {}}, "invalid_request"),
    ):
        response = await watched.client.post(f"{BASE}/{workflow_id}/test", json=body)
        assert (response.status_code, response.json()["code"]) == (422, code), body
    missing = f"{BASE}/01a1fbe8-f8c1-7272-b423-856c9fe94f8c/test"
    assert (await watched.client.post(missing, json={})).status_code == 404
    replay = {"replay_run_id": "01a1fbe8-f8c1-7272-b423-856c9fe94f8c"}
    assert (await watched.client.post(f"{BASE}/{workflow_id}/test", json=replay)).status_code == 404


async def test_a_dry_run_that_a_kill_interrupts_goes_on_dry(watched: Watched, tmp_path: Path) -> None:
    file = tmp_path / "data" / "slow"
    steps = [
        {"id": "slow", "type": "held", "config": {"seconds": 1, "file": str(file), "text": "s"}},
        {"id": "r", "type": "reach", "config": {"port": 9, "file": str(tmp_path / "never")}},
    ]
    workflow_id = await watched.workflow({"name": "slow", "steps": steps})
    asking = asyncio.ensure_future(watched.client.post(f"{BASE}/{workflow_id}/test", json={}))
    while not (found := (await watched.get("", test_mode="true", status="RUNNING"))["items"]):
        pass
    (run,) = found
    await watched.until(run["run_id"], "node.started", node="slow")
    await watched.kill()
    await asyncio.gather(asking, return_exceptions=True)
    await watched.start()
    ended = await watched.ended(run["run_id"])
    assert ended["status"] == "COMPLETED"
    assert not (tmp_path / "never").exists()
