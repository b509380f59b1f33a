"""Signing in: links, sessions, tickets; what a cookie is taken for, and from whom."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

import httpx
import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from milepost.server.access.attempts import MOST, WINDOW_MS, Attempts
from milepost.server.access.one_time import LINK_MS, TICKET_MS
from milepost.server.access.recent import TTL_MS
from milepost.server.access.sessions import IDLE_MS, LONGEST_MS, SEEN_MS
from milepost.server.api.api import create_api
from milepost.server.errors import TooManyAttempts
from milepost.server.serving import services
from milepost.server.states import Action
from tests.api.conftest import Site
from tests.api.seed import seed_project, seed_run
from tests.api.test_sockets import close_code


class Clock:
    """Milliseconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1_900_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def browser(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A client with cookies and without a key."""
    transport = site.client._transport
    async with httpx.AsyncClient(transport=transport, base_url=site.client.base_url) as client:
        yield client


async def link(site: Site) -> str:
    """The path of a fresh sign-in link."""
    made = await site.client.post("/api/auth/link")
    assert made.status_code == 201, made.text
    found = httpx.URL(made.json()["url"])
    return f"{found.path}?{found.query.decode()}"


async def signed_in(client: httpx.AsyncClient, site: Site, **headers: str) -> dict[str, str]:
    """Open a link; the headers with which a page of ours changes something."""
    opened = await client.get(await link(site), headers=headers)
    assert (opened.status_code, opened.headers["location"]) == (303, "../../"), opened.text
    told = (await client.get("/api/me")).json()
    return {"Origin": origin(client), "X-CSRF-Token": told["csrf_token"]}


def origin(client: httpx.AsyncClient) -> str:
    return str(client.base_url).rstrip("/")


async def test_a_link_signs_the_owner_in_and_works_once(site: Site) -> None:
    path = await link(site)
    async with browser(site) as one, browser(site) as other:
        opened = await one.get(path)
        assert (opened.status_code, opened.headers["location"]) == (303, "../../")
        assert opened.headers["cache-control"] == "no-store"
        assert opened.headers["referrer-policy"] == "no-referrer"
        me = (await one.get("/api/me")).json()
        assert (me["kind"], me["owner"], me["user"]) == ("session", True, {"name": "owner"})
        refused = await other.get(path)
        assert (refused.status_code, refused.headers["location"]) == (303, "../../sign-in?reason=link_used")
        assert "set-cookie" not in refused.headers
        assert (await other.get("/api/me")).status_code == 401


async def test_of_two_who_open_a_link_at_once_one_is_signed_in(site: Site) -> None:
    path = await link(site)
    async with browser(site) as one, browser(site) as other:
        opened = await asyncio.gather(*(client.get(path) for client in (one, other)))
    assert sorted(answer.headers["location"] for answer in opened) == ["../../", "../../sign-in?reason=link_used"]


async def test_somebody_who_is_signed_in_is_not_troubled_by_a_used_link(site: Site) -> None:
    path = await link(site)
    async with browser(site) as client:
        await client.get(path)
        again = await client.get(path)
        assert (again.status_code, again.headers["location"]) == (303, "../../")


async def test_looking_at_a_link_does_not_use_it_up(site: Site) -> None:
    path = await link(site)
    async with browser(site) as client:
        for headers in ({}, {"Sec-Purpose": "prefetch"}):
            assert (await client.head(path, headers=headers)).status_code == 204
        for header in ("Sec-Purpose", "Purpose"):
            ahead = await client.get(path, headers={header: "prefetch;prerender"})
            assert (ahead.status_code, ahead.json()["code"]) == (400, "bad_request")
        assert not client.cookies
        assert (await client.get(path)).headers["location"] == "../../"


@pytest.mark.parametrize("path", ["/api/auth/link", "/api/auth/link?token=", "/api/auth/link?token=mp_link_wrong"])
async def test_an_unknown_link_leads_to_the_sign_in_page(site: Site, path: str) -> None:
    async with browser(site) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "../../sign-in?reason=link_unknown")


@pytest.mark.parametrize("opened_app", [Clock()], indirect=True)
async def test_a_link_is_good_for_fifteen_minutes(site: Site) -> None:
    clock = site.app.store.clock
    assert isinstance(clock, Clock)
    early, late = await link(site), await link(site)
    async with browser(site) as client:
        clock.now += LINK_MS - 1
        assert (await client.get(early)).headers["location"] == "../../"
    async with browser(site) as client:
        clock.now += 1
        assert (await client.get(late)).headers["location"] == "../../sign-in?reason=link_expired"


async def test_only_the_owner_makes_links(site: Site) -> None:
    made = (await site.client.post("/api/projects/default/keys", json={"name": "ci"})).json()
    answer = await site.client.post("/api/auth/link", headers={"X-API-Key": made["secret"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_ticket_is_no_link_and_a_link_no_ticket(site: Site) -> None:
    ticket = (await site.client.post("/api/auth/ticket")).json()["ticket"]
    async with browser(site) as client:
        answer = await client.get("/api/auth/link", params={"token": ticket})
    assert answer.headers["location"].endswith("link_unknown")


@pytest.mark.parametrize(
    ("headers", "secure"), [({}, False), ({"X-Forwarded-Proto": "https"}, True), ({"X-Forwarded-Prefix": "/a"}, False)]
)
async def test_the_cookie_is_kept_from_scripts_and_from_other_pages(
    served: Site, headers: dict[str, str], secure: bool
) -> None:
    link_path = await link(served)
    async with httpx.AsyncClient(base_url=f"http://{served.address}") as client:
        cookie = (await client.get(link_path, headers=headers)).headers["set-cookie"]
    name, *flags = [part.strip() for part in cookie.split(";")]
    assert re.fullmatch(r"milepost_session=mp_session_[\w-]{43}", name)
    told = {flag.lower() for flag in flags}
    assert {"httponly", "samesite=strict", "path=/", f"max-age={LONGEST_MS // 1000}"} <= told
    assert ("secure" in told) == secure


async def test_below_a_path_links_and_cookies_have_it(site: Site) -> None:
    settings = site.app.settings.model_copy(update={"root_path": "/tools/milepost"})
    below = create_api(replace(services(site.app), settings=settings))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(below), base_url="http://milepost") as client:
        made = (await client.post("/api/auth/link", headers=site.headers)).json()["url"]
        assert made.startswith("http://milepost/tools/milepost/api/auth/link?token=mp_link_")
        opened = await client.get(made)
        assert urljoin(made, opened.headers["location"]) == "http://milepost/tools/milepost/"
        assert "Path=/tools/milepost;" in opened.headers["set-cookie"]
        client.cookies.clear()
        used = (await client.get(made)).headers["location"]
        assert urljoin(made, used) == "http://milepost/tools/milepost/sign-in?reason=link_used"


async def test_a_session_changes_something_only_from_our_page_and_with_its_token(site: Site) -> None:
    body = {"slug": "mine", "name": "Mine"}
    async with browser(site) as client, browser(site) as other:
        right = await signed_in(client, site)
        ours, token = right["Origin"], right["X-CSRF-Token"]
        foreign_token = (await signed_in(other, site))["X-CSRF-Token"]
        refused: tuple[dict[str, str], ...] = (
            {},
            {"Origin": ours},
            {"X-CSRF-Token": token},
            {"Origin": ours, "X-CSRF-Token": ""},
            {"Origin": ours, "X-CSRF-Token": foreign_token},
            {"Origin": "https://elsewhere.example", "X-CSRF-Token": token},
            {"Origin": f"{ours}:81", "X-CSRF-Token": token},
            {"Origin": "null", "X-CSRF-Token": token},
            {"Origin": "http://[", "X-CSRF-Token": token},
            {"Origin": ours, "Sec-Fetch-Site": "cross-site", "X-CSRF-Token": token},
            {"Origin": ours, "Sec-Fetch-Site": "same-site", "X-CSRF-Token": token},
            {"Sec-Fetch-Site": "none", "X-CSRF-Token": token},
            {"Sec-Fetch-Site": "same-origin"},
        )
        for headers in refused:
            answer = await client.post("/api/projects", json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), headers
            for method, path in (("PUT", "/api/projects/default/secrets/A"), ("DELETE", "/api/auth/session")):
                answer = await client.request(method, path, headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, headers)
        assert (await client.get("/api/projects")).status_code == 200
        assert (await client.post("/api/projects", json=body, headers=right)).status_code == 201
        # A proxy that rewrites Host: what the browser says itself is enough.
        behind = {"Origin": "https://public.example", "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": token}
        body["slug"] = "other"
        assert (await client.post("/api/projects", json=body, headers=behind)).status_code == 201


async def test_a_key_needs_neither_origin_nor_token_and_wins_over_a_cookie(site: Site) -> None:
    made = (await site.client.post("/api/projects/default/keys", json={"name": "ci"})).json()
    async with browser(site) as client:
        await signed_in(client, site)
        with_key = {"X-API-Key": made["secret"]}
        assert (await client.post("/api/auth/ticket", headers=with_key)).status_code == 201
        assert (await client.get("/api/me", headers=with_key)).json()["user"] == {"name": "ci"}
        assert (await client.get("/api/me", headers={"X-API-Key": "mp_wrong"})).status_code == 401


async def test_me_says_what_a_key_may_do(site: Site) -> None:
    await seed_project(site.app.store, "other")
    owner = (await site.client.get("/api/me")).json()
    assert (owner["kind"], owner["owner"], owner["csrf_token"], owner["expires_at"]) == ("key", True, None, None)
    assert owner["permissions"] == {"can_create_projects": True}
    all_of_them = ["can_view", "can_execute", "can_edit", "can_manage"]
    assert {each["slug"]: each["permissions"] for each in owner["projects"]} == {
        "default": all_of_them,
        "other": all_of_them,
    }
    new = {"name": "ci", "expires_at": "2999-01-01"}
    made = (await site.client.post("/api/projects/default/keys", json=new)).json()
    mine = (await site.client.get("/api/me", headers={"X-API-Key": made["secret"]})).json()
    assert (mine["owner"], mine["permissions"]) == (False, {"can_create_projects": False})
    assert [(each["slug"], each["permissions"]) for each in mine["projects"]] == [("default", all_of_them[:3])]
    assert mine["expires_at"] == "2999-01-01T00:00:00.000Z"


async def test_a_key_signs_in_and_signs_out(site: Site) -> None:
    made = (await site.client.post("/api/projects/default/keys", json={"name": "ci"})).json()
    async with browser(site) as client:
        answer = await client.post("/api/auth/session", json={"key": f" {made['secret']}\n"})
        assert answer.status_code == 201
        me = (await client.get("/api/me")).json()
        assert answer.json() == me
        assert (me["kind"], me["owner"], me["user"]) == ("session", False, {"name": "ci"})
        secret = client.cookies["milepost_session"]
        gone = await client.delete(
            "/api/auth/session", headers={"Origin": origin(client), "X-CSRF-Token": me["csrf_token"]}
        )
        assert gone.status_code == 204
        assert not client.cookies
        stolen = await client.get("/api/me", headers={"Cookie": f"milepost_session={secret}"})
        assert (stolen.status_code, stolen.json()["code"]) == (401, "not_authenticated")


async def test_a_page_of_another_origin_signs_nobody_in(site: Site) -> None:
    async with browser(site) as client:
        for headers in ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = await client.post("/api/auth/session", json={"key": site.secret}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_wrong_keys_are_taken_ten_times_a_minute(site: Site) -> None:
    async with browser(site) as client:
        for _ in range(MOST):
            assert (await client.post("/api/auth/session", json={"key": "mp_wrong"})).status_code == 401
        answer = await client.post("/api/auth/session", json={"key": site.secret})
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
        assert 0 < int(answer.headers["retry-after"]) <= 60


def test_attempts_are_counted_for_each_address_and_forgotten(clock: Clock) -> None:
    attempts = Attempts(clock)
    for number in range(MOST):
        attempts.failed(f"2001:db8::{number + 1}")
        attempts.failed("192.0.2.1")
    for address in ("2001:db8::ffff", "192.0.2.1"):
        with pytest.raises(TooManyAttempts):
            attempts.check(address)
    for address in ("2001:db8:0:1::1", "192.0.2.2", "", "unix"):
        attempts.check(address)
    clock.now += WINDOW_MS
    attempts.check("192.0.2.1")


@pytest.mark.parametrize("opened_app", [Clock()], indirect=True)
async def test_a_revoked_key_ends_its_sessions(site: Site) -> None:
    clock = site.app.store.clock
    assert isinstance(clock, Clock)
    made = (await site.client.post("/api/projects/default/keys", json={"name": "ci"})).json()
    async with browser(site) as client:
        await client.post("/api/auth/session", json={"key": made["secret"]})
        assert (await client.get("/api/me")).status_code == 200
        assert (await site.client.delete(f"/api/projects/default/keys/{made['key_id']}")).status_code == 204
        clock.now += TTL_MS
        assert (await client.get("/api/me")).status_code == 401


@pytest.mark.parametrize("opened_app", [Clock()], indirect=True)
async def test_a_session_ends_with_its_key(site: Site) -> None:
    clock = site.app.store.clock
    assert isinstance(clock, Clock)
    _, secret = await site.app.keys.create("short", None, clock.now + 60_000)
    async with browser(site) as client:
        me = (await client.post("/api/auth/session", json={"key": secret})).json()
        assert me == (await client.get("/api/me")).json()
        assert me["expires_at"] == "2030-03-17T17:47:40.000Z"
        clock.now += 60_000
        assert (await client.get("/api/me")).status_code == 401


@pytest.mark.parametrize("opened_app", [Clock()], indirect=True)
async def test_a_session_lives_while_it_is_used_and_thirty_days_at_most(site: Site) -> None:
    clock = site.app.store.clock
    assert isinstance(clock, Clock)
    began = clock.now
    async with browser(site) as used, browser(site) as idle:
        await signed_in(used, site)
        await signed_in(idle, site)
        clock.now += IDLE_MS - SEEN_MS
        assert (await used.get("/api/me")).status_code == 200
        clock.now += SEEN_MS
        assert (await idle.get("/api/me")).status_code == 401
        assert (await used.get("/api/me")).status_code == 200
        while clock.now + IDLE_MS < began + LONGEST_MS:
            clock.now += IDLE_MS - SEEN_MS
            assert (await used.get("/api/me")).status_code == 200
        clock.now = began + LONGEST_MS
        assert (await used.get("/api/me")).status_code == 401
        # The next one that begins clears away those that have ended.
        await signed_in(idle, site)
    with closing(sqlite3.connect(site.app.settings.database)) as database:
        assert database.execute("SELECT count(*) FROM sessions").fetchone() == (1,)
        assert database.execute("SELECT count(*) FROM one_time_secrets").fetchone() == (1,)


async def test_secrets_of_sign_ins_are_not_stored(site: Site) -> None:
    path = await link(site)
    ticket = (await site.client.post("/api/auth/ticket")).json()["ticket"]
    async with browser(site) as client:
        await client.get(path)
        session = client.cookies["milepost_session"]
    token = path.partition("token=")[2]
    for file in site.app.settings.data.glob("milepost.db*"):
        for secret in (token, ticket, session):
            assert secret.encode() not in file.read_bytes()


async def test_cookies_in_several_headers_are_read_all(site: Site) -> None:
    async with browser(site) as client:
        await signed_in(client, site)
        ours = ("Cookie", f"x=y; milepost_session={client.cookies['milepost_session']}")
        client.cookies.clear()
        for headers in ([ours, ("Cookie", "theme=dark")], [("Cookie", "theme=dark"), ours]):
            told = (await client.get("/api/me", headers=headers)).json()
            assert (told["kind"], bool(told["csrf_token"])) == ("session", True)


# Sockets.


async def opens(site: Site, query: str = "", **headers: str) -> bool | int:
    """Open the project's socket: whether it is served, or the code that closes it."""
    async with connect(f"{site.ws('/ws')}{query}", additional_headers=headers) as websocket:
        try:
            return str(await websocket.recv()).startswith('{"type":"hello"')
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else 1006


async def test_a_session_opens_a_socket_from_our_page_alone(served: Site) -> None:
    async with httpx.AsyncClient(base_url=f"http://{served.address}") as client:
        await signed_in(client, served)
        cookie = f"a=b; milepost_session={client.cookies['milepost_session']}; c=d"
    assert await opens(served, Cookie=cookie, Origin=f"http://{served.address}") is True
    assert await opens(served, Cookie=cookie) == 4403
    assert await opens(served, Cookie=cookie, Origin="https://elsewhere.example") == 4403
    assert await opens(served, Cookie="milepost_session=mp_session_wrong", Origin=f"http://{served.address}") == 4401
    assert await opens(served) == 4401


async def test_a_ticket_opens_one_socket(served: Site) -> None:
    made = (await served.client.post("/api/auth/ticket")).json()
    query = f"?ticket={made['ticket']}"
    assert await opens(served, query) is True
    assert await opens(served, query) == 4401
    assert await opens(served, "?ticket=mp_ticket_wrong") == 4401
    foreign = (await served.client.post("/api/auth/ticket")).json()["ticket"]
    assert await opens(served, f"?ticket={foreign}", Origin="https://elsewhere.example") == 4403


@pytest.mark.parametrize("opened_app", [Clock()], indirect=True)
async def test_a_ticket_is_good_for_thirty_seconds(served: Site) -> None:
    clock = served.app.store.clock
    assert isinstance(clock, Clock)
    made: list[dict[str, Any]] = [(await served.client.post("/api/auth/ticket")).json() for _ in range(2)]
    clock.now += TICKET_MS - 1
    assert await opens(served, f"?ticket={made[0]['ticket']}") is True
    clock.now += 1
    assert await opens(served, f"?ticket={made[1]['ticket']}") == 4401


async def test_the_ticket_of_a_session_that_was_signed_out_is_worth_nothing(served: Site) -> None:
    async with httpx.AsyncClient(base_url=f"http://{served.address}") as client:
        headers = await signed_in(client, served)
        ticket = (await client.post("/api/auth/ticket", headers=headers)).json()["ticket"]
        assert (await client.delete("/api/auth/session", headers=headers)).status_code == 204
    assert await opens(served, f"?ticket={ticket}") == 4401


@pytest.mark.parametrize("signed", [True, False])
async def test_what_is_open_obeys_no_one_whose_session_or_key_has_ended(served: Site, signed: bool) -> None:
    run = await seed_run(served.app.store, served.project, await served.workflow(), Action.EXECUTE, Action.CLAIM)
    async with (
        one_who_leaves(served, signed=signed) as (headers, leave),
        connect(served.ws(f"/{run.run_id}/ws"), additional_headers=headers) as ws,
    ):
        await ws.recv()
        await leave()
        await ws.send('{"type":"command","id":1,"command":"cancel"}')
        assert await close_code(ws) == 4401
    assert (await served.app.store.run(run.run_id)).status == run.status


async def test_what_is_open_ends_with_the_next_heartbeat_of_whose_session_has_ended(served: Site) -> None:
    run = await seed_run(served.app.store, served.project, await served.workflow(), Action.EXECUTE, Action.CLAIM)
    async with one_who_leaves(served, signed=True) as (headers, leave):
        asked = {**headers, "Accept": "text/event-stream"}
        streaming = served.client.stream("GET", f"{served.base}/runs/{run.run_id}/events", headers=asked, timeout=30)
        served.client.headers.pop("X-API-Key")
        async with (
            connect(served.ws(f"/{run.run_id}/ws"), additional_headers=headers) as of_run,
            connect(served.ws("/ws"), additional_headers=headers) as of_project,
            connect(served.ws("/ws"), additional_headers=served.headers) as still_there,
            streaming as events,
        ):
            for websocket in (of_run, of_project, still_there):
                await websocket.recv()
            await leave()
            run_code, project_code, _ = await asyncio.gather(close_code(of_run), close_code(of_project), events.aread())
            assert (run_code, project_code) == (4401, 4401)
            assert orjson.loads(await still_there.recv())["type"] == "heartbeat"


@asynccontextmanager
async def one_who_leaves(
    site: Site, *, signed: bool
) -> AsyncIterator[tuple[dict[str, str], Callable[[], Awaitable[None]]]]:
    """The headers of a session, or of a key, and what ends it."""
    made = (await site.client.post("/api/projects/default/keys", json={"name": "guest"})).json()
    async with httpx.AsyncClient(base_url=f"http://{site.address}") as client:

        async def leave() -> None:
            if not signed:
                await site.app.keys.revoke(made["key_id"])
            else:
                out = await client.delete("/api/auth/session", headers=ours)
                assert out.status_code == 204

        if not signed:
            yield {"X-API-Key": made["secret"]}, leave
            return
        told = (await client.post("/api/auth/session", json={"key": made["secret"]})).json()
        ours = {"Origin": origin(client), "X-CSRF-Token": told["csrf_token"]}
        yield {"Cookie": f"milepost_session={client.cookies['milepost_session']}", "Origin": origin(client)}, leave
