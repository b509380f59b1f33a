"""What the pictures show: projects, workflows, and runs in every state, made over the API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from milepost.graphs.examples import examples
from tests.acceptance.process import ServerProcess
from tests.browser.screenshots import definitions

FAILING = "Invoice that fails"

TIMES: tuple[tuple[str, tuple[Mapping[str, Any], ...]], ...] = (
    ("Research brief", ({"topic": "sailing"}, {"topic": "tides", "urgent": True}, {"topic": "knots", "urgent": True})),
    ("Polish until good", ({}, {})),
    ("Ticket triage", ({}, {"subject": "An error at sign-in"}, {"subject": "Where are you?"}, {})),
    ("Document review", ({}, {"document": "We deliver."})),
    ("Batch with errors", ({}, {"orders": [{"id": 7, "total": 1}]}, {})),
    ("Nightly report", ({},)),
    ("Retry-heavy integration", ({},)),
)
"""Runs that end by themselves: workflow, and the input of each."""


@dataclass
class Scene:
    """Ids of what was made, by name."""

    workflows: dict[str, str] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)


async def make(server: ServerProcess) -> Scene:
    """Projects, workflows, and a run in every state."""
    scene = Scene()
    for slug, name in (("lighthouse", "Lighthouse Logistics"), ("night-desk", "Night desk")):
        (await server.client.post("/api/projects", json={"slug": slug, "name": name})).raise_for_status()
    for definition in (definitions.export(), definitions.stocktake(), definitions.closing(), *reversed(examples())):
        scene.workflows[definition["name"]] = await _workflow(server, definition)
    for name, inputs in TIMES:
        for values in inputs:
            scene.runs[name] = await server.run(scene.workflows[name], values)
    await _states(server, scene)
    for name, _ in TIMES:
        await server.ended(scene.runs[name])
    return scene


async def _workflow(server: ServerProcess, definition: Mapping[str, Any]) -> str:
    body = {"name": definition["name"], "description": definition.get("description", ""), "definition": definition}
    response = await server.client.post("/api/projects/default/workflows", json=body)
    assert response.status_code == 201, response.text
    return str(response.json()["workflow_id"])


async def _states(server: ServerProcess, scene: Scene) -> None:
    """One run each: failed, forked from it, waiting, paused, cancelled, live, large."""
    flows, runs = scene.workflows, scene.runs
    for _ in range(2):
        runs["failed"] = await server.run(flows[FAILING], {})
        await server.ended(runs["failed"])
    runs["large"] = await server.run(flows["Stocktake"], {})
    runs["export"] = await server.run(flows[definitions.export()["name"]], {})
    for name in ("Research with approval", "Support with escalation", "Approval chain", "Agent with tools"):
        runs[name] = await server.run(flows[name], {})
        await server.until(runs[name], "run.waiting")
    runs["cancelled"] = await server.run(flows["Remind me"], {"message": "Up!", "seconds": 86_400})
    await server.until(runs["cancelled"], "run.waiting")
    (await server.post(f"/{runs['cancelled']}/cancel")).raise_for_status()
    runs["reminder"] = await server.run(flows["Remind me"], {"message": "Up!", "seconds": 86_400})
    runs["paused"] = await server.run(flows["Research brief"], {"topic": "harbours"})
    await server.until(runs["paused"], "node.completed", node="facts")
    (await server.post(f"/{runs['paused']}/pause", {"mode": "now"})).raise_for_status()
    runs["fork"] = await _mended(server, runs["failed"])
    await server.ended(runs["large"])
    await server.ended(runs["export"])
    runs["live"] = await server.run(flows["Quarterly close"], {})
    await server.until(runs["live"], "node.completed", node="travel_post")


async def _mended(server: ServerProcess, failed: str) -> str:
    """A fork of the failed run from the checkpoint before its failure, with the rate that was missing."""
    checkpoints = (await server.get(f"/{failed}/checkpoints"))["items"]
    before = next(each for each in checkpoints if "total" in each["next"])
    body = {"checkpoint_id": before["checkpoint_id"], "state": {"outputs": {"rate": {"percent": 21}}}, "execute": True}
    response = await server.post(f"/{failed}/fork", body)
    assert response.status_code == 201, response.text
    run_id = str(response.json()["run_id"])
    await server.ended(run_id)
    return run_id
