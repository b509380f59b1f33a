"""The page and its files: which path gives what, in which form, kept how long, and below a prefix."""

import asyncio
import gzip
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import uvicorn
from websockets.asyncio.client import connect

from milepost.server.api.api import create_api
from milepost.server.api.page import FOR_EVER, chosen
from milepost.server.api.page_files import STAMP
from milepost.server.api.peer import Protocol
from milepost.server.app import App
from milepost.server.config import load_settings
from milepost.server.errors import StartRefused
from milepost.server.serving import bind, services

SCRIPT = b"export const answer = 42;" * 100
INDEX = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Milepost</title>
<script type="module" src="./assets/index-a1b2c3.js"></script></head><body><div id="root"></div></body></html>"""

FORMS = {"br": b"as brotli", "gzip": b"as gzip", "identity": b"as it is"}

Serve = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


def build(folder: Path, index: str = INDEX) -> Path:
    """A built page in ``folder``, with a script that has both compressed forms."""
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(index)
    (folder / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    script = folder / "assets/index-a1b2c3.js"
    script.write_bytes(SCRIPT)
    script.with_name(f"{script.name}.gz").write_bytes(gzip.compress(SCRIPT))
    script.with_name(f"{script.name}.br").write_bytes(b"the script in brotli")
    (folder / STAMP).unlink(missing_ok=True)
    (folder / STAMP).write_text("")
    return folder


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return build(tmp_path / "static")


@pytest.fixture
def serve(opened_app: tuple[App, str]) -> Serve:
    """Serves the app with a page's folder on a real port; the client has no key and asks for no compression."""
    app, _ = opened_app

    @asynccontextmanager
    async def serving(page: Path, root_path: str = "") -> AsyncIterator[httpx.AsyncClient]:
        told = services(app)
        settings = told.settings.model_copy(update={"root_path": root_path})
        api = create_api(replace(told, settings=settings), page)
        listener = bind("127.0.0.1", 0)
        config = uvicorn.Config(api, log_level="critical", lifespan="off", ws=Protocol, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        url, plain = f"http://127.0.0.1:{listener.getsockname()[1]}", {"Accept-Encoding": "identity"}
        try:
            async with httpx.AsyncClient(base_url=url, headers=plain) as client:
                while not server.started:
                    await asyncio.sleep(0)
                yield client
        finally:
            app.hub.close()
            server.should_exit = True
            await running
            listener.close()

    return serving


async def test_a_session_below_a_prefix_is_kept_to_it(serve: Serve, page: Path, opened_app: tuple[App, str]) -> None:
    async with serve(page, "/tools/milepost") as client:
        answer = await client.post("/tools/milepost/api/auth/session", json={"key": opened_app[1]})
        assert answer.status_code == 201
        assert "path=/tools/milepost;" in answer.headers["set-cookie"].lower()


async def test_every_path_that_is_nothing_else_is_the_page(serve: Serve, page: Path) -> None:
    async with serve(page) as client:
        paths = ("/", "/index.html", "/inbox", "/p/default/runs/1?tab=list", "/apiary", "/assets", "/a//b", "/%2e%2e/x")
        for path in paths:
            answer = await client.get(path)
            assert answer.status_code == 200, path
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.headers["cache-control"] == "no-cache"
            assert '<head><base href="/">' in answer.text


async def test_what_is_the_apis_stays_the_apis(serve: Serve, page: Path, opened_app: tuple[App, str]) -> None:
    key = {"X-API-Key": opened_app[1]}
    async with serve(page) as client:
        for path in ("/api", "/api/", "/api/nowhere", "/api/projects/default/nowhere"):
            assert (await client.get(path)).status_code == 401, path
            answer = await client.get(path, headers=key)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        execute = "/api/projects/default/workflows/validate"
        wrong = await client.delete(execute, headers=key)
        assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/metrics")).status_code == 401
        assert (await client.get("/openapi.json")).json()["openapi"]


async def test_the_page_is_read_and_nothing_else(serve: Serve, page: Path) -> None:
    async with serve(page) as client:
        answer = await client.post("/inbox", json={})
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
        assert answer.json()["code"] == "method_not_allowed"


async def test_files_outside_the_folder_and_hidden_ones_are_out_of_reach(serve: Serve, page: Path) -> None:
    (page.parent / "outside.txt").write_text("secret")
    ways = (
        "/../outside.txt",
        "/assets/../../outside.txt",
        "/%2e%2e/outside.txt",
        "/assets/%2e%2e%2f%2e%2e%2foutside.txt",
    )
    async with serve(page) as client:
        port = client.base_url.port
        for path in (*ways, "//outside.txt", "/.built", "/assets/index-a1b2c3.js.gz"):
            status, body = await _raw(port or 0, path)
            assert b"secret" not in body
            assert status == (404 if path.startswith("/assets/") else 200), path


async def _raw(port: int, path: str) -> tuple[int, bytes]:
    """Ask for a path as it stands: clients resolve dots."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), body


async def test_assets_are_kept_for_ever_and_a_missing_one_is_no_page(serve: Serve, page: Path) -> None:
    async with serve(page) as client:
        answer = await client.get("/assets/index-a1b2c3.js")
        assert answer.content == SCRIPT
        assert answer.headers["cache-control"] == FOR_EVER
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["vary"] == "Accept-Encoding"
        missing = await client.get("/assets/index-000000.js")
        assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
        assert "immutable" not in missing.headers.get("cache-control", "")
        icon = await client.get("/favicon.svg")
        assert (icon.headers["content-type"], icon.headers["cache-control"]) == ("image/svg+xml", "no-cache")
        assert "vary" not in icon.headers


async def test_the_compressed_form_goes_to_those_that_take_it(serve: Serve, page: Path) -> None:
    async with serve(page) as client:
        for accepted, coding, length in (
            ("gzip, deflate, br", "br", len(b"the script in brotli")),
            ("gzip", "gzip", len(gzip.compress(SCRIPT))),
            ("br;q=0, gzip;q=0", None, len(SCRIPT)),
        ):
            async with client.stream("GET", "/assets/index-a1b2c3.js", headers={"Accept-Encoding": accepted}) as answer:
                assert answer.headers.get("content-encoding") == coding
                assert int(answer.headers["content-length"]) == length
                assert len([byte async for raw in answer.aiter_raw() for byte in raw]) == length
        whole = await client.get("/", headers={"Accept-Encoding": "gzip"})
        assert whole.headers["content-encoding"] == "gzip"
        assert '<base href="/">' in whole.text


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", "identity"),
        ("gzip, br", "br"),
        ("GZIP", "gzip"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("br;q=0, *", "gzip"),
        ("*;q=0", "identity"),
        ("gzip;q=0.2, identity;q=0.9", "identity"),
        ("identity;q=0", "identity"),
        ("br;q=many, gzip; q=1", "gzip"),
        ("deflate, zstd", "identity"),
    ],
)
def test_the_coding_is_what_the_header_weighs_most(accepted: str, coding: str) -> None:
    assert chosen(accepted, FORMS) == coding


async def test_what_a_browser_has_is_not_sent_again(serve: Serve, page: Path) -> None:
    async with serve(page) as client:
        for path in ("/", "/inbox", "/assets/index-a1b2c3.js"):
            etag = (await client.get(path)).headers["etag"]
            for named in (etag, f"W/{etag}", f'"other", {etag}', "*"):
                again = await client.get(path, headers={"If-None-Match": named})
                assert (again.status_code, again.content) == (304, b"")
                assert again.headers["etag"] == etag
            assert (await client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200
            other = await client.get(path, headers={"If-None-Match": etag, "Accept-Encoding": "gzip"})
            assert other.status_code == 200


async def test_head_tells_what_get_would_send(serve: Serve, page: Path) -> None:
    async with serve(page) as client:
        for path in ("/", "/assets/index-a1b2c3.js"):
            got, told = await client.get(path), await client.head(path)
            assert (told.status_code, told.content) == (200, b"")
            assert {**told.headers, "date": ""} == {**got.headers, "date": ""}


async def test_the_page_may_load_nothing_from_elsewhere(serve: Serve, page: Path) -> None:
    async with serve(page) as client:
        answer = await client.get("/p/default")
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        (nonce,) = re.findall(r'<meta property="csp-nonce" nonce="([\w-]{20,})">', answer.text)
        assert policy["default-src"] == "'self'"
        assert policy["style-src"] == f"'self' 'nonce-{nonce}'"
        assert policy["frame-ancestors"] == "'none'"
        assert "script-src" not in policy
        assert "unsafe" not in answer.headers["content-security-policy"]
        for each in (answer, await client.get("/assets/index-a1b2c3.js")):
            assert each.headers["x-content-type-options"] == "nosniff"
            assert each.headers["referrer-policy"] == "same-origin"
            assert each.headers["cross-origin-opener-policy"] == "same-origin"


async def test_without_a_built_page_the_server_says_how_to_build_it(serve: Serve, tmp_path: Path) -> None:
    async with serve(tmp_path / "none", "/mile") as client:
        answer = await client.get("/")
        assert answer.status_code == 200
        assert "npm ci &amp;&amp; npm run build" in answer.text
        assert 'href="/mile/docs"' in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert (await client.get("/healthz")).status_code == 200
        build(tmp_path / "none")
        assert '<base href="/mile/">' in (await client.get("/")).text


async def test_a_new_build_is_served_when_it_is_whole(serve: Serve, page: Path) -> None:
    async with serve(page) as client:
        before = await client.get("/")
        (page / STAMP).unlink()
        (page / "assets/index-a1b2c3.js").unlink()
        assert (await client.get("/")).text == before.text
        assert (await client.get("/assets/index-a1b2c3.js")).content == SCRIPT
        build(page, INDEX.replace("<title>Milepost", "<title>Newer"))
        os.utime(page / STAMP, ns=(1, 1))
        after = await client.get("/", headers={"If-None-Match": before.headers["etag"]})
        assert "<title>Newer" in after.text


async def test_below_a_prefix_the_proxy_may_keep_it_or_take_it(
    serve: Serve, page: Path, opened_app: tuple[App, str]
) -> None:
    key = {"X-API-Key": opened_app[1]}
    async with serve(page, "/tools/mile") as client:
        for prefix in ("", "/tools/mile"):
            assert '<base href="/tools/mile/">' in (await client.get(f"{prefix}/inbox")).text
            assert (await client.get(f"{prefix}/assets/index-a1b2c3.js")).content == SCRIPT
            assert (await client.get(f"{prefix}/assets/none.js")).status_code == 404
            assert (await client.get(f"{prefix}/api/projects")).status_code == 401
            assert (await client.get(f"{prefix}/api/projects", headers=key)).status_code == 200
            assert (await client.get(f"{prefix}/healthz")).json() == {"status": "ok"}
            url = f"ws://127.0.0.1:{client.base_url.port}{prefix}/api/projects/default/workflows/runs/ws"
            async with connect(url, additional_headers=key) as socket:
                assert "{" in str(await socket.recv())
        assert '<base href="/tools/mile/">' in (await client.get("/tools/mile")).text
        assert (await client.get("/openapi.json")).json()["servers"] == [{"url": "/tools/mile"}]
        other = await client.get("/tools/mileassets/index-a1b2c3.js")
        assert other.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/a", "/a/b-c", "/tools/api", "/~me/v1.2"])
def test_a_prefix_is_a_path(path: str) -> None:
    assert load_settings(root_path=path).root_path == path


@pytest.mark.parametrize("path", ["a", "/", "/a/", "//a", "/a b", '/"', "/api", "/assets/x", "/a/../b", "/."])
def test_a_prefix_that_is_no_path_or_is_the_servers_own_stops_the_start(path: str) -> None:
    with pytest.raises(StartRefused, match="MILEPOST_ROOT_PATH"):
        load_settings(root_path=path)
