"""Every value comes back as itself, or is refused when it is stored."""

import collections
import dataclasses
import datetime
import decimal
import enum
import ipaddress
import pathlib
import re
import subprocess
import sys
import uuid
import zoneinfo
from typing import Any, NamedTuple

import orjson
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, RemoveMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.store.base import Item
from langgraph.types import Command, Interrupt, Overwrite, Send, TimeoutPolicy

from milepost.checkpoints.codec import Codec
from milepost.checkpoints.errors import StoredError, UnreadableType, UnstorableType
from milepost.checkpoints.types import AllowedTypes, Unlisted

NOON = datetime.datetime(2024, 2, 29, 12, 30, 1, 5, tzinfo=datetime.UTC)


class Level(enum.IntEnum):
    HIGH = 3


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    start: Point
    end: Point
    label: str = dataclasses.field(default="", init=False)


@dataclasses.dataclass
class Doubled:
    value: int

    def __post_init__(self) -> None:
        self.value *= 2


class Inner(pydantic.BaseModel):
    when: datetime.datetime
    pair: tuple[int, str]


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    inner: Any
    renamed: int = pydantic.Field(0, alias="other")


class Plain:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plain) and other.value == self.value

    def __repr__(self) -> str:
        return f"Plain({self.value!r})"

    __hash__ = None  # type: ignore[assignment]


class Words(list[str]):
    pass


class Outer:
    class Nested(enum.Enum):
        A = "a"


OWN = AllowedTypes(
    f"{__name__}.{name}"
    for name in (
        *("Level", "Access", "Point", "Line", "Doubled", "Inner", "Model", "Plain", "Words"),
        "Outer.Nested",
    )
)

SAFE_VALUES: list[Any] = [
    *(None, True, 0, -1, 2**63, 2**64, -(2**70), 1.5, float("inf"), "text", "\ud800 lone", "ąÄ", b"bytes"),
    *([], {}, (), (1, (2,), [3]), [bytearray(b"in a list")], {"key": (1,)}, {1: "int", (1, 2): "tuple", None: 0}),
    *({1, 2}, frozenset({"a"}), collections.deque([1, 2], 5), bytearray(b"x"), 1 + 2j, range(3)),
    *(collections.OrderedDict(b=1, a=2), collections.Counter("aab"), collections.defaultdict(list, {"a": [1]})),
    *(NOON, NOON.replace(tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")), NOON.replace(tzinfo=None), NOON.date()),
    *(NOON.time(), datetime.timedelta(1, 2, 3), datetime.UTC, datetime.timezone(datetime.timedelta(hours=1))),
    *(zoneinfo.ZoneInfo("UTC"), uuid.UUID(int=2**127), decimal.Decimal("1.10"), re.compile("a+", re.IGNORECASE)),
    *(
        pathlib.Path("/a/b"),
        pathlib.PurePosixPath("a"),
        ipaddress.ip_address("::1"),
        ipaddress.ip_network("10.0.0.0/8"),
    ),
    *(Send("node", {"a": (1,)}), Send("node", 1, timeout=5), Interrupt("why", id="i"), Overwrite([1])),
    *(Command(resume={"a": 1}, goto=[Send("a", 1)], update={"x": (1,)}), TimeoutPolicy(run_timeout=1)),
    *(_DeltaSnapshot([1]), Item(value={"a": 1}, key="k", namespace=("a",), created_at=NOON, updated_at=NOON)),
    *(
        HumanMessage("hi", id="1"),
        SystemMessage("s"),
        RemoveMessage(id="1"),
        AIMessageChunk(content="x"),
        Document("p"),
    ),
    AIMessage("x", tool_calls=[{"name": "t", "args": {"a": 1}, "id": "1", "type": "tool_call"}]),
    ToolMessage("x", tool_call_id="1", artifact={"a": (1,)}),
]

OWN_VALUES: list[Any] = [
    *(Level.HIGH, Access.READ | Access.WRITE, Point(1, {"a": (2,)}), Line(Point(1, 2), Point(3, 4)), Doubled(4)),
    *(Model(inner=Inner(when=NOON, pair=(1, "a")), other=3, extra=[Level.HIGH]), Plain({1, 2}), Words(["a"])),
    Outer.Nested.A,
]


@pytest.mark.parametrize("value", SAFE_VALUES, ids=repr)
def test_a_safe_value_comes_back_as_itself(value: Any) -> None:
    codec = Codec(AllowedTypes())
    for wrapped in (value, [value], {"deep": [{"er": value}]}):
        again = codec.decode(codec.encode(wrapped))
        assert again == wrapped
        assert repr(again) == repr(wrapped)
        assert type(again) is type(wrapped)


@pytest.mark.parametrize("value", OWN_VALUES, ids=repr)
def test_an_allowed_value_comes_back_as_itself_and_others_are_refused(value: Any) -> None:
    codec = Codec(OWN)
    stored = codec.encode([value])
    [again] = codec.decode(stored)
    assert again == value
    assert type(again) is type(value)
    assert repr(again) == repr(value) or isinstance(value, Plain)
    strict = Codec(AllowedTypes())
    with pytest.raises(UnstorableType, match="MILEPOST_ALLOWED_TYPES"):
        strict.encode({"a": [value]})
    with pytest.raises(UnreadableType, match="MILEPOST_ALLOWED_TYPES"):
        strict.decode(stored)
    [unlisted] = strict.view(stored)
    assert isinstance(unlisted, Unlisted)
    assert unlisted.type_name == f"{__name__}.{type(value).__qualname__}"


def local_class() -> Any:
    class Local:
        pass

    return Local()


@pytest.mark.parametrize(
    "value",
    [
        lambda: None,
        len,
        object,
        Plain,
        iter([]),
        ValueError("x"),
        memoryview(b"a"),
        local_class(),
        open,
        (letter for letter in ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_data_is_refused_wherever_it_stands(value: Any) -> None:
    codec = Codec(OWN)
    for wrapped in (value, [value], {"a": (value,)}, {1: value}, {value} if value.__hash__ else [value]):
        with pytest.raises(UnstorableType):
            codec.encode(wrapped)


def test_whatever_a_node_may_return_as_json_is_stored_however_deep() -> None:
    value: Any = "Łódź"
    for _ in range(253):
        value = {"a": value}
    assert orjson.loads(orjson.dumps(value)) == value
    codec = Codec(AllowedTypes())
    assert codec.decode(codec.encode(value)) == value


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list[Any] = []
    value.append({"again": value})
    with pytest.raises(UnstorableType, match="deeper"):
        Codec(AllowedTypes()).encode(value)


def test_an_exception_is_stored_as_its_type_and_message_whatever_it_is() -> None:
    codec = Codec(AllowedTypes())
    again = codec.decode(codec.encode_error(KeyError("\ud800 name")))
    assert again == StoredError("builtins.KeyError", "'\\ud800 name'")
    assert repr(codec.decode(codec.encode_error(ValueError("no")))) == "ValueError('no')"


def test_a_field_that_was_added_since_gets_its_default() -> None:
    codec = Codec(OWN)
    old = codec.encode(["model", __name__, "Model", {"inner": 1}, ["inner"]])
    taken = codec.decode(old)
    value = codec.decode(Codec(OWN).encode(Model(inner=1)).replace(b"renamed", b"removed"))
    assert taken[0] == "model"
    assert value.renamed == 0


def test_a_class_that_is_gone_cannot_be_read_but_can_be_viewed() -> None:
    codec = Codec(AllowedTypes([f"{__name__}.Point", f"{__name__}.Paint"]))
    stored = codec.encode(Point(1, 2)).replace(b"Point", b"Paint")
    with pytest.raises(UnreadableType, match="no such class"):
        codec.decode(stored)
    assert codec.view(stored) == Unlisted(f"{__name__}.Paint", [1, 2])


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
keys = st.text() | st.integers() | st.booleans() | st.none() | st.tuples(st.integers(), st.text())
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(keys, inner)
        | st.lists(inner).map(tuple)
        | st.sets(st.integers() | st.text())
        | st.binary().map(bytearray)
    ),
    max_leaves=20,
)


@settings(max_examples=60)
@given(anything)
def test_any_nest_of_values_comes_back_the_same_to_its_types(value: Any) -> None:
    codec = Codec(AllowedTypes())
    again = codec.decode(codec.encode(value))
    assert repr(again) == repr(value) or again == value
    assert type(again) is type(value)


def test_langgraph_is_strict_wherever_the_package_was_imported_first() -> None:
    """LangGraph allows the types of a graph's annotations only then, and reads the variable once."""
    script = "\n".join(
        (
            "import milepost.checkpoints.saver",
            "from langgraph._internal import _serde",
            "assert _serde.STRICT_MSGPACK_ENABLED",
        )
    )
    subprocess.run([sys.executable, "-c", script], check=True)
