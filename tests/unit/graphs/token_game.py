"""The reference that random definitions are compared with: a slow and literal reading of the rules, a token an edge."""

from __future__ import annotations

from collections import Counter
from typing import Any

FAIL = "fail"
"""What a node's plan says for the turns in which it fails."""


def plan_of(node: dict[str, Any]) -> list[str]:
    """What a node does each time it runs, the last for all times after that."""
    config = node.get("config", {})
    if node["type"] == "switch":
        text: str = config["value"]
        return [word.strip("' ") for word in text[text.index("[") + 1 : text.index("]")].split(",")]
    return list(config.get("plan", ["on"]))


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
        """True for an edge that the word of this turn takes; a failure takes the edges for errors, if there are any."""
        source, when = str(edge["source"]), edge.get("when")
        plan = plan_of(self.nodes[source])
        word = plan[min(self.runs[source], len(plan) - 1)]
        caught = {other.get("when") for other in self.edges if other["source"] == source}
        if word == FAIL and "error" in caught:
            return bool(when == "error")
        return when in (None, word)

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
                if edge["source"] != node or self._repeats(edge, goal):
                    continue
                if edge["target"] == goal:
                    return True
                if edge["target"] not in seen:
                    seen.add(edge["target"])
                    todo.append(edge["target"])
        return False

    def _repeats(self, edge: dict[str, Any], node: str) -> bool:
        """True for a back edge of a cycle that the node is in: what it starts is the cycle's next turn."""
        return self.back(edge) and node in self._after(str(edge["target"])) and edge["source"] in self._after(node)
