"""The reference that random definitions are compared with: a slow and literal reading of the rules, a token an edge."""

from __future__ import annotations

from collections import Counter
from typing import Any

FAIL, TIMEOUT = "fail", "timeout"
"""What a node's plan says for the turns in which it fails, or waits for what nobody says."""
LATE = 60
"""Seconds: the `timeout` of a node that nobody answers."""


def plan_of(node: dict[str, Any]) -> list[Any]:
    """What a node does each time it runs, the last for all times after that."""
    config = node.get("config", {})
    if node["type"] in ("switch", "condition"):
        text: str = config.get("value") or config["expression"]
        words = [word.strip("' ") for word in text[text.index("[") + 1 : text.index("]")].split(",")]
        return words if node["type"] == "switch" else [word == "x" for word in words]
    return [TIMEOUT] if config.get("timeout") == LATE else list(config.get("plan", ["on"]))


def play(definition: dict[str, Any], limit: int = 200) -> Counter[str] | None:
    """How often each node of a definition runs; None if that is more than `limit` in all."""
    game = outcome(definition, limit)
    return None if game is None else game.ran


def outcome(definition: dict[str, Any], limit: int = 200) -> Game | None:
    """How often each node runs, and which of them fail the run: forward edges are decided anew for every entry of
    their cycle. A node runs when no node that is running or can still run leads to it."""
    game = Game(definition)
    while game.running:
        if sum(game.ran.values()) > limit:
            return None
        game.finish(game.running.pop(0))
    return game


class Game:
    """Tokens on edges, moved one node at a time. What fails the run ends its branch; what is beside it goes on."""

    def __init__(self, definition: dict[str, Any]) -> None:
        self.nodes = {node["id"]: node for node in definition["nodes"]}
        self.edges = definition["edges"]
        self.most = definition.get("max_iterations", 100)
        self.order = list(self.nodes)
        self.live: set[int] = set()
        self.ran: Counter[str] = Counter()
        self.repeated: Counter[str] = Counter()
        self.fatal: dict[str, str] = {}
        """The error's code, by the node that fails the run."""
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
        taken = self._taken(node)
        self.ran[node] += 1
        for index in taken:
            if self.back(self.edges[index]):
                self._repeat(node, self.edges[index]["target"])
            else:
                self.live.add(index)
        self._start()

    def _repeat(self, node: str, header: str) -> None:
        self.repeated[header] += 1
        if self.repeated[header] > self.most:
            self.fatal[node] = "max_iterations"
        else:
            self.running.append(header)

    def _taken(self, node: str) -> list[int]:
        """The edges that the word of this turn takes: of a failure those for it, or it fails the run."""
        plan = plan_of(self.nodes[node])
        word = plan[min(self.ran[node], len(plan) - 1)]
        edges = {index: edge.get("when") for index, edge in enumerate(self.edges) if edge["source"] == node}
        caught = list(edges.values())
        code = TIMEOUT if word == TIMEOUT else "node_error"
        if word == TIMEOUT and TIMEOUT not in caught:
            word = FAIL
        if word == FAIL:
            if "error" not in caught and self.nodes[node].get("on_error") != "continue":
                self.fatal[node] = code
                return []
            word = "error" if "error" in caught else "on"
        wanted = (word,) if word in ("error", TIMEOUT) else (None, word if word in caught else "else")
        return [index for index, when in edges.items() if when in wanted]

    def _start(self) -> None:
        """Start every node that has a live edge and to which nothing that may still happen leads."""
        waiting = {self.edges[index]["target"] for index in self.live}
        for node in self.order:
            others = (*self.running, *(waiting - self._after(node)))
            if node in waiting and not any(self._leads(other, node) for other in others):
                self.live -= {i for i in self.live if self.edges[i]["target"] == node}
                self.repeated[node] = 0
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
