"""Values that are made up for a schema: they fit it, or there is none."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.graphs.instances import NoInstance, instance
from milepost.graphs.schemas import violations

MADE: list[tuple[Any, Any]] = [
    (True, None),
    ({}, None),
    ({"type": "boolean"}, False),
    ({"type": "boolean", "default": True}, True),
    ({"type": "integer", "minimum": 3, "multipleOf": 5}, 5),
    ({"type": "integer", "maximum": -2}, -2),
    ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
    ({"type": "number", "exclusiveMinimum": 0}, 1),
    ({"type": ["null", "string"]}, None),
    ({"type": "string", "minLength": 3}, "xxx"),
    ({"type": "string", "format": "email", "maxLength": 30}, "somebody@example.com"),
    ({"const": 7}, 7),
    ({"enum": ["no", "yes"]}, "no"),
    ({"type": "string", "enum": [1, "one"]}, "one"),
    ({"type": "string", "pattern": "^A", "examples": ["B", "A1"]}, "A1"),
    ({"properties": {"publish": {"type": "boolean"}}}, {"publish": False}),
    ({"type": "object", "required": ["x"]}, {"x": None}),
    ({"type": "object", "properties": {"a": {"type": "string", "pattern": "^[0-9]+$"}}}, {}),
    ({"type": "object", "properties": {"a": {"type": "integer"}, "b": False}, "required": ["a"]}, {"a": 0}),
    ({"type": "object", "properties": {"a": {}, "b": {}}, "required": ["b"], "maxProperties": 1}, {"b": None}),
    ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [0, 0]),
    ({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}], "minItems": 3, "items": {"const": 3}}, [1, 2, 3]),
    ({"anyOf": [{"type": "string", "pattern": "^x$"}, {"type": "integer"}]}, 0),
    ({"oneOf": [{"type": "integer"}, {"type": "number"}, {"type": "string"}]}, ""),
    ({"allOf": [{"type": "integer", "minimum": 2}, {"minimum": 4}]}, 4),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "minItems": 1, "items": {"type": "string"}}}}, [""]),
    ({"$ref": "#/$defs/n", "$defs": {"n": {"properties": {"next": {"$ref": "#/$defs/n"}, "v": {"const": 1}}}}}, None),
]


@pytest.mark.parametrize(("schema", "expected"), MADE, ids=lambda value: str(value)[:60])
def test_a_value_is_made_from_a_schema(schema: Any, expected: Any) -> None:
    made = instance(schema)
    assert violations(schema, made, "", "") == []
    if expected is not None:
        assert made == expected


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"type": "string", "pattern": "^[0-9]{8}$"},
        {"not": {}},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "object", "required": ["a"], "properties": {"a": False}},
        {"type": "array", "minItems": 100_000_000},
        {"type": "string", "minLength": 100_000_000},
        {"type": "array", "minItems": 2, "uniqueItems": True},
        {"$ref": "#/$defs/n", "$defs": {"n": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/n"}}}},
    ],
)
def test_where_none_can_be_made_that_is_said(schema: Any) -> None:
    with pytest.raises(NoInstance):
        instance(schema)


SCHEMAS = st.recursive(
    st.one_of(
        st.booleans(),
        st.builds(lambda kind: {"type": kind}, st.sampled_from(["string", "integer", "number", "boolean", "null"])),
        st.builds(lambda low, high: {"type": "integer", "minimum": low, "maximum": high}, st.integers(), st.integers()),
        st.builds(lambda size: {"type": "string", "minLength": size}, st.integers(0, 50)),
        st.builds(lambda values: {"enum": values}, st.lists(st.integers() | st.text(), min_size=1, max_size=3)),
    ),
    lambda inner: st.one_of(
        st.builds(
            lambda properties, required: {"type": "object", "properties": properties, "required": required},
            st.dictionaries(st.sampled_from("abc"), inner),
            st.lists(st.sampled_from("abcd"), unique=True),
        ),
        st.builds(lambda items, size: {"type": "array", "items": items, "minItems": size}, inner, st.integers(0, 3)),
        st.builds(
            lambda kind, parts: {kind: parts},
            st.sampled_from(["anyOf", "oneOf", "allOf"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=150)
@given(SCHEMAS)
def test_whatever_is_made_fits(schema: Any) -> None:
    try:
        made = instance(schema)
    except NoInstance:
        return
    assert violations(schema, made, "", "") == []
