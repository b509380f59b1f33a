"""No secret appears anywhere: every node type has one and fails once, and then everything is searched for it."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from milepost.graphs.node_types import Registry
from tests.acceptance import outside
from tests.acceptance.outside import step
from tests.acceptance.process import ServerProcess
from tests.acceptance.test_cli import milepost
from tests.openai_server import OpenAiServer, openai_server
from tests.probes import PROBES
from tests.web import Web

PLAIN = "mk_7f3Qa91ZpLx0TtW2"
AWKWARD = 'mk 4&Kd/"z\\Q+Yb=%7é9'
NUMBER = "90817263544536"
HOOK_PATH = "/services/T0/mkH00kp4tH91Zq"
PROJECT = "/api/projects/default"
TOLD = {"token": "{{ secrets.PLAIN }}"}


QUERIES: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "{run_id}": ({}, {"include_logs": "true", "include_metrics": "true"}),
    "graph": ({"format": "json"}, {"format": "mermaid"}),
    "logs": ({"limit": 1000},),
    "events": ({"limit": 500},),
}
"""What some routes are asked with."""


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
async def web() -> AsyncIterator[Web]:
    """The address of services that give back what they are sent."""
    async with outside.echo() as opened:
        opened.routes[HOOK_PATH] = opened.routes["/echo"]
        yield opened


@pytest.fixture
async def model() -> AsyncIterator[OpenAiServer]:
    """A model's server that tells the key that it is sent."""
    async with openai_server() as opened:
        outside.telling(opened)
        yield opened


@pytest.fixture
async def keeper(tmp_path: Path, web: Web) -> AsyncIterator[ServerProcess]:
    """A server with the marked secrets, one set by the command, the others over HTTP."""
    settings = {"log_level": "debug", "shutdown_grace": 1, "allowed_hosts": "127.0.0.1", "enable_code_nodes": True}
    async with ServerProcess(tmp_path / "data", **settings) as started:
        for name, value in (("PLAIN", PLAIN), ("NUMBER", NUMBER), ("HOOK", f"{web.url(HOOK_PATH)}?s=1")):
            answer = await started.client.put(f"{PROJECT}/secrets/{name}", json={"value": value})
            assert answer.status_code == 200, answer.text
            assert_none(answer.content, "the answer")
        there = ("--data", str(started.data), "--url", started.url)
        said = await asyncio.to_thread(milepost, "secret", "set", "AWKWARD", *there, given=f"{AWKWARD}\n")
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
    found += [PLAIN[5:13], PLAIN[5:13].lower(), AWKWARD[4:11], NUMBER[3:11], HOOK_PATH, HOOK_PATH[14:24]]
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


async def test_no_secret_is_told_by_any_node_type_in_any_way(
    keeper: ServerProcess, web: Web, model: OpenAiServer
) -> None:
    good_outside, bad_outside = outside.passing(web.url(""), model.url), outside.failing(web.url(""), model.url)
    # Those without code of their own have a child with it.
    covered = (
        {*FAILING, "subworkflow"}
        | ({last["type"] for last in good_outside} & {last["type"] for last in bad_outside})
        | {probe.name for probe in PROBES}
    )
    assert set(Registry.installed().names()) <= covered
    child = await keeper.workflow({"name": "child", "steps": [step("c", "teller", {**TOLD, "way": "raises"})]})
    good = await keeper.workflow({"name": "good", "steps": [*TELLS, step("o", "output", {"value": "{{ variables }}"})]})
    failing = [last for many in FAILING.values() for last in many] + bad_outside
    failing += [step("x", "subworkflow", {"workflow_id": workflow}) for workflow in (child,)]
    failing += [step("x", "map", {"over": "{{ outputs.t.list }}", "workflow": {"workflow_id": child}})]
    failing += [
        step("x", "map", {"over": [1], "workflow": {"workflow_id": await keeper.workflow(branches(web.url("")))}})
    ]
    failing += [
        step("x", "teller", {"token": "{{ secrets.AWKWARD }}", "way": "calls", "url": web.url(path)})
        for path in ("/echo", "/no")
    ]
    asking = {"name": "asks", "steps": [step("x", "teller", {**TOLD, "way": "asks_langgraph"})]}
    runs = [await keeper.run(good), await keeper.start_run(asking)]
    fine = [await keeper.start_run({"name": f"good {n}", "steps": [*TELLS, x]}) for n, x in enumerate(good_outside)]
    assert [run["error"] for run in [await keeper.ended(run_id) for run_id in fine]] == [None] * len(fine)
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
    for run_id in [*runs, *fine, hung]:
        run = await keeper.get(f"/{run_id}")
        checkpoints = (await keeper.get(f"/{run_id}/checkpoints"))["items"]
        known = {"project_id": "default", "run_id": run_id, "workflow_id": run["workflow_id"], "name": "PLAIN"}
        known |= {"node_id": "x", "checkpoint_id": checkpoints[0]["checkpoint_id"]} if checkpoints else {}
        assert await get_all(keeper, known, of_run=True) > 5
        compared = await keeper.get("/compare", left=runs[0], right=run_id)
        assert_none(json.dumps(compared, ensure_ascii=False), f"the comparison with {run_id}")
        if len(checkpoints) > 1:
            asked = {"from": checkpoints[-1]["checkpoint_id"], "to": checkpoints[0]["checkpoint_id"]}
            changed = await keeper.get(f"/{run_id}/checkpoints/diff", **asked)
            assert_none(json.dumps(changed, ensure_ascii=False), f"the differences of checkpoints of {run_id}")
        frames = [frame async for frame in frames_of(keeper, run_id)]
        assert_none("".join(frames), "the socket")
    assert await get_all(keeper, known, of_run=False) > 12
    # What was covered there is covered where two runs are compared, too.
    told = await keeper.get("/compare", left=runs[0], right=fine[0])
    assert "•••" in json.dumps(told, ensure_ascii=False)
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
    told = {
        "name": "told",
        "steps": [outside.step("x", "call_api", outside.calling(web.url(""), "/cut", TOLD["token"]))],
    }
    alone = await keeper.workflow(told)
    assert await keeper.terminate()
    assert_none_in_files(keeper, "after the stop")
    shown = await asyncio.to_thread(
        milepost, "run", alone, "--data", str(keeper.data), MILEPOST_ALLOWED_HOSTS="127.0.0.1"
    )
    assert "answered 422" in shown.stderr
    assert_none(shown.stdout + shown.stderr, "what run shows")


def branches(url: str) -> dict[str, Any]:
    """Two branches that run on by themselves, one of which fails with an answer that has the secret."""
    waits = step("c", "process", {"value": "{{ outputs.b }}"})
    told = step("b", "teller", TOLD)
    refused = step("d", "call_api", outside.calling(url, "/cut", "{{ secrets.AWKWARD }}"))
    edges = [("a", "b"), ("b", "c"), ("a", "d"), ("d", "e"), ("c", "f"), ("e", "f")]
    nodes = [step("a", "process", {}), told, waits, refused, step("e", "process", {}), step("f", "process", {})]
    return {"name": "branches", "nodes": nodes, "edges": [{"source": a, "target": b} for a, b in edges]}


async def frames_of(server: ServerProcess, run_id: str) -> AsyncIterator[str]:
    """What a viewer of a run is sent, up to its end or its last stored event."""
    last = (await server.get(f"/{run_id}/events", limit=1))["last_seq"]
    async with server.ws(run_id) as socket:
        async for frame in socket:
            yield str(frame)
            told = json.loads(frame)
            if told["type"] == "end" or any(event["seq"] == last for event in told.get("events", ())):
                return
