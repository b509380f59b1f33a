"""Random definitions of all that the engine can do, and a driver that answers, pauses, stops and kills their runs."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import assume
from hypothesis import strategies as st
from pydantic import Field

from milepost.graphs import Registry, validate
from milepost.graphs.context import NodeContext
from milepost.graphs.node_types import Config, NodeType
from milepost.server.app import DEFAULT_SLUG, App, build, prepare
from milepost.server.config import load_settings
from milepost.server.errors import InvalidState, PauseOvertaken
from milepost.server.runs.control import Resume
from milepost.server.states import RunStatus
from milepost.server.store.rows import Run
from tests.engine.conftest import ACTOR, ENDED, Bench
from tests.unit.graphs.structured import Plan, Source
from tests.unit.graphs.structured import Run as Part
from tests.unit.graphs.test_random_graphs import cyclic
from tests.unit.graphs.token_game import FAIL, play

MOMENTS = frozenset({"node.started", "node.completed", "node.failed", "node.waiting", "run.waiting", "run.paused"})


class PlannedConfig(Config):
    """``plan``: what the node does each time it runs; ``turn``: how often it ran; ``flaky``: fails every first try."""

    plan: list[str] = Field(default_factory=lambda: ["on"])
    turn: int = 0
    flaky: bool = False
    seconds: float = 0.0


class Planned(NodeType[PlannedConfig]):
    """Ends or fails as it is planned."""

    name: ClassVar[str] = "planned"
    config_model = PlannedConfig

    def __init__(self) -> None:
        self._tries: Counter[str] = Counter()

    async def run(self, ctx: NodeContext[PlannedConfig]) -> Mapping[str, Any]:
        await asyncio.sleep(ctx.config.seconds)
        return self.act(ctx)

    def act(self, ctx: NodeContext[PlannedConfig]) -> Mapping[str, Any]:
        """The turn, or the failure that was planned for it."""
        config = ctx.config
        self._tries[ctx.idempotency_key] += 1
        if config.flaky and self._tries[ctx.idempotency_key] == 1:
            raise RuntimeError("the first try fails")
        if config.plan[min(config.turn, len(config.plan) - 1)] == FAIL:
            raise RuntimeError(f"planned for turn {config.turn}")
        return {"turn": config.turn}


class PlannedInThread(Planned):
    """The same in a thread."""

    name: ClassVar[str] = "planned_in_thread"

    def run(self, ctx: NodeContext[PlannedConfig]) -> Mapping[str, Any]:  # type: ignore[override]
        return self.act(ctx)


def registry() -> Registry:
    """The built-in node types and the planned ones."""
    types = Registry()
    types.register(Planned)
    types.register(PlannedInThread)
    return types


CHILD, ITEM = "workflow that is a node", "workflow of an item"
"""Stand for the ids of workflows that are stored before the definition is."""
RETRY = {"max_attempts": 2, "initial_interval": 0.001, "jitter": False}
BODY = {"type": "planned", "config": {"flaky": True, "turn": "{{ item }}"}, "retry": RETRY}
NESTED = frozenset({"map", "subworkflow"})


def some_node(draw: st.DrawFn, name: str, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """What a node that does not branch may be: its type, its config and its retry."""
    kinds: list[dict[str, Any]] = [
        {"type": "process", "config": {}},
        {"type": "process", "config": {"value": {"at": name}}},
        {"type": "approval", "config": {"question": f"{name}?"}},
        {"type": "wait_event", "config": {"event": name}},
        {"type": "wait", "config": {"seconds": 0.005}},
        {"type": "planned", "config": {"seconds": 0.005}},
        {"type": "planned_in_thread", "config": {}},
        {"type": "planned", "config": {"flaky": True}, "retry": RETRY},
        {"type": "map", "config": {"over": [1, 2, 3], "max_concurrency": 2, "node": BODY}},
        {"type": "map", "config": {"over": [1, 2, 3], "max_concurrency": 2, "workflow": {"workflow_id": ITEM}}},
        {"type": "subworkflow", "config": {"workflow_id": CHILD}},
    ]
    return draw(st.sampled_from([kind for kind in kinds if kind["type"] not in without]))


class WholePlan(Plan):
    """Adds questions, events, waits, retries and failures to the parts."""

    without: frozenset[str] = frozenset()
    """Types that its nodes are not of."""

    def kinds(self, depth: int) -> list[Callable[[Source, int], tuple[str, Part]]]:
        return [*super().kinds(depth), self._node, self._goes_on] + ([self._handled] if depth < 2 else [])

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

    def _fails(self, source: Source) -> tuple[str, str, list[str]]:
        """A node that fails by plan, behind one that counts its turns: a failure sets no variables."""
        tick = self.node(source)
        self.change(tick, set=self.counted(tick))
        name = self.node((tick, None))
        plan = self.draw(st.lists(st.sampled_from([FAIL, "on"]), min_size=1, max_size=3))
        kind = self.draw(st.sampled_from(["planned", "planned_in_thread"]))
        config = {"plan": plan, "turn": f"{{{{ variables.runs_{tick} - 1 }}}}"}
        self.change(name, type=kind, config=config)
        if self.draw(st.booleans()):
            self.change(name, retry=RETRY)
        return tick, name, plan


class ChildPlan(WholePlan):
    """A workflow that is a node of another: what it waits for could be another node's."""

    letter = "c"
    without = NESTED | {"wait_event"}


class ItemPlan(WholePlan):
    """A workflow of a map's items: what several of them ask is asked in any order."""

    letter = "i"
    without = NESTED | {"wait_event", "approval"}


@dataclass
class Drawn:
    """A definition and how often each of its nodes runs; the workflows that it names."""

    definition: dict[str, Any]
    ran: Counter[str]
    children: dict[str, "Drawn"] = field(default_factory=dict)

    def in_all(self) -> Counter[str]:
        """How often each node runs, those of workflows that are nodes included; a map's items are no nodes."""
        found = Counter(self.ran)
        for item in self.definition["nodes"]:
            if item["type"] == "subworkflow" and self.ran[item["id"]]:
                inside = self.children[CHILD].ran
                found.update({f"{item['id']}/{name}": times * self.ran[item["id"]] for name, times in inside.items()})
        return found


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
    assert play(definition) == plan.ran
    return Drawn(definition, plan.ran)


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
    ran = play(definition)
    assume(ran is not None and sum(ran.values()) <= most)
    return Drawn(definition, ran or Counter())


@dataclass
class Trouble:
    """What happens to a run, and after how many of its events since the last; how its questions are answered."""

    moments: Sequence[tuple[int, str]] = ()
    eager: bool = False
    """Answers while other branches execute, not only once the run is parked."""
    events_first: bool = False
    """Events are sent before any node waits for them."""


KINDS = ("step", "now", "ask", "withdraw", "crash", "stop")


def troubles(most: int) -> st.SearchStrategy[Trouble]:
    """At most ``most`` commands and ends of the server: fewer than a run survives without a checkpoint in between."""
    moments = st.lists(st.tuples(st.integers(0, 8), st.sampled_from(KINDS)), min_size=1, max_size=most)
    return st.builds(Trouble, moments, st.booleans(), st.booleans())


@dataclass
class Server:
    """One server after the other on one directory."""

    data: Path
    bench: Bench = field(init=False)
    _app: App = field(init=False)

    async def open(self) -> None:
        """Start a server."""
        self._app = app = build(load_settings(data=self.data, examples=False, shutdown_grace=5.0), registry())
        await asyncio.to_thread(app.open)
        app.hub.attach(asyncio.get_running_loop())
        await prepare(app)
        self.bench = Bench(app, await app.store.project(DEFAULT_SLUG))

    async def stop(self) -> None:
        """End it in order."""
        self._app.hub.close()
        await asyncio.to_thread(self._app.close)

    async def crash(self) -> None:
        """The writer ends first, as in a crash: what the engine does after that is lost, and nothing is handed back."""
        self._app.hub.close()
        await asyncio.to_thread(self._app.store.writer.close)
        await asyncio.to_thread(self._app.engine.stop, 0)
        await asyncio.to_thread(self._app.store.close)


@asynccontextmanager
async def serving(data: Path) -> AsyncIterator[Server]:
    """A server that can be killed and started again."""
    server = Server(data)
    await server.open()
    try:
        yield server
    finally:
        await server.stop()


class Driver:
    """Drives one run to its end through its troubles."""

    def __init__(self, server: Server, run_id: str, drawn: Drawn, trouble: Trouble) -> None:
        self.server = server
        self.run_id = run_id
        self.trouble = trouble
        self._drawn = drawn
        self._left = list(trouble.moments)
        self._since = 0
        self._said: dict[str, Any] = {}
        self._turns: Counter[str] = Counter()

    @property
    def bench(self) -> Bench:
        return self.server.bench

    async def drive(self) -> Run:
        """The run at its end."""
        if self.trouble.events_first:
            await self._send_all()
        seq = 0
        while True:
            event = await self.bench.until(self.run_id, *MOMENTS, *ENDED, after=seq, within=10)
            seq = event["seq"]
            if event["type"] in ENDED:
                return await self.bench.app.store.run(self.run_id)
            await self._trouble()
            run = await self.bench.app.store.run(self.run_id)
            if run.status in (RunStatus.WAITING, RunStatus.PAUSED) or (self.trouble.eager and not run.ended):
                await self._answer()
            run = await self.bench.app.store.run(self.run_id)
            if run.status is RunStatus.PAUSED:
                await self._resume()

    async def _send_all(self) -> None:
        for item in self._drawn.definition["nodes"]:
            for turn in range(self._drawn.ran[item["id"]] if item["type"] == "wait_event" else 0):
                await self._send(item["id"], {"heard": turn})

    async def _send(self, name: str, payload: Any) -> None:
        app = self.bench.app
        await app.signals.send(ACTOR, self.bench.project, self.run_id, name, payload)

    async def _answer(self) -> None:
        """Answer what is open; each question has one answer, however often it is seen."""
        for row in await self.bench.app.store.interrupts(self.run_id):
            if not row.unanswered or row.kind not in ("answer", "event"):
                continue
            if row.kind == "event":
                if row.interrupt_id not in self._said and not self.trouble.events_first:
                    await self._send(row.node_id, {"heard": self._turn(row.interrupt_id, row.node_id)})
                continue
            said = {"said": self._turn(row.interrupt_id, row.node_id)}
            await self.bench.app.control.resume(
                ACTOR, self.bench.project, self.run_id, Resume(answers={row.interrupt_id: said})
            )

    def _turn(self, interrupt_id: str, node_id: str) -> int:
        if interrupt_id not in self._said:
            self._said[interrupt_id] = self._turns[node_id]
            self._turns[node_id] += 1
        turn: int = self._said[interrupt_id]
        return turn

    async def _resume(self) -> None:
        await self.bench.app.control.resume(ACTOR, self.bench.project, self.run_id, Resume())

    async def _trouble(self) -> None:
        if not self._left or self._since < self._left[0][0]:
            self._since += 1
            return
        self._since = 0
        _, kind = self._left.pop(0)
        if kind in ("crash", "stop"):
            await (self.server.crash() if kind == "crash" else self.server.stop())
            await self.server.open()
            return
        try:
            await self._pause(kind)
        except (InvalidState, PauseOvertaken):
            run = await self.bench.app.store.run(self.run_id)
            assert run.ended or run.status is RunStatus.PAUSED, run

    async def _pause(self, kind: str) -> None:
        wait = 10.0 if kind == "step" else 0.0
        pause = self.bench.app.control.pause
        await pause(ACTOR, self.bench.project, self.run_id, "now" if kind == "now" else "step", wait)
        run = await self.bench.app.store.run(self.run_id)
        if kind == "withdraw" and not run.ended and (run.pause_requested or run.status is RunStatus.PAUSED):
            await self._resume()
