"""What a run hands to its nodes, and what a node type sees of the run while it executes."""

from __future__ import annotations

import asyncio
import concurrent.futures
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from langgraph.types import interrupt
from pydantic import BaseModel

from milepost.graphs.expressions import Scope
from milepost.graphs.failures import NodeError, TimedOut
from milepost.graphs.outbound.interface import Outbound
from milepost.graphs.rehearsal import Rehearsal, StandIn, TooLate
from milepost.graphs.reporter import Reporter
from milepost.graphs.state_size import StateSize
from milepost.graphs.veil import Veil
from milepost.graphs.witness import Witness

ConfigT = TypeVar("ConfigT", bound=BaseModel)
LONGEST_SLEEP = 5.0
"""Seconds that a node may wait in its slot; for longer the run parks."""

TIMED_OUT = b"timed out"
"""What a question or a wait for an event is resumed with when its time is over. No JSON value equals it."""

NOTHING: Mapping[str, Any] = MappingProxyType({})


def wall_clock() -> int:
    """Now, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class RunContext:
    """One run's surroundings, given to LangGraph as its `context`."""

    run: Mapping[str, Any]
    """`id`, `workflow_id`, `version`, `project_id`, `started_at`: what expressions see as `run`."""
    reporter: Reporter
    executor: concurrent.futures.Executor | None = None
    """Where synchronous nodes run. None: a thread of its own for each."""
    parked: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    """Task id to the value of the interrupt that it parked with before, so that a wait keeps its first end."""
    test_mode: bool = False
    """True in a dry run: side effects are simulated."""
    rehearsal: Rehearsal | None = None
    """What answers the questions of a dry run, which waits for nothing. None: people do."""
    now: Callable[[], int] = wall_clock
    random: Callable[[], float] = random.random
    """Gives the jitter of retries, 0..1."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits between retries, and in short waits."""
    state_size: StateSize = field(default_factory=StateSize)
    witness: Witness | None = None
    """Is told whenever a thread executes a node's own code."""
    http: Outbound | None = None
    """The way out for requests. None: there is none."""
    secrets: Mapping[str, str] = field(default_factory=lambda: NOTHING, repr=False)
    """The values of the secrets that the program reads, by name."""
    veil: Veil | None = None
    """Covers these values. None: there are none (`secrecy.keeping` sets both)."""
    frame: Any = None
    """What the items of a `map` have in common, inside one."""


class Signals:
    """The way from a node's code to the reporter. A synchronous node gets one that crosses to the loop's thread."""

    __slots__ = ("_call", "cancelled", "node_id", "reporter", "stand_in", "task_id")

    def __init__(
        self, reporter: Reporter, task_id: str, call: Callable[..., Any] | None = None, node_id: str = ""
    ) -> None:
        self.reporter = reporter
        self.task_id = task_id
        self.node_id = node_id
        self.cancelled = False
        self.stand_in: StandIn | None = None
        """What stood in for something real, in a dry run."""
        self._call = call

    def send(self, method: Callable[..., None], *arguments: Any) -> None:
        """Call a reporter's method with the task id and these arguments. Nothing is told after a cancel."""
        if self.cancelled:
            return
        if self._call is None:
            method(self.task_id, *arguments)
        else:
            self._call(method, self.task_id, *arguments)


class NodeContext(Generic[ConfigT]):
    """What a node type's `run` gets: the resolved config, the run's data, and ways to say how it is going."""

    __slots__ = ("_context", "_signals", "config", "input", "kept", "live", "outputs", "scope", "variables")

    def __init__(
        self,
        config: ConfigT,
        scope: Scope,
        live: tuple[str, ...],
        context: RunContext,
        signals: Signals,
    ) -> None:
        self.config = config
        self.scope = scope
        """What the node's expressions see."""
        self.input = scope.input
        self.variables = scope.variables
        self.outputs = scope.outputs
        self.live = live
        """The predecessors that led here, in the order of the file."""
        self.kept: list[tuple[str, Mapping[str, Any]]] = []
        """What `keep` was told."""
        self._context = context
        self._signals = signals

    @property
    def run(self) -> Mapping[str, Any]:
        """`id`, `workflow_id`, `version`, `project_id` and `started_at` of the run."""
        return self._context.run

    @property
    def task_id(self) -> str:
        """The id of this execution."""
        return self._signals.task_id

    @property
    def test_mode(self) -> bool:
        """True in a dry run."""
        return self._context.test_mode

    @property
    def http(self) -> Outbound:
        """The way out for requests. Raises `NodeError` where there is none."""
        if self._context.http is None:
            raise NodeError("not_runnable", "requests cannot be sent from here", retryable=False)
        return self._context.http

    @property
    def veil(self) -> Veil | None:
        """Covers the run's secrets, where it has any. What a node gives and tells is covered without its doing."""
        return self._context.veil

    @property
    def now(self) -> int:
        """The wall clock, in milliseconds since 1970."""
        return self._context.now()

    async def sleep(self, seconds: float) -> None:
        """Wait, without parking the run. A dry run does not."""
        if self._context.rehearsal is None:
            await self._context.sleep(seconds)
        elif seconds > 0:
            self._signals.stand_in = "simulated"

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt and re-execution of this execution, different for each iteration of a cycle."""
        return f"{self._context.run.get('id')}:{self._signals.task_id}"

    @property
    def cancelled(self) -> bool:
        """True once this attempt was cancelled or timed out. A synchronous node should look at it and stop."""
        return self._signals.cancelled

    def progress(self, fraction: float, message: str | None = None) -> None:
        """Say how far the node is, 0..1."""
        self._signals.send(self._signals.reporter.progress, min(max(float(fraction), 0.0), 1.0), message)

    def log(self, level: str, message: str, **fields: Any) -> None:
        """Write a line into the run's log."""
        self._signals.send(self._signals.reporter.log, level, message, fields)

    def keep(self, kind: str, **row: Any) -> None:
        """Have a row, a `task` or a `notification`, stored together with the node's result, if there is one."""
        self.kept.append((kind, row))

    def delta(self, text: str) -> None:
        """Stream a piece of text."""
        self._signals.send(self._signals.reporter.delta, text)

    def interrupt(
        self,
        question: str,
        schema: Mapping[str, Any] | bool | None = None,
        *,
        timeout: float | None = None,
        **more: Any,
    ) -> Any:
        """Ask a person and give the answer. Until there is one the run parks; then `run` starts again from its top.

        Raises `TimedOut` when there is none within `timeout` seconds.
        """
        asked = {"kind": "answer", "question": question, "schema": schema, **more}
        return self._wait_for(asked, timeout, "nobody answered")

    def wait_for_event(self, event: str, *, timeout: float | None = None) -> Any:
        """Park until the run is sent an event of this name, and give its payload; one that came before is taken.

        Raises `TimedOut` when there is none within `timeout` seconds.
        """
        return self._wait_for({"kind": "event", "event": event}, timeout, f"no event {event!r} came")

    def _wait_for(self, wanted: dict[str, Any], timeout: float | None, missed: str) -> Any:
        if self._context.veil is not None:
            # Before the deadline is looked up: what is stored of the wait is covered.
            wanted = self._context.veil.value(wanted)
        if self._context.rehearsal is not None:
            return self._rehearsed(self._context.rehearsal, wanted, missed)
        if timeout is not None:
            wanted["until"] = self._deadline(wanted, timeout)
        given = interrupt(wanted)
        if given == TIMED_OUT:
            raise TimedOut(f"{missed} within {timeout or 0:g} s")
        return given

    def _rehearsed(self, rehearsal: Rehearsal, wanted: Mapping[str, Any], missed: str) -> Any:
        signals = self._signals
        try:
            value, signals.stand_in = rehearsal.answer(signals.node_id, wanted)
        except TooLate as error:
            signals.stand_in = "answered"
            raise TimedOut(f"{missed} in time") from error
        return value

    def _deadline(self, wanted: Mapping[str, Any], timeout: float) -> int:
        """The end that this wait was given when it parked first, in milliseconds; otherwise `timeout` from now."""
        parked = self._context.parked.get(self._signals.task_id)
        if isinstance(parked, Mapping):
            until = parked.get("until")
            if isinstance(until, int) and {**wanted, "until": until} == parked:
                return until
        return self.now + round(timeout * 1000)

    @property
    def parked_until(self) -> int | None:
        """The time that this execution parked for before, in milliseconds; None when it did not."""
        parked = self._context.parked.get(self._signals.task_id)
        until = parked.get("until") if isinstance(parked, Mapping) and parked.get("kind") == "time" else None
        return until if isinstance(until, int) else None

    def park_until(self, epoch_ms: int) -> int:
        """Let go of everything until a time; gives the time. What parked before keeps the first one it was given."""
        until = epoch_ms if self.parked_until is None else self.parked_until
        if self._context.rehearsal is not None:
            self._signals.stand_in = "simulated"
            return until
        interrupt({"kind": "time", "until": until})
        return until
