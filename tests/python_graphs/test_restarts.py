"""Python graphs on a server in a process of its own: killed, restarted, and with other code than before."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.process import RUNS, ServerProcess, StartFailed
from tests.acceptance.spawning import ROOT
from tests.python_graphs.conftest import PROJECT

CODE = """
import asyncio
import operator
from pathlib import Path
from typing import Annotated

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict


class State(TypedDict):
    marks: str
    ran: Annotated[list[str], operator.add]


def mark(state, name):
    with open(Path(state["marks"]) / "ran", "a") as file:
        file.write(name + "\\n")
    return {"ran": [name]}


async def one(state: State):
    return mark(state, "one")


async def held(state: State):
    found = mark(state, "held")
    while not (Path(state["marks"]) / "go").exists():
        await asyncio.sleep(0.01)
    return found


async def asks(state: State):
    return {"ran": [interrupt("Go on?")]}


async def last(state: State):
    return mark(state, "last")


graph = (
    StateGraph(State).add_node(one).add_node(held).add_node(asks).add_node(last)
    .add_edge(START, "one").add_edge("one", "held").add_edge("held", "asks").add_edge("asks", "last")
    .add_edge("last", END).compile()
)
"""

OTHER_TEXT = CODE.replace('return mark(state, "last")', 'return mark(state, "last of another version")')
OTHER_SHAPE = (
    OTHER_TEXT.replace(".add_node(last)", '.add_node("tail", last)')
    .replace('"asks", "last")', '"asks", "tail")')
    .replace('"last", END)', '"tail", END)')
)


def write(project: Path, code: str) -> None:
    """The project with its one graph."""
    project.mkdir(exist_ok=True)
    (project / "langgraph.json").write_text(json.dumps({"graphs": {"flow": "./flow.py:graph"}}))
    (project / "flow.py").write_text(code)


def ran(marks: Path) -> list[str]:
    """The nodes that began, in order."""
    return (marks / "ran").read_text().splitlines()


@asynccontextmanager
async def serving(folder: Path, code: str = CODE) -> AsyncIterator[ServerProcess]:
    """A server with the one graph."""
    write(folder / "project", code)
    async with ServerProcess(folder / "data", config=folder / "project", shutdown_grace=0) as server:
        yield server


async def flow(server: ServerProcess) -> dict[str, Any]:
    """The workflow of the graph."""
    items = (await server.client.get("/api/projects/default/workflows")).json()["items"]
    (found,) = [each for each in items if each["name"] == "flow"]
    body: dict[str, Any] = (await server.client.get(f"/api/projects/default/workflows/{found['workflow_id']}")).json()
    return body


async def begin(server: ServerProcess, marks: Path) -> str:
    """A run of the graph."""
    marks.mkdir(exist_ok=True)
    return await server.run((await flow(server))["workflow_id"], {"marks": str(marks), "ran": []})


async def waiting(server: ServerProcess, marks: Path) -> str:
    """A run that waits for an answer."""
    marks.mkdir(exist_ok=True)
    (marks / "go").touch()
    run_id = await begin(server, marks)
    await server.until(run_id, "run.waiting")
    return run_id


async def test_a_killed_server_goes_on_where_it_was(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        run_id = await begin(server, tmp_path / "marks")
        await server.until(run_id, "node.started", node="held")
        await server.kill()
        (tmp_path / "marks" / "go").touch()
        await server.start()
        await server.until(run_id, "run.waiting")
        await server.kill()
        await server.start()
        assert (await server.post(f"/{run_id}/resume", {"answer": "yes"})).status_code == 202
        run = await server.ended(run_id)
        assert (run["status"], run["output_data"]["ran"]) == ("COMPLETED", ["one", "held", "yes", "last"])
        assert ran(tmp_path / "marks") == ["one", "held", "held", "last"]
        types = [event["type"] for event in await server.events(run_id)]
        assert "run.recovered" in types
        assert "run.code_changed" not in types


async def test_an_answer_outlives_a_kill_of_the_node_that_was_given_it(tmp_path: Path) -> None:
    slow = 'given = interrupt("Go on?")\n    mark(state, "given")\n    ' + "\n    ".join(
        [
            'while not (Path(state["marks"]) / "after").exists():',
            "    await asyncio.sleep(0.01)",
            'return {"ran": [given]}',
        ]
    )
    async with serving(tmp_path, CODE.replace('return {"ran": [interrupt("Go on?")]}', slow)) as server:
        run_id = await waiting(server, tmp_path / "marks")
        before = (await server.status(run_id))["last_seq"]
        assert (await server.post(f"/{run_id}/resume", {"answer": "yes"})).status_code == 202
        await server.until(run_id, "node.started", node="asks", after=before)
        await server.kill()
        (tmp_path / "marks" / "after").touch()
        await server.start()
        run = await server.ended(run_id)
        assert run["output_data"]["ran"] == ["one", "held", "yes", "last"]
        types = [event["type"] for event in await server.events(run_id)]
        assert types.count("run.waiting") == 1


async def test_other_code_of_the_same_shape_goes_on_and_says_so(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        run_id = await waiting(server, tmp_path / "marks")
        await server.kill()
        write(tmp_path / "project", OTHER_TEXT)
        await server.start()
        workflow = await flow(server)
        assert (workflow["kind"], workflow["latest_version"]) == ("python", 2)
        assert (await server.post(f"/{run_id}/resume", {"answer": "yes"})).status_code == 202
        run = await server.ended(run_id)
        assert (run["version"], run["output_data"]["ran"][-1]) == (1, "last of another version")
        (changed,) = [event for event in await server.events(run_id) if event["type"] == "run.code_changed"]
        assert changed["data"] == {"from": 1, "to": 2}


async def test_a_version_of_another_shape_is_gone_and_can_be_forked(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        asking = await waiting(server, tmp_path / "asking")
        pending = await server.run((await flow(server))["workflow_id"], {"marks": "", "ran": []}, execute=False)
        executing = await begin(server, tmp_path / "executing")
        await server.until(executing, "node.started", node="held")
        await server.kill()
        write(tmp_path / "project", OTHER_SHAPE)
        await server.start()
        failed = await server.ended(executing)
        assert (failed["status"], failed["error"]["code"]) == ("FAILED", "version_gone")
        retried = await server.post(f"/{executing}/retry")
        assert (retried.status_code, retried.json()["code"]) == (409, "version_gone")

        unexecuted = await server.post(f"/{pending}/execute")
        assert (unexecuted.status_code, unexecuted.json()["code"]) == (409, "version_gone")
        refused = await server.post(f"/{asking}/resume", {"answer": "yes"})
        assert (refused.status_code, refused.json()["code"]) == (409, "version_gone")
        assert "fork" in refused.json()["detail"]
        status = await server.status(asking)
        assert [each["node_id"] for each in status["node_states"]] == ["one", "held", "asks", "last"]
        shown = await server.get(f"/{asking}/checkpoints/{status['checkpoint_id']}")
        assert shown["values"]["ran"] == ["one", "held"]

        forked = await server.post(f"/{asking}/fork", {"checkpoint_id": status["checkpoint_id"], "execute": True})
        assert (forked.status_code, forked.json()["version"]) == (201, 2)
        child = forked.json()["run_id"]
        await server.until(child, "run.waiting")
        assert (await server.post(f"/{child}/resume", {"answer": "yes"})).status_code == 202
        run = await server.ended(child)
        assert run["output_data"]["ran"] == ["one", "held", "yes", "last of another version"]


async def test_every_command_works_over_http(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        run_id = await begin(server, tmp_path / "marks")
        await server.until(run_id, "node.started", node="held")
        paused = await server.post(f"/{run_id}/pause", {"mode": "now"})
        assert (paused.status_code, paused.json()["still_running"]) == (200, [])
        path = f"{RUNS}/{run_id}/state"
        refusals: list[dict[str, Any]] = [{"rans": []}, {}, {"ran": "no list"}]
        for values in refusals:
            refused = await server.client.patch(path, json={"values": values})
            assert (refused.status_code, refused.json()["code"]) == (422, "invalid_edit")
        edited = await server.client.patch(path, json={"values": {"ran": {"$replace": ["edited"]}}, "as_node": "one"})
        assert (edited.status_code, edited.json()["values"]["ran"]) == (200, ["edited"])
        (tmp_path / "marks" / "go").touch()
        assert (await server.post(f"/{run_id}/resume")).status_code == 202
        await server.until(run_id, "run.waiting")
        assert (await server.post(f"/{run_id}/resume")).json()["code"] == "answer_required"
        logs = (await server.get(f"/{run_id}/logs", node_id="held"))["items"]
        assert [(row["status"], row["input"]["ran"]) for row in logs] == [
            ("CANCELLED", ["one"]),
            ("COMPLETED", ["edited"]),
        ]
        rows = (await server.get(f"/{run_id}/checkpoints"))["items"]
        changes = (
            await server.get(
                f"/{run_id}/checkpoints/diff", **{"from": rows[-1]["checkpoint_id"], "to": rows[0]["checkpoint_id"]}
            )
        )["changes"]
        assert any(change["path"].startswith("ran") for change in changes)
        cancelled = await server.post(f"/{run_id}/cancel")
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "CANCELLED")
        again = await server.post(f"/{run_id}/rerun", {"execute": True})
        assert again.status_code == 201
        await server.until(again.json()["run_id"], "run.waiting")


async def test_a_definition_cannot_replace_the_code(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        workflow = await flow(server)
        path = f"/api/projects/default/workflows/{workflow['workflow_id']}"
        definition = {"steps": [{"id": "a", "type": "process", "config": {"operation": "passthrough"}}]}
        refused = await server.client.put(path, json={"definition": definition})
        assert (refused.status_code, refused.json()["code"]) == (409, "python_workflow")
        drawn = (await server.client.get(f"{path}/graph")).json()
        assert [node["id"] for node in drawn["nodes"]] == ["one", "held", "asks", "last"]
        assert {(edge["source"], edge["target"]) for edge in drawn["edges"]} >= {("one", "held"), ("asks", "last")}
        chart = await server.client.get(f"{path}/graph", params={"format": "mermaid"})
        assert "held" in chart.text
        bad = await server.post("", {"workflow_id": workflow["workflow_id"], "input_data": {"ran": 3}, "execute": True})
        assert (bad.status_code, bad.json()["code"]) == (422, "invalid_input")


async def test_code_that_no_longer_imports_keeps_its_runs_and_is_listed(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        run_id = await waiting(server, tmp_path / "marks")
        await server.kill()
        write(tmp_path / "project", "import nothing_of_the_kind\n" + CODE)
        await server.start()
        refused = await server.post(f"/{run_id}/resume", {"answer": "yes"})
        assert (refused.status_code, refused.json()["code"]) == (422, "not_runnable")
        assert "nothing_of_the_kind" in refused.json()["detail"]
        (listed,) = (await server.client.get("/api/python-graphs")).json()["items"]
        assert (listed["name"], listed["served"], listed["error"]["type"]) == ("flow", False, "ModuleNotFoundError")
        assert "flow.py" in listed["error"]["traceback"]
        assert listed["workflow_id"] == (await flow(server))["workflow_id"]
        await server.kill()
        write(tmp_path / "project", CODE)
        await server.start()
        assert (await server.post(f"/{run_id}/resume", {"answer": "yes"})).status_code == 202
        assert (await server.ended(run_id))["status"] == "COMPLETED"
        assert (await flow(server))["latest_version"] == 1


STEPS = """
import asyncio
import operator
import os
from pathlib import Path
from typing import Annotated

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict


class State(TypedDict):
    marks: str
    ran: Annotated[list[str], operator.add]


def node(name):
    async def step(state: State):
        with open(Path(state["marks"]) / "ran", "a") as file:
            file.write(name + "\\n")
        await asyncio.sleep(0.03)
        if name == os.environ.get("DIES_AT"):
            os._exit(42)
        return {"ran": [name]}
    return step


def chain(names):
    builder = StateGraph(State)
    for before, name in zip([START, *names], names):
        builder.add_node(name, node(name)).add_edge(before, name)
    return builder


inner = chain(["i1", "i2", "i3"]).compile()
builder = chain(["a", "b", "c", "d"])
builder.add_node("inside", inner).add_edge("d", "inside").add_edge("inside", END)
graph = builder.compile()
"""
ORDER = ["a", "b", "c", "d", "i1", "i2", "i3"]


async def test_no_completion_that_was_seen_runs_again_however_often_the_server_is_killed(tmp_path: Path) -> None:
    marks = [tmp_path / f"marks {number}" for number in range(4)]
    async with serving(tmp_path, STEPS) as server:
        runs = [await begin(server, each) for each in marks]
        often: dict[tuple[str, str], int] = {}
        for kill in range(5):
            async with server.watch(runs[kill % 4]) as watch:
                for _ in range(1 + kill):
                    with suppress(AssertionError):
                        await watch.until("node.completed")
            seen = {
                run_id: {event["node_id"] for event in await server.events(run_id) if event["type"] == "node.completed"}
                for run_id in runs
            }
            await server.kill()
            for run_id, each in zip(runs, marks, strict=True):
                for node in seen[run_id]:
                    name = node.rpartition("/")[2]
                    often.setdefault((run_id, name), ran(each).count(name))
            await server.start()
        for run_id, each in zip(runs, marks, strict=True):
            run = await server.ended(run_id)
            assert (run["status"], run["output_data"]["ran"]) == ("COMPLETED", [*ORDER[:4], *ORDER[:4], *ORDER[4:]])
            assert list(dict.fromkeys(ran(each))) == ORDER
            assert {name: ran(each).count(name) for known, name in often if known == run_id} == {
                name: count for (known, name), count in often.items() if known == run_id
            }
            completed = [event for event in await server.events(run_id) if event["type"] == "node.completed"]
            names = [event["node_id"] for event in completed]
            assert sorted(names) == sorted([*ORDER[:4], *(f"inside/{name}" for name in ORDER[4:]), "inside"])


@pytest.mark.parametrize("dies_at", ["b", "i2"])
async def test_a_node_that_takes_the_process_down_is_found_and_its_run_fails(tmp_path: Path, dies_at: str) -> None:
    async with serving(tmp_path) as server:
        innocent = await begin(server, tmp_path / "innocent")
        await server.until(innocent, "node.started", node="held")
        await server.kill()
        projects = {"graphs": {"flow": "./flow.py:graph", "steps": "./steps.py:graph"}, "env": {"DIES_AT": dies_at}}
        (tmp_path / "project" / "langgraph.json").write_text(json.dumps(projects))
        (tmp_path / "project" / "steps.py").write_text(STEPS)
        await server.start()
        (tmp_path / "guilty").mkdir()
        items = (await server.client.get("/api/python-graphs")).json()["items"]
        steps = next(each["workflow_id"] for each in items if each["name"] == "steps")
        guilty = await server.run(steps, {"marks": str(tmp_path / "guilty"), "ran": []})
        assert await server.exited() == 42
        for _ in range(2):
            with suppress(StartFailed):
                await server.start()
                assert await server.exited() == 42
        await server.start()
        run = await server.ended(guilty)
        node_id = dies_at if dies_at == "b" else f"inside/{dies_at}"
        assert (run["status"], run["error"]["code"], run["error"]["node_id"]) == ("FAILED", "crashed_process", node_id)
        assert ran(tmp_path / "guilty").count(dies_at) == 3
        (tmp_path / "innocent" / "go").touch()
        await server.until(innocent, "run.waiting")


SCRIPT = """
import asyncio, os, sys
os.environ.pop("LANGGRAPH_STRICT_MSGPACK", None)
import langgraph.graph
from milepost import Milepost

async def main():
    async with Milepost(data=sys.argv[1], config=sys.argv[2], log_level="error") as m:
        for name in ("typed", "unlisted"):
            result = await m.run(m.graph(name), {})
            print(result.status, (result.error or {}).get("code"))

asyncio.run(main())
"""


def test_langgraph_imported_first_does_not_make_checkpoints_lax(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "data"), str(PROJECT)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines()[-2:] == ["COMPLETED None", "FAILED unstorable_type"], done.stderr


async def test_a_wrong_langgraph_json_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "langgraph.json").write_text('{"graphs": {"a": "./a.py"}}')
    command = [sys.executable, "-m", "milepost", "serve", "--config", str(tmp_path), "--data", str(tmp_path / "data")]
    done = subprocess.run([*command, "--port", "0"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "MILEPOST_CONFIG" in done.stderr
    assert "langgraph.json" in done.stderr
