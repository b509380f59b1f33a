"""Definitions read from files: the same data as other parsers give, and the line of every part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import milepost.graphs.examples
from milepost.graphs.source import SourceError, read

TEXT = """{
  "name": "x",
  "nodes": [
    {"id": "a",
     "config": {"url": "https://example.com/\\u00e9",
                "list": [1, -2.5e3,
                         true]}},

    {"id": "b"}
  ],
\t"edges": []
}
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("", 1),
        ("name", 2),
        ("nodes", 3),
        ("nodes[0]", 4),
        ("nodes[0].config", 5),
        ("nodes[0].config.list", 6),
        ("nodes[0].config.list[2]", 7),
        ("nodes[1].id", 9),
        ("nodes[1].missing", 9),
        ("nodes[0].config.missing.deep[3]", 5),
        ("edges", 11),
        ("elsewhere", 1),
    ],
)
def test_every_part_of_a_json_text_has_its_line(path: str, line: int) -> None:
    data, lines = read(TEXT, "x.json")
    assert data == json.loads(TEXT)
    assert lines(path) == line


def test_every_part_of_a_yaml_text_has_its_line() -> None:
    text = "name: x\nnodes:\n  - id: a\n    config:\n      url: u\n  - id: b\nedges: []\n"
    data, lines = read(text, "x.yaml")
    assert data == {"name": "x", "nodes": [{"id": "a", "config": {"url": "u"}}, {"id": "b"}], "edges": []}
    found = [lines(path) for path in ("name", "nodes", "nodes[0].config.url", "nodes[1]", "nodes[1].type", "edges")]
    assert found == [1, 2, 5, 6, 6, 7]


def test_yaml_keeps_to_jsons_types() -> None:
    text = "a: yes\nb: 2030-01-01\nc: 1:30\nd: 0o7\ne: .nan\nf: 1_000\n"
    text += "g: true\nh: ~\ni: -1.5\non: 'x'\nj: null\nk: False\n"
    assert read(text)[0] == {
        "a": "yes", "b": "2030-01-01", "c": "1:30", "d": "0o7", "e": ".nan", "f": "1_000", "g": True, "h": None,
        "i": -1.5, "on": "x", "j": None, "k": False,
    }  # fmt: skip


BROKEN: list[tuple[str, str, int]] = [
    ('{"a": 1,\n"b": NaN}', "x.json", 2),
    ('{"a": 1,\n}', "x.json", 2),
    ('{"a": 1\n"b": 2}', "x.json", 2),
    ('{"a": "x\n"}', "x.json", 1),
    ('{"a": 1}\n{', "x.json", 2),
    ('{"a": 1,\n"a": 2}', "x.json", 2),
    ("{a: 1}", "x.json", 1),
    ('{"a": \n', "x.json", 2),
    ("", "x.json", 1),
    ("[" * 70 + "]" * 70, "x.json", 1),
    ("[" * 100_000, "x.json", 1),
    ("[01]", "x.json", 1),
    ("a: 1\nb: [1, 2\n", "x.yaml", 3),
    ("a: 1\n\tb: 2", "x.yaml", 2),
    ("a: 1\na: 2", "x.yaml", 2),
    ("a: &x [1]\nb: [*x, *x]", "x.yaml", 1),
    ("a: !!python/object:os.system x", "x.yaml", 1),
    ("? [a]\n: 1", "x.yaml", 1),
    ("- " * 100 + "a", "x.yaml", 1),
    ("b: 1\na: \x00", "x.yaml", 2),
]


@pytest.mark.parametrize(("text", "name", "line"), BROKEN, ids=[repr(case[0][:30]) for case in BROKEN])
def test_what_cannot_be_read_is_refused_with_its_line(text: str, name: str, line: int) -> None:
    with pytest.raises(SourceError) as raised:
        read(text, name)
    assert raised.value.line == line
    assert str(raised.value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=80, derandomize=True)
@given(JSON, st.sampled_from([None, 0, 2]), st.booleans())
def test_json_is_read_as_python_reads_it(data: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(data, indent=indent, ensure_ascii=ascii_only)
    assert read(text, "x.json")[0] == json.loads(text)


def test_the_example_files_are_read_from_json_and_from_yaml_alike() -> None:
    for file in sorted(Path(milepost.graphs.examples.__file__).parent.glob("*.json")):
        data, _ = read(file.read_text(), file.name)
        assert data == json.loads(file.read_text())
        assert read(yaml.safe_dump(data, sort_keys=False), "x.yaml")[0] == data
