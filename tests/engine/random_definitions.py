"""Random definitions of all that the engine can do, and how often each of their nodes is to run."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from milepost.graphs import validate
from tests.engine.random_nodes import CHILD, ITEM, NESTED, RETRY, registry, some_node
from tests.unit.graphs.structured import Plan, Source
from tests.unit.graphs.structured import Run as Part
from tests.unit.graphs.test_random_graphs import cyclic
from tests.unit.graphs.token_game import FAIL, LATE, TIMEOUT, outcome

PATIENT = 100_000_000
"""Seconds: a `timeout` that is never over."""


class WholePlan(Plan):
    """Adds questions, events, waits, retries, failures and deadlines to the parts."""

    without: frozenset[str] = frozenset()
    """Types that its nodes are not of."""

    def kinds(self, depth: int) -> list[Callable[[Source, int], tuple[str, Part]]]:
        deeper = [self._handled, self._in_time] if depth < 2 else []
        return [*super().kinds(depth), self._node, self._node, self._goes_on, *deeper]

    def _node(self, source: Source, depth: int) -> tuple[str, Part]:
        name = self.node(source)
        self.change(name, **some_node(self.draw, name, self.without))
        return name, lambda: self.mark(name)

    def _goes_on(self, source: Source, depth: int) -> tuple[str, Part]:
        tick, name, _ = self._fails(source)
        self.change(name, on_error="continue")
        return name, lambda: self.mark(tick, name)

    def _handled(self, source: Source, depth: int) -> tuple[str, Part]:
        tick, name, plan = self._fails(source)
        arms = {"on": self.sequence(name, depth), FAIL: self.sequence(name, depth, "error")}
        join = self.node(*((end, None) for end, _ in arms.values()))

        def run() -> None:
            word = plan[min(self.ran[name], len(plan) - 1)]
            self.mark(tick, name, join)
            arms[word][1]()

        return join, run

    def _in_time(self, source: Source, depth: int) -> tuple[str, Part]:
        """A node that is answered in time, or never."""
        name = self.node(source)
        kinds = {"approval": {"question": f"{name}?"}, "wait_event": {"event": name}}
        kind = self.draw(st.sampled_from([kind for kind in kinds if kind not in self.without]))
        late = self.draw(st.booleans())
        self.change(name, type=kind, config={**kinds[kind], "timeout": LATE if late else PATIENT})
        in_time, too_late = self.sequence(name, depth), self.sequence(name, depth, TIMEOUT)
        join = self.node((in_time[0], None), (too_late[0], None))

        def run() -> None:
            self.mark(name, join)
            (too_late if late else in_time)[1]()

        return join, run

    def _fails(self, source: Source) -> tuple[str, str, list[str]]:
        """A node that fails by plan, behind one that counts its turns: a failure sets no variables."""
        tick = self.node(source)
        self.change(tick, set=self.counted(tick))
        name = self.node((tick, None))
        plan = self.draw(st.lists(st.sampled_from([FAIL, "on"]), min_size=1, max_size=3))
        kind = self.draw(st.sampled_from(["planned", "planned_in_thread", "planned_effect"]))
        config = {"plan": plan, "turn": f"{{{{ variables.runs_{tick} - 1 }}}}"}
        self.change(name, type=kind, config=config)
        if self.draw(st.booleans()):
            self.change(name, retry=RETRY)
        return tick, name, plan


class ChildPlan(WholePlan):
    """A workflow that is a node of another: what it waits for could be another node's."""

    letter = "c"
    without = NESTED | {"wait_event"}


class ItemPlan(ChildPlan):
    """A workflow of a map's items: what several of them ask is asked in any order."""

    letter = "i"
    without = NESTED | {"wait_event", "approval"}

    def kinds(self, depth: int) -> list[Callable[[Source, int], tuple[str, Part]]]:
        return [kind for kind in super().kinds(depth) if kind != self._in_time]


@dataclass
class Drawn:
    """A definition and how often each of its nodes runs; the workflows that it names."""

    definition: dict[str, Any]
    ran: Counter[str]
    fatal: Mapping[str, str] = field(default_factory=dict)
    """The code of the run's error, by the node that fails it for good; then ``ran`` is the most."""
    children: dict[str, "Drawn"] = field(default_factory=dict)

    def in_all(self) -> Counter[str]:
        """How often each node runs, those of workflows that are nodes included; a map's items are no nodes."""
        found = Counter(self.ran)
        for item in self.definition["nodes"]:
            if item["type"] == "subworkflow" and self.ran[item["id"]]:
                inside = self.children[CHILD].ran
                found.update({f"{item['id']}/{name}": times * self.ran[item["id"]] for name, times in inside.items()})
        return found

    def entered(self) -> set[str]:
        """The nodes that a run or one of its branches may begin with: those that are not the only one after one other.

        They begin while the first checkpoint is on its way. A stop before that is on disk gives their next execution
        another task, but for those that have effects.
        """
        edges = self.definition["edges"]
        out, into = Counter(edge["source"] for edge in edges), Counter(edge["target"] for edge in edges)
        chained = {edge["target"] for edge in edges if out[edge["source"]] == into[edge["target"]] == 1}
        found = {item["id"] for item in self.definition["nodes"]} - chained
        for item in self.definition["nodes"]:
            if item["type"] == "subworkflow":
                found |= {f"{item['id']}/{name}" for name in self.children[CHILD].entered()}
        return found

    def effects_in_items(self) -> int:
        """How often what has an effect runs for the items of maps."""
        nodes = self.definition["nodes"]
        maps = sum(self.ran[item["id"]] for item in nodes if "workflow" in item["config"] and item["type"] == "map")
        return 3 * maps * self.children[ITEM].effects() if maps else 0

    def effects(self) -> int:
        """How often nodes with an effect run."""
        return sum(self.ran[item["id"]] for item in self.definition["nodes"] if item["type"] == "planned_effect")


@st.composite
def whole(draw: st.DrawFn, most: int = 60) -> Drawn:
    """A definition of parts inside one another that shows at its end what all its nodes gave."""
    drawn = _written(WholePlan(draw), 0)
    types = {item["type"] for item in drawn.definition["nodes"]}
    if types & NESTED:
        drawn.children = {CHILD: _written(ChildPlan(draw), 1), ITEM: _written(ItemPlan(draw), 1)}
    assume(sum(drawn.in_all().values()) <= most)
    return drawn


def _written(plan: Plan, depth: int) -> Drawn:
    first = plan.node()
    last, run = plan.sequence(first, depth)
    shown = {item["id"]: f"{{{{ outputs.{item['id']} }}}}" for item in plan.nodes}
    end = plan.node((last, None))
    plan.change(end, type="output", config={"value": shown})
    definition = {"name": "whole", "nodes": plan.nodes, "edges": plan.edges}
    plan.mark(first, end)
    run()
    assume(sum(plan.ran.values()) <= 100)
    drawn = _expected(definition, 200)
    assert drawn.ran == plan.ran
    return drawn


def _expected(definition: dict[str, Any], most: int) -> Drawn:
    game = outcome(definition, most)
    assume(game is not None)
    return Drawn(definition, game.ran, game.fatal) if game else Drawn(definition, Counter())


@st.composite
def doomed(draw: st.DrawFn) -> Drawn:
    """A definition of which a node fails, or whose cycles go on for too long: its run fails."""
    drawn = draw(whole())
    definition = drawn.definition
    why = draw(st.sampled_from(["max_iterations", "fails", "late"]))
    if why == "max_iterations":
        definition[why] = 1
    else:
        handled = {edge["source"] for edge in definition["edges"] if "when" in edge}
        reached = [item for item in definition["nodes"][1:-1] if drawn.ran[item["id"]] and item["id"] not in handled]
        assume(reached)
        item = draw(st.sampled_from(reached))
        item.pop("on_error", None)
        late = {"type": "approval", "config": {"question": "?", "timeout": LATE}}
        item |= late if why == "late" else {"type": "planned", "config": {"plan": [FAIL]}}
    expected = _expected(definition, 200)
    expected.children = drawn.children
    assume(expected.fatal)
    return expected


@st.composite
def knotted(draw: st.DrawFn, most: int = 60) -> Drawn:
    """A definition of any edges, with cycles; what fails is known to, and is handled or goes on."""
    definition: dict[str, Any] = {"name": "knotted", **draw(cyclic())}
    for item in [item for item in definition["nodes"] if item["type"] == "process"]:
        item.update(some_node(draw, item["id"], NESTED))
        if item["type"] == "planned" and draw(st.booleans()):
            item.update({"config": {"plan": [FAIL]}, "on_error": "continue"})
            for edge in definition["edges"]:
                if edge["source"] == item["id"] and draw(st.booleans()):
                    edge["when"] = "error"
    assume(validate(definition, registry()).valid)
    return _expected(definition, most)
