"""`milepost diff` with files."""

import json
from pathlib import Path
from typing import Any

import pytest

from milepost.server.cli import main

BEFORE: dict[str, Any] = {"timeout": 5, "steps": [{"id": "a", "type": "process"}, {"id": "b", "type": "process"}]}
AFTER: dict[str, Any] = {
    "nodes": [
        {"id": "c", "type": "output", "config": {"value": 1}},
        {"id": "a", "type": "condition", "config": {"expression": "true"}},
    ],
    "edges": [{"source": "a", "target": "c", "when": True}],
}


def write(path: Path, definition: Any) -> str:
    path.write_text(json.dumps(definition))
    return str(path)


def left(*arguments: str) -> object:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    return exit_.value.code


def test_each_difference_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = write(tmp_path / "before.json", BEFORE), write(tmp_path / "after.json", AFTER)
    assert left("diff", *files) == 1
    assert capsys.readouterr().out.splitlines() == [
        "- node b (process)",
        "+ node c (output)",
        '~ node a: type: "process" → "condition"',
        '~ node a: config: {"expression":"true"} added',
        "- edge a → b",
        "+ edge a → c when true",
        "~ timeout: 5 removed",
    ]
    assert left("diff", "--json", *files) == 1
    assert json.loads(capsys.readouterr().out)["edges"]["removed"] == [{"source": "a", "target": "b"}]


def test_equal_definitions_exit_0_and_print_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    yaml = tmp_path / "same.yaml"
    yaml.write_text("timeout: 5\nsteps:\n- {type: process, id: a}\n- {id: b, type: process}\n")
    assert left("diff", write(tmp_path / "before.json", BEFORE), str(yaml)) == 0
    assert capsys.readouterr().out == ""


def test_what_is_no_definition_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = write(tmp_path / "good.json", BEFORE), write(tmp_path / "bad.json", {"steps": [{"id": "a"}]})
    assert left("diff", good, bad) == 2
    assert f"{bad}:1: steps[0].type" in capsys.readouterr().err
    assert left("diff", good, str(tmp_path / "nowhere.json")) == 2
