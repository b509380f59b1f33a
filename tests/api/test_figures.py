"""The routes of figures about many runs and of two runs compared."""

from typing import Any

from milepost.server.api.figure_examples import COMPARISON, PROJECT_STATISTICS, WORKFLOW_STATISTICS
from milepost.server.store.rows import iso
from tests.api.conftest import Site
from tests.api.seed import new_id

CHAIN: dict[str, Any] = {"steps": [{"id": name, "type": "process", "config": {}} for name in "ab"]}


def shape(value: Any, path: str = "") -> set[str]:
    """The keys of a value, with the way to each."""
    if isinstance(value, dict):
        return {path}.union(*(shape(each, f"{path}.{key}" if path else str(key)) for key, each in value.items()))
    if isinstance(value, list):
        return {path}.union(*(shape(each, f"{path}[]") for each in value))
    return {path}


async def get(site: Site, path: str, expected: int = 200, **parameters: Any) -> dict[str, Any]:
    answer = await site.client.get(f"{site.base}{path}", params=parameters)
    assert answer.status_code == expected, answer.text
    return dict(answer.json())


async def ran(site: Site, workflow_id: str) -> str:
    body = {"workflow_id": workflow_id, "execute": True, "input_data": {"n": 1}}
    answer = await site.client.post(f"{site.base}/runs?wait=10", json=body)
    assert answer.json()["status"] == "COMPLETED"
    return str(answer.json()["run_id"])


async def test_figures_have_the_form_of_their_examples(site: Site) -> None:
    workflow_id = await site.workflow(CHAIN)
    await ran(site, workflow_id)
    told = await get(site, f"/{workflow_id}/stats")
    assert shape(told) >= shape(WORKFLOW_STATISTICS) - {"failures_by_node[]" + rest for rest in NODE}
    assert (told["counts"]["COMPLETED"], told["success_rate"], told["resolution"]) == (1, 1.0, "hour")
    assert [each["node_id"] for each in sorted(told["slowest_nodes"], key=lambda each: each["node_id"])] == ["a", "b"]
    everything = await get(site, "/stats")
    assert shape(everything) >= shape(PROJECT_STATISTICS) - {"failures_by_node[]" + rest for rest in NODE}
    assert everything["counts"] == told["counts"]
    assert everything["workflows"][0]["counts"] == told["counts"]


NODE = {"", *(f".{key}" for key in PROJECT_STATISTICS["slowest_nodes"][0])}


async def test_since_is_a_time(site: Site) -> None:
    workflow_id = await site.workflow(CHAIN)
    now = site.app.store.clock()
    for path in ("/stats", f"/{workflow_id}/stats"):
        assert (await get(site, path, 422, since="yesterday"))["code"] == "invalid_request"
        assert (await get(site, path, since=iso(now - 30 * 86_400_000)))["resolution"] == "day"
        assert (await get(site, path, since="2001-01-01"))["resolution"] == "day"
        assert len((await get(site, path, since=iso(now + 86_400_000)))["series"]) == 1
    assert (await get(site, f"/{new_id()}/stats", 404))["code"] == "not_found"
    assert (await get(site, "/stats", 400, cursor="nonsense"))["code"] == "invalid_cursor"


async def test_a_comparison_has_the_form_of_its_example(site: Site) -> None:
    workflow_id = await site.workflow(CHAIN)
    left, right = await ran(site, workflow_id), await ran(site, workflow_id)
    told = await get(site, "/runs/compare", left=left, right=right)
    missing = shape(COMPARISON) - shape(told)
    parts = (
        "left.metadata",
        "right.metadata",
        "first_divergence",
        "common_ancestor",
        "path[].differs",
        "input.changes",
        "output.changes",
    )
    assert {each for each in missing if not each.startswith(parts)} == set()
    assert told["first_divergence"] is None
    for one, other in ((left, new_id()), (new_id(), right)):
        assert (await get(site, "/runs/compare", 404, left=one, right=other))["code"] == "not_found"
    assert (await get(site, "/runs/compare", 422, left=left))["code"] == "invalid_request"
    assert (await get(site, "/runs/compare", 422, left=left, right="x"))["code"] == "invalid_request"


async def test_another_project_s_runs_are_not_compared_and_not_counted(site: Site) -> None:
    run_id = await ran(site, await site.workflow(CHAIN))
    made = await site.client.post("/api/projects", json={"slug": "other", "name": "Other"})
    assert made.status_code == 201
    there = "/api/projects/other/workflows"
    answer = await site.client.get(f"{there}/runs/compare", params={"left": run_id, "right": run_id})
    assert answer.status_code == 404
    told = (await site.client.get(f"{there}/stats")).json()
    assert (sum(told["counts"].values()), told["workflows"], told["slowest_nodes"]) == (0, [], [])
