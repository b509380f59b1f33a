"""A server whose project has something of everything: a run in every state, versions to compare, an empty project."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from milepost.graphs.examples import examples
from tests.acceptance.process import ServerProcess

SLOW = {"model": "echo", "prompt": "line by line " * 60, "delay": 60}
LIVE: dict[str, Any] = {
    "name": "Long reading",
    "description": "Reads for as long as anybody looks at it.",
    "nodes": [
        {"id": "begin", "type": "process", "config": {"value": {"begun": True}}},
        {"id": "read", "type": "ai", "name": "Read the ledger", "timeout": 3600, "config": SLOW},
        {"id": "done", "type": "output", "config": {"value": 1}},
    ],
    "edges": [{"source": "begin", "target": "read"}, {"source": "read", "target": "done"}],
}
FAILING = "Invoice that fails"
WAITING = "Research with approval"


@dataclass
class Furnished:
    """Ids of what is there: workflows by name, runs by what they show."""

    server: ServerProcess
    workflows: dict[str, str] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)

    def run(self, name: str) -> str:
        """The address of a run's page."""
        return f"/p/default/runs/{self.runs[name]}"

    def workflow(self, name: str) -> str:
        """The address of a workflow's page."""
        return f"/p/default/w/{self.workflows[name]}"


async def furnish(server: ServerProcess) -> Furnished:
    """Make all of it."""
    made = Furnished(server)
    (await server.client.post("/api/projects", json={"slug": "night-desk", "name": "Night desk"})).raise_for_status()
    known = {each["name"]: each for each in examples()}
    for name in (FAILING, WAITING, "Batch with errors", "Remind me", "Ticket triage"):
        made.workflows[name] = await server.workflow(known[name])
    made.workflows[LIVE["name"]] = await server.workflow(LIVE)
    await _version(server, made.workflows[FAILING], {**known[FAILING], "description": "Fails on purpose."})
    await asyncio.gather(_ended(made), _waiting(made), _paused(made), _cancelled(made), _live(made))
    made.runs["pending"] = await server.run(made.workflows[FAILING], execute=False)
    made.runs["fork"] = await _fork(server, made.runs["failed"])
    return made


async def _version(server: ServerProcess, workflow_id: str, definition: dict[str, Any]) -> None:
    body = {"definition": definition, "expected_version": 1}
    (await server.client.put(f"/api/projects/default/workflows/{workflow_id}", json=body)).raise_for_status()


async def _ended(made: Furnished) -> None:
    names = {"failed": FAILING, "completed": "Ticket triage", "map": "Batch with errors"}
    for name, workflow in names.items():
        made.runs[name] = await made.server.run(made.workflows[workflow], {})
        await made.server.ended(made.runs[name])


async def _waiting(made: Furnished) -> None:
    made.runs["waiting"] = await made.server.run(made.workflows[WAITING], {})
    await made.server.until(made.runs["waiting"], "run.waiting")


async def _paused(made: Furnished) -> None:
    made.runs["paused"] = run_id = await made.server.run(made.workflows[LIVE["name"]], {})
    await made.server.until(run_id, "node.started", node="read")
    (await made.server.post(f"/{run_id}/pause", {"mode": "now"})).raise_for_status()
    await made.server.until(run_id, "run.paused")


async def _cancelled(made: Furnished) -> None:
    values = {"message": "Up!", "seconds": 86_400}
    made.runs["cancelled"] = run_id = await made.server.run(made.workflows["Remind me"], values)
    await made.server.until(run_id, "run.waiting")
    (await made.server.post(f"/{run_id}/cancel")).raise_for_status()


async def _live(made: Furnished) -> None:
    made.runs["live"] = await made.server.run(made.workflows[LIVE["name"]], {})
    await made.server.until(made.runs["live"], "node.started", node="read")


async def _fork(server: ServerProcess, failed: str) -> str:
    checkpoints = (await server.get(f"/{failed}/checkpoints"))["items"]
    before = next(each for each in checkpoints if "total" in each["next"])
    body = {"checkpoint_id": before["checkpoint_id"], "state": {"outputs": {"rate": {"percent": 21}}}, "execute": True}
    response = await server.post(f"/{failed}/fork", body)
    assert response.status_code == 201, response.text
    run_id = str(response.json()["run_id"])
    await server.ended(run_id)
    return run_id
