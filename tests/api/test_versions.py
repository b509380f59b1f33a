"""Versions: compared, and a new one while runs of earlier ones are unfinished."""

from typing import Any

from tests.api.conftest import Site
from tests.api.test_routes import get, post

ASKS: dict[str, Any] = {
    "steps": [
        {"id": "ask", "type": "wait_event", "config": {"event": "go"}},
        {"id": "say", "type": "output", "config": {"value": "first"}},
    ]
}
SAYS_MORE: dict[str, Any] = {
    "steps": [
        {"id": "ask", "type": "wait_event", "config": {"event": "go"}},
        {"id": "say", "type": "output", "config": {"value": "second"}},
        {"id": "more", "type": "process"},
    ]
}


async def revise(site: Site, workflow_id: str, definition: dict[str, Any]) -> dict[str, Any]:
    answer = await site.client.put(f"{site.base}/{workflow_id}", json={"definition": definition})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def waiting(site: Site, workflow_id: str) -> str:
    """A run that waits for its event."""
    run = await post(site, "/runs", {"workflow_id": workflow_id, "execute": True}, 201)
    status = await get(site, f"/runs/{run['run_id']}/status", wait=20)
    assert status["status"] == "WAITING"
    return str(run["run_id"])


async def test_versions_are_compared_in_both_directions(site: Site) -> None:
    workflow_id = await site.workflow(ASKS)
    await revise(site, workflow_id, SAYS_MORE)
    there = await get(site, f"/{workflow_id}/versions/1/diff/2")
    assert (there["workflow_id"], there["from"], there["to"], there["equal"]) == (workflow_id, 1, 2, False)
    assert there["nodes"] == {
        "added": [{"id": "more", "type": "process"}],
        "removed": [],
        "changed": [
            {"id": "say", "changes": [{"path": "config.value", "op": "changed", "from": "first", "to": "second"}]}
        ],
    }
    assert there["edges"] == {"added": [{"source": "say", "target": "more"}], "removed": []}
    back = await get(site, f"/{workflow_id}/versions/2/diff/1")
    assert back["nodes"]["removed"] == there["nodes"]["added"]
    assert back["edges"] == {"added": [], "removed": there["edges"]["added"]}
    assert (await get(site, f"/{workflow_id}/versions/2/diff/2"))["equal"]


async def test_the_versions_of_nested_workflows_are_compared(site: Site) -> None:
    child = await site.workflow(ASKS)
    parent = {"steps": [{"id": "child", "type": "subworkflow", "config": {"workflow_id": child}}]}
    made = await post(site, "", {"name": "parent", "definition": parent}, 201)
    await revise(site, child, SAYS_MORE)
    await revise(site, made["workflow_id"], parent)
    found = await get(site, f"/{made['workflow_id']}/versions/1/diff/2")
    assert found["equal"]
    assert found["pins"] == [{"path": child, "op": "changed", "from": 1, "to": 2}]


async def test_only_versions_that_exist_are_compared(site: Site) -> None:
    workflow_id = await site.workflow(ASKS)
    missing = "01a1fbe8-f8c1-7272-b423-856c9fe94f8c"
    for path in (
        f"/{workflow_id}/versions/1/diff/2",
        f"/{workflow_id}/versions/2/diff/1",
        f"/{missing}/versions/1/diff/1",
    ):
        assert (await get(site, path, 404))["code"] == "not_found", path
    assert (await site.client.get(f"{site.base}/{workflow_id}/versions/one/diff/1")).status_code == 404
    assert (await site.client.get(f"{site.base}/{workflow_id}/versions/0/diff/1")).status_code == 422
    elsewhere = site.base.replace("default", "other")
    await site.client.post("/api/projects", json={"slug": "other", "name": "Other"})
    assert (await site.client.get(f"{elsewhere}/{workflow_id}/versions/1/diff/1")).status_code == 404


async def test_a_new_version_tells_which_unfinished_runs_stay_on_earlier_ones(site: Site) -> None:
    workflow_id = await site.workflow(ASKS)
    parked = await waiting(site, workflow_id)
    pending = (await post(site, "/runs", {"workflow_id": workflow_id}, 201))["run_id"]
    ended = await waiting(site, workflow_id)
    await post(site, f"/runs/{ended}/cancel")
    older = (await revise(site, workflow_id, SAYS_MORE))["older_runs"]
    assert older == {
        "total": 2,
        "cut": False,
        "counts": [{"version": 1, "status": "PENDING", "count": 1}, {"version": 1, "status": "WAITING", "count": 1}],
        "runs": [
            {"run_id": parked, "version": 1, "status": "WAITING"},
            {"run_id": pending, "version": 1, "status": "PENDING"},
        ],
    }
    newer = await waiting(site, workflow_id)
    third = (await revise(site, workflow_id, ASKS))["older_runs"]
    assert (third["total"], [each["run_id"] for each in third["runs"]]) == (3, [parked, pending, newer])


async def test_a_new_version_shows_a_few_of_many_runs(site: Site) -> None:
    workflow_id = await site.workflow(ASKS)
    made = [(await post(site, "/runs", {"workflow_id": workflow_id}, 201))["run_id"] for _ in range(25)]
    older = (await revise(site, workflow_id, SAYS_MORE))["older_runs"]
    assert (older["total"], older["counts"]) == (25, [{"version": 1, "status": "PENDING", "count": 25}])
    assert [each["run_id"] for each in older["runs"]] == made[:20]


async def test_a_live_run_stays_on_its_version(site: Site) -> None:
    workflow_id = await site.workflow(ASKS)
    before = await waiting(site, workflow_id)
    await revise(site, workflow_id, SAYS_MORE)
    after = await waiting(site, workflow_id)
    for run_id, version, says, nodes in ((before, 1, "first", 2), (after, 2, "second", 3)):
        await post(site, f"/runs/{run_id}/events/go", {}, 202)
        status = await get(site, f"/runs/{run_id}/status", wait=20)
        assert (status["status"], len(status["node_states"])) == ("COMPLETED", nodes)
        run = await get(site, f"/runs/{run_id}")
        assert (run["version"], run["output_data"]) == (version, says)
        drawn = await get(site, f"/{workflow_id}/graph", version=version)
        assert len(drawn["nodes"]) == nodes
    assert (await get(site, f"/runs/{before}/checkpoints"))["items"]
