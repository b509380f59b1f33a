"""The differences between two states: right, complete, readable and bounded."""

import copy
import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.checkpoints.diff import Change, diff

OLD = {"nodes": [{"x": 1}, {"x": 2}], "gone": None, "same": {"a": [1]}, "type": 1, "a.b": {"": 1}}
NEW = {"nodes": [{"x": 1}, {"x": 3, "y": 0}, 5], "same": {"a": [1]}, "type": True, "new": {"k": 1}, "a.b": {"": 2}}


def test_each_change_has_its_path_and_both_sides() -> None:
    assert [change.as_json() for change in diff(OLD, NEW).changes] == [
        {"path": "nodes[1].x", "op": "changed", "from": 2, "to": 3},
        {"path": "nodes[1].y", "op": "added", "to": 0},
        {"path": "nodes[2]", "op": "added", "to": 5},
        {"path": "gone", "op": "removed", "from": None},
        {"path": "type", "op": "changed", "from": 1, "to": True},
        {"path": '["a.b"][""]', "op": "changed", "from": 1, "to": 2},
        {"path": "new", "op": "added", "to": {"k": 1}},
    ]


def test_too_many_changes_are_cut_and_it_says_so() -> None:
    whole = diff(list(range(10)), list(range(1, 11)), limit=10)
    cut = diff(list(range(10)), list(range(1, 11)), limit=9)
    assert (len(whole.changes), whole.cut) == (10, False)
    assert (len(cut.changes), cut.cut) == (9, True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=60)
@given(json_values, json_values)
def test_the_changes_lead_from_the_one_state_to_the_other(before: Any, after: Any) -> None:
    state = {"root": copy.deepcopy(before)}
    changes = diff({"root": before}, {"root": after}).changes
    removals = [change for change in changes if change.op == "removed"]
    # From the end, so that the places in a list still hold.
    for change in [*(change for change in changes if change.op != "removed"), *reversed(removals)]:
        _apply(state, change)
    assert json.dumps(state, sort_keys=True) == json.dumps({"root": after}, sort_keys=True)


def _apply(state: Any, change: Change) -> None:
    *way, last = [
        json.loads(quoted) if quoted else int(index) if index else name
        for quoted, index, name in re.findall(r'\[("(?:[^"\\]|\\.)*")\]|\[(\d+)\]|\.?([^.\[\]"]+)', change.path)
    ]
    for each in way:
        state = state[each]
    if change.op == "removed":
        del state[last]
    elif isinstance(state, list) and last == len(state):
        state.append(change.after)
    else:
        state[last] = change.after
