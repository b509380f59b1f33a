"""The document says what the server answers: every JSON answer has a schema, examples and real answers follow it."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import connect

from tests.answers import JSON, Documented
from tests.api.conftest import Site, asked, opened
from tests.python_graphs.conftest import PROJECT

TYPES = Path(__file__).parents[2] / "web/src/api/schema.d.ts"

RUNS = "/api/projects/default/workflows/runs"
WORKFLOWS = "/api/projects/default/workflows"
P = "/api/projects/default"


def steps(*nodes: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": "n", "steps": [{"id": node["type"], **node} for node in nodes]}


PLAIN = steps({"type": "process", "config": {"operation": "template", "value": "{{ input.name }}"}})
ASKING = steps({"type": "approval", "config": {"question": "Publish?", "timeout": 3600, "assignees": ["ada"]}})
EVENT = steps({"type": "wait_event", "config": {"event": "paid"}})
ITEM = {"type": "process", "config": {"operation": "pick", "value": "{{ item }}", "fields": ["a"]}}
MAP = steps({"type": "map", "config": {"over": [{"a": 1}, 2], "node": ITEM, "on_item_error": "continue"}})
TELLING = steps(
    {"type": "create_task", "config": {"title": "t", "assignee": "ada"}},
    {"type": "send_notification", "config": {"to": "ada", "title": "t"}},
    {"type": "chatty", "config": {}},
)
HELD = steps({"type": "held", "config": {"seconds": 30}})


@pytest.fixture
async def live(tmp_path: Path, answers: Documented) -> AsyncIterator[Site]:
    """A server that serves Python graphs too. Its document has seen nothing yet."""
    fresh = Documented(answers.document)
    async with opened(tmp_path / "data", config=PROJECT) as found, asked(*found, fresh) as site:
        yield site


class Walk:
    """Asks for everything that there is; the site's hook holds each answer against the document."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        answer = await self._site.client.request(method, path, json=body, params=query)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer.json() if answer.headers.get("content-type") == JSON else None

    async def workflow(self, definition: Mapping[str, Any], **more: Any) -> str:
        body = {"name": "n", "definition": definition, **more}
        return str((await self.ask("POST", WORKFLOWS, body))["workflow_id"])

    async def run(self, workflow_id: str, wait: float = 0, **body: Any) -> str:
        made = await self.ask("POST", RUNS, {"workflow_id": workflow_id, "execute": True, **body}, wait=wait)
        return str(made["run_id"])

    async def rests(self, run_id: str) -> dict[str, Any]:
        return dict(await self.ask("GET", f"{RUNS}/{run_id}/status", wait=20))

    async def whole(self, run_id: str) -> None:
        """All that is told of one run."""
        path = f"{RUNS}/{run_id}"
        await self.ask("GET", path, include_logs=True, include_metrics=True)
        for what in ("status", "why", "logs", "events"):
            await self.ask("GET", f"{path}/{what}")
        points = (await self.ask("GET", f"{path}/checkpoints"))["items"]
        for point in points:
            await self.ask("GET", f"{path}/checkpoints/{point['checkpoint_id']}")
        if points:
            ends = {"from": points[-1]["checkpoint_id"], "to": points[0]["checkpoint_id"]}
            await self.ask("GET", f"{path}/checkpoints/diff", **ends)

    async def definitions(self) -> None:
        rule = {"max_concurrent_runs": 2, "concurrency_key": "input.name", "on_limit": "reject"}
        child = await self.workflow(PLAIN, concurrency=rule)
        waiting = await self.run(await self.workflow(EVENT))
        await self.rests(waiting)
        within = steps({"type": "subworkflow", "config": {"workflow_id": child}})
        parent = f"{WORKFLOWS}/{await self.workflow(within)}"
        await self.run(parent.rsplit("/", 1)[1], start_at="2999-01-01T00:00:00Z", priority=1)
        await self.ask("PUT", parent, {"definition": {**ASKING, "description": "d"}})
        for path in (WORKFLOWS, parent, f"{parent}/versions", f"{parent}/versions/1/diff/2", f"{parent}/graph"):
            await self.ask("GET", path)
        await self.ask("GET", parent, version=1)
        ends = [{"id": name, "type": "output", "config": {"value": name}} for name in "ab"]
        nodes = [{"id": "if", "type": "condition", "config": {"expression": "true"}}, *ends]
        edges = [{"source": "if", "target": "a", "when": True}, {"source": "if", "target": "b", "when": False}]
        either = await self.workflow({"name": "either", "nodes": nodes, "edges": edges})
        await self.ask("GET", f"{WORKFLOWS}/{either}/graph")
        await self.whole(await self.run(either, 20))
        for definition in (PLAIN, {"nodes": [{"id": "x", "type": "proces"}]}, 7):
            await self.ask("POST", f"{WORKFLOWS}/validate", {"definition": definition})
        for definition in (TELLING, ASKING, MAP):
            await self.ask("POST", f"{WORKFLOWS}/{await self.workflow(definition)}/test", {})
        tried = {"definition": PLAIN, "input_data": {"name": "Ada"}}
        dry = await self.ask("POST", f"{WORKFLOWS}/{child}/test", tried)
        await self.whole(dry["run_id"])

    async def runs(self) -> None:
        plain = await self.workflow(PLAIN)
        first = await self.run(plain, 20, input_data={"name": "Ada"}, metadata={"a": 1})
        await self.whole(first)
        pending = (await self.ask("POST", RUNS, {"workflow_id": plain}))["run_id"]
        await self.whole(pending)
        await self.ask("POST", f"{RUNS}/{pending}/execute", {})
        await self.ask("POST", f"{RUNS}/{first}/rerun", {})
        [point, *_] = (await self.ask("GET", f"{RUNS}/{first}/checkpoints"))["items"]
        forked = {
            "checkpoint_id": point["checkpoint_id"],
            "state": {"outputs": {"process": {"value": "Hello"}}},
            "execute": True,
        }
        await self.whole((await self.ask("POST", f"{RUNS}/{first}/fork", forked))["run_id"])
        mapped = await self.run(await self.workflow(MAP), 20)
        await self.whole(mapped)
        await self.ask("GET", f"{RUNS}/{mapped}/logs", items=True, node_id="map")
        await self.ask("GET", RUNS, limit=2)
        failed = await self.run(
            await self.workflow(steps({"type": "call_api", "config": {"url": "http://[::1]/"}})), 20
        )
        for other in (first, mapped, failed):
            await self.ask("GET", f"{RUNS}/compare", left=pending, right=other)
        await self.ask("GET", f"{WORKFLOWS}/stats")
        await self.ask("GET", f"{WORKFLOWS}/{plain}/stats", since="2026-01-01T00:00:00Z")
        await self.ask("DELETE", f"{RUNS}/{first}")

    async def commands(self, folder: Path) -> None:
        held = await self.run(await self.workflow(HELD))
        await self.until(held, "node.started")
        await self.ask("GET", f"{RUNS}/{held}/why")
        await self.ask("POST", f"{RUNS}/{held}/pause", {"mode": "step", "wait_seconds": 0})
        await self.whole(held)
        await self.ask("POST", f"{RUNS}/{held}/pause", {"mode": "now"})
        await self.whole(held)
        await self.ask("PATCH", f"{RUNS}/{held}/state", {"values": {"outputs": {"held": {"text": "x"}}}})
        await self.ask("POST", f"{RUNS}/{held}/resume", {})
        await self.ask("POST", f"{RUNS}/{held}/cancel")
        await self.whole(held)
        tried = {"type": "trace", "config": {"file": str(folder / "tried"), "fail_first": 2}}
        again = {**tried, "retry": {"max_attempts": 2, "initial_interval": 0.01}}
        failed = await self.run(await self.workflow(steps(again)), 20)
        await self.whole(failed)
        await self.ask("POST", f"{RUNS}/{failed}/retry")
        await self.rests(failed)
        await self.whole(failed)
        paid = await self.run(await self.workflow(EVENT))
        await self.rests(paid)
        await self.whole(paid)
        await self.ask("POST", f"{RUNS}/{paid}/events/paid", {"amount": 12})

    async def until(self, run_id: str, kind: str) -> None:
        async with asyncio.timeout(20):
            await self._site.app.hub.wait_for(run_id, frozenset([kind]), 20, after=0)

    async def people(self) -> None:
        asking = await self.run(await self.workflow(ASKING))
        [question] = (await self.rests(asking))["interrupts"]
        await self.whole(asking)
        assert (await self.ask("GET", f"{P}/inbox"))["items"]
        await self.ask("POST", f"{RUNS}/{asking}/resume", {"answers": {question["interrupt_id"]: True}})
        await self.rests(asking)
        await self.whole(await self.run(await self.workflow(TELLING), 20))
        assert (await self.ask("GET", f"{P}/tasks"))["items"]
        assert (await self.ask("GET", f"{P}/notifications"))["items"]
        await self.ask("PATCH", f"{P}/notifications", {"all": True})
        task = f"{P}/tasks/{(await self.ask('POST', f'{P}/tasks', {'title': 't'}))['task_id']}"
        await self.ask("PATCH", task, {"status": "done"})
        await self.ask("GET", task)
        await self.ask("DELETE", task)

    async def projects(self) -> None:
        await self.ask("POST", "/api/projects", {"slug": "other", "name": "Other"})
        await self.ask("GET", "/api/projects")
        key = await self.ask("POST", f"{P}/keys", {"name": "ci", "expires_at": "2999-01-01T00:00:00Z"})
        await self.ask("DELETE", f"{P}/keys/{key['key_id']}")
        assert (await self.ask("GET", f"{P}/keys"))["items"]
        await self.ask("PUT", f"{P}/secrets/TOKEN", {"value": "something long"})
        assert (await self.ask("GET", f"{P}/secrets"))["items"]
        await self.ask("PATCH", f"{P}/limits", {"live_runs": 100, "sockets": None})
        assert (await self.ask("GET", f"{P}/limits"))["workflows"]

    async def server(self) -> None:
        for path in ("/healthz", "/readyz", "/metrics", "/api/info", "/api/node-types", "/api/python-graphs"):
            await self.ask("GET", path)

    async def access(self) -> None:
        await self.ask("GET", "/api/me")
        for what in ("link", "ticket"):
            await self.ask("POST", f"/api/auth/{what}")
        await self.ask("POST", "/api/auth/session", {"key": self._site.secret})

    async def python(self) -> None:
        graphs = {each["name"]: each for each in (await self.ask("GET", "/api/python-graphs"))["items"]}
        assert graphs["broken"]["error"]
        given = {"telling": {"text": ""}, "stops": {"ran": []}, "nested": {}, "asking": {}, "failing": {}}
        for name, input_data in given.items():
            workflow_id = graphs[name]["workflow_id"]
            await self.ask("GET", f"{WORKFLOWS}/{workflow_id}")
            await self.ask("GET", f"{WORKFLOWS}/{workflow_id}/graph")
            run_id = await self.run(workflow_id, input_data=input_data)
            await self.rests(run_id)
            await self.whole(run_id)


async def test_every_answer_of_a_server_is_what_the_document_says(live: Site, tmp_path: Path) -> None:
    """Whoever adds a route adds a request for it to the walk."""
    walk = Walk(live)
    await walk.definitions()
    await walk.runs()
    await walk.commands(tmp_path)
    await walk.people()
    await walk.projects()
    await walk.server()
    await walk.python()
    await walk.access()
    assert live.documented.of_json() - live.documented.seen == set()


async def test_every_message_of_a_socket_is_what_the_document_says(served: Site, answers: Documented) -> None:
    workflow_id = await served.workflow(HELD)
    seen = set()
    async with connect(served.ws("/ws"), additional_headers=served.headers) as listing:
        answers.message("ProjectHello", orjson.loads(await listing.recv()))
        body = {"workflow_id": workflow_id, "execute": True}
        run_id = (await served.client.post(f"{served.base}/runs", json=body)).json()["run_id"]
        answers.message("RunChanged", orjson.loads(await listing.recv()))
        async with connect(served.ws(f"/{run_id}/ws"), additional_headers=served.headers) as socket:
            for command in ("pause", "unknown"):
                await socket.send(orjson.dumps({"type": "command", "id": 1, "command": command}).decode())
            await socket.send(orjson.dumps({"type": "command", "id": 2, "command": "cancel"}).decode())
            names = {"hello": "RunHello", "events": "EventsMessage", "result": "CommandResult", "end": "End"}
            async for text in socket:
                message = orjson.loads(text)
                answers.message(names[message["type"]], message)
                seen.add(message["type"])
    assert seen == set(names)


def test_every_answer_in_json_has_a_schema(answers: Documented) -> None:
    bare = [
        f"{method.upper()} {path} {status}"
        for path, methods in answers.document["paths"].items()
        for method, operation in methods.items()
        for status, answer in answers.good(operation).items()
        for media, content in answer.get("content", {}).items()
        if media == JSON and not content["schema"]
    ]
    assert bare == []


def test_every_example_of_an_answer_is_what_its_schema_says(answers: Documented) -> None:
    wrong = {
        f"{method.upper()} {path} {status}": found
        for path, methods in answers.document["paths"].items()
        for method, operation in methods.items()
        for status, answer in operation["responses"].items()
        for content in answer.get("content", {}).values()
        if "example" in content and (found := answers.errors(content["schema"], content["example"]))
    }
    assert wrong == {}


def test_a_field_that_is_not_documented_is_an_error_here(answers: Documented) -> None:
    (summary,) = answers.document["paths"]["/api/info"]["get"]["responses"]["200"]["content"].values()
    assert not answers.errors(summary["schema"], {"name": "milepost", "version": "1"})
    assert answers.errors(summary["schema"], {"name": "milepost", "version": "1", "more": 1})
    assert answers.errors(summary["schema"], {"name": "milepost"})
    assert answers.errors({"$ref": "#/components/schemas/Status"}, {"status": "DONE"})


def test_the_types_of_the_viewer_name_every_field(answers: Documented) -> None:
    """What needs no Node; that the file is what `make web-types` writes is tested with the command line."""
    text = TYPES.read_text(encoding="utf-8")
    for name, schema in answers.document["components"]["schemas"].items():
        if "properties" in schema:
            block = text.split(f"\n        {name}: {{\n")[1].split("\n        };\n")[0]
            fields = set(re.findall(r"^            \"?(\w+)\"?(\??): ", block, re.MULTILINE))
            required = set(schema.get("required", ()))
            assert fields == {(field, "" if field in required else "?") for field in schema["properties"]}, name
