"""The routes of secrets: names and times, never a value."""

import pytest

from tests.api.conftest import Site

BASE = "/api/projects/default/secrets"
VALUE = "value-77Qk2"


async def test_a_secret_is_set_listed_changed_and_deleted_and_never_shown(site: Site) -> None:
    made = await site.client.put(f"{BASE}/TOKEN", json={"value": VALUE})
    assert made.status_code == 200
    assert made.json().keys() == {"name", "created_at", "updated_at"}
    assert made.json()["created_at"] == made.json()["updated_at"]
    changed = (await site.client.put(f"{BASE}/TOKEN", json={"value": VALUE + "-new"})).json()
    assert changed["created_at"] == made.json()["created_at"]
    assert changed["updated_at"] >= changed["created_at"]
    listed = await site.client.get(BASE)
    assert listed.json() == {"items": [changed], "next_cursor": None}
    assert (await site.client.get(f"{BASE}/TOKEN")).status_code == 405
    assert (await site.client.delete(f"{BASE}/TOKEN")).status_code == 204
    assert (await site.client.delete(f"{BASE}/TOKEN")).status_code == 404
    assert (await site.client.get(BASE)).json()["items"] == []
    assert VALUE not in made.text + listed.text


async def test_secrets_are_listed_by_name_and_page(site: Site) -> None:
    for name in ("b", "A", "c", "_"):
        await site.client.put(f"{BASE}/{name}", json={"value": VALUE})
    names, cursor = [], None
    while True:
        page = (await site.client.get(BASE, params={"limit": 3} | ({"cursor": cursor} if cursor else {}))).json()
        names += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert names == ["A", "_", "b", "c"]


@pytest.mark.parametrize("name", ["1A", "a-b", "a.b", "a" * 65, "a%0A"])
async def test_a_wrong_name_is_refused(site: Site, name: str) -> None:
    assert (await site.client.put(f"{BASE}/{name}", json={"value": VALUE})).status_code == 422
    assert (await site.client.delete(f"{BASE}/{name}")).status_code in (404, 422)


@pytest.mark.parametrize("value", ["abcd5", 123456, None, ["a-secret-value"], {"a": "a-secret-value"}])
async def test_a_wrong_value_is_refused_without_showing_it(site: Site, value: object) -> None:
    refused = await site.client.put(f"{BASE}/TOKEN", json={"value": value})
    assert refused.status_code == 422
    assert refused.json()["code"] == "invalid_request"
    for part in ("abcd5", "123456", "a-secret-value"):
        assert part not in refused.text
    assert (await site.client.get(BASE)).json()["items"] == []


async def test_a_key_of_another_project_sees_no_secrets(site: Site) -> None:
    await site.client.put(f"{BASE}/TOKEN", json={"value": VALUE})
    await site.client.post("/api/projects", json={"slug": "other", "name": "Other"})
    made = await site.client.post("/api/projects/other/keys", json={"name": "k"})
    own = {"X-API-Key": made.json()["secret"]}
    for method, path in (("GET", BASE), ("PUT", f"{BASE}/TOKEN"), ("DELETE", f"{BASE}/TOKEN")):
        answer = await site.client.request(method, path, json={"value": "taken-over"}, headers=own)
        assert answer.status_code == 404
    there = "/api/projects/other/secrets"
    assert (await site.client.put(f"{there}/TOKEN", json={"value": VALUE}, headers=own)).status_code == 200
    assert (await site.client.delete(f"{there}/TOKEN", headers=own)).status_code == 204
    assert len((await site.client.get(BASE)).json()["items"]) == 1


async def test_a_workflow_whose_secret_is_not_set_is_refused_when_it_is_executed(site: Site) -> None:
    step = {"id": "a", "type": "ai", "config": {"model": "echo", "prompt": "{{ secrets.TOKEN }}"}}
    made = await site.client.post(site.base, json={"name": "w", "definition": {"steps": [step]}})
    (warning,) = made.json()["warnings"]
    assert (warning["path"], warning["code"]) == ("steps[0].config.prompt", "secret_not_set")
    run = {"workflow_id": made.json()["workflow_id"], "execute": True}
    refused = await site.client.post(f"{site.base}/runs", json=run)
    assert (refused.status_code, refused.json()["code"]) == (422, "not_runnable")
    assert "'TOKEN'" in refused.json()["detail"]
    await site.client.put(f"{BASE}/TOKEN", json={"value": VALUE})
    done = await site.client.post(f"{site.base}/runs", json=run, params={"wait": 20})
    assert (done.status_code, done.json()["status"]) == (201, "COMPLETED")
    run = (await site.client.get(f"{site.base}/runs/{done.json()['run_id']}")).json()
    assert run["output_data"]["text"] == "•••"
