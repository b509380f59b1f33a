"""Any value as JSON that people can read, within its limit."""

import datetime
import json
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langgraph.types import Interrupt, Send
from pydantic import BaseModel, SecretStr

from milepost.checkpoints.errors import StoredError
from milepost.checkpoints.plain import CUT, to_json
from milepost.checkpoints.types import Unlisted


class Model(BaseModel):
    password: SecretStr
    when: datetime.date


@dataclass
class Record:
    model: Any
    items: set[int]


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")


CASES: list[tuple[Any, Any]] = [
    ({"a": [1, (2.5, None, True)]}, {"a": [1, [2.5, None, True]]}),
    ({1: "x", (1, 2): "y"}, {"1": "x", "(1, 2)": "y"}),
    (2**60, str(2**60)),
    (float("nan"), "nan"),
    (b"abc", "YWJj"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (datetime.timedelta(seconds=1.5), "1.5 s"),
    (
        Record(Model(password="x", when=datetime.date(2024, 1, 2)), {7}),
        {"model": {"password": "**********", "when": "2024-01-02"}, "items": [7]},
    ),
    (Send("node", {"a": 1}), {"node": "node", "arg": {"a": 1}, "timeout": None}),
    (Interrupt("why", id="i"), {"value": "why", "id": "i", "response_schema": None}),
    (StoredError("builtins.ValueError", "no"), {"type": "builtins.ValueError", "message": "no"}),
    (Unlisted("shop.Order", {"lines": [1]}), {"type": "shop.Order", "contents": {"lines": [1]}}),
    ("\ud800", "?"),
]


@pytest.mark.parametrize(("value", "shown"), CASES, ids=lambda case: repr(case)[:30])
def test_a_value_is_shown_readably(value: Any, shown: Any) -> None:
    plain = to_json(value)
    assert plain.data == shown
    assert not plain.cut


def test_a_message_shows_its_fields() -> None:
    assert to_json(AIMessage("hello", id="1")).data["content"] == "hello"


def test_what_has_no_readable_form_does_not_fail() -> None:
    assert "Hostile" in to_json(Hostile()).data
    looped: list[Any] = []
    looped.append(looped)
    assert to_json(looped).cut
    assert to_json(10**5000).data.startswith("0x")


@pytest.mark.parametrize(
    "value", ["x" * 100_000, list(range(100_000)), {str(n): n for n in range(50_000)}, "\n" * 9000]
)
def test_a_long_value_is_cut_and_says_so(value: Any) -> None:
    plain = to_json(value, 8_000)
    assert plain.cut
    assert CUT in json.dumps(plain.data, ensure_ascii=False)
    assert len(json.dumps(plain.data)) < 10_000


@settings(max_examples=60)
@given(
    st.recursive(
        st.text() | st.floats() | st.binary() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_becomes_json_of_bounded_size(value: Any) -> None:
    plain = to_json(value, 200)
    assert len(json.dumps(plain.data, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()) < 600
