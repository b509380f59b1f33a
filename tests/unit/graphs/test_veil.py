"""What a veil finds: the value in every usual form, in any place, and streamed in any pieces."""

import base64
import html
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.graphs.context import RunContext
from milepost.graphs.secrecy import keeping
from milepost.graphs.veil import MASK, Veil
from tests.unit.graphs.recording import Recorder

PLAIN = "sk-4f9aXq77LmZ0"
AWKWARD = "pä\"ß\\w/or d+&<x>'\n=?"
OTHER = "xyzxyzxyz"
"""Written the same in every form."""
VALUES = st.text(min_size=6, max_size=30).filter(lambda value: len(value.strip()) >= 6)


@pytest.mark.parametrize("value", [PLAIN, AWKWARD])
@pytest.mark.parametrize(
    "write",
    [
        str,
        quote,
        quote_plus,
        lambda value: quote(value, safe=""),
        lambda value: re.sub("%..", lambda found: found[0].lower(), quote(value, safe="")),
        lambda value: urlencode({"token": value}),
        json.dumps,
        lambda value: orjson.dumps({"a": [value]}).decode(),
        lambda value: json.dumps({"body": json.dumps({"token": value})}),
        repr,
        ascii,
        lambda value: repr(value.encode()),
        lambda value: repr({"token": value}),
        html.escape,
        lambda value: value.strip(),
    ],
)
def test_every_usual_form_of_a_value_is_covered(value: str, write: Callable[[str], str]) -> None:
    around = write(OTHER).partition(OTHER)
    written = f"before {write(value)} after"
    assert Veil([value]).text(written) == f"before {around[0]}{MASK}{around[2]} after"


@given(VALUES.filter(lambda value: not set(value) & set("#?\\n\\r\\t") and value.isprintable()))
def test_what_httpx_makes_of_a_value_in_a_url_is_covered(value: str) -> None:
    veil = Veil([value])
    path, query = f"http://h.test/a/<{value}>", f"http://h.test/?k=<{value}>&b=1"
    for url in (path, query):
        written = str(httpx.URL(url))
        begin, end = written.index("%3C") + 3, written.rindex("%3E")
        assert veil.text(written) == f"{written[:begin]}{MASK}{written[end:]}"


HOOK = "https://Hooks.example.com:443/services/T0/b0/XXyyZZ11223344?sig=a%2fb+C&x=1#end"


@pytest.mark.parametrize(
    "told",
    [
        "https://hooks.example.com/services/T0/b0/XXyyZZ11223344?sig=a%2fb+C&x=1",
        "POST https://hooks.example.com/services/T0/b0/XXyyZZ11223344 answered 404",
        "Cannot POST /services/T0/b0/XXyyZZ11223344",
        "/services/T0/b0/XXyyZZ11223344?sig=a%2fb+C&x=1",
        '{"path":"\\/services\\/T0\\/b0\\/XXyyZZ11223344"}',
    ],
)
def test_of_a_secret_url_the_path_is_covered_too(told: str) -> None:
    assert "XXyyZZ" in told
    assert "XXyyZZ" not in Veil([HOOK]).text(told)
    assert Veil(["https://api.example.com/v1"]).text("GET /v1 of api") == "GET /v1 of api"


def test_a_host_in_small_letters_and_misread_utf8_are_covered() -> None:
    assert Veil(["AbC123xyZ"]).text("http://abc123xyz.test/") == f"http://{MASK}.test/"
    assert Veil(["geheim-é-1"]).text("geheim-é-1".encode().decode("latin-1")) == MASK


@given(VALUES, st.text(max_size=40), st.integers(0, 80))
def test_a_beginning_has_no_part_of_a_value(value: str, before: str, length: int) -> None:
    text = f"{before}{value}{before}"
    shown = Veil([value]).beginning(text, length)
    whole = Veil([value]).text(text)
    assert whole.startswith(shown)
    assert len(text) > length or shown == whole


@pytest.mark.parametrize("value", [PLAIN, AWKWARD])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_the_base64_of_a_value_is_covered_whole(value: str, encode: Callable[[bytes], bytes]) -> None:
    encoded = encode(value.encode()).decode()
    for written in (encoded, encoded.rstrip("="), quote(encoded, safe="")):
        assert Veil([value]).text(f"token={written};") == f"token={MASK};"


@given(VALUES, st.text(max_size=20), st.text(max_size=20))
def test_a_value_inside_longer_base64_is_covered(value: str, before: str, after: str) -> None:
    raw, start = f"{before}{value}{after}".encode(), len(before.encode())
    encoded = base64.b64encode(raw).decode()
    shown = Veil([value]).text(encoded)
    assert MASK in shown
    first, last = (8 * start + 5) // 6, 8 * (start + len(value.encode())) // 6
    assert encoded[first:last] not in shown


def test_basic_auth_is_covered() -> None:
    header = "Basic " + base64.b64encode(f"user:{PLAIN}".encode()).decode()
    shown = Veil([PLAIN]).text(header)
    assert PLAIN not in base64.b64decode(shown.removeprefix("Basic ").replace(MASK, "A" * 16) + "==").decode("latin-1")
    assert MASK in shown


@given(VALUES, st.recursive(st.text(max_size=8), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_a_value_is_covered_in_keys_and_values_of_json(value: str, around: Any) -> None:
    copy, size = Veil([value]).own_copy({"a": around, value: [f"x{value}y", {"k": value}]})
    assert size == len(orjson.dumps(copy))
    assert copy[MASK] == [f"x{MASK}y", {"k": MASK}]


def test_a_number_that_is_a_secret_is_covered() -> None:
    assert Veil(["123456"]).own_copy({"pin": 123456, "other": 1234567, "n": 1})[0] == {
        "pin": MASK,
        "other": MASK,
        "n": 1,
    }


def test_what_has_no_secret_is_the_same() -> None:
    value = {"a": [1, 2.5, None, True, "text"], "b": {}}
    assert Veil([PLAIN]).own_copy(value) == (value, len(orjson.dumps(value)))


def test_the_longer_one_of_two_secrets_is_covered_whole() -> None:
    veil = Veil(["secret", "secret-and-more"])
    assert veil.text("a secret-and-more, a secret") == f"a {MASK}, a {MASK}"


def streamed(reporter: Recorder) -> str:
    """The text that was told."""
    return "".join(text for kind, _, text in reporter.lines if kind == "delta")


@given(st.data(), st.lists(VALUES, min_size=1, max_size=3))
def test_streamed_text_is_covered_however_it_is_cut(data: st.DataObject, values: list[str]) -> None:
    pieces = st.sampled_from([*values, *(value[:3] for value in values), *(value[2:] for value in values), "ab", " "])
    whole = "".join(data.draw(st.lists(pieces, max_size=8)))
    veil, reporter = Veil(values), Recorder()
    told = keeping(RunContext({}, reporter), {str(number): value for number, value in enumerate(values)}).reporter
    rest = whole
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        told.delta("t", rest[:size])
        rest = rest[size:]
        assert not any(value in streamed(reporter) for value in values)
    told.left("u")
    told.retrying("t", None, 1, 0.0)  # type: ignore[arg-type]
    assert not any(value in streamed(reporter) for value in values)
    if not any(value in whole for value in values):
        assert streamed(reporter) == veil.text(whole)
