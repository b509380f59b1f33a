"""The way out against real servers: what it refuses, what it bounds, and what it sends along."""

import asyncio
import gzip
import ssl
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

import httpcore
import httpx
import pytest

from milepost.graphs.failures import NodeError
from milepost.graphs.outbound.addresses import AllowedHosts, why_not_public
from milepost.graphs.outbound.connecting import Wire
from milepost.graphs.outbound.gate import Gate
from milepost.graphs.outbound.interface import Reply
from tests.web import Certificates, Visit, Web

NAMED = "api.test"


class Names:
    """A resolver: each look-up of a name takes its next list of addresses, the last one for ever."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {name.replace("_", "."): list(lists) for name, lists in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        lists = self._answers.get(host)
        if lists is None:
            raise OSError(f"{host} is unknown")
        return lists.pop(0) if len(lists) > 1 else lists[0]


@asynccontextmanager
async def gate(*allowed: str, lookup: Any = None, trusted: ssl.SSLContext | None = None) -> AsyncIterator[Gate]:
    """A way out that allows these hosts, closed at the end."""
    opened = Gate(AllowedHosts(allowed), lookup, trusted)
    try:
        yield opened
    finally:
        await opened.aclose()


async def fetch(way: Gate, url: str, method: str = "GET", **options: Any) -> Reply:
    """A request with usual bounds."""
    given: dict[str, Any] = {"headers": {}, "content": None, "within": 5.0, "max_bytes": 100_000, **options}
    return await way.fetch(method, url, **given)


async def refused(way: Gate, url: str, method: str = "GET", **options: Any) -> NodeError:
    """What a request that must fail fails with."""
    with pytest.raises(NodeError) as caught:
        await fetch(way, url, method, **options)
    return caught.value


def say(body: bytes = b"hello", status: int = 200, **headers: str) -> Callable[[Visit], Any]:
    """A handler with one answer."""

    async def handler(visit: Visit) -> None:
        await visit.answer(status, body, **headers)

    return handler


def go(where: str, status: int = 302) -> Callable[[Visit], Any]:
    """A handler that redirects."""
    return say(b"", status, Location=where)


def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


# Addresses.

REFUSED = words("""
0.0.0.0 0.1.2.3 127.0.0.1 127.255.0.9 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254
169.254.0.1 100.64.0.1 100.100.100.200 168.63.129.16 192.0.0.192 192.0.2.1 198.18.0.1 198.51.100.7 203.0.113.9
224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255 192.88.99.1 :: ::1 ::7f00:1 fe80::1 fec0::1 fc00::1 fd00:ec2::254
fd20:ce::254 ff02::1 ::ffff:127.0.0.1 ::ffff:10.1.1.1 ::ffff:169.254.169.254 64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe
64:ff9b:1::1 2001::1 2001:db8::1 2002:7f00:1:: 2002:a00:1:: 3fff::1 100::1 4000::1 fe80::1%lo
""")

PUBLIC = words("1.1.1.1 8.8.8.8 172.32.0.1 192.0.1.1 100.128.0.1 2606:4700::1111 2a00:1450::1 64:ff9b::808:808")


@pytest.mark.parametrize("text", REFUSED)
def test_an_address_that_is_not_public_is_known_as_such(text: str) -> None:
    assert why_not_public(ip_address(text)) is not None


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_let_through(text: str) -> None:
    assert why_not_public(ip_address(text)) is None


ODD = words("""
2130706433 0x7f000001 0x7f.1 127.1 0177.0.0.1 017700000001 0 127.0.0.1. 0x7f.0x0.0x0.0x1 1.2.3 134744072
""")


@pytest.mark.parametrize(
    "host", [*ODD, "[::1]", "[::ffff:127.0.0.1]", "127.0.0.1", "169.254.169.254", "[fd00:ec2::254]"]
)
async def test_no_spelling_of_an_inner_address_gets_through(host: str) -> None:
    async with gate() as way:
        error = await refused(way, f"http://{host}:9/")
    assert error.code == "address_refused" or "no URL" in str(error)
    assert not error.retryable


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "①②⑦.⓪.⓪.①", "127。0。0。1"])
async def test_no_name_of_an_inner_address_gets_through(host: str) -> None:
    async with gate() as way:
        error = await refused(way, f"http://{host}:9/")
    assert error.code in ("address_refused", "request_failed")


@pytest.mark.parametrize(
    "url", ["ftp://a.test/", "file:///etc/passwd", "gopher://a.test:70/", "//a.test", "a.test", ""]
)
async def test_only_http_and_https_go_out(url: str) -> None:
    async with gate() as way:
        assert (await refused(way, url)).code == "address_refused"


@pytest.mark.parametrize("url", ["http://", "http:///x", "http://[::1/", "http://a.test:99999/", "http://\r\n"])
async def test_what_is_no_url_fails(url: str) -> None:
    async with gate() as way:
        error = await refused(way, url)
    assert (error.code, error.retryable) == ("request_failed", False)


@pytest.mark.parametrize(
    "entry",
    ["{host}", "{host}:{port}", "127.0.0.1", "127.0.0.1:{port}", "127.0.0.0/8", "::ffff:127.0.0.1", "API.Test."],
)
async def test_a_host_is_allowed_by_name_by_address_or_by_network(entry: str) -> None:
    async with Web({"/": say()}) as web:
        allowed = entry.format(host=NAMED, port=web.port)
        async with gate(allowed, lookup=Names(api_test=[["127.0.0.1"]])) as way:
            assert (await fetch(way, web.url("/", NAMED))).body == b"hello"
        assert web.asked[0].headers["host"] == f"{NAMED}:{web.port}"


@pytest.mark.parametrize(
    "entry", ["other.test", "sub.api.test", "api.test:1", "127.0.0.2", "127.0.0.1:1", "10.0.0.0/8"]
)
async def test_a_host_that_is_not_the_one_allowed_is_refused(entry: str) -> None:
    async with Web({"/": say()}) as web, gate(entry, lookup=Names(api_test=[["127.0.0.1"]])) as way:
        error = await refused(way, web.url("/", NAMED))
    assert error.code == "address_refused"
    assert "a loopback address" in str(error)
    assert "127.0.0.1" not in str(error), "what inner names resolve to is not told"
    assert web.connections == 0


@pytest.mark.parametrize(
    "entry", ["http://a.test", "a.test:0", "a.test:70000", "10.0.0.1/8", "*.a.test", "a b", "", "user@a"]
)
def test_a_wrong_entry_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match=r"names no port|is no name"):
        AllowedHosts([entry])


async def test_of_many_addresses_only_those_that_are_allowed_are_tried() -> None:
    names = Names(api_test=[["10.0.0.1", "127.0.0.2", "127.0.0.1"]])
    async with Web({"/": say()}) as web, gate("127.0.0.1", lookup=names) as way:
        assert (await fetch(way, web.url("/", NAMED))).status == 200


async def test_an_address_that_does_not_answer_gives_way_to_the_next() -> None:
    names = Names(api_test=[["127.0.0.3", "127.0.0.1"]])
    async with Web({"/": say()}) as web, gate(NAMED, lookup=names) as way:
        assert (await fetch(way, web.url("/", NAMED))).status == 200


async def test_a_name_that_leads_elsewhere_the_second_time_does_not_get_through() -> None:
    names = Names(api_test=[["127.0.0.1"], ["127.0.0.2"]])
    async with (
        Web({"/": say(Connection="close")}) as outside,
        Web({"/": say(b"secret")}, host="127.0.0.2", port=outside.port) as inside,
        gate("127.0.0.1", lookup=names) as way,
    ):
        assert (await fetch(way, outside.url("/", NAMED))).status == 200
        assert names.asked == [NAMED], "looked up once for a connection: checked and used are the same address"
        await outside.until(lambda: outside.open == 0)
        error = await refused(way, outside.url("/", NAMED))
    assert error.code == "address_refused"
    assert names.asked == [NAMED, NAMED]
    assert inside.connections == 0


async def test_a_name_that_is_unknown_fails() -> None:
    async with gate(lookup=Names()) as way:
        error = await refused(way, "http://nowhere.test/")
    assert error.code == "request_failed"
    assert "nowhere.test" in str(error)


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Web({"/": say()}) as web, Web({}) as proxy, gate("127.0.0.1") as way:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        assert (await fetch(way, web.url("/"))).status == 200
        async with way.client() as client:
            assert (await client.get(web.url("/"))).status_code == 200
    assert proxy.connections == 0


async def test_a_client_for_libraries_goes_the_same_way() -> None:
    async with Web({"/": go("http://169.254.169.254/"), "/c": say(Set_Cookie="a=b")}) as web, gate("127.0.0.1") as way:
        async with way.client() as client:
            assert (await client.get(web.url("/"))).status_code == 302
            await client.get(web.url("/c"))
            for host in ("127.0.0.2", "localhost.localdomain", "10.0.0.1"):
                with pytest.raises((NodeError, httpx.ConnectError)):
                    await client.get(f"http://{host}:{web.port}/")
        async with way.client() as another:
            await another.get(web.url("/c"))
        assert [asked.headers.get("cookie") for asked in web.asked] == [None] * 3
        assert web.connections == 1, "they share the connections"


# Redirects.


@pytest.mark.parametrize(
    "where",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://2852039166/",
        "http://localhost:1/",
        "//10.0.0.1/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
    ],
)
async def test_a_redirect_inside_is_refused(where: str) -> None:
    async with Web({"/": go(where)}) as web, gate(f"127.0.0.1:{web.port}") as way:
        assert (await refused(way, web.url("/"))).code == "address_refused"


async def test_redirects_are_followed_five_times() -> None:
    routes = {f"/{number}": go(f"{number + 1}") for number in range(7)}
    routes["/5"] = say(b"there")
    async with Web(routes) as web, gate("127.0.0.1") as way:
        reply = await fetch(way, web.url("/0#part"))
        assert (reply.body, reply.url) == (b"there", web.url("/5"))
        web.routes["/5"] = go("/6")
        error = await refused(way, web.url("/0"))
    assert (error.code, error.retryable) == ("too_many_redirects", False)


@pytest.mark.parametrize(
    ("method", "status", "becomes"),
    [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("PUT", 303, "GET"),
        ("PUT", 302, "PUT"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
        ("HEAD", 303, "HEAD"),
        ("GET", 302, "GET"),
    ],
)
async def test_methods_change_as_in_browsers(method: str, status: int, becomes: str) -> None:
    async with Web({"/": go("/next", status), "/next": say(b"")}) as web, gate("127.0.0.1") as way:
        await fetch(way, web.url("/"), method, content=b"data", headers={"Content-Type": "text/x"})
    second = web.asked[1]
    assert second.method == becomes
    assert second.body == (b"data" if becomes == method else b"")
    assert ("content-type" in second.headers) == (becomes == method)


async def test_credentials_and_headers_of_ones_own_stay_with_the_first_origin() -> None:
    headers = {"Authorization": "Bearer x", "X-Api-Key": "k", "Cookie": "c", "Accept": "text/a", "Idempotency-Key": "i"}
    async with Web({"/": say()}, host="127.0.0.2") as other, Web({"/": say(), "/same": go("/")}) as web:
        web.routes["/away"] = go(other.url("/back"))
        other.routes["/back"] = go(web.url("/"))
        async with gate("127.0.0.0/8") as way:
            await fetch(way, web.url("/same"), headers=headers)
            await fetch(way, web.url("/away"), headers=headers)
    mine, same, _, back = (asked.headers for asked in web.asked)
    assert mine.items() >= {"authorization": "Bearer x", "x-api-key": "k", "cookie": "c"}.items()
    assert same.items() >= {"authorization": "Bearer x", "x-api-key": "k", "cookie": "c"}.items()
    for seen in (other.asked[0].headers, back):
        assert not seen.keys() & {"authorization", "x-api-key", "cookie"}
        assert (seen["accept"], seen["idempotency-key"]) == ("text/a", "i")


async def test_a_redirect_from_https_to_http_is_refused(tmp_path: Path) -> None:
    made = Certificates(tmp_path)
    async with (
        Web({"/": say()}) as plain,
        Web({"/": go(plain.url("/"))}, tls=made.server("127.0.0.1")) as web,
        gate("127.0.0.1", trusted=made.trusted()) as way,
    ):
        error = await refused(way, web.url("/"))
    assert (error.code, plain.connections) == ("address_refused", 0)


# Bounds.


async def drip(visit: Visit) -> None:
    """A byte at a time, for ever, so that no read ever takes long."""
    await visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    gone = asyncio.create_task(visit.gone())
    while not gone.done():
        await visit.send(b"x")
        await asyncio.wait([gone], timeout=0.05)


async def endless(visit: Visit) -> None:
    """A body without an end."""
    await visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await visit.send(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")


async def silent(visit: Visit) -> None:
    """Never a word."""
    await visit.gone()


async def hello_for_ever(visit: Visit) -> None:
    """Headers without an end."""
    await visit.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await visit.send(b"X-More: " + b"y" * 1000 + b"\r\n")


@pytest.mark.timed
@pytest.mark.parametrize("handler", [drip, silent])
async def test_one_deadline_bounds_the_whole_answer(handler: Callable[[Visit], Any]) -> None:
    async with Web({"/": handler}) as web, gate("127.0.0.1") as way:
        began = time.monotonic()
        error = await refused(way, web.url("/"), within=0.4)
        assert 0.3 < time.monotonic() - began < 1.4
        assert (error.code, error.retryable) == ("request_timed_out", True)
        await web.until(lambda: web.open == 0)


async def test_the_deadline_bounds_the_look_up_too() -> None:
    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    async with gate(lookup=never) as way:
        assert (await refused(way, "http://a.test/", within=0.2)).code == "request_timed_out"


async def test_an_endless_body_ends_at_its_bound() -> None:
    async with Web({"/": endless}) as web, gate("127.0.0.1") as way:
        error = await refused(way, web.url("/"))
        assert (error.code, error.retryable) == ("body_too_large", False)
        await web.until(lambda: web.open == 0)


async def test_a_body_of_just_the_bound_is_read() -> None:
    async with Web({"/": say(b"x" * 1000)}) as web, gate("127.0.0.1") as way:
        assert len((await fetch(way, web.url("/"), max_bytes=1000)).body) == 1000
        assert (await refused(way, web.url("/"), max_bytes=999)).code == "body_too_large"


async def test_headers_without_an_end_end() -> None:
    async with Web({"/": hello_for_ever}) as web, gate("127.0.0.1") as way:
        assert (await refused(way, web.url("/"))).code == "request_failed"
        await web.until(lambda: web.open == 0)


async def test_a_compressed_body_is_unpacked_within_the_bound() -> None:
    packed = gzip.compress(b"x" * 50_000)
    packing = zlib.compressobj(wbits=31)
    bomb = b"".join(packing.compress(bytes(1_000_000)) for _ in range(200)) + packing.flush()
    routes = {"/": say(packed, Content_Encoding="gzip"), "/bomb": say(bomb, Content_Encoding="gzip")}
    routes["/br"] = say(b"\x00\xff", Content_Encoding="br")
    routes["/broken"] = say(packed[:-20], Content_Encoding="gzip")
    async with Web(routes) as web, gate("127.0.0.1") as way:
        reply = await fetch(way, web.url("/"))
        assert (reply.body, reply.headers["content-length"]) == (b"x" * 50_000, "50000")
        assert "content-encoding" not in reply.headers
        tracemalloc.start()
        try:
            assert (await refused(way, web.url("/bomb"), max_bytes=2_000_000)).code == "body_too_large"
            assert tracemalloc.get_traced_memory()[1] < 8_000_000
        finally:
            tracemalloc.stop()
        assert (await fetch(way, web.url("/br"))).body == b"\x00\xff"
        assert (await refused(way, web.url("/broken"))).code == "request_failed"
        assert web.asked[0].headers["accept-encoding"] == "identity"


async def test_a_cancel_closes_the_connection_however_often_it_comes() -> None:
    async with Web({"/": silent, "/drip": drip}) as web, gate("127.0.0.1") as way:
        for path in ("/", "/drip"):
            call = asyncio.create_task(fetch(way, web.url(path)))
            await web.until(lambda: web.open == 1 and len(web.asked) > 0)
            for _ in range(5):
                call.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await call
            await web.until(lambda: web.open == 0)


@pytest.mark.parametrize("path", ["/", "/drip"])
async def test_a_cancelled_client_closes_its_connection_too(path: str) -> None:
    async def read(client: httpx.AsyncClient, url: str) -> None:
        async with client.stream("POST", url, content=b"x") as answer:
            async for _ in answer.aiter_bytes():
                pass

    async with Web({"/": silent, "/drip": drip}) as web, gate("127.0.0.1") as way, way.client() as client:
        call = asyncio.create_task(read(client, web.url(path)))
        await web.until(lambda: web.open == 1 and len(web.asked) == 1)
        for _ in range(5):
            call.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await call
        await web.until(lambda: web.open == 0)


async def test_what_a_client_is_given_is_bounded_and_unpacked() -> None:
    packed = gzip.compress(b"x" * 50_000)
    routes = {"/": say(packed, Content_Encoding="gzip"), "/br": say(b"x", Content_Encoding="br"), "/endless": endless}
    async with Web(routes) as web, gate("127.0.0.1") as way, way.client() as client:
        assert (await client.get(web.url("/"))).content == b"x" * 50_000
        for path, code in (("/br", "request_failed"), ("/endless", "body_too_large")):
            with pytest.raises(NodeError) as caught:
                await client.get(web.url(path))
            assert caught.value.code == code
        assert web.asked[0].headers["accept-encoding"] == "identity"


async def test_closing_the_way_out_stops_what_is_under_way() -> None:
    async with Web({"/": silent}) as web, gate("127.0.0.1") as way:
        call = asyncio.create_task(fetch(way, web.url("/")))
        await web.until(lambda: len(web.asked) == 1)
        await way.aclose()
        await web.until(lambda: web.open == 0)
        with pytest.raises(asyncio.CancelledError):
            await call


# What is sent.


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00b", "caf€"])
async def test_a_header_cannot_carry_another_one(value: str) -> None:
    async with Web({"/": say()}) as web, gate("127.0.0.1") as way:
        error = await refused(way, web.url("/"), headers={"X-Mine": value})
    assert (error.code, error.retryable) == ("request_failed", False)
    assert web.asked == []


@pytest.mark.parametrize(
    "name", ["Host", "content-length", "Transfer-Encoding", "Connection", "Upgrade", "bad name", "a:b"]
)
async def test_headers_that_say_how_a_request_is_sent_are_not_the_callers(name: str) -> None:
    async with Web({"/": say()}) as web, gate("127.0.0.1") as way:
        assert (await refused(way, web.url("/"), headers={name: "1"})).code == "request_failed"
    assert web.asked == []


async def test_a_name_and_a_password_in_the_url_are_sent_but_not_shown() -> None:
    async with Web({"/": say()}) as web, gate("127.0.0.1") as way:
        reply = await fetch(way, web.url("/").replace("://", "://ann:p%40ss@"))
    assert web.asked[0].headers["authorization"] == "Basic YW5uOnBAc3M="
    assert reply.url == web.url("/")


async def test_a_connection_serves_many_requests() -> None:
    async with Web({"/": say()}) as web, gate("127.0.0.1") as way:
        for _ in range(20):
            await fetch(way, web.url("/"))
        assert web.connections == 1


async def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next_one() -> None:
    taken, sent = asyncio.Event(), asyncio.Event()

    async def twice(visit: Visit) -> None:
        await visit.answer(200, b"first")
        await taken.wait()
        await visit.answer(200, b"smuggled")
        sent.set()

    async with (
        Web({"/": twice, "/next": say(b"next")}) as web,
        Web({"/": say()}) as other,
        gate("127.0.0.1") as way,
    ):
        assert (await fetch(way, web.url("/"))).body == b"first"
        taken.set()
        await sent.wait()
        await fetch(way, other.url("/"))
        assert (await fetch(way, web.url("/next"))).body == b"next"
        assert web.connections == 2


# TLS.


async def test_https_is_spoken_to_the_name_that_was_asked_for(tmp_path: Path) -> None:
    made, names = Certificates(tmp_path), Names(api_test=[["127.0.0.1"]], other_test=[["127.0.0.1"]])
    async with Web({"/": say()}, tls=made.server(NAMED)) as web:
        async with gate("127.0.0.1", lookup=names, trusted=made.trusted()) as way:
            assert (await fetch(way, web.url("/", NAMED))).body == b"hello"
            wrong = await refused(way, web.url("/", "other.test"))
            assert (wrong.code, wrong.retryable) == ("request_failed", False)
        async with gate("127.0.0.1", lookup=names) as strict:
            unknown = await refused(strict, web.url("/", NAMED))
            assert (unknown.code, unknown.retryable) == ("request_failed", False)
            assert len(web.asked) == 1


async def test_what_comes_before_the_handshake_is_not_taken_for_the_answer(tmp_path: Path) -> None:
    made = Certificates(tmp_path)
    async with Web({"/": say()}, tls=made.server("127.0.0.1")) as web, Forger(web.port) as forger:

        async def late() -> ssl.SSLContext:
            while not wire.get_extra_info("is_readable"):
                await asyncio.sleep(0)
            return made.trusted()

        wire = await Wire.open("127.0.0.1", forger.port, late)
        with pytest.raises(httpcore.ConnectError, match="before it is asked"):
            await wire.start_tls(made.trusted(), "127.0.0.1")


class Forger:
    """Passes all bytes on to a TLS server and back, after an answer of its own."""

    def __init__(self, onward: int) -> None:
        self._onward = onward
        self._over = asyncio.Event()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        await self._over.wait()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
        await writer.drain()
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._onward)
        with suppress(ConnectionError):
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        for each in (writer, far_writer):
            each.transport.abort()
        self._over.set()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()
