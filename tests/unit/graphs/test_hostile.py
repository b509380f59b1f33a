"""Definitions and nodes that nobody writes by accident: each is refused or fails like any other, with its place."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from milepost.graphs import Config, NodeContext, NodeType, Registry, load, validate
from tests.unit.graphs.recording import execute, graph, node, switch

TOO_DEEP = 400


def nested(depth: int, innermost: Any = 1) -> Any:
    """Objects inside one another."""
    value = innermost
    for _ in range(depth):
        value = {"a": value}
    return value


def problems(definition: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where the definition is wrong, and how."""
    return [(problem.path, problem.code) for problem in validate(definition, Registry()).errors]


@pytest.mark.parametrize("name", ["checkpoint_id", "checkpoint_map", "checkpoint_ns", "configurable", "__input__"])
def test_an_id_that_langgraph_keeps_for_itself_is_a_problem_of_that_id(name: str) -> None:
    assert problems({"steps": [node("a"), node(name)]}) == [("steps[1].id", "bad_id")]


@pytest.mark.parametrize(
    "name", ["input", "out", "start", "window", "item", "branch", "root", "_", "a-", "_-_-", "x" * 64]
)
async def test_an_id_that_means_something_inside_runs_like_any_other(name: str) -> None:
    first = graph(name, "a", "b", "c", "d", "j", edges=f"{name}>a a>b {name}>c c>d b>j d>j")
    inside = graph("s", name, "b", "c", "d", "j", edges=f"s>{name} {name}>b s>c c>d b>j d>j")
    for definition in (first, inside):
        ran = await execute(definition)
        assert sorted(ran.recorder.ran) == sorted(each["id"] for each in definition["nodes"])


def test_values_that_are_nested_too_deeply_are_problems_where_they_stand() -> None:
    deep = nested(TOO_DEEP)
    choice = graph(node("s", "switch", value="{{ input.x }}", cases=[deep]), "a", edges="s>a:x")
    choice["edges"][0]["when"] = deep
    assert {path.partition(".a")[0] for path, _ in problems(choice)} == {
        "nodes[0].config",
        "nodes[0].config.cases[0]",
        "edges[0].when",
    }
    assert problems({"steps": [node("a")], "input_schema": deep}) == [("input_schema", "invalid_value")]


def test_what_a_map_does_with_errors_cannot_be_computed() -> None:
    each = node("a", "map", over=[1], node={"type": "process"}, on_item_error="{{ input.mode }}")
    assert problems({"steps": [each]}) == [("steps[0].config.on_item_error", "invalid_value")]


def test_whens_that_are_equal_as_json_count_as_taken_together() -> None:
    definition = graph("first", "a", switch("s", "{{ input.x }}"), "b", edges="first>a a>s s>a:x s>b:x")
    definition["edges"][2]["when"], definition["edges"][3]["when"] = {"x": [1]}, {"x": [1.0]}
    assert problems(definition) == [("edges[2]", "cycle_left_and_kept")]


def test_a_switch_of_thousands_of_cases_is_checked_in_time_that_grows_with_them() -> None:
    size = 9_000
    definition = graph(node("s", "switch", value="{{ input.x }}", cases=list(range(size))), "a", edges="")
    definition["edges"] = [{"source": "s", "target": "a", "when": number} for number in range(size)]
    begun = time.process_time()
    report = validate(definition, Registry())
    assert time.process_time() - begun < 10
    assert (report.errors, report.warnings) == ((), ())


def test_a_branch_holds_only_the_variables_that_it_sets_or_reads() -> None:
    definition = graph("s", "a1", "a2", "b1", "b2", "j", edges="s>a1 a1>a2 s>b1 b1>b2 a2>j b2>j")
    s, a1, a2, *_ = definition["nodes"]
    s["set"] = {f"v{number}": number for number in range(9)}
    a1["set"], a2["config"] = {"v1": 0}, {"value": "{{ variables.v2 }}"}
    nodes: Mapping[str, Any] = load(definition, Registry()).graph.nodes
    held = {
        name: {channel for channel in nodes[name].bound.afunc._graph.channels if channel.startswith("var:")}
        for name in ("branch a1", "branch b1")
    }
    assert held == {"branch a1": {"var:v1", "var:v2"}, "branch b1": set()}


def test_more_variables_than_a_graph_can_hold_are_refused() -> None:
    definition = {"steps": [{**node("a"), "set": {f"v{number}": 1 for number in range(2_001)}}]}
    assert problems(definition) == [("", "too_many")]


class Unprintable(Exception):
    """Raises again when it is to be written down."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class HalfAnError(NodeType[Config]):
    """Fails with a message that has no UTF-8."""

    name = "half"
    config_model = Config

    async def run(self, ctx: NodeContext[Config]) -> Mapping[str, Any]:
        raise ValueError("half \ud800")


class NoText(NodeType[Config]):
    """Fails with an error that cannot be written down."""

    name = "no_text"
    config_model = Config

    async def run(self, ctx: NodeContext[Config]) -> Mapping[str, Any]:
        raise Unprintable


class Interrupted(NodeType[Config]):
    """Raises what would end the loop that it runs in."""

    name = "interrupted"
    config_model = Config

    async def run(self, ctx: NodeContext[Config]) -> Mapping[str, Any]:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("kind", "type_name", "message"),
    [
        (HalfAnError, "ValueError", "half ?"),
        (NoText, "Unprintable", "Unprintable"),
        (Interrupted, "KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
async def test_whatever_a_node_raises_is_its_failure(kind: type[NodeType[Any]], type_name: str, message: str) -> None:
    ran = await execute({"steps": [{**node("a", kind.name), "on_error": "continue"}, node("b")]}, types=(kind,))
    assert ran.recorder.ran == ["a", "b"]
    assert ran.values["output:a"] == {"error": {"code": "node_error", "type": type_name, "message": message}}
    failure = ran.recorder.outcomes[0].failure
    assert failure is not None
    failure.traceback.encode()
