"""Limits, priorities and times to start at over the routes; every time in an answer is the store's."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from milepost.server.store.store import wall_clock
from tests.api.conftest import Site
from tests.api.seed import DEFINITION
from tests.api.test_routes import ASKING, FAILING, LONG, get, post, run_of
from tests.api.test_sockets import receive

DAYS = 1_000


async def limits(site: Site, body: dict[str, Any] | None = None, status: int = 200, **options: Any) -> dict[str, Any]:
    """The project's limits, after a change where one is given."""
    path = "/api/projects/default/limits"
    answer = await (site.client.get(path) if body is None else site.client.patch(path, json=body, **options))
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def test_limits_are_shown_set_and_taken_away(site: Site) -> None:
    workflow_id = await site.workflow(LONG)
    shown = await limits(site)
    assert shown["project_id"] == site.project.project_id
    assert shown["live_runs"] == {"limit": None, "used": 0}
    rule = {"max_concurrent_runs": 1, "concurrency_key": None, "on_limit": "reject"}
    shown = await limits(site, {"live_runs": 5, "sockets": 3, "workflows": {workflow_id: rule}})
    assert (shown["live_runs"]["limit"], shown["sockets"]["limit"], shown["running_runs"]["limit"]) == (5, 3, None)
    [row] = shown["workflows"]
    assert row == {"workflow_id": workflow_id, "name": "Two steps", **rule, "running": 0, "queued": 0}
    assert (await get(site, f"/{workflow_id}"))["concurrency"] == rule
    shown = await limits(site, {"live_runs": None, "workflows": {workflow_id: None}})
    assert (shown["live_runs"]["limit"], shown["sockets"]["limit"], shown["workflows"]) == (None, 3, [])


@pytest.mark.parametrize(
    "body",
    [
        {"live_runs": -1},
        {"running_runs": 0},
        {"sockets": "many"},
        {"else": 1},
        {"workflows": {"no id": None}},
        {"workflows": {"01987a3e-5b1c-7000-8000-000000000002": {"concurrency_key": "outputs.x"}}},
        {"workflows": {"01987a3e-5b1c-7000-8000-000000000002": {"max_concurrent_runs": 0}}},
    ],
)
async def test_limits_of_another_form_are_refused(site: Site, body: dict[str, Any]) -> None:
    assert (await limits(site, body, 422))["code"] == "invalid_request"


async def test_limits_are_set_with_the_owners_key_alone(site: Site) -> None:
    made = await site.client.post("/api/projects/default/keys", json={"name": "ci"})
    key = {"X-API-Key": made.json()["secret"]}
    assert (await limits(site, {"live_runs": 1}, 403, headers=key))["code"] == "forbidden"
    assert (await limits(site, {"workflows": {site.project.project_id: None}}, 404))["code"] == "not_found"


async def test_a_start_beyond_a_limit_says_which(site: Site) -> None:
    rule = {"max_concurrent_runs": 1, "on_limit": "reject"}
    made = await post(site, "", {"name": "One", "definition": LONG, "concurrency": rule}, 201)
    assert made["concurrency"] == {**rule, "concurrency_key": None}
    body = {"workflow_id": made["workflow_id"], "execute": True}
    first = await post(site, "/runs", body, 201)
    refused = await post(site, "/runs", body, 409)
    assert (refused["code"], refused["maximum"], refused["running"]) == ("concurrency_limit", 1, 1)
    pending = await post(site, "/runs", {**body, "execute": False}, 201)
    assert (await post(site, f"/runs/{pending['run_id']}/execute", {}, 409))["code"] == "concurrency_limit"
    await limits(site, {"live_runs": 1, "workflows": {made["workflow_id"]: None}})
    refused = await post(site, "/runs", body, 429)
    assert (refused["code"], refused["limit"], refused["used"]) == ("project_limit", "live_runs", 1)
    await post(site, f"/runs/{first['run_id']}/cancel")
    assert (await post(site, f"/runs/{pending['run_id']}/execute", {}, 202))["status"] == "RUNNING"


async def test_a_new_version_keeps_the_limit_unless_it_brings_one(site: Site) -> None:
    made = await post(site, "", {"name": "One", "definition": LONG, "concurrency": {"concurrency_key": "input.x"}}, 201)
    assert made["concurrency"] == {"max_concurrent_runs": 1, "concurrency_key": "input.x", "on_limit": "queue"}
    path = f"{site.base}/{made['workflow_id']}"
    kept = (await site.client.put(path, json={"definition": DEFINITION})).json()
    assert kept["concurrency"] == made["concurrency"]
    changed = (await site.client.put(path, json={"definition": DEFINITION, "concurrency": {}})).json()
    assert (changed["version"], changed["concurrency"]) == (3, None)


async def test_a_time_to_start_at_and_a_priority_are_shown(site: Site) -> None:
    workflow_id = await site.workflow(LONG)
    start_at = datetime.now(UTC) + timedelta(hours=1)
    body = {"workflow_id": workflow_id, "execute": True, "priority": 7, "start_at": start_at.isoformat()}
    made = await post(site, "/runs", body, 201)
    shown = f"{start_at:%Y-%m-%dT%H:%M:%S}.{start_at.microsecond // 1000:03d}Z"
    assert (made["status"], made["priority"], made["start_at"]) == ("QUEUED", 7, shown)
    why = await get(site, f"/runs/{made['run_id']}/why")
    assert (why["code"], why["until"]) == ("start_at", shown)
    pending = await post(site, "/runs", {"workflow_id": workflow_id}, 201)
    told = await post(site, f"/runs/{pending['run_id']}/execute", {"start_at": shown}, 202)
    assert (told["status"], told["message"]) == ("QUEUED", f"Workflow execution starts at {shown}")
    edge: list[dict[str, Any]] = [{"start_at": "0001-01-01T00:00:00+14:00"}, {"start_at": "9999-12-31T23:59:59-12:00"}]
    for wrong in (*edge, {"start_at": "soon"}, {"priority": 1001}, {"priority": 0.5}):
        assert (await post(site, "/runs", {"workflow_id": workflow_id, **wrong}, 422))["code"] == "invalid_request"


async def test_a_socket_beyond_the_limit_is_closed_with_4429_and_a_stream_answered_429(served: Site) -> None:
    run_id = await run_of(served, LONG)
    await limits(served, {"sockets": 1})
    async with connect(served.ws(f"/{run_id}/ws"), additional_headers=served.headers) as first:
        await receive(first, "hello")
        async with connect(served.ws("/ws"), additional_headers=served.headers) as second:
            with pytest.raises(ConnectionClosed):
                await second.recv()
            assert second.close_code == 4429
        headers = {"Accept": "text/event-stream"}
        refused = await served.client.get(f"{served.base}/runs/{run_id}/events", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (429, "project_limit")
        assert (await limits(served))["sockets"] == {"limit": 1, "used": 1}
    await post(served, f"/runs/{run_id}/cancel")
    streamed = await served.client.get(f"{served.base}/runs/{run_id}/events", headers=headers)
    assert streamed.status_code == 200


@pytest.mark.parametrize("opened_app", [lambda: wall_clock() + DAYS * 86_400_000], indirect=True)
async def test_times_in_answers_come_from_the_stores_clock(served: Site) -> None:
    today = f"{datetime.now(UTC) + timedelta(days=DAYS):%Y-%m-%d}"
    waiting = await run_of(served, ASKING)
    await get(served, f"/runs/{waiting}/status", wait=10)
    async with connect(served.ws(f"/{waiting}/ws"), additional_headers=served.headers) as ws:
        assert (await receive(ws, "hello"))["server_time"].startswith(today)
    async with connect(served.ws("/ws"), additional_headers=served.headers) as ws:
        assert (await receive(ws, "hello"))["server_time"].startswith(today)
    answered = await post(served, f"/runs/{waiting}/resume", {"answer": True}, 202)
    assert answered["resumed_at"].startswith(today)
    failed = await run_of(served, FAILING, wait=10)
    assert (await post(served, f"/runs/{failed}/retry", None, 202))["retried_at"].startswith(today)
