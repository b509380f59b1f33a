"""Keys: who gets in, who sees what, how fast a revocation holds."""

import os
import stat
from pathlib import Path

import pytest
from starlette.routing import Route

from milepost.server.access.keys import Keys
from milepost.server.access.recent import TTL_MS
from milepost.server.api.api import create_api
from milepost.server.api.gate import needs_identity
from milepost.server.errors import NotAuthenticated, NotFound
from milepost.server.serving import services
from milepost.server.store.database import Database
from milepost.server.store.store import Store
from tests.api.conftest import Site
from tests.api.seed import new_id, seed_project, seed_run, seed_workflow


class Clock:
    """Milliseconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


async def test_the_owner_key_is_kept_in_a_file_that_only_the_owner_can_read(store: Store, tmp_path: Path) -> None:
    keys = Keys(store)
    secret = await keys.ensure_owner_key(tmp_path)
    assert stat.S_IMODE(os.stat(tmp_path / "owner.key").st_mode) == 0o600
    assert (tmp_path / "owner.key").read_text().strip() == secret
    assert await Keys(store).ensure_owner_key(tmp_path) == secret
    assert (await keys.authenticate(secret)).owner


@pytest.mark.parametrize("content", [None, b"", b"mp_other", b"\xff\xfe"])
async def test_a_lost_owner_key_is_replaced_and_the_old_one_revoked(
    store: Store, tmp_path: Path, content: bytes | None
) -> None:
    keys = Keys(store)
    old = await keys.ensure_owner_key(tmp_path)
    (tmp_path / "owner.key").unlink()
    if content is not None:
        (tmp_path / "owner.key").write_bytes(content)
    new = await keys.ensure_owner_key(tmp_path)
    assert new != old
    assert (await keys.authenticate(new)).owner
    with pytest.raises(NotAuthenticated):
        await keys.authenticate(old)


async def test_secrets_are_not_stored(store: Store, tmp_path: Path) -> None:
    secret = await Keys(store).ensure_owner_key(tmp_path)
    rows = await store.fetch("list_keys")
    assert rows
    for file in tmp_path.glob("milepost.db*"):
        assert secret.encode() not in file.read_bytes()


async def test_a_revocation_holds_within_five_seconds_in_another_process_too(tmp_path: Path) -> None:
    clock = Clock()
    store = Store(Database(tmp_path / "milepost.db", "normal"), clock)
    store.open()
    here, there = Keys(store), Keys(store)
    key, secret = await here.create("ci", None, None)
    await there.authenticate(secret)
    await here.revoke(key.key_id)
    with pytest.raises(NotAuthenticated):
        await here.authenticate(secret)
    clock.now += TTL_MS
    assert TTL_MS <= 5_000
    with pytest.raises(NotAuthenticated):
        await there.authenticate(secret)
    with pytest.raises(NotFound):
        await here.revoke(key.key_id)
    store.close()


async def test_an_expired_key_is_refused(store: Store) -> None:
    _, secret = await Keys(store).create("old", None, store.clock() - 1)
    with pytest.raises(NotAuthenticated):
        await Keys(store).authenticate(secret)


async def test_without_a_valid_key_every_route_is_401(site: Site) -> None:
    site.client.headers.pop("X-API-Key")
    refused: tuple[dict[str, bytes], ...] = (
        {},
        {"X-API-Key": b""},
        {"X-API-Key": b"mp_wrong"},
        {"Authorization": b"Basic abc"},
        {"Authorization": b"Bearer"},
        {"Authorization": b"Bearer mp_wrong"},
        {"X-API-Key": b"\xff\xfe"},
    )
    for headers in refused:
        raw = [(name.encode(), value) for name, value in headers.items()]
        for path in (
            "/api/projects",
            site.base,
            "/metrics",
            "/api/info",
            "/api",
            "/api/nowhere",
            f"{site.base}/runs/{new_id()}",
        ):
            answer = await site.client.get(path, headers=raw)
            assert answer.status_code == 401, path
            assert answer.json()["code"] == "not_authenticated"
            assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_health_and_the_api_page_need_no_key(site: Site) -> None:
    site.client.headers.pop("X-API-Key")
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs"):
        assert (await site.client.get(path)).status_code == 200


def test_no_route_but_health_and_the_api_page_is_outside_the_gate(site: Site) -> None:
    paths = {route.path for route in create_api(services(site.app)).routes if isinstance(route, Route)}
    open_paths = {path for path in paths if not needs_identity("GET", path)}
    assert open_paths == {"/healthz", "/readyz", "/openapi.json", "/docs", "/api/auth/link"}


@pytest.mark.parametrize("odd", ["%0A", "%0a%0A", "%0D%0A", "%00", "/", "//", ";x", "%2F", "/.", "%20"])
async def test_no_odd_spelling_of_a_path_leads_past_the_gate(served: Site, odd: str) -> None:
    served.client.headers.pop("X-API-Key")
    paths = [path for path, methods in served.documented.document["paths"].items() if "get" in methods]
    closed = [path.replace("{", "").replace("}", "") for path in paths if needs_identity("GET", path)]
    assert "/metrics" in closed
    for path in closed:
        for spelled in (f"{path}{odd}", f"/{path}", f"{path[:-1]}%{ord(path[-1]):02x}{odd}"):
            answer = await served.client.get(spelled)
            the_page = answer.headers["content-type"].startswith("text/html")
            assert the_page or answer.status_code in (401, 404), (spelled, answer.status_code)


async def test_both_headers_carry_a_key(site: Site) -> None:
    site.client.headers.pop("X-API-Key")
    for headers in ({"X-API-Key": site.secret}, {"Authorization": f"bearer {site.secret}"}):
        assert (await site.client.get("/api/projects", headers=headers)).status_code == 200


async def test_a_project_key_sees_its_project_alone(site: Site) -> None:
    other = await seed_project(site.app.store, "other")
    foreign = await seed_workflow(site.app.store, other)
    run = await seed_run(site.app.store, other, foreign)
    made = (await site.client.post("/api/projects/default/keys", json={"name": "ci"})).json()
    headers = {"X-API-Key": made["secret"]}
    mine = await site.client.get("/api/projects", headers=headers)
    assert [each["slug"] for each in mine.json()["items"]] == ["default"]
    for path in (
        f"/api/projects/other/workflows/{foreign}",
        f"/api/projects/{other.project_id}/workflows/runs/{run.run_id}",
        f"/api/projects/default/workflows/{foreign}",
        f"/api/projects/default/workflows/runs/{run.run_id}",
        f"/api/projects/default/workflows/runs/{run.run_id}/status",
        f"/api/projects/default/workflows/runs/{run.run_id}/events",
        f"/api/projects/default/workflows/runs/{run.run_id}/logs",
        f"/api/projects/default/workflows/runs/{run.run_id}/why",
        f"/api/projects/default/workflows/runs/{run.run_id}/checkpoints",
    ):
        answer = await site.client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    for command in ("execute", "cancel", "pause", "resume", "retry", "rerun", "events/paid"):
        path = f"/api/projects/default/workflows/runs/{run.run_id}/{command}"
        assert (await site.client.post(path, headers=headers)).status_code == 404, path


async def test_a_project_key_tries_and_replays_nothing_of_another_project(site: Site) -> None:
    other = await seed_project(site.app.store, "other")
    foreign = await seed_workflow(site.app.store, other)
    run = await seed_run(site.app.store, other, foreign)
    own = await seed_workflow(site.app.store, site.project)
    made = (await site.client.post("/api/projects/default/keys", json={"name": "ci"})).json()
    headers = {"X-API-Key": made["secret"]}
    parts = ("tasks", "notifications", "inbox", "secrets")
    calls: list[tuple[str, str, dict[str, object] | None]] = [
        *(("GET", f"/api/projects/other/{part}", None) for part in parts),
        ("POST", "/api/projects/other/tasks", {"title": "t"}),
        ("PATCH", "/api/projects/other/notifications", {"all": True}),
        ("POST", f"/api/projects/other/workflows/{foreign}/test", {}),
        ("POST", f"/api/projects/default/workflows/{foreign}/test", {}),
        ("POST", f"/api/projects/default/workflows/{own}/test", {"replay_run_id": run.run_id}),
    ]
    for method, path, body in calls:
        answer = await site.client.request(method, path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path


async def test_only_the_owner_makes_projects_and_keys(site: Site) -> None:
    made = (await site.client.post("/api/projects/default/keys", json={"name": "ci"})).json()
    headers = {"X-API-Key": made["secret"]}
    for method, path, body in (
        ("POST", "/api/projects", {"slug": "mine", "name": "Mine"}),
        ("GET", "/api/projects/default/keys", None),
        ("POST", "/api/projects/default/keys", {"name": "more"}),
        ("DELETE", f"/api/projects/default/keys/{made['key_id']}", None),
    ):
        answer = await site.client.request(method, path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
    created = await site.client.post("/api/projects", json={"slug": "mine", "name": "Mine"})
    assert created.status_code == 201
    again = await site.client.post("/api/projects", json={"slug": "mine", "name": "Mine"})
    assert (again.status_code, again.json()["code"]) == (409, "slug_taken")


async def test_a_key_is_listed_without_its_secret_and_can_be_revoked(site: Site) -> None:
    made = (
        await site.client.post("/api/projects/default/keys", json={"name": "ci", "expires_at": "2999-01-01"})
    ).json()
    listed = (await site.client.get("/api/projects/default/keys")).json()["items"]
    assert [each["key_id"] for each in listed] == [made["key_id"]]
    assert "secret" not in listed[0]
    path = f"/api/projects/default/keys/{made['key_id']}"
    assert (await site.client.delete(path)).status_code == 204
    assert (await site.client.get("/api/projects", headers={"X-API-Key": made["secret"]})).status_code == 401
    assert (await site.client.delete(path)).status_code == 404
    assert (await site.client.delete(f"/api/projects/default/keys/{new_id()}")).status_code == 404
