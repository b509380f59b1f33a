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
    """The game played to its end; None if nodes run more than `limit` times in all."""
    game = Game(definition)
    while game.running:
        if sum(game.ran.values()) > limit:
            return None
        game.finish(game.running.pop(0))
    return game


class Game:
    """Tokens on edges, moved one node at a time: forward edges are decided anew for every entry of their cycle, and a
    node runs when no node that is running or can still run leads to it. What fails the run ends its branch here, and
    what is beside it goes on."""

    def __init__(self, definition: dict[str, Any]) -> None:
        self.nodes = {node["id"]: node for node in definition["nodes"]}
        self.edges = [(edge["source"], edge["target"], edge.get("when")) for edge in definition["edges"]]
        self.most = definition.get("max_iterations", 100)
        self.ran: Counter[str] = Counter()
        self.repeated: Counter[str] = Counter()
        self.fatal: dict[str, str] = {}
        """The error's code, by the node that fails the run."""
        self.live: set[int] = set()
        self.running = [name for name in self.nodes if not any(name == target for _, target, _ in self.edges)]
        place = {name: number for number, name in enumerate(self.nodes)}
        self.after = {name: {name} for name in self.nodes}
        for name in reversed(place):
            ahead = [target for source, target, _ in self.edges if source == name and place[target] > place[name]]
            self.after[name] = self.after[name].union(*(self.after[target] for target in ahead))
        closing = [place[target] <= place[source] and source in self.after[target] for source, target, _ in self.edges]
        self.back = {index for index, closes in enumerate(closing) if closes}

    def finish(self, node: str) -> None:
        taken = self._taken(node)
        self.ran[node] += 1
        self.live |= taken - self.back
        for header in [self.edges[index][1] for index in taken & self.back]:
            self.repeated[header] += 1
            if self.repeated[header] > self.most:
                self.fatal[node] = "max_iterations"
            else:
                self.running.append(header)
        self._start()

    def _taken(self, node: str) -> set[int]:
        """The edges that the word of this turn takes: of a failure those for it, or it fails the run."""
        plan = plan_of(self.nodes[node])
        word = plan[min(self.ran[node], len(plan) - 1)]
        edges = {index: when for index, (source, _, when) in enumerate(self.edges) if source == node}
        caught = list(edges.values())
        wanted: tuple[Any, ...] = (None, word if word in caught else "else")
        if word == TIMEOUT and TIMEOUT in caught:
            wanted = (TIMEOUT,)
        elif word in (FAIL, TIMEOUT) and "error" in caught:
            wanted = ("error",)
        elif word in (FAIL, TIMEOUT) and self.nodes[node].get("on_error") != "continue":
            self.fatal[node] = TIMEOUT if word == TIMEOUT else "node_error"
            wanted = ()
        return {index for index, when in edges.items() if when in wanted}

    def _start(self) -> None:
        """Start every node that has a live edge and to which nothing that may still happen leads."""
        waiting = {self.edges[index][1] for index in self.live}
        for node in self.nodes:
            others = (*self.running, *(waiting - self.after[node]))
            if node in waiting and not any(self._leads(other, node) for other in others):
                self.live -= {index for index in self.live if self.edges[index][1] == node}
                self.repeated[node] = 0
                self.running.append(node)
                waiting.discard(node)

    def _leads(self, start: str, goal: str) -> bool:
        """True when something that happens at `start` can still send a token to `goal`, without passing it first.

        A back edge of a cycle that `goal` is in does not: what it starts is the cycle's next turn.
        """
        seen, todo = {start}, [start]
        while todo:
            node = todo.pop()
            for index, (source, target, _) in enumerate(self.edges):
                repeats = index in self.back and goal in self.after[target] and source in self.after[goal]
                if source == node and not repeats:
                    if target == goal:
                        return True
                    todo += {target} - seen
                    seen.add(target)
        return False
