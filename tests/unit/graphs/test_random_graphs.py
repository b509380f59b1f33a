"""Random definitions against a reference of ten lines: who runs, who is left out, who comes before whom."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from milepost.graphs import Registry, validate
from tests.unit.graphs.recording import Ran, execute, execute_in_steps

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


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
    loops = any(edge["when"] == "back" for edge in edges)
    choices = st.sampled_from(["x", "y", "none", *(["back"] * 3 if loops else [])])
    plan = [*draw(st.lists(choices, min_size=1, max_size=3)), draw(st.sampled_from(["x", "y", "none"]))]
    name = f"runs_{node['id']}"
    node["config"] = {"value": f"{{{{ {plan!r}[[(variables.{name} or 0), {len(plan) - 1}] | min] }}}}"}
    node["set"] = {name: f"{{{{ (variables.{name} or 0) + 1 }}}}"}


def play(definition: dict[str, Any], limit: int = 200) -> Counter[str] | None:
    """How often each node of a cyclic definition runs: forward edges are decided anew for every entry of their cycle.

    A slow and literal reading of the rules: a node runs when no node that is running or can still run leads to it.
    """
    game = _Game(definition)
    while game.running:
        if sum(game.ran.values()) > limit:
            return None
        game.finish(game.running.pop(0))
    return game.ran


class _Game:
    """Tokens on edges, moved one node at a time."""

    def __init__(self, definition: dict[str, Any]) -> None:
        self.nodes = {node["id"]: node for node in definition["nodes"]}
        self.edges = definition["edges"]
        self.order = list(self.nodes)
        self.live: set[int] = set()
        self.runs: Counter[str] = Counter()
        self.ran: Counter[str] = Counter()
        targets = {edge["target"] for edge in self.edges}
        self.running = [node for node in self.order if node not in targets]

    def back(self, edge: dict[str, Any]) -> bool:
        if self.order.index(edge["target"]) > self.order.index(edge["source"]):
            return False
        return str(edge["source"]) in self._after(str(edge["target"]))

    def _after(self, start: str) -> set[str]:
        """The node and all that follow it in the order of the file."""
        found = {start}
        for _ in self.order:
            found |= {edge["target"] for edge in self.edges if edge["source"] in found and self._ahead(edge)}
        return found

    def _ahead(self, edge: dict[str, Any]) -> bool:
        target, source = str(edge["target"]), str(edge["source"])
        return self.order.index(target) > self.order.index(source)

    def finish(self, node: str) -> None:
        self.ran[node] += 1
        taken = [i for i, edge in enumerate(self.edges) if edge["source"] == node and self._chooses(edge)]
        self.runs[node] += 1
        for index in taken:
            if self.back(self.edges[index]):
                self.running.append(self.edges[index]["target"])
            else:
                self.live.add(index)
        self._start()

    def _chooses(self, edge: dict[str, Any]) -> bool:
        if "when" not in edge:
            return True
        text: str = self.nodes[edge["source"]]["config"]["value"]
        plan = [word.strip("' ") for word in text[text.index("[") + 1 : text.index("]")].split(",")]
        return bool(plan[min(self.runs[edge["source"]], len(plan) - 1)] == str(edge["when"]))

    def _start(self) -> None:
        """Start every node that has a live edge and to which nothing that may still happen leads."""
        waiting = {self.edges[index]["target"] for index in self.live}
        for node in self.order:
            others = (*self.running, *(waiting - self._after(node)))
            if node in waiting and not any(self._leads(other, node) for other in others):
                self.live -= {i for i in self.live if self.edges[i]["target"] == node}
                self.running.append(node)
                waiting.discard(node)

    def _leads(self, start: str, goal: str) -> bool:
        """True when something that happens at `start` can still send a token to `goal`, without passing it first."""
        seen, todo = {start}, [start]
        while todo:
            node = todo.pop()
            for edge in self.edges:
                if edge["source"] == node and edge["target"] == goal:
                    return True
                if edge["source"] == node and edge["target"] not in seen:
                    seen.add(edge["target"])
                    todo.append(edge["target"])
        return False


@settings(QUICK, max_examples=80)
@given(cyclic())
def test_random_cyclic_definitions_that_are_valid_run_as_a_token_game_says(definition: dict[str, Any]) -> None:
    assume(validate(definition, Registry()).valid)
    expected = play(definition)
    assume(expected is not None)
    recorder = asyncio.run(execute(definition)).recorder
    assert Counter(recorder.ran) == expected
    assert set(recorder.ran) | set(recorder.skipped) == {node["id"] for node in definition["nodes"]}
