"""Node types that fail as they are told to, and the kinds of nodes that random definitions are made of."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

from hypothesis import strategies as st
from pydantic import Field

from milepost.graphs import Registry
from milepost.graphs.context import NodeContext
from milepost.graphs.node_types import Config, NodeType
from tests.unit.graphs.token_game import FAIL

BREAKS = "breaks once"


class PlannedConfig(Config):
    """``plan``: what the node does each time it runs; ``turn``: how often it ran; ``flaky``: every first try fails;
    ``breaks``: so does every first execution."""

    plan: list[str] = Field(default_factory=lambda: ["on"])
    turn: int = 0
    flaky: bool = False
    breaks: bool = False
    seconds: float = 0.0


class Planned(NodeType[PlannedConfig]):
    """Ends or fails as it is planned."""

    name: ClassVar[str] = "planned"
    config_model = PlannedConfig

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        """How often the code ran, by idempotency key."""

    async def run(self, ctx: NodeContext[PlannedConfig]) -> Mapping[str, Any]:
        await asyncio.sleep(ctx.config.seconds)
        return self.act(ctx)

    def act(self, ctx: NodeContext[PlannedConfig]) -> Mapping[str, Any]:
        """The turn, or the failure that was planned for it."""
        config = ctx.config
        self.calls[ctx.idempotency_key] += 1
        if (config.flaky or config.breaks) and self.calls[ctx.idempotency_key] == 1:
            raise RuntimeError(BREAKS if config.breaks else "the first try fails")
        if config.plan[min(config.turn, len(config.plan) - 1)] == FAIL:
            raise RuntimeError(f"planned for turn {config.turn}")
        return {"turn": config.turn}


class PlannedInThread(Planned):
    """The same in a thread."""

    name: ClassVar[str] = "planned_in_thread"

    def run(self, ctx: NodeContext[PlannedConfig]) -> Mapping[str, Any]:  # type: ignore[override]
        return self.act(ctx)


class PlannedEffect(Planned):
    """The same with an effect outside."""

    name: ClassVar[str] = "planned_effect"
    side_effects = True


def registry() -> Registry:
    """The built-in node types and the planned ones."""
    types = Registry()
    for kind in (Planned, PlannedInThread, PlannedEffect):
        types.register(kind)
    return types


CHILD, ITEM = "workflow that is a node", "workflow of an item"
"""Stand for the ids of workflows that are stored before the definition is."""
RETRY = {"max_attempts": 2, "initial_interval": 0.001, "jitter": False}
LATER = RETRY | {"initial_interval": 60}
"""Parks the run."""
BODY = {"type": "planned", "config": {"flaky": True, "turn": "{{ item }}"}, "retry": RETRY}
BROKEN = {"type": "planned", "config": {"breaks": True, "turn": "{{ item }}"}}
NESTED = frozenset({"map", "subworkflow"})


def some_node(draw: st.DrawFn, name: str, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """What a node that does not branch may be: its type, its config and its retry."""
    kinds: list[dict[str, Any]] = [
        {"type": "process", "config": {}},
        {"type": "process", "config": {"value": {"at": name}}},
        {"type": "approval", "config": {"question": f"{name}?"}},
        {"type": "wait_event", "config": {"event": name}},
        {"type": "wait", "config": {"seconds": 0.005}},
        {"type": "wait", "config": {"seconds": 60}},
        {"type": "planned", "config": {"seconds": 0.005}},
        {"type": "planned", "config": {"breaks": True}},
        {"type": "planned_in_thread", "config": {}},
        {"type": "planned_effect", "config": {}},
        {"type": "planned_effect", "config": {"flaky": True}, "retry": RETRY},
        {"type": "planned", "config": {"flaky": True}, "retry": LATER},
        {"type": "map", "config": {"over": [1, 2, 3], "max_concurrency": 2, "node": BODY}},
        {"type": "map", "config": {"over": [1, 2, 3], "max_concurrency": 2, "node": BROKEN}},
        {"type": "map", "config": {"over": [1, 2, 3], "max_concurrency": 2, "workflow": {"workflow_id": ITEM}}},
        {"type": "subworkflow", "config": {"workflow_id": CHILD}},
    ]
    return draw(st.sampled_from([kind for kind in kinds if kind["type"] not in without]))
