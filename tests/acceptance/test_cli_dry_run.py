"""`milepost test` as a person uses it."""

import json
from pathlib import Path

import orjson

from tests.acceptance.test_cli import milepost

ASKING = {
    "name": "asking",
    "steps": [
        {"id": "draft", "type": "process", "config": {"value": {"text": "{{ input.word }}"}}},
        {"id": "ask", "type": "approval", "config": {"question": "ok?", "schema": {"type": "integer", "maximum": 9}}},
        {"id": "later", "type": "wait", "config": {"seconds": 86_400}},
    ],
}


def test_a_dry_run_and_its_replay_from_the_command_line(tmp_path: Path) -> None:
    file, data = tmp_path / "asking.json", str(tmp_path / "data")
    file.write_bytes(orjson.dumps(ASKING))
    first = milepost("test", str(file), "--input", '{"word": "hi"}', "--answers", '{"ask": 7}', "--data", data)
    assert (first.returncode, first.stderr) == (
        0,
        "draft completed\nask completed answered\nlater completed simulated\n",
    )
    told = json.loads(first.stdout)
    assert [step["output"] for step in told["trace"][:2]] == [{"text": "hi"}, {"answer": 7}]
    changed = json.loads(file.read_text().replace("86400", "3600"))
    file.write_bytes(orjson.dumps(changed))
    again = milepost("test", str(file), "--replay", told["run_id"], "--data", data)
    assert again.stderr == "draft completed replayed\nask completed replayed\nlater completed simulated\n"
    failed = milepost("test", str(file), "--answers", '{"ask": 10}', "--input", '{"word": "hi"}')
    assert failed.returncode == 1
    assert "10 is greater than the maximum of 9" in failed.stderr
    wrong = milepost("test", str(file), "--answers", '{"nobody": 10}')
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "there is no node 'nobody'" in wrong.stderr
