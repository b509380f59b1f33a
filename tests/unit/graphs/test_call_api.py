"""The node type `call_api`: what it sends, what it gives, and how it fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from milepost.graphs import NodeFailure, Registry
from milepost.graphs.node_types.call_api import CallApi
from milepost.graphs.outbound.addresses import AllowedHosts
from milepost.graphs.outbound.gate import Gate
from milepost.graphs.program import validate
from tests.unit.graphs.recording import Ran, execute, node
from tests.web import Visit, Web


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    """A server whose routes the test adds."""
    async with Web({}) as web:
        yield web


async def call(url: str, run_input: Any = None, test_mode: bool = False, **config: Any) -> Ran:
    """Run one `call_api` node that may call this machine."""
    keys = {"retry": config.pop("retry")} if "retry" in config else {}
    way = Gate(AllowedHosts(["127.0.0.1"]))
    definition = {"nodes": [{"id": "a", "type": "call_api", "config": {"url": url, **config}, **keys}]}
    try:
        return await execute(definition, run_input, context={"http": way, "test_mode": test_mode})
    finally:
        await way.aclose()


async def failure(url: str, **config: Any) -> NodeFailure:
    """What a call that must fail fails with."""
    with pytest.raises(NodeFailure) as caught:
        await call(url, **config)
    return caught.value


async def echo(visit: Visit) -> None:
    """An answer that everything is read from."""
    await visit.json({"you": visit.asked.body.decode()})


async def test_a_request_carries_what_its_config_says(web: Web) -> None:
    web.routes["/things/7"] = echo
    ran = await call(
        web.url("/things/{{ input.id }}?a=1#top"),
        {"id": 7, "flag": True},
        method="post",
        query={"q": "x y&z", "n": "{{ input.id }}", "many": ["1", 2], "none": None, "flag": "{{ input.flag }}"},
        headers={"X-Number": "{{ input.id }}", "Accept": "application/json"},
        json={"name": "Ünö", "id": "{{ input.id }}"},
        auth={"type": "bearer", "token": "t-{{ input.id }}"},
    )
    (asked,) = web.asked
    assert (asked.method, asked.path) == ("POST", "/things/7")
    assert asked.query == "a=1&q=x+y%26z&n=7&many=1&many=2&flag=true"
    assert asked.body == '{"name":"Ünö","id":7}'.encode()
    assert (
        asked.headers.items()
        >= {
            "x-number": "7",
            "accept": "application/json",
            "content-type": "application/json",
            "authorization": "Bearer t-7",
        }.items()
    )
    assert asked.headers["idempotency-key"].startswith("run:")
    assert ran.output == {
        "status": 200,
        "url": web.url("/things/7?a=1&q=x+y%26z&n=7&many=1&many=2&flag=true"),
        "headers": {"content-length": "39", "content-type": "application/json"},
        "body_type": "json",
        "body": {"you": '{"name":"Ünö","id":7}'},
    }


async def test_a_body_may_be_text_and_credentials_a_name_and_a_password(web: Web) -> None:
    web.routes["/"] = echo
    await call(web.url("/"), method="PUT", body="plain ü", auth={"type": "basic", "username": "ü", "password": "p:w"})
    await call(web.url("/"), method="PUT", body="<a/>", headers={"Content-Type": "text/xml", "Idempotency-Key": "mine"})
    await call(web.url("/"), method="POST", json=None)
    first, second, third = web.asked
    assert first.body.decode() == "plain ü"
    assert first.headers["content-type"] == "text/plain; charset=utf-8"
    assert first.headers["authorization"] == "Basic w7w6cDp3"
    assert (second.headers["content-type"], second.headers["idempotency-key"]) == ("text/xml", "mine")
    assert third.body == b"null"


@pytest.mark.parametrize(
    ("content_type", "body", "kind", "value"),
    [
        ("application/json", b'{"a": [1, null]}', "json", {"a": [1, None]}),
        ("application/problem+json; charset=utf-8", b"\xef\xbb\xbf[1]", "json", [1]),
        ("application/json", b"{broken", "text", "{broken"),
        ("application/json", b"", "text", ""),
        ("application/json", b'"\\ud800"', "text", '"\\ud800"'),
        ("application/json", b"[" * 5000, "text", "[" * 5000),
        ("text/plain; charset=ISO-8859-1", b"\xfc", "text", "ü"),
        ("text/plain; charset=idna", "ü".encode(), "text", "ü"),
        ("text/html", "ü".encode(), "text", "ü"),
        ("text/html", b"\xff\xfe\xff", "base64", "//7/"),
        ("", b"hi", "text", "hi"),
        ("image/png", b"hi", "base64", "aGk="),
        ("application/octet-stream", b"hi", "base64", "aGk="),
        ("application/yaml", b"a: 1", "text", "a: 1"),
        ("nonsense", b"hi", "text", "hi"),
    ],
)
async def test_a_body_is_what_the_answer_says_that_it_is(
    web: Web, content_type: str, body: bytes, kind: str, value: Any
) -> None:
    async def typed(visit: Visit) -> None:
        await visit.answer(200, body, Content_Type=content_type)

    web.routes["/"] = typed
    output = (await call(web.url("/"))).output
    assert (output["body_type"], output["body"]) == (kind, value)


@pytest.mark.parametrize(
    ("status", "expected", "fine"),
    [
        (201, "2xx", True),
        (404, "2xx", False),
        (404, 404, True),
        (200, 404, False),
        (404, ["2xx", 404], True),
        (503, ["2xx", "4xx"], False),
        (304, [304], True),
    ],
)
async def test_statuses_that_are_not_expected_fail(web: Web, status: int, expected: Any, fine: bool) -> None:
    async def say(visit: Visit) -> None:
        await visit.json({"why": "because"}, status)

    web.routes["/"] = say
    if fine:
        assert (await call(web.url("/"), expect_status=expected)).output["status"] == status
        return
    failed = await failure(web.url("/?key=hidden"), expect_status=expected)
    assert failed.code == "unexpected_status"
    assert failed.message == f'GET {web.url("/")} answered {status}: {{"why":"because"}}'


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (400, 1), (408, 3), (425, 3), (429, 3), (500, 3), (503, 3)])
async def test_only_what_may_be_better_the_next_time_is_tried_again(web: Web, status: int, tries: int) -> None:
    async def say(visit: Visit) -> None:
        await visit.answer(status)

    web.routes["/"] = say
    await failure(web.url("/"), retry={"max_attempts": 3, "initial_interval": 0.01})
    assert len(web.asked) == tries
    assert len({asked.headers["idempotency-key"] for asked in web.asked}) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("99999999", 86_400.0),
        ("Thu, 01 Jan 1970 00:00:30 GMT", 10.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("soon", None),
        ("-1", None),
    ],
)
async def test_the_next_try_waits_as_long_as_the_server_asks(web: Web, header: str, seconds: float | None) -> None:
    async def busy(visit: Visit) -> None:
        await visit.answer(429, b"", Retry_After=header)

    slept = list[float]()

    async def sleep(delay: float) -> None:
        slept.append(delay)

    web.routes["/"] = busy
    way = Gate(AllowedHosts(["127.0.0.1"]))
    retry = {"max_attempts": 2, "initial_interval": 0.5, "jitter": False}
    definition = {"nodes": [{"id": "a", "type": "call_api", "config": {"url": web.url("/")}, "retry": retry}]}
    context = {"http": way, "sleep": sleep, "now": lambda: 20_000}
    parked = seconds is not None and seconds > 5
    if parked:
        ran = await execute(definition, context=context)
        ((told, _, delay),) = ran.recorder.told("retrying")
        assert delay == seconds
        assert f"it asks to wait {seconds:g} s" in told.message
    else:
        with pytest.raises(NodeFailure):
            await execute(definition, context=context)
        assert slept == [0.5]
    await way.aclose()


async def test_a_dry_run_sends_nothing_not_even_a_get(web: Web) -> None:
    ran = await call(web.url("/"), test_mode=True, query={"a": 1}, expect_status=[204, "3xx"])
    assert ran.output == {
        "simulated": True,
        "status": 204,
        "url": web.url("/?a=1"),
        "headers": {},
        "body_type": "text",
        "body": "",
    }
    assert (await call(web.url("/"), test_mode=True, method="DELETE")).output["status"] == 200
    assert web.connections == 0


async def test_a_value_of_a_run_cannot_add_a_header(web: Web) -> None:
    web.routes["/"] = echo
    configs: list[dict[str, Any]] = [
        {"headers": {"X-A": "{{ input.v }}"}},
        {"auth": {"type": "bearer", "token": "{{ input.v }}"}},
    ]
    for config in configs:
        with pytest.raises(NodeFailure) as caught:
            await call(web.url("/"), {"v": "a\r\nX-Evil: 1"}, **config)
        assert caught.value.code == "request_failed"
    with pytest.raises(NodeFailure):
        await call(web.url("/{{ input.v }}"), {"v": "a HTTP/1.1\r\nX-Evil: 1\r\n\r\n"})
    assert web.asked == []


async def test_without_a_way_out_nothing_is_sent() -> None:
    definition = {"nodes": [node("a", "call_api", url="http://127.0.0.1:1/")]}
    with pytest.raises(NodeFailure) as caught:
        await execute(definition)
    assert caught.value.code == "not_runnable"


async def test_what_is_shown_has_no_credentials(web: Web) -> None:
    web.routes["/"] = echo
    ran = await call(
        web.url("/").replace("://", "://ann:pass1@"),
        {"t": "pass2"},
        headers={"Cookie": "pass3", "X-A": "b"},
        auth={"type": "basic", "username": "u", "password": "{{ input.t }}"},
    )
    ((_, shown),) = ran.recorder.told("started")
    assert shown["auth"] == {"type": "basic", "username": "u", "password": "•••"}
    assert shown["headers"] == {"Cookie": "•••", "X-A": "b"}
    assert shown["url"] == web.url("/").replace("://", "://ann:•••@")
    assert "pass" not in repr((shown, ran.output)).replace("password", "")


# What is said when a definition is saved.


def problems(**config: Any) -> list[tuple[str, str]]:
    """Path below the config and code of every error."""
    report = validate({"nodes": [{"id": "a", "type": "call_api", "config": config}]}, Registry())
    return [(problem.path.removeprefix("nodes[0].config."), problem.code) for problem in report.errors]


GOOD = "https://api.example.com/"


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"url": "ftp://a.test/"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": "api.example.com"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "https://a.test/\r\nX: 1"}, "url"),
        ({"url": "ftp://{{ input.x }}/"}, "url"),
        ({"url": "http://a.test/\n{{ input.x }}"}, "url"),
        ({"url": GOOD, "method": "BREW"}, "method"),
        ({"url": GOOD, "method": "GET\r\nX: 1"}, "method"),
        ({"url": GOOD, "headers": {"X-A": "b\r\nX-Evil: 1"}}, "headers.X-A"),
        ({"url": GOOD, "headers": {"X-A": "b\n{{ input.x }}"}}, "headers.X-A"),
        ({"url": GOOD, "headers": {"X A": "b"}}, "headers"),
        ({"url": GOOD, "headers": {"X-A\r\nX-B": "b"}}, "headers"),
        ({"url": GOOD, "headers": {"Host": "b"}}, "headers.Host"),
        ({"url": GOOD, "headers": {"content-length": 1}}, "headers.content-length"),
        ({"url": GOOD, "json": {}, "body": "x"}, "body"),
        ({"url": GOOD, "auth": {"type": "bearer"}}, "auth.token"),
        ({"url": GOOD, "auth": {"type": "basic", "username": "u"}}, "auth.password"),
        ({"url": GOOD, "auth": {"type": "digest"}}, "auth.type"),
        ({"url": GOOD, "auth": {"type": "bearer", "token": "t"}, "headers": {"authorization": "x"}}, "auth"),
        ({"url": GOOD, "expect_status": "ok"}, "expect_status"),
        ({"url": GOOD, "expect_status": 99}, "expect_status"),
        ({"url": GOOD, "max_bytes": 0}, "max_bytes"),
        ({"url": GOOD, "max_bytes": 99_999_999}, "max_bytes"),
        ({"url": GOOD, "timeout": 1}, "timeout"),
        ({}, "url"),
    ],
)
def test_what_could_never_be_sent_is_found_when_it_is_saved(config: dict[str, Any], path: str) -> None:
    found = problems(**config)
    assert found
    assert all(place == path or place.startswith(path + ".") for place, _ in found)


@pytest.mark.parametrize(
    "config",
    [
        {"url": GOOD},
        {"url": "{{ input.url }}"},
        {"url": "https://{{ input.host }}/a", "method": "{{ input.method }}", "expect_status": "{{ input.status }}"},
        {"url": GOOD, "auth": "{{ input.auth }}", "headers": "{{ input.headers }}", "json": "{{ input }}"},
        {"url": GOOD, "method": "patch", "json": None, "expect_status": [200, "3xx"], "query": {"a": [1, True, "x"]}},
        {"url": GOOD, "auth": {"type": "bearer", "token": "{{ input.t }}"}, "body": "{{ input.b }}"},
    ],
)
def test_what_can_be_sent_is_saved(config: dict[str, Any]) -> None:
    assert problems(**config) == []


@pytest.mark.parametrize(
    ("url", "doubtful"),
    [
        ("http://127.0.0.1:8000/", True),
        ("http://[::1]/", True),
        ("http://169.254.169.254/latest", True),
        ("http://localhost/", True),
        ("http://app.localhost/", True),
        ("http://2130706433/", True),
        ("http://1.1.1.1/", False),
        (GOOD, False),
        ("http://{{ input.host }}/", False),
    ],
)
def test_a_host_that_few_servers_would_call_is_a_warning(url: str, doubtful: bool) -> None:
    report = validate({"nodes": [{"id": "a", "type": "call_api", "config": {"url": url}}]}, Registry())
    assert report.errors == ()
    assert [problem.code for problem in report.warnings] == ["address_refused"] * doubtful


def test_it_says_that_it_has_effects() -> None:
    (described,) = [each for each in Registry().describe() if each["type"] == "call_api"]
    assert described["side_effects"]
    assert {"method", "url", "headers", "query", "json", "body", "auth", "expect_status", "max_bytes"} == set(
        described["config_schema"]["properties"]
    )
    assert CallApi.side_effects
