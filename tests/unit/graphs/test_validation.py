# ruff: noqa: E501 -- the table of broken definitions has one line for each
"""What keeps a definition from being saved: every problem, with its path, all at once."""

from __future__ import annotations

import copy
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.graphs import InvalidDefinition, Registry, load, validate
from milepost.graphs.definition import MAX_NODES
from milepost.graphs.examples import examples
from milepost.graphs.validation import FLAWS
from tests.unit.graphs.recording import condition, edge, graph, node, switch


def found(definition: Any) -> list[tuple[str, str]]:
    """The paths and codes of a definition's errors."""
    return [(problem.path, problem.code) for problem in validate(definition, Registry()).errors]


def with_node(**more: Any) -> dict[str, Any]:
    """A definition of one node."""
    return {"nodes": [{"id": "a", "type": "process", **more}]}


BROKEN: list[tuple[str, Any, list[tuple[str, str]]]] = [
    ("no object", [], [("", "invalid_value")]),
    ("nothing", {}, [("nodes", "missing_key")]),
    ("no nodes", {"nodes": []}, [("nodes", "invalid_value")]),
    ("nodes that are no list", {"nodes": {}}, [("nodes", "invalid_value")]),
    ("a node that is no object", {"nodes": ["a"]}, [("nodes[0]", "invalid_value")]),
    ("an unknown key", {"nodes": [node("a")], "color": 1}, [("color", "unknown_key")]),
    ("steps beside nodes", {"steps": [node("a")], "edges": []}, [("edges", "unknown_key")]),
    ("an unknown key of a node", with_node(color=1), [("nodes[0].color", "unknown_key")]),
    ("an unknown key of an edge", {**with_node(), "edges": [{"source": "a", "target": "a", "x": 1}]},
     [("edges[0].x", "unknown_key"), ("nodes", "no_start")]),
    ("no id", {"nodes": [{"type": "process"}]}, [("nodes[0].id", "missing_key")]),
    ("no type", {"nodes": [{"id": "a"}]}, [("nodes[0].type", "missing_key")]),
    ("a bad id", {"nodes": [node("1a")]}, [("nodes[0].id", "bad_id")]),
    ("an id with a line break", {"nodes": [node("a\n")]}, [("nodes[0].id", "bad_id")]),
    ("an id that is too long", {"nodes": [node("a" * 65)]}, [("nodes[0].id", "bad_id")]),
    ("a reserved id", {"nodes": [node("__start__")]}, [("nodes[0].id", "bad_id")]),
    ("a duplicate id", {"nodes": [node("a"), node("a")]}, [("nodes[1].id", "duplicate_id")]),
    ("an unknown type", {"nodes": [node("a", "teleport")]}, [("nodes[0].type", "unknown_type")]),
    ("a bad name of a variable", with_node(set={"a-b": 1}), [("nodes[0].set.a-b", "bad_name")]),
    ("a timeout of nothing", with_node(timeout=0), [("nodes[0].timeout", "invalid_value")]),
    ("a timeout without end", with_node(timeout=float("inf")), [("nodes[0].timeout", "invalid_value")]),
    ("a timeout in words", with_node(timeout="30"), [("nodes[0].timeout", "invalid_value")]),
    ("an unknown reaction", with_node(on_error="ignore"), [("nodes[0].on_error", "invalid_value")]),
    ("an unknown key of retry", with_node(retry={"times": 3}), [("nodes[0].retry.times", "unknown_key")]),
    ("no attempt at all", with_node(retry={"max_attempts": 0}), [("nodes[0].retry.max_attempts", "invalid_value")]),
    ("an edge to nowhere", graph("a", edges="a>b"), [("edges[0].target", "unknown_node")]),
    ("an edge from nowhere", graph("a", edges="b>a"), [("edges[0].source", "unknown_node")]),
    ("edges that are no list", {**with_node(), "edges": {}}, [("edges", "invalid_value")]),
    ("a config key that is unknown", with_node(config={"speed": 1}), [("nodes[0].config.speed", "unknown_key")]),
    ("a config value that is wrong", with_node(config={"operation": "fly"}), [("nodes[0].config.operation", "invalid_value")]),
    ("a config that is no object", with_node(config=[1]), [("nodes[0].config", "invalid_value")]),
    ("a config key that is missing", {"nodes": [node("a", "output")]}, [("nodes[0].config.value", "missing_key")]),
    ("pick without fields", with_node(config={"operation": "pick"}), [("nodes[0].config.fields", "missing_key")]),
    ("a wait for nothing", {"nodes": [node("a", "wait")]}, [("nodes[0].config", "invalid_value")]),
    ("a wait for two things", {"nodes": [node("a", "wait", seconds=1, until="2030-01-01T00:00:00Z")]},
     [("nodes[0].config", "invalid_value")]),
    ("a time without its zone", {"nodes": [node("a", "wait", until="2030-01-01T00:00:00")]},
     [("nodes[0].config.until", "invalid_value")]),
    ("a number that is none", with_node(config={"value": [float("nan")]}), [("nodes[0].config", "invalid_value")]),
    ("bad syntax", with_node(config={"value": "{{ 1 + }}"}), [("nodes[0].config.value", "invalid_expression")]),
    ("bad syntax deep inside", with_node(config={"value": {"a": [1, "{{ ( }}"]}}),
     [("nodes[0].config.value.a[1]", "invalid_expression")]),
    ("a statement", with_node(config={"value": "{% if x %}"}), [("nodes[0].config.value", "statement_refused")]),
    ("a method", with_node(config={"value": "{{ run.id.upper() }}"}), [("nodes[0].config.value", "call_refused")]),
    ("an unknown filter", with_node(config={"value": "{{ run.id | shout }}"}), [("nodes[0].config.value", "unknown_filter")]),
    ("an unknown test", with_node(config={"value": "{{ run.id is loud }}"}), [("nodes[0].config.value", "unknown_test")]),
    ("an unknown node in an expression", with_node(config={"value": "{{ outputs.b }}"}),
     [("nodes[0].config.value", "unknown_name")]),
    ("an unknown variable", with_node(set={"x": "{{ variables.y }}"}), [("nodes[0].set.x", "unknown_name")]),
    ("an expression that is none", {"nodes": [node("a", "condition", expression=True)]},
     [("nodes[0].config.expression", "invalid_expression")]),
    ("an expression in braces", {"nodes": [condition("a", "{{ true }}")]},
     [("nodes[0].config.expression", "invalid_expression")]),
    ("a config nested too deeply", with_node(config={"value": eval("[" * 80 + "]" * 80)}),
     [("nodes[0].config.value" + "[0]" * 64, "invalid_value")]),
    ("an input schema that is none", {**with_node(), "input_schema": {"type": "text"}}, [("input_schema.type", "invalid_schema")]),
    ("an input schema with a bad pattern", {**with_node(), "input_schema": {"pattern": "("}},
     [("input_schema.pattern", "invalid_schema")]),
    ("an input schema that points elsewhere", {**with_node(), "input_schema": {"$ref": "http://example.com/x"}},
     [("input_schema.$ref", "invalid_schema")]),
    ("an edge of a condition without when", graph(condition("a", "true"), "b", edges="a>b"), [("edges[0].when", "missing_when")]),
    ("an edge of a switch without when", graph(switch("a", 1), "b", edges="a>b"), [("edges[0].when", "missing_when")]),
    ("a condition in steps", {"steps": [condition("a", "true"), node("b")]}, [("steps[0].type", "branch_in_steps")]),
    ("a when of a node without a value", graph("a", "b", edges="a>b:blue"), [("edges[0].when", "when_without_value")]),
    ("a timeout of a node that has none", graph("a", "b", edges="a>b:timeout"), [("edges[0].when", "when_without_value")]),
    ("a case that a condition has not", graph(condition("a", "true"), "b", edges="a>b:blue"),
     [("edges[0].when", "unknown_case")]),
    ("a case that a switch has not", graph(node("a", "switch", value=1, cases=["x"]), "b", edges="a>b:y"),
     [("edges[0].when", "unknown_case")]),
    ("an else of nothing", graph(switch("a", 1), "b", edges="a>b:else"), [("edges[0].when", "else_without_case")]),
    ("a when with a bad expression", {**graph("a", "b", edges=""), "edges": [{"source": "a", "target": "b", "when": "{{ x }}"}]},
     [("edges[0].when", "unknown_name")]),
    ("no start", graph("a", condition("c", "true"), edges="a>c c>a:true"), [("nodes", "no_start")]),
    ("a node out of reach", graph("s", "a", condition("c", "true"), edges="a>c c>a:true"),
     [("nodes[1]", "unreachable"), ("nodes[2]", "unreachable")]),
    ("a cycle without a condition", graph("s", "a", "b", edges="s>a a>b b>a"), [("edges[2]", "cycle_without_condition")]),
    ("a node that follows itself", graph("s", "a", edges="s>a a>a"),
     [("edges[1]", "cycle_without_condition")]),
    ("a cycle entered in two places", graph("s", "a", condition("b", "true"), edges="s>a s>b a>b b>a:true"),
     [("edges[1]", "cycle_entered_twice")]),
    ("a cycle left from a parallel branch",
     graph("s", "a", "p", condition("q", "true"), "x", condition("c", "true"), edges="s>a a>p a>q p>c q>c:true q>x:false c>a:true"),
     [("edges[5]", "cycle_left_from_parallel")]),
    ("a cycle repeated from a parallel branch",
     graph("s", "a", "p", condition("q", "true"), condition("c", "true"), edges="s>a a>p a>q p>c q>c:false q>a:true c>a:true"),
     [("edges[5]", "cycle_left_from_parallel")]),
    ("a cycle left and repeated at once", graph("s", "a", condition("c", "true"), "x", edges="s>a a>c c>a:true c>x:true"),
     [("edges[2]", "cycle_left_and_kept")]),
    ("a side branch out of a cycle", graph("s", "a", "log", condition("c", "true"), edges="s>a a>log a>c c>a:true"),
     [("edges[1]", "cycle_left_and_kept")]),
    ("a model that is none", {"nodes": [node("a", "ai", model="gpt", prompt="x")]}, [("nodes[0].config.model", "unknown_model")]),
    ("scripted without a script", {"nodes": [node("a", "ai", model="scripted", prompt="x")]},
     [("nodes[0].config.script", "missing_key")]),
    ("ai without anything to say", {"nodes": [node("a", "ai", model="echo")]}, [("nodes[0].config", "invalid_value")]),
    ("an output schema that is none", {"nodes": [node("a", "ai", model="echo", prompt="x", output_schema={"type": 1})]},
     [("nodes[0].config.output_schema.type", "invalid_schema")]),
    ("an approval without a question", {"nodes": [node("a", "approval")]}, [("nodes[0].config.question", "missing_key")]),
    ("an approval with a schema that is none", {"nodes": [node("a", "approval", question="?", schema={"type": 1})]},
     [("nodes[0].config.schema.type", "invalid_schema")]),
    ("an assignee with a bar", {"nodes": [node("a", "approval", question="?", assignees=["a|b"])]},
     [("nodes[0].config.assignees[0]", "bad_name")]),
    ("an approval that gives up at once", {"nodes": [node("a", "approval", question="?", timeout=0)]},
     [("nodes[0].config.timeout", "invalid_value")]),
    ("an event with a space", {"nodes": [node("a", "wait_event", event="is paid")]}, [("nodes[0].config.event", "bad_name")]),
    ("too many nodes", {"nodes": [node(f"n{number}") for number in range(MAX_NODES + 1)]}, [("nodes", "too_many")]),
    ("a name of many letters", {**with_node(), "name": "x" * 201}, [("name", "invalid_value")]),
    ("a workflow without a server", {"nodes": [node("a", "subworkflow", workflow_id="w")]},
     [("nodes[0].config.workflow_id", "needs_server")]),
    ("a computed workflow", {"nodes": [node("a", "subworkflow", workflow_id="{{ input.w }}")]},
     [("nodes[0].config.workflow_id", "invalid_value")]),
    ("a map of nothing", {"nodes": [node("a", "map", over=[])]}, [("nodes[0].config", "invalid_value")]),
    ("no iteration", {**with_node(), "max_iterations": 0}, [("max_iterations", "invalid_value")]),
]  # fmt: skip


@pytest.mark.parametrize(("definition", "expected"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_what_is_wrong_is_named_with_its_path(definition: Any, expected: list[tuple[str, str]]) -> None:
    assert found(definition) == expected


def test_the_page_names_every_code_and_type() -> None:
    page = (Path(__file__).parents[3] / "docs" / "definitions.md").read_text()
    codes = {code for _, _, expected in BROKEN for _, code in expected} | FLAWS.keys()
    assert [code for code in sorted(codes) if f"`{code}`" not in page] == []
    assert [name for name in Registry().names() if f"### `{name}`" not in page] == []


def test_all_problems_are_reported_at_once() -> None:
    definition = {
        "colour": "red",
        "input_schema": {"type": "nothing"},
        "nodes": [
            {"id": "s", "type": "process", "color": 1, "config": {"value": "{{ 1 + }}", "speed": 2}},
            {"id": "a", "type": "teleport"},
            {"id": "c", "type": "condition", "config": {"expression": "outputs.nobody"}},
            {"id": "b", "type": "process", "timeout": -1},
        ],
        "edges": [
            {"source": "s", "target": "a"},
            {"source": "a", "target": "c"},
            {"source": "c", "target": "b"},
            {"source": "b", "target": "a"},
        ],
    }
    assert sorted(found(definition)) == [
        ("colour", "unknown_key"),
        ("edges[2].when", "missing_when"),
        ("edges[3]", "cycle_without_condition"),
        ("input_schema.type", "invalid_schema"),
        ("nodes[0].color", "unknown_key"),
        ("nodes[0].config.speed", "unknown_key"),
        ("nodes[0].config.value", "invalid_expression"),
        ("nodes[1].type", "unknown_type"),
        ("nodes[2].config.expression", "unknown_name"),
        ("nodes[3].timeout", "invalid_value"),
    ]


def test_loading_what_is_broken_raises_with_every_problem() -> None:
    with pytest.raises(InvalidDefinition) as raised:
        load(with_node(color=1, size=2), Registry())
    assert [problem.path for problem in raised.value.problems] == ["nodes[0].color", "nodes[0].size"]


def test_a_value_that_is_only_known_later_is_not_checked_now() -> None:
    definition = {
        "nodes": [node("a", "wait", seconds="{{ input.seconds }}"), node("b", "process", operation="{{ input.o }}")]
    }
    assert found(definition) == []


def test_a_constant_beside_an_expression_is_checked() -> None:
    definition = {"nodes": [node("a", "ai", model="echo", prompt="{{ run.id }}", temperature=9)]}
    assert found(definition) == [("nodes[0].config.temperature", "invalid_value")]


def test_null_is_a_case_like_any_other() -> None:
    definition = graph(switch("a", None), "b", edges="")
    definition["edges"] = [{"source": "a", "target": "b", "when": None}]
    assert found(definition) == []


def test_a_case_without_an_edge_is_a_warning() -> None:
    definition = graph(node("a", "switch", value=1, cases=["x", "y"]), "b", edges="a>b:x")
    report = validate(definition, Registry())
    assert report.valid
    assert [(problem.path, problem.code) for problem in report.warnings] == [
        ("nodes[0].config.cases[1]", "case_without_edge")
    ]


def test_a_model_that_is_not_installed_is_a_warning_and_keeps_the_program_from_running() -> None:
    definition = {"nodes": [node("a", "ai", model="xai:model", prompt="x")]}
    report = validate(definition, Registry())
    assert report.valid
    assert [(problem.path, problem.code) for problem in report.warnings] == [("nodes[0].config.model", "not_runnable")]
    assert "langchain-xai" in report.warnings[0].message
    assert load(definition, Registry()).not_runnable == report.warnings


@pytest.mark.parametrize("definition", examples(), ids=lambda definition: definition["name"])
def test_the_examples_are_valid(definition: dict[str, Any]) -> None:
    report = validate(definition, Registry())
    assert (report.errors, report.warnings) == ((), ())


def test_a_definition_is_not_changed_by_being_read() -> None:
    for definition in examples():
        before = copy.deepcopy(definition)
        load(definition, Registry())
        assert definition == before


def test_hostile_shapes_are_checked_in_reasonable_time() -> None:
    size = 250
    ahead = [
        f"c{number}>c{number + step}:true" for number in range(size) for step in range(1, 20) if number + step < size
    ]
    deep = [f"c{size - 1}>c{number}:false" for number in range(100)]
    flat = [f"c{number + 1}>c{number}:false" for number in range(0, size - 1, 3)]
    nodes: list[dict[str, Any] | str] = ["s", *(condition(f"c{number}", "true") for number in range(size))]
    began = time.process_time()
    assert not validate(graph(*nodes, edges=" ".join(["s>c0", *ahead, *deep])), Registry()).valid
    assert not validate(graph(*nodes, edges=" ".join(["s>c0", *ahead, *flat])), Registry()).valid
    star = [f"n{number}" for number in range(1500)]
    assert validate(graph("s", *star, edges=" ".join(f"s>{name}" for name in star)), Registry()).valid
    assert time.process_time() - began < 20


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=80, derandomize=True)
@given(st.sampled_from(examples()), st.data())
def test_no_definition_breaks_the_checks(definition: dict[str, Any], data: st.DataObject) -> None:
    changed = copy.deepcopy(definition)
    place: Any = changed
    while isinstance(place, (dict, list)) and place:
        key = data.draw(st.sampled_from(sorted(place)) if isinstance(place, dict) else st.integers(0, len(place) - 1))
        if not isinstance(place[key], (dict, list)) or data.draw(st.booleans()):
            place[key] = data.draw(JSON)
            break
        place = place[key]
    report = validate(changed, Registry())
    if report.valid:
        load(changed, Registry())
    else:
        assert all(problem.code and problem.message for problem in report.errors)


def test_edges_are_written_as_the_helper_writes_them() -> None:
    assert edge("a>b:true") == {"source": "a", "target": "b", "when": True}


def test_a_time_limit_of_a_node_that_waits_is_warned_of() -> None:
    definition = {"nodes": [{**node("a", "approval", question="?"), "timeout": 60}]}
    report = validate(definition, Registry())
    assert report.errors == ()
    assert [(problem.path, problem.code) for problem in report.warnings] == [
        ("nodes[0].timeout", "timeout_without_effect")
    ]


def test_an_approval_may_have_a_timeout_edge() -> None:
    definition = graph(node("a", "approval", question="?", schema=True, assignees=["ada"]), "b", edges="a>b:timeout")
    assert found(definition) == []
