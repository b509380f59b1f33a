"""The routes of a project's tasks and notifications."""

import asyncio
import re
from typing import Any

import pytest

from milepost.server.store.statements import statement
from milepost.server.store.unit import Unit
from tests.api.conftest import Site
from tests.api.seed import new_id, seed_project
from tests.api.test_routes import run_of

TASKS = "/api/projects/default/tasks"
NOTIFICATIONS = "/api/projects/default/notifications"


async def call(site: Site, method: str, path: str, body: Any = None, expected: int = 200, **query: Any) -> Any:
    """The JSON of an answer."""
    answer = await site.client.request(method, path, json=body, params=query)
    assert answer.status_code == expected, answer.text
    return answer.json() if answer.content else None


async def new_task(site: Site, **fields: Any) -> dict[str, Any]:
    """A task made by a person."""
    return dict(await call(site, "POST", TASKS, {"title": "t", **fields}, 201))


async def told(site: Site, to: str, created_at: int = 1, project_id: str = "") -> str:
    """The id of a notification."""
    row = {"recipient": to, "title": "t", "body": "", "run_id": None, "node_id": None, "now": created_at}
    notification_id = new_id()
    where = {"project_id": project_id or site.project.project_id}
    unit = Unit([statement("insert_notification", 1, notification_id=notification_id, **where, **row)])
    await site.app.store.commit(unit)
    return notification_id


async def test_a_task_is_made_read_changed_and_deleted(site: Site) -> None:
    made = await new_task(site, description="d", assignee="ada", due="2030-01-01T10:00:00+01:00")
    assert made["due"] == "2030-01-01T09:00:00.000Z"
    assert (made["status"], made["created_by"], made["run_id"], made["node_id"]) == ("open", "owner", None, None)
    path = f"{TASKS}/{made['task_id']}"
    assert await call(site, "GET", path) == made
    changed = await call(site, "PATCH", path, {"title": "new", "assignee": None, "due": None})
    kept = {name: made[name] for name in ("task_id", "description", "status", "created_at")}
    assert {**kept, "title": "new", "assignee": None, "due": None}.items() <= changed.items()
    assert await call(site, "PATCH", path, {}) == changed
    assert await call(site, "GET", path) == changed
    await call(site, "DELETE", path, expected=204)
    for method in ("GET", "DELETE"):
        assert (await call(site, method, path, expected=404))["code"] == "not_found"
    assert (await call(site, "PATCH", path, {"title": "x"}, 404))["code"] == "not_found"


async def test_who_says_first_that_it_is_done_did_it(site: Site) -> None:
    path = f"{TASKS}/{(await new_task(site))['task_id']}"
    other = await call(site, "POST", "/api/projects/default/keys", {"name": "ada"}, 201)
    done = await call(site, "PATCH", path, {"status": "done"})
    assert done["done_by"] == "owner"
    again = await site.client.patch(path, json={"status": "done"}, headers={"X-API-Key": other["secret"]})
    assert (again.json()["done_by"], again.json()["done_at"]) == ("owner", done["done_at"])
    opened = await call(site, "PATCH", path, {"status": "open"})
    assert (opened["status"], opened["done_by"], opened["done_at"]) == ("open", None, None)


async def test_two_who_change_a_task_at_once_both_do(site: Site) -> None:
    for _ in range(50):
        path = f"{TASKS}/{(await new_task(site))['task_id']}"
        one, two = await asyncio.gather(
            call(site, "PATCH", path, {"title": "one", "status": "done"}),
            call(site, "PATCH", path, {"assignee": "two", "status": "done"}),
        )
        after = await call(site, "GET", path)
        assert (after["title"], after["assignee"], after["status"]) == ("one", "two", "done")
        assert one["done_at"] == two["done_at"] == after["done_at"]
        assert after in (one, two)


async def test_tasks_are_listed_newest_first_in_pages(site: Site) -> None:
    made = [await new_task(site, title=f"t{n}", assignee="ada" if n % 2 else "bob") for n in range(7)]
    for task in made[:3]:
        await call(site, "PATCH", f"{TASKS}/{task['task_id']}", {"status": "done"})

    async def titles(**query: Any) -> list[str]:
        found: list[str] = []
        cursor = None
        while True:
            page = await call(site, "GET", TASKS, limit=2, **query, **({"cursor": cursor} if cursor else {}))
            found += [task["title"] for task in page["items"]]
            if (cursor := page["next_cursor"]) is None:
                return found

    assert sorted(await titles()) == [f"t{n}" for n in range(7)]
    times = [task["created_at"] for task in (await call(site, "GET", TASKS))["items"]]
    assert times == sorted(times, reverse=True)
    assert sorted(await titles(status="open")) == ["t3", "t4", "t5", "t6"]
    assert sorted(await titles(status="done", assignee="ada")) == ["t1"]
    assert (await call(site, "GET", TASKS, expected=400, cursor="x"))["code"] == "invalid_cursor"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"title": ""},
        {"title": "a\nb"},
        {"title": "x" * 201},
        {"title": "t", "description": "x" * 5000 + "\0"},
        {"title": "t", "assignee": "a|b"},
        {"title": "t", "due": "tomorrow"},
        {"title": "t", "status": "done"},
        {"title": "t", "run_id": new_id()},
    ],
)
async def test_tasks_of_another_form_are_refused(site: Site, body: dict[str, Any]) -> None:
    assert (await call(site, "POST", TASKS, body, 422))["code"] == "invalid_request"


@pytest.mark.parametrize("body", [{"title": None}, {"status": "closed"}, {"description": None}, {"done_by": "me"}])
async def test_changes_of_another_form_are_refused(site: Site, body: dict[str, Any]) -> None:
    path = f"{TASKS}/{(await new_task(site))['task_id']}"
    assert (await call(site, "PATCH", path, body, 422))["code"] == "invalid_request"


async def test_other_projects_see_and_change_nothing(site: Site) -> None:
    other = await seed_project(site.app.store, "other")
    task = await new_task(site)
    foreign = await told(site, "ada", project_id=other.project_id)
    path = f"/api/projects/other/tasks/{task['task_id']}"
    await call(site, "GET", path, expected=404)
    await call(site, "PATCH", path, {"status": "done"}, 404)
    await call(site, "DELETE", path, expected=404)
    assert (await call(site, "GET", "/api/projects/other/tasks"))["items"] == []
    assert await call(site, "PATCH", NOTIFICATIONS, {"ids": [foreign]}) == {"read": 0}
    assert await call(site, "PATCH", NOTIFICATIONS, {"all": True}) == {"read": 0}
    assert len((await call(site, "GET", "/api/projects/other/notifications", unread=True))["items"]) == 1


async def test_notifications_are_listed_and_read(site: Site) -> None:
    ids = [await told(site, "ada" if n % 2 else "bob", created_at=n // 2) for n in range(6)]
    found, cursor = [], None
    while True:
        query = {"limit": 4, **({"cursor": cursor} if cursor else {})}
        page = await call(site, "GET", NOTIFICATIONS, **query)
        found += [row["notification_id"] for row in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert found == list(reversed(ids))
    assert [row["to"] for row in (await call(site, "GET", NOTIFICATIONS, to="ada"))["items"]] == ["ada"] * 3
    assert await call(site, "PATCH", NOTIFICATIONS, {"ids": [ids[0], ids[0], new_id()]}) == {"read": 1}
    assert await call(site, "PATCH", NOTIFICATIONS, {"ids": [ids[0]]}) == {"read": 0}
    unread = (await call(site, "GET", NOTIFICATIONS, unread=True, to="bob"))["items"]
    assert [row["notification_id"] for row in unread] == [ids[4], ids[2]]
    assert await call(site, "PATCH", NOTIFICATIONS, {"all": True, "to": "ada"}) == {"read": 3}
    assert await call(site, "PATCH", NOTIFICATIONS, {"all": True}) == {"read": 2}
    assert all(row["read_at"] for row in (await call(site, "GET", NOTIFICATIONS))["items"])


async def test_two_who_read_all_at_once_read_each_once(site: Site) -> None:
    for _ in range(20):
        for _ in range(5):
            await told(site, "ada")
        counts = await asyncio.gather(*(call(site, "PATCH", NOTIFICATIONS, {"all": True}) for _ in range(2)))
        assert sorted(each["read"] for each in counts) == [0, 5]


async def test_reading_thousands_holds_up_nobody_elses_commit(site: Site) -> None:
    where = {"project_id": site.project.project_id, "run_id": None, "node_id": None, "now": 1}
    row = {"recipient": "ada", "title": "t", "body": "", **where}
    unit = Unit([statement("insert_notification", 1, notification_id=new_id(), **row) for _ in range(2_500)])
    await site.app.store.commit(unit)
    before = await commits(site)
    assert await call(site, "PATCH", NOTIFICATIONS, {"all": True}) == {"read": 2_500}
    assert await commits(site) - before >= 3
    assert (await call(site, "GET", NOTIFICATIONS, unread=True))["items"] == []


async def commits(site: Site) -> float:
    """How often the writer has committed."""
    text = (await site.client.get("/metrics")).text
    return float(re.findall(r"^milepost_commit_seconds_count (\S+)$", text, re.MULTILINE)[0])


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": ["x"]}, {"all": False}, {"to": "ada"}])
async def test_it_is_said_what_was_read(site: Site, body: dict[str, Any]) -> None:
    assert (await call(site, "PATCH", NOTIFICATIONS, body, 422))["code"] == "invalid_request"


async def test_ids_and_all_are_not_both_given(site: Site) -> None:
    assert (await call(site, "PATCH", NOTIFICATIONS, {"ids": [new_id()], "all": True}, 422))[
        "code"
    ] == "invalid_request"


async def test_what_a_run_makes_is_found_over_the_routes(site: Site) -> None:
    definition = {
        "nodes": [
            {"id": "call", "type": "create_task", "config": {"title": "Call"}},
            {"id": "tell", "type": "send_notification", "config": {"to": "ada", "title": "Told"}},
        ],
        "edges": [],
    }
    run_id = await run_of(site, definition, wait=20)
    (task,) = (await call(site, "GET", TASKS))["items"]
    (row,) = (await call(site, "GET", NOTIFICATIONS))["items"]
    assert (task["run_id"], task["node_id"], row["run_id"], row["node_id"]) == (run_id, "call", run_id, "tell")
    done = await call(site, "PATCH", f"{TASKS}/{task['task_id']}", {"status": "done"})
    assert done["status"] == "done"
