"""Random definitions against a reference of ten lines: who runs, who is left out, who comes before whom."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from milepost.graphs import Registry, validate
from tests.unit.graphs.recording import Ran, execute, execute_in_steps, graph, switch
from tests.unit.graphs.token_game import play

QUICK = settings(max_examples=40, suppress_health_check=list(HealthCheck), derandomize=True)


@st.composite
def acyclic(draw: st.DrawFn) -> dict[str, Any]:
    """A definition without cycles: conditions of random truth, parallel forks, joins of anything."""
    size = draw(st.integers(2, 12))
    nodes, edges = [], []
    for number in range(size):
        truth = draw(st.sampled_from([None, None, "true", "false"]))
        config = {} if truth is None else {"expression": truth}
        nodes.append({"id": f"n{number}", "type": "process" if truth is None else "condition", "config": config})
        sources = draw(st.lists(st.integers(0, number - 1), max_size=3, unique=True)) if number else []
        for source in sources:
            edge: dict[str, Any] = {"source": f"n{source}", "target": f"n{number}"}
            if nodes[source]["type"] == "condition":
                edge["when"] = draw(st.sampled_from([True, False, "else"]))
            edges.append(edge)
    cased = {edge["source"] for edge in edges if isinstance(edge.get("when"), bool)}
    for edge in edges:
        if edge.get("when") == "else" and edge["source"] not in cased:
            edge["when"] = True
    shuffled = draw(st.permutations(nodes))
    return {"nodes": shuffled, "edges": edges}


def reference(definition: dict[str, Any]) -> set[str]:
    """The nodes that run, by the rules for live and dead edges alone."""
    kinds = {node["id"]: node for node in definition["nodes"]}
    live: dict[str, bool] = {}
    for number in range(len(kinds)):
        incoming = [edge for edge in definition["edges"] if edge["target"] == f"n{number}"]
        live[f"n{number}"] = not incoming or any(live[e["source"]] and _takes(e, kinds, definition) for e in incoming)
    return {node for node, alive in live.items() if alive}


def _takes(edge: dict[str, Any], kinds: dict[str, Any], definition: dict[str, Any]) -> bool:
    if "when" not in edge:
        return True
    value = kinds[edge["source"]]["config"]["expression"] == "true"
    others = [other["when"] for other in definition["edges"] if other["source"] == edge["source"]]
    return value not in others if edge["when"] == "else" else edge["when"] is value


def agrees(definition: dict[str, Any], ran: Ran) -> None:
    """Assert that a run did what the reference says."""
    expected = reference(definition)
    recorder = ran.recorder
    assert Counter(recorder.ran) == Counter(dict.fromkeys(expected, 1))
    assert set(recorder.skipped) == {node["id"] for node in definition["nodes"]} - expected
    places = {node: place for place, node in enumerate(recorder.ran)}
    for edge in definition["edges"]:
        if edge["source"] in expected and edge["target"] in expected:
            assert places[edge["source"]] < places[edge["target"]]
    reported = [node for outcome in recorder.outcomes for node in (outcome.node_id, *outcome.skipped)]
    assert len(reported) == len(set(reported))


@QUICK
@given(acyclic())
def test_random_acyclic_definitions_run_as_the_reference_says(definition: dict[str, Any]) -> None:
    agrees(definition, asyncio.run(execute(definition)))


@QUICK
@given(acyclic())
def test_stopping_at_every_step_and_going_on_changes_nothing(definition: dict[str, Any]) -> None:
    agrees(definition, asyncio.run(execute_in_steps(definition, {})))


@st.composite
def cyclic(draw: st.DrawFn) -> dict[str, Any]:
    """A definition with cycles. Each switch takes its edges by how often it ran, and in the end none that goes back."""
    size = draw(st.integers(3, 9))
    nodes: list[dict[str, Any]] = [{"id": "n0", "type": "process"}]
    edges: list[dict[str, Any]] = []
    for number in range(1, size):
        kind = draw(st.sampled_from(["process", "switch"]))
        nodes.append({"id": f"n{number}", "type": kind})
        sources = draw(st.lists(st.integers(0, number - 1), min_size=1, max_size=2, unique=True))
        edges += [{"source": f"n{source}", "target": f"n{number}"} for source in sources]
    switches = [number for number in range(1, size) if nodes[number]["type"] == "switch"]
    backs = draw(st.lists(st.sampled_from(switches), max_size=2, unique=True)) if switches else []
    edges += [{"source": f"n{end}", "target": f"n{draw(st.integers(1, end))}", "back": True} for end in backs]
    for number in switches:
        _decide(draw, nodes[number], [edge for edge in edges if edge["source"] == f"n{number}"])
    return {
        "nodes": nodes,
        "edges": [{key: edge[key] for key in edge if key != "back"} for edge in edges],
    }


def _decide(draw: st.DrawFn, node: dict[str, Any], edges: list[dict[str, Any]]) -> None:
    for edge in edges:
        edge["when"] = "back" if edge.get("back") else draw(st.sampled_from(["x", "y"]))
    if len(edges) > 1 and edges[0]["when"] != "back" and draw(st.booleans()):
        edges[0]["when"] = "else"
    loops = any(edge["when"] == "back" for edge in edges)
    choices = st.sampled_from(["x", "y", "none", *(["back"] * 3 if loops else [])])
    plan = [*draw(st.lists(choices, min_size=1, max_size=3)), draw(st.sampled_from(["x", "y", "none"]))]
    name = f"runs_{node['id']}"
    node["config"] = {"value": f"{{{{ {plan!r}[[(variables.{name} or 0), {len(plan) - 1}] | min] }}}}"}
    node["set"] = {name: f"{{{{ (variables.{name} or 0) + 1 }}}}"}


@settings(QUICK, max_examples=80)
@given(cyclic())
def test_random_cyclic_definitions_that_are_valid_run_as_a_token_game_says(definition: dict[str, Any]) -> None:
    assume(validate(definition, Registry()).valid)
    expected = play(definition)
    assume(expected is not None)
    recorder = asyncio.run(execute(definition)).recorder
    assert Counter(recorder.ran) == expected
    assert set(recorder.ran) | set(recorder.skipped) == {node["id"] for node in definition["nodes"]}


def test_the_token_game_lets_a_fork_in_a_cycle_run() -> None:
    again = "{{ ['back', 'x'][[(variables.runs_c or 0), 1] | min] }}"
    ends = ("s>a", "a>b", "a>b2", "b>j", "b2>j", "j>c", "c>a:back", "c>z:x")
    definition = graph("s", "a", "b", "b2", "j", switch("c", again), "z", edges=" ".join(ends))
    assert play(definition) == Counter({"s": 1, "z": 1} | dict.fromkeys(["a", "b", "b2", "j", "c"], 2))
