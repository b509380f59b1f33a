"""Runs definitions on LangGraph with everything that they report written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from langgraph.types import Command

from milepost.graphs import NodeFailure, NodeType, Outcome, Program, Registry, RunContext, load


@dataclass
class Recorder:
    """A reporter that keeps what it is told, in order."""

    lines: list[tuple[str, str, Any]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    control: RunControl | None = None
    """Where it is given, the run stops after the superstep in which something finishes."""

    def started(self, task_id: str, node_id: str, input: Any) -> None:
        self.lines.append(("started", task_id, (node_id, input)))

    def retrying(self, task_id: str, failure: NodeFailure, attempt: int, delay: float) -> None:
        self.lines.append(("retrying", task_id, (failure, attempt, delay)))

    def progress(self, task_id: str, fraction: float, message: str | None) -> None:
        self.lines.append(("progress", task_id, (fraction, message)))

    def log(self, task_id: str, level: str, message: str, fields: Mapping[str, Any]) -> None:
        self.lines.append(("log", task_id, (level, message, fields)))

    def delta(self, task_id: str, text: str) -> None:
        self.lines.append(("delta", task_id, text))

    def row(self, task_id: str, kind: str, row: Mapping[str, Any]) -> None:
        self.lines.append(("row", task_id, (kind, row)))

    def finished(self, task_id: str, outcome: Outcome) -> None:
        self.lines.append(("finished", task_id, outcome))
        self.outcomes.append(outcome)
        if self.control is not None:
            self.control.request_drain()

    def inside(self, task_id: str, holder: str, place: str) -> None:
        self.lines.append(("inside", task_id, place))

    def item(self, task_id: str, holder: str, index: int, outcome: Outcome) -> None:
        self.lines.append(("item", task_id, (index, outcome)))

    def counted(self, task_id: str, total: int, completed: int, failed: int) -> None:
        self.lines.append(("counted", task_id, (total, completed, failed)))
        if self.control is not None:
            self.control.request_drain()

    def left(self, task_id: str) -> None:
        self.lines.append(("left", task_id, None))

    async def flush(self) -> None:
        self.lines.append(("flush", "", None))

    def told(self, kind: str) -> list[Any]:
        """What was reported of one kind."""
        return [value for line, _, value in self.lines if line == kind]

    @property
    def ran(self) -> list[str]:
        """The nodes that ran, in the order in which they finished."""
        return [outcome.node_id for outcome in self.outcomes if outcome.status != "SKIPPED"]

    @property
    def skipped(self) -> list[str]:
        """The nodes that are left out at the end: what a cycle starts again, or runs, is not."""
        found: dict[str, None] = {}
        for outcome in self.outcomes:
            found = {node: None for node in found if node not in (*outcome.restarted, outcome.node_id)}
            found |= dict.fromkeys(outcome.skipped)
            if outcome.status == "SKIPPED":
                found[outcome.node_id] = None
        return sorted(found)


@dataclass
class Ran:
    """One run as far as it went."""

    program: Program
    recorder: Recorder
    saver: BaseCheckpointSaver[Any]
    values: Mapping[str, Any]

    @classmethod
    def of(cls, definition: Mapping[str, Any], types: tuple[type[NodeType[Any]], ...] = ()) -> Ran:
        """A run that has not begun."""
        registry = Registry()
        for node_type in types:
            registry.register(node_type)
        return cls(load(definition, registry), Recorder(), InMemorySaver(), {})

    @property
    def output(self) -> Any:
        """The run's output."""
        return self.program.output(self.values)


def config(thread: str = "run") -> Any:
    """What LangGraph needs to be told besides the input."""
    return {"configurable": {"thread_id": thread}, "recursion_limit": 1000}


async def execute(
    definition: Mapping[str, Any],
    run_input: Mapping[str, Any] | None = None,
    *,
    types: tuple[type[NodeType[Any]], ...] = (),
    context: Mapping[str, Any] | None = None,
) -> Ran:
    """Run a definition to its end, or to its first interrupt."""
    ran = Ran.of(definition, types)
    return await resume(ran, ran.program.graph_input(run_input or {}), context)


async def resume(ran: Ran, graph_input: Any, context: Mapping[str, Any] | None = None) -> Ran:
    """Let a run go on; `graph_input` is None, a `Command`, or the first input."""
    graph = ran.program.with_saver(ran.saver)
    run_context = RunContext({"id": "run"}, ran.recorder, **(context or {}))
    await graph.ainvoke(graph_input, config(), context=run_context)
    state = await graph.aget_state(config())
    ran.values = state.values
    return ran


async def answer(ran: Ran, value: Any, context: Mapping[str, Any] | None = None) -> Ran:
    """Answer the open interrupts of a run."""
    return await resume(ran, Command(resume=value), context)


async def execute_in_steps(definition: Mapping[str, Any], run_input: Mapping[str, Any]) -> Ran:
    """Run a definition, stopping after every superstep and going on from the checkpoint with a fresh program."""
    saver, recorder = InMemorySaver(), Recorder()
    program = load(definition, Registry())
    graph_input: Any = program.graph_input(run_input)
    while True:
        graph = program.with_saver(saver)
        recorder.control = RunControl()
        context = RunContext({"id": "run"}, recorder)
        try:
            await graph.ainvoke(graph_input, config(), context=context, control=recorder.control)
        except GraphDrained:
            program, graph_input = load(definition, Registry()), None
            continue
        state = await graph.aget_state(config())
        return Ran(program, recorder, saver, state.values)


def node(name: str, kind: str = "process", **config: Any) -> dict[str, Any]:
    """A node of a definition."""
    return {"id": name, "type": kind, "config": config}


def graph(*nodes: dict[str, Any] | str, edges: str, **more: Any) -> dict[str, Any]:
    """A definition from nodes and from edges written like `a>b a>c b>j:true`."""
    return {
        "nodes": [node(item) if isinstance(item, str) else item for item in nodes],
        "edges": [edge(text) for text in edges.split()],
        **more,
    }


WORDS: dict[str, Any] = {"true": True, "false": False}


def edge(text: str) -> dict[str, Any]:
    """An edge from `a>b`, or with a `when` from `a>b:true`, `a>b:else`, `a>b:blue`."""
    ends, _, when = text.partition(":")
    source, target = ends.split(">")
    found: dict[str, Any] = {"source": source, "target": target}
    return {**found, "when": WORDS.get(when, when)} if when else found


def condition(name: str, expression: str) -> dict[str, Any]:
    """A condition."""
    return node(name, "condition", expression=expression)


def switch(name: str, value: Any) -> dict[str, Any]:
    """A switch."""
    return node(name, "switch", value=value)
