"""The event log over HTTP: pages as JSON, and Server-Sent Events."""

import asyncio
from typing import Any

import orjson
import pytest

from milepost.server.states import Action
from milepost.server.store.rows import Run
from tests.api.conftest import Site
from tests.api.seed import append, move, new_id, seed_run

STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
async def run(served: Site) -> Run:
    return await seed_run(served.app.store, served.project, await served.workflow(), Action.EXECUTE, Action.CLAIM)


async def stream(site: Site, run_id: str, **options: Any) -> list[dict[str, str]]:
    """The fields of every event until the stream ends."""
    events: list[dict[str, str]] = [{}]
    headers = {**STREAM, **options.pop("headers", {})}
    async with site.client.stream("GET", f"{site.base}/runs/{run_id}/events", headers=headers, **options) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                events[-1][name] = value
            else:
                events.append({})
    return events[:-1]


async def test_a_stream_replays_goes_on_live_and_ends_with_the_run(served: Site, run: Run) -> None:
    reading = asyncio.create_task(stream(served, run.run_id))
    for _ in range(20):
        await append(served.app.store, run, *["node.log"] * 3)
    await move(served.app.store, await served.app.store.run(run.run_id), Action.FINISH)
    events = await reading
    assert [int(event["id"]) for event in events] == list(range(1, 65))
    assert events[-1]["event"] == "run.completed"
    page = (await served.client.get(f"{served.base}/runs/{run.run_id}/events")).json()
    assert [orjson.loads(event["data"]) for event in events] == page["items"]


async def test_last_event_id_wins_over_after(served: Site, run: Run) -> None:
    await move(served.app.store, run, Action.FINISH)
    events = await stream(served, run.run_id, headers={"Last-Event-ID": "2"}, params={"after": 0})
    assert [event["id"] for event in events] == ["3", "4"]


async def test_an_event_source_that_has_seen_the_end_is_told_not_to_come_back(served: Site, run: Run) -> None:
    await move(served.app.store, run, Action.FINISH)
    path = f"{served.base}/runs/{run.run_id}/events"
    assert (await served.client.get(path, headers={**STREAM, "Last-Event-ID": "4"})).status_code == 204


async def test_a_stream_behind_the_last_event_is_400(served: Site, run: Run) -> None:
    answer = await served.client.get(f"{served.base}/runs/{run.run_id}/events?after=4", headers=STREAM)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    answer = await served.client.get(f"{served.base}/runs/{new_id()}/events", headers=STREAM)
    assert answer.status_code == 404


async def test_a_stream_ends_when_the_server_stops(served: Site, run: Run) -> None:
    reading = asyncio.create_task(stream(served, run.run_id))
    while "milepost_open_sockets 1.0" not in (await served.client.get("/metrics")).text:
        pass
    served.app.hub.close()
    assert [event["id"] for event in await reading] in ([], ["1", "2", "3"])
    assert (await served.client.get("/readyz")).status_code == 503


async def test_pages_of_events_follow_their_cursor(served: Site, run: Run) -> None:
    await append(served.app.store, run, *["node.log"] * 4)
    path, seen, after = f"{served.base}/runs/{run.run_id}/events", [], "0"
    while after is not None:
        page = (await served.client.get(path, params={"after": after, "limit": 3})).json()
        assert page["last_seq"] == 7
        seen += [event["seq"] for event in page["items"]]
        after = page["next_cursor"]
    assert seen == [1, 2, 3, 4, 5, 6, 7]
