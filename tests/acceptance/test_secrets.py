"""No secret appears anywhere: every node type has one and fails once, and then everything is searched for it."""

import asyncio
import base64
import json
import re
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from milepost.graphs.node_types import Registry
from tests.acceptance.process import ServerProcess
from tests.acceptance.test_cli import milepost
from tests.probes import PROBES

PLAIN = "mk_7f3Qa91ZpLx0TtW2"
AWKWARD = 'mk 4&Kd/"z\\Q+Yb=%7é9'
NUMBER = "90817263544536"
PROJECT = "/api/projects/default"
TOLD = {"token": "{{ secrets.PLAIN }}"}


QUERIES: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "{run_id}": ({}, {"include_logs": "true", "include_metrics": "true"}),
    "graph": ({"format": "json"}, {"format": "mermaid"}),
    "logs": ({"limit": 1000},),
    "events": ({"limit": 500},),
}
"""What some routes are asked with."""


def step(node_id: str, type_: str, config: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": node_id, "type": type_, "config": dict(config), **more}


TELLS = [
    step("t", "teller", TOLD, set={"kept": "{{ outputs.t.token }}", "all": "{{ outputs.t }}"}),
    step("n", "teller", {"token": "{{ secrets.AWKWARD }}"}, set={"awkward": "{{ outputs.n.forms }}"}),
    step("d", "sync_teller", {"token": "{{ secrets.NUMBER }}"}),
]
"""What the nodes behind it get to see."""

FAILING: Mapping[str, list[dict[str, Any]]] = {
    "input": [
        step("x", "input", {"fields": {"{{ outputs.t.token }}": "string"}}),
        step("x", "input", {"fields": ["a"]}),
    ],
    "process": [step("x", "process", {"value": "{{ outputs.t[outputs.t.token] }}"})],
    "output": [step("x", "output", {"value": "{{ outputs.n.forms.absent }}"})],
    "condition": [step("x", "condition", {"expression": "outputs.t.token + 1"})],
    "switch": [step("x", "switch", {"value": "{{ outputs.t.token | int + outputs.t.token }}"})],
    "wait": [step("x", "wait", {"seconds": "{{ outputs.t.token }}"})],
    "wait_event": [step("x", "wait_event", {"event": "{{ outputs.t.token }}", "timeout": 0.1})],
    "approval": [step("x", "approval", {"question": "{{ outputs.n.token }}?", "timeout": 0.1})],
    "ai": [
        step("x", "ai", {"model": "echo", "prompt": "p {{ secrets.PLAIN }}", "output_schema": {"type": "object"}}),
        step("x", "ai", {"model": "scripted", "prompt": "p", "script": ["{{ secrets.AWKWARD }}"], "output_schema": {}}),
        step("x", "ai", {"model": "wrong:{{ secrets.PLAIN }}", "prompt": "p", "base_url": "{{ secrets.PLAIN }}"}),
        step("x", "ai", {"model": "echo", "prompt": "p", "temperature": "{{ secrets.PLAIN }}"}),
    ],
    "call_api": [
        step(
            "x",
            "call_api",
            {
                "method": "POST",
                "url": "http://127.0.0.1:9/?key={{ secrets.PLAIN }}",
                "headers": {"X-Key": "{{ secrets.PLAIN }}"},
                "json": {"token": "{{ secrets.AWKWARD }}"},
            },
        )
    ],
    "map": [
        step(
            "x",
            "map",
            {"over": "{{ outputs.t.list }}", "node": {"type": "teller", "config": {**TOLD, "way": way}}, **more},
        )
        for way, more in (("raises", {}), ("raises_its_type", {"on_item_error": "continue"}))
    ],
    "teller": [
        step("x", "teller", {"token": "{{ secrets.AWKWARD }}", "way": way}, **more)
        for way in ("raises", "raises_its_type", "is_wrong", "asks", "waits")
        for more in ({}, {"retry": {"max_attempts": 2, "initial_interval": 0.01}}, {"on_error": "continue"})
    ],
    "sync_teller": [step("x", "sync_teller", {**TOLD, "way": way}) for way in ("raises", "is_wrong")],
}


@pytest.fixture
def echo() -> Iterator[str]:
    """The address of a service that gives back what it is sent; below /no as an error."""

    class Echo(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = self.headers.get("Authorization", "").removeprefix("Basic ")
            told = {"path": self.path, "headers": dict(self.headers), "auth": base64.b64decode(given).decode()}
            body = json.dumps(told).encode()
            self.send_response(403 if self.path.startswith("/no") else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Not on the tests' standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
async def keeper(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server with the marked secrets, one set over HTTP, the others by the command."""
    async with ServerProcess(tmp_path / "data", log_level="debug", shutdown_grace=1) as started:
        there = ("--data", str(started.data), "--url", started.url)
        answer = await started.client.put(f"{PROJECT}/secrets/PLAIN", json={"value": PLAIN})
        assert answer.status_code == 200, answer.text
        for name, value in (("AWKWARD", AWKWARD), ("NUMBER", NUMBER)):
            said = await asyncio.to_thread(milepost, "secret", "set", name, *there, given=f"{value}\n")
            assert said.returncode == 0, said.stderr
            assert_none(said.stdout + said.stderr, "the command's output")
        yield started


def needles() -> list[bytes]:
    """What must not be found, as bytes."""
    found = [PLAIN, AWKWARD, NUMBER]
    for value in (PLAIN, AWKWARD):
        found += [quote(value, safe=""), json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]]
        found.append(base64.b64encode(value.encode()).decode().rstrip("=")[:-1])
        found.append(base64.b64encode(b"user:" + value.encode()).decode().rstrip("=")[8:-1])
    # Of values that were cut, or stand in several pieces: the middle.
    found += [PLAIN[5:13], AWKWARD[4:11], NUMBER[3:11]]
    return [value.encode() for value in dict.fromkeys(found)]


def assert_none(shown: str | bytes, where: str) -> None:
    """No secret is in a text."""
    raw = shown.encode() if isinstance(shown, str) else shown
    for needle in needles():
        place = raw.find(needle)
        assert place < 0, f"{needle!r} in {where}: {raw[max(0, place - 200) : place + 100]!r}"


def assert_none_in_files(server: ServerProcess, where: str) -> None:
    """No secret is in a file of the data directory, nor in the log."""
    for path in server.data.rglob("*"):
        if path.is_file():
            assert_none(path.read_bytes(), f"{path.name} {where}")
    assert_none(server.log(), f"the log {where}")


async def get_all(server: ServerProcess, known: Mapping[str, str], *, of_run: bool) -> int:
    """Ask every GET route, of the run or all others, and search the answers; how many succeeded."""
    document = (await server.client.get("/openapi.json")).json()
    succeeded = 0
    for path, methods in document["paths"].items():
        names = re.findall(r"\{(\w+)", path)
        if "get" not in methods or ("run_id" in names) != of_run or not all(name in known for name in names):
            continue
        address = re.sub(r"\{(\w+)[^}]*\}", lambda found: known[found[1]], path)
        for query in QUERIES.get(path.rpartition("/")[2], ({},)):
            answer = await server.client.get(address, params=query)
            succeeded += answer.is_success
            assert_none(answer.content, f"GET {address} {query}")
    return succeeded


async def test_no_secret_is_told_by_any_node_type_in_any_way(keeper: ServerProcess, echo: str) -> None:
    # Those without code of their own have a child with it.
    covered = {*FAILING, "subworkflow"} | {probe.name for probe in PROBES}
    assert set(Registry.installed().names()) <= covered
    child = await keeper.workflow({"name": "child", "steps": [step("c", "teller", {**TOLD, "way": "raises"})]})
    good = await keeper.workflow({"name": "good", "steps": [*TELLS, step("o", "output", {"value": "{{ variables }}"})]})
    failing = [steps for many in FAILING.values() for steps in many]
    failing += [step("x", "subworkflow", {"workflow_id": workflow}) for workflow in (child,)]
    failing += [step("x", "map", {"over": "{{ outputs.t.list }}", "workflow": {"workflow_id": child}})]
    failing += [
        step("x", "teller", {"token": "{{ secrets.AWKWARD }}", "way": "calls", "url": f"{echo}/{path}"})
        for path in ("yes", "no")
    ]
    asking = {"name": "asks", "steps": [step("x", "teller", {**TOLD, "way": "asks_langgraph"})]}
    runs = [await keeper.run(good), await keeper.start_run(asking)]
    for number, last in enumerate(failing):
        runs.append(await keeper.start_run({"name": f"failing {number}", "steps": [*TELLS, last]}))
    await keeper.until(runs[1], "run.waiting")
    ended = [await keeper.ended(run_id) for run_id in runs[:1] + runs[2:]]
    # Those that complete go on after the failure; one service does not refuse.
    kept_on = [last for last in failing if "continue" in (last.get("on_error"), last["config"].get("on_item_error"))]
    assert [run["status"] for run in ended].count("FAILED") == len(failing) - len(kept_on) - 1
    hung = await keeper.start_run({"name": "hangs", "steps": [step("x", "teller", {**TOLD, "way": "hangs"})]})
    await keeper.until(hung, "node.delta")
    assert_none_in_files(keeper, "while a run executes")
    assert (await keeper.post(f"/{hung}/cancel")).status_code == 200
    for run_id in [*runs, hung]:
        run = await keeper.get(f"/{run_id}")
        checkpoints = (await keeper.get(f"/{run_id}/checkpoints"))["items"]
        known = {"project_id": "default", "run_id": run_id, "workflow_id": run["workflow_id"], "name": "PLAIN"}
        known |= {"node_id": "x", "checkpoint_id": checkpoints[0]["checkpoint_id"]} if checkpoints else {}
        assert await get_all(keeper, known, of_run=True) > 5
        frames = [frame async for frame in frames_of(keeper, run_id)]
        assert_none("".join(frames), "the socket")
    assert await get_all(keeper, known, of_run=False) > 12
    shown = await asyncio.to_thread(milepost, "watch", runs[2], "--url", keeper.url, "--data", str(keeper.data))
    assert "failed" in shown.stderr
    assert_none(shown.stdout + shown.stderr, "what watch shows")
    # It was told, and covered.
    log = keeper.log()
    assert "connecting with" in log
    assert "•••" in json.loads(next(line for line in log.splitlines() if "connecting with" in line))["event"]
    events = json.dumps(await keeper.events(runs[0]), ensure_ascii=False)
    assert "using •••" in events
    assert "it is •••, that is Basic " in events
    logs = (await keeper.get(f"/{runs[0]}/logs"))["items"]
    assert [row["input"]["token"] for row in logs if row["node_id"] in "tnd"] == ["•••"] * 3
    assert logs[0]["output"]["nested"] == {"•••": [{"t": "a•••b"}]}
    assert await keeper.terminate()
    assert_none_in_files(keeper, "after the stop")


async def frames_of(server: ServerProcess, run_id: str) -> AsyncIterator[str]:
    """What a viewer of a run is sent, up to its end or its last stored event."""
    last = (await server.get(f"/{run_id}/events", limit=1))["last_seq"]
    async with server.ws(run_id) as socket:
        async for frame in socket:
            yield str(frame)
            told = json.loads(frame)
            if told["type"] == "end" or any(event["seq"] == last for event in told.get("events", ())):
                return
