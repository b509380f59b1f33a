"""Two definitions compared: nodes by id, edges, other keys."""

from typing import Any

import pytest

from milepost.server.runs.revisions import SHOWN, compare

BEFORE: dict[str, Any] = {
    "name": "Greeting",
    "max_iterations": 5,
    "nodes": [
        {"id": "greet", "type": "process", "config": {"value": "Hi", "operation": "uppercase"}},
        {"id": "old", "type": "process"},
        {"id": "done", "type": "output", "name": "End", "config": {"value": 1}},
    ],
    "edges": [{"source": "greet", "target": "old"}, {"source": "old", "target": "done"}],
}
AFTER: dict[str, Any] = {
    "name": "Greeting",
    "timeout": 60,
    "nodes": [
        {"id": "new", "type": "wait", "name": "Nap", "config": {"seconds": 1}},
        {"id": "greet", "type": "process", "config": {"value": "Hello"}, "retry": {"max_attempts": 2}},
        {"id": "done", "type": "output", "name": "End", "config": {"value": 1}},
    ],
    "edges": [{"source": "greet", "target": "new"}, {"source": "new", "target": "done", "when": "error"}],
}


def test_what_came_what_went_and_what_is_another_way() -> None:
    assert compare(BEFORE, AFTER) == {
        "equal": False,
        "nodes": {
            "added": [{"id": "new", "type": "wait", "name": "Nap"}],
            "removed": [{"id": "old", "type": "process"}],
            "changed": [
                {
                    "id": "greet",
                    "changes": [
                        {"path": "config.value", "op": "changed", "from": "Hi", "to": "Hello"},
                        {"path": "config.operation", "op": "removed", "from": "uppercase"},
                        {"path": "retry", "op": "added", "to": {"max_attempts": 2}},
                    ],
                }
            ],
        },
        "edges": {"added": AFTER["edges"], "removed": BEFORE["edges"]},
        "keys": [
            {"path": "max_iterations", "op": "removed", "from": 5},
            {"path": "timeout", "op": "added", "to": 60},
        ],
        "reordered": [],
        "cut": False,
    }


def test_the_other_direction_is_the_mirror_image() -> None:
    there, back = compare(BEFORE, AFTER), compare(AFTER, BEFORE)
    assert back["nodes"]["added"] == there["nodes"]["removed"]
    assert back["nodes"]["removed"] == there["nodes"]["added"]
    assert back["edges"] == {"added": there["edges"]["removed"], "removed": there["edges"]["added"]}
    mirrored = {"added": "removed", "removed": "added", "changed": "changed"}
    assert {(each["path"], each["op"]) for each in back["keys"]} == {
        (each["path"], mirrored[each["op"]]) for each in there["keys"]
    }


def test_a_definition_is_equal_to_itself() -> None:
    found = compare(BEFORE, dict(reversed(BEFORE.items())))
    assert found["equal"]
    assert found["nodes"] == {"added": [], "removed": [], "changed": []}
    assert (found["edges"], found["keys"], found["reordered"]) == ({"added": [], "removed": []}, [], [])


def test_another_order_is_told_and_is_no_other_node() -> None:
    turned = {**BEFORE, "nodes": BEFORE["nodes"][::-1], "edges": BEFORE["edges"][::-1]}
    found = compare(BEFORE, turned)
    assert (found["equal"], found["reordered"]) == (False, ["nodes", "edges"])
    assert found["nodes"]["changed"] == found["edges"]["added"] == found["edges"]["removed"] == []


def test_steps_are_the_nodes_and_edges_that_they_stand_for() -> None:
    steps = {key: value for key, value in BEFORE.items() if key not in ("nodes", "edges")}
    found = compare(BEFORE, {**steps, "steps": BEFORE["nodes"]})
    assert not found["equal"]
    assert found["nodes"] == {"added": [], "removed": [], "changed": []}
    assert found["edges"] == {"added": [], "removed": []}


def test_the_same_edge_twice_is_one_more() -> None:
    edge = BEFORE["edges"][0]
    found = compare(BEFORE, {**BEFORE, "edges": [*BEFORE["edges"], edge]})
    assert found["edges"] == {"added": [edge], "removed": []}
    assert found["reordered"] == []


@pytest.mark.parametrize("length", [3, 50_000], ids=["many keys", "long keys"])
def test_a_comparison_has_bounds(length: int) -> None:
    key = "k" * length
    node = {"id": "a", "type": "process", "config": {"value": {key: dict.fromkeys(map(str, range(SHOWN + 1)), 1)}}}
    changed = {**node, "config": {"value": {key: dict.fromkeys(map(str, range(SHOWN + 1)), 2)}}}
    found = compare({"steps": [node]}, {"steps": [changed]})
    shown = found["nodes"]["changed"][0]["changes"]
    assert found["cut"]
    assert 0 < len(shown) <= SHOWN
    assert sum(len(each["path"]) for each in shown) <= 1 << 20
