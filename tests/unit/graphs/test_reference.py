"""What is served and written about node types: every key is described, and every type has an example."""

from pathlib import Path
from typing import Literal

import orjson
import pytest
from pydantic import BaseModel, Field

from milepost.graphs.node_types import Registry
from milepost.graphs.node_types.registry import BUILT_IN
from milepost.graphs.reference import BEGIN, END, EXAMPLES, keys, render, rewritten

DOCS = Path(__file__).parents[3] / "docs"


class Part(BaseModel):
    name: str = Field(description="A name.", pattern="a|b")
    parts: list["Part"] = Field(default_factory=list, description="Parts of it.")


class Whole(BaseModel):
    parts: list[list[Part]] | None = Field(default=None, description="Or nothing.")
    kind: Literal["a", "b", "c"] | Part = Field(default="a", description="One | other.")
    most: float = Field(gt=0, le=1000, description="Many.")


@pytest.mark.parametrize("node_type", BUILT_IN, ids=lambda each: each.name)
def test_a_type_says_what_it_does_what_it_gives_and_what_every_key_means(node_type: type) -> None:
    (described,) = (each for each in Registry().describe() if each["type"] == node_type.name)  # type: ignore[attr-defined]
    assert described["title"]
    assert described["description"].endswith(".")
    assert described["output"]
    assert not described["output"].endswith(".")
    undescribed = [key for key, _, meaning in keys(described["config_schema"]) if not meaning.endswith(".")]
    assert undescribed == []


def test_there_is_one_example_a_type_and_it_uses_the_type() -> None:
    files = {file.stem: orjson.loads(file.read_bytes()) for file in (DOCS / EXAMPLES).iterdir()}
    assert files.keys() == {each.name for each in BUILT_IN}
    for name, definition in files.items():
        assert name in {node["type"] for node in definition.get("steps", definition.get("nodes"))}, name


def test_keys_inside_lists_and_unions_are_listed_once() -> None:
    assert list(keys(Whole.model_json_schema())) == [
        ("parts", "list of list of object", "Or nothing."),
        ("parts[][].name", "text, **required**", "A name."),
        ("parts[][].parts", "list of object", "Parts of it."),
        ("kind", '`"a"`, `"b"` or `"c"` or object, default `"a"`', "One | other."),
        ("kind.name", "text, **required**", "A name."),
        ("kind.parts", "list of object", "Parts of it."),
        ("most", "number above 0 to 1,000, **required**", "Many."),
    ]


def test_a_section_has_effects_a_table_and_the_example() -> None:
    described = {
        "type": "pay",
        "description": "Pays.",
        "output": "a receipt",
        "side_effects": True,
        "config_schema": Whole.model_json_schema(),
    }
    text = render([described], {"pay": '{"steps": []}\n'})
    assert text.startswith(
        "### `pay`\n\nPays.\nIt has effects outside: a dry run only simulates it.\n\nOutput: a receipt."
    )
    assert "One \\| other." in text
    assert text.endswith('```json\n{"steps": []}\n```\n')


def test_only_what_stands_between_the_marks_is_written() -> None:
    text = f"before {BEGIN} old {END} after"
    once = rewritten(text, DOCS / EXAMPLES)
    assert (once.split(BEGIN)[0], once.split(END)[1]) == ("before ", " after")
    assert rewritten(once, DOCS / EXAMPLES) == once
    assert [f"### `{each.name}`" in once for each in BUILT_IN] == [True] * len(BUILT_IN)
