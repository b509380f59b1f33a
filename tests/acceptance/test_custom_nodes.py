"""Packages of node types beside a real server: the example that is documented, and some that are broken."""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.process import ServerProcess
from tests.acceptance.spawning import ROOT, executed
from tests.web import Visit, Web

EXAMPLE = ROOT / "docs" / "examples" / "milepost-node-example"

BROKEN = "raise ImportError('no module named left_pad')\n"
LEAVES = "import sys\nsys.exit('not today')\n"
NAMED = """from milepost.graphs import Config, NodeType
class Found(NodeType[Config]):
    name = {name!r}
    config_model = Config
    async def run(self, ctx):
        return {{"by": {module!r}}}
"""


class Installed(ServerProcess):
    """A server that finds packages as its interpreter does."""

    spawn = staticmethod(executed)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages that servers import from."""
    folder = tmp_path / "site"
    folder.mkdir()
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *([before] if before else [])]))
    return folder


def packed(site: Path, package: str, type_: str, source: str) -> None:
    """A package with one module that names one node type, as an installer leaves it."""
    module = package.replace("-", "_")
    (site / f"{module}.py").write_text(source)
    info = site / f"{module}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[milepost.node_types]\n{type_} = {module}:Found\n")


def install(site: Path, source: Path) -> None:
    """Build a package and install it, without a network."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*command, "--target", str(site), str(source)], check=True, capture_output=True)


def third_time(asked: list[int]) -> Callable[[Visit], Any]:
    """An answer that is not ready twice."""

    async def answer(visit: Visit) -> None:
        asked.append(1)
        await visit.json({"ready": True}, 200 if len(asked) == 3 else 503)

    return answer


async def test_the_example_package_is_built_installed_and_run(site: Path, tmp_path: Path) -> None:
    install(site, Path(shutil.copytree(EXAMPLE, tmp_path / "package")))
    table = tmp_path / "table.csv"
    async with (
        Web({"/ready": third_time([])}) as web,
        Installed(tmp_path / "data", allowed_hosts="127.0.0.1") as server,
    ):
        definition = {
            "name": "wait and write",
            "steps": [
                {"id": "ready", "type": "poll", "config": {"url": web.url("/ready"), "every": 0.01}},
                {"id": "row", "type": "append_row", "config": {"file": str(table), "row": ["{{ run.id }}", 7]}},
            ],
        }
        run_id = await server.start_run(definition)
        status = await server.status(run_id, wait=30)
        assert status["status"] == "COMPLETED", (status, server.log())
        logs = {row["node_id"]: row for row in (await server.get(f"/{run_id}/logs"))["items"]}
        assert logs["ready"]["output"] == {"attempts": 3, "body": '{"ready":true}'}
        (row,) = csv.reader(table.read_text().splitlines())
        assert logs["row"]["output"] == {"file": str(table), "row": row, "written": True}
        assert row[0].startswith(f"{run_id}:")
        assert row[1:] == [run_id, "7"]
        events = await server.events(run_id)
        told = [event["data"]["message"] for event in events if event["type"] == "node.log"]
        assert told == ["asked", "asked", "asked", "row written"]
        types = {each["type"]: each for each in (await server.client.get("/api/node-types")).json()["items"]}
        assert types["append_row"]["side_effects"] is True
        assert types["poll"]["config_schema"]["properties"]["every"]["description"] == "Seconds between two questions."


async def test_broken_packages_keep_no_server_from_starting(site: Path, tmp_path: Path) -> None:
    packed(site, "broken-nodes", "shout", BROKEN)
    packed(site, "leaving-nodes", "leave", LEAVES)
    packed(site, "first-nodes", "sing", NAMED.format(name="sing", module="first"))
    packed(site, "second-nodes", "sing", NAMED.format(name="sing", module="second"))
    packed(site, "taking-nodes", "wait", NAMED.format(name="wait", module="taking"))
    packed(site, "odd-nodes", "odd", "Found = 7\n")
    async with Installed(tmp_path / "data") as server:
        listed = (await server.client.get("/api/node-types")).json()
        failed = {each["package"]: each for each in listed["failed"]}
        assert failed.keys() == {"broken-nodes", "leaving-nodes", "second-nodes", "taking-nodes", "odd-nodes"}
        assert failed["broken-nodes"] == {
            "type": "shout",
            "package": "broken-nodes",
            "path": "broken_nodes:Found",
            "error": "ImportError: no module named left_pad",
        }
        assert failed["leaving-nodes"]["error"] == "SystemExit: not today"
        assert "'sing', in first_nodes" in failed["second-nodes"]["error"]
        assert "'wait', in milepost.graphs.node_types.wait" in failed["taking-nodes"]["error"]
        assert "NodeType" in failed["odd-nodes"]["error"]
        said = server.log()
        assert said.count("a node type is not there") == 5
        assert "left_pad" in said
        body = {"definition": {"steps": [{"id": "a", "type": "shout"}]}}
        checked = (await server.client.post("/api/projects/default/workflows/validate", json=body)).json()
        assert [(each["path"], each["code"]) for each in checked["errors"]] == [("steps[0].type", "unknown_type")]
        assert "package broken-nodes" in checked["errors"][0]["message"]
        assert "no module named left_pad" in checked["errors"][0]["message"]
        run_id = await server.start_run({"name": "s", "steps": [{"id": "a", "type": "sing"}]})
        assert (await server.status(run_id, wait=20))["status"] == "COMPLETED"
        assert (await server.get(f"/{run_id}/logs"))["items"][0]["output"] == {"by": "first"}


async def test_a_run_waits_for_a_type_that_is_gone_and_goes_on_when_it_is_back(site: Path, tmp_path: Path) -> None:
    packed(site, "song-nodes", "sing", NAMED.format(name="sing", module="song"))
    async with Installed(tmp_path / "data") as server:
        steps = [{"id": "nap", "type": "wait_event", "config": {"event": "go"}}, {"id": "a", "type": "sing"}]
        run_id = await server.start_run({"name": "s", "steps": steps})
        assert (await server.status(run_id, wait=20))["status"] == "WAITING"
        await server.kill()
        module = (site / "song_nodes.py").rename(site / "gone")
        await server.start()
        await server.post(f"/{run_id}/events/go")
        failed = await server.status(run_id, wait=20)
        assert failed["status"] == "FAILED"
        assert "package song-nodes" in failed["error"]["message"]
        await server.kill()
        module.rename(site / "song_nodes.py")
        await server.start()
        assert (await server.post(f"/{run_id}/retry")).status_code == 202
        assert (await server.status(run_id, wait=20))["status"] == "COMPLETED"
