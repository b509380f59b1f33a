"""Random definitions of sequences, forks, choices and loops inside one another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from tests.unit.graphs.recording import node

Run = Callable[[], None]
Source = tuple[str, str | bool | None]

BRANCHES: tuple[tuple[str, dict[str, str | bool]], ...] = (
    ("switch", {"x": "x", "y": "y"}),
    ("switch", {"x": "x", "y": "else"}),
    ("condition", {"x": True, "y": False}),
    ("condition", {"x": "else", "y": False}),
)
"""What a choice may be: its type, and the `when` of each of its words; a condition is true for x."""


@st.composite
def structured(draw: st.DrawFn) -> tuple[dict[str, Any], Counter[str]]:
    """A definition of sequences, forks, conditions and loops inside one another, and how often each node runs."""
    plan = Plan(draw)
    first = plan.node()
    _, run = plan.sequence(first, depth=0)
    plan.mark(first)
    run()
    assume(sum(plan.ran.values()) <= 80)
    return {"nodes": plan.nodes, "edges": plan.edges}, plan.ran


class Plan:
    """Nodes and edges as they are drawn, each node before all that follow it; every part knows how it runs."""

    letter = "n"
    """What all names begin with."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.nodes: list[dict[str, Any]] = []
        self.edges: list[dict[str, Any]] = []
        self.ran: Counter[str] = Counter()

    def node(self, *sources: Source, asks: bool = False) -> str:
        name = f"{self.letter}{len(self.nodes)}"
        self.nodes.append(node(name, "ask", question="?") if asks else node(name))
        for source, when in sources:
            self.edges.append({"source": source, "target": name, **({} if when is None else {"when": when})})
        return name

    def mark(self, *names: str) -> None:
        self.ran.update(names)

    def sequence(self, last: str, depth: int, when: str | bool | None = None) -> tuple[str, Run]:
        parts = []
        kinds = self.kinds(depth)
        for number in range(self.draw(st.integers(1, 2 if depth else 3))):
            build = self.draw(st.sampled_from(kinds))
            last, part = build((last, when if number == 0 else None), depth + 1)
            parts.append(part)

        def run() -> None:
            for part in parts:
                part()

        return last, run

    def kinds(self, depth: int) -> list[Callable[[Source, int], tuple[str, Run]]]:
        """What a sequence is made of."""
        return [self._node, self._node, self._fork, self._choice, self._loop] if depth < 2 else [self._node]

    def _node(self, source: Source, depth: int) -> tuple[str, Run]:
        name = self.node(source, asks=self.draw(st.integers(0, 5)) == 0)
        return name, lambda: self.mark(name)

    def _fork(self, source: Source, depth: int) -> tuple[str, Run]:
        fork = self.node(source)
        arms = [self.sequence(fork, depth) for _ in range(self.draw(st.integers(2, 3)))]
        join = self.node(*((end, None) for end, _ in arms))

        def run() -> None:
            self.mark(fork, join)
            for _, arm in arms:
                arm()

        return join, run

    def _choice(self, source: Source, depth: int) -> tuple[str, Run]:
        choice = self.node(source)
        kind, cases = self.draw(st.sampled_from(BRANCHES))
        chosen = self._switch(choice, ["x", "y"], kind)
        arms = {word: self.sequence(choice, depth, when) for word, when in cases.items()}
        join = self.node(*((end, None) for end, _ in arms.values()))

        def run() -> None:
            word = chosen[min(self.ran[choice], len(chosen) - 1)]
            self.mark(choice, join)
            arms[word][1]()

        return join, run

    def _loop(self, source: Source, depth: int) -> tuple[str, Run]:
        header = self.node(source)
        last, body = self.sequence(header, depth)
        end = self.node((last, None))
        chosen = self._switch(end, ["back", "x"])
        self.edges.append({"source": end, "target": header, "when": "back"})
        after = self.node((end, "x"))

        def run() -> None:
            again = True
            while again:
                self.mark(header)
                body()
                again = chosen[min(self.ran[end], len(chosen) - 1)] == "back"
                self.mark(end)
            self.mark(after)

        return after, run

    def _switch(self, name: str, words: list[str], kind: str = "switch") -> list[str]:
        chosen = [*self.draw(st.lists(st.sampled_from(words), min_size=1, max_size=2)), "x"]
        word = f"{chosen!r}[[(variables.runs_{name} or 0), {len(chosen) - 1}] | min]"
        config = {"value": f"{{{{ {word} }}}}"} if kind == "switch" else {"expression": f"{word} == 'x'"}
        self.change(name, type=kind, config=config, set=self.counted(name))
        return chosen

    def change(self, name: str, **more: Any) -> None:
        """Make more of a node."""
        self.nodes[int(name[1:])] |= more

    def counted(self, name: str) -> dict[str, str]:
        """A `set` that counts how often a node ran."""
        return {f"runs_{name}": f"{{{{ (variables.runs_{name} or 0) + 1 }}}}"}
