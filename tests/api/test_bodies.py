"""Whatever a client sends, the answer is a documented problem, never a 500."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from milepost.server.api.bodies import MAX_DEPTH, parse_json
from milepost.server.errors import BadRequest
from tests.api.conftest import Site
from tests.api.seed import new_id


def nested(depth: int) -> bytes:
    return b'{"definition":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


BROKEN = (
    b"{",
    b"nul",
    b'{"definition": NaN}',
    b'{"definition": Infinity}',
    b'{"definition": "\xff"}',
    b'{"definition": "\\ud800"}',
    b"\xef\xbb\xbf{}",
    b'{"definition": 1} x',
    nested(MAX_DEPTH + 1),
    b"[" * 3000,
    b'{"a":' * 1200 + b"1" + b"}" * 1200,
)


async def test_what_is_not_strict_json_is_400(site: Site) -> None:
    for body in BROKEN:
        answer = await site.client.post(f"{site.base}/validate", content=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json"), body[:40]
        assert answer.headers["content-type"] == "application/problem+json"


async def test_sixty_four_levels_are_taken(site: Site) -> None:
    assert (await site.client.post(f"{site.base}/validate", content=nested(MAX_DEPTH))).status_code == 200


def test_brackets_in_strings_are_no_levels() -> None:
    assert parse_json(orjson.dumps({"a": "[" * 500})) == {"a": "[" * 500}


MISSHAPEN: tuple[tuple[Any, str], ...] = (
    ([], ""),
    ({}, "workflow_id"),
    ({"workflow_id": "x"}, "workflow_id"),
    ({"workflow_id": new_id(), "extra": 1}, "extra"),
    ({"workflow_id": new_id(), "version": "1"}, "version"),
    ({"workflow_id": new_id(), "version": 0}, "version"),
    ({"workflow_id": new_id(), "version": 1e300}, "version"),
    ({"workflow_id": new_id(), "input_data": []}, "input_data"),
    ({"workflow_id": new_id(), "execute": "yes"}, "execute"),
)


async def test_a_body_of_another_form_is_422_with_the_path(site: Site) -> None:
    for body, path in MISSHAPEN:
        answer = await site.client.post(f"{site.base}/runs", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), body
        assert [each["path"] for each in answer.json()["errors"]] == [path]


async def test_all_problems_of_a_body_are_named_at_once(site: Site) -> None:
    answer = await site.client.post(f"{site.base}/runs", json={"version": -1, "metadata": 3, "x": 1})
    assert {each["path"] for each in answer.json()["errors"]} == {"workflow_id", "version", "metadata", "x"}


async def test_a_body_over_the_limit_is_413_by_its_content_length(served: Site) -> None:
    assert b" 413 " in await answered(served, "Content-Length: 100000000", b"{")


async def test_a_chunked_body_over_the_limit_is_413_before_it_ends(served: Site) -> None:
    chunk = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    assert b" 413 " in await answered(served, "Transfer-Encoding: chunked", chunk * 4)


async def test_a_lying_content_length_is_no_way_around_the_limit(site: Site) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 1024

    answer = await site.client.post(site.base, content=body(), headers={"Content-Length": "1"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def answered(site: Site, framing: str, body: bytes) -> bytes:
    """The first line of the answer to a request whose body never ends."""
    host, port = site.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {site.base} HTTP/1.1\r\nHost: x\r\nX-API-Key: {site.secret}\r\n{framing}\r\n\r\n"
    writer.write(head.encode() + body)
    line = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    await writer.wait_closed()
    return line


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8") | st.just("\x00"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)

FIELDS = (
    "workflow_id",
    "version",
    "input_data",
    "metadata",
    "execute",
    "definition",
    "name",
    "description",
    "slug",
    "checkpoint_id",
    "state",
    "values",
    "as_node",
    "mode",
    "wait_seconds",
    "answer",
    "answers",
    "expected_version",
    "expires_at",
)


@given(data=st.data())
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_body_and_no_parameter_yields_a_500(site: Site, data: st.DataObject) -> None:
    run = "/api/projects/default/workflows/runs"
    ids = st.sampled_from([new_id(), "batch", "%00", "x" * 300, "01a1fbe3", "ws"])
    one = data.draw(ids)
    method, path = data.draw(
        st.sampled_from(
            [
                ("POST", site.base),
                ("POST", f"{site.base}/validate"),
                ("PUT", f"{site.base}/{one}"),
                ("POST", run),
                *[("POST", f"{run}/{one}/{verb}") for verb in ("execute", "pause", "resume", "rerun", "fork")],
                ("POST", f"{run}/{one}/events/{data.draw(ids)}"),
                ("PATCH", f"{run}/{one}/state"),
                ("GET", f"{run}/{one}/{data.draw(st.sampled_from(['logs', 'events', 'status', 'checkpoints', 'x']))}"),
                ("GET", run),
                ("GET", site.base),
                ("POST", "/api/projects"),
                ("POST", f"/api/projects/{one}/keys"),
                ("GET", f"/api/projects/{one}/workflows"),
                ("DELETE", f"{run}/{one}"),
            ]
        )
    )
    parameters = data.draw(
        st.dictionaries(
            st.sampled_from(["limit", "cursor", "q", "status", "after", "wait", "sort", "started_after", "version"]),
            st.sampled_from(["0", "-1", "1e9", "9" * 30, "\x00", "é", "W10", "WyJhIl0", "FAILED", "", "2020", "0.01"]),
            max_size=3,
        )
    )
    value = data.draw(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4) | JSON)
    raw = httpx.Request("POST", "http://x", json=value).content if method != "GET" else b""
    mutated = data.draw(st.sampled_from([raw, raw[: len(raw) // 2], raw.replace(b"1", b"NaN")]))
    answer = await site.client.request(
        method,
        path,
        content=mutated,
        params=parameters,
        headers={"Idempotency-Key": data.draw(st.sampled_from(["a", "b c"]))},
    )
    assert answer.status_code < 500, (method, path, value, answer.text)
    if answer.status_code >= 400:
        assert answer.json()["code"]


@given(raw=st.binary(max_size=64) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_parsing_bytes_gives_a_value_or_invalid_json(raw: bytes) -> None:
    try:
        orjson.dumps(parse_json(raw))
    except BadRequest as error:
        refused = error.code
    else:
        refused = ""
    assert refused in ("", "invalid_json")
