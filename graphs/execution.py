"""The function that LangGraph calls for every node: resolves, tries, reports, and says what follows.

What a node does is in its type; which edges follow from it is in `routing`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph._internal._constants import CONFIG_KEY_SEND
from langgraph.errors import GraphBubbleUp, GraphInterrupt
from langgraph.runtime import Runtime
from pydantic import BaseModel, ValidationError

from milepost.graphs.attempts import (
    Presence,
    across,
    ask_from_the_first,
    attempt,
    attempts_before,
    park_retry,
)
from milepost.graphs.channels import CLEAR, LIVE, SPENT
from milepost.graphs.context import LONGEST_SLEEP, NodeContext, RunContext, Signals
from milepost.graphs.definition import problems_of
from milepost.graphs.expressions import ExpressionError, Scope
from milepost.graphs.expressions.budget import Budget
from milepost.graphs.failures import NodeError, NodeFailure, TimedOut, failure_of
from milepost.graphs.json_values import NotJson, own_copy
from milepost.graphs.levels import Level
from milepost.graphs.nested import attempt_reached
from milepost.graphs.plan import NodePlan, Resolver
from milepost.graphs.rehearsal import Recorded, StandIn
from milepost.graphs.reporter import Outcome
from milepost.graphs.routing import Decision
from milepost.graphs.secrecy import unchained
from milepost.graphs.veil import MASK

GAVE_UP = {"timed_out": True}
"""The output of a node that gave up waiting and has an edge for that."""


class NodeRunner:
    """One node of a compiled graph."""

    def __init__(self, plan: NodePlan, level: Level | None = None) -> None:
        self.plan = plan
        self._level = level
        """Where its updates go, in a definition with branches of their own."""
        self._join = f"join:{plan.id}"

    async def __call__(self, state: dict[str, Any], config: RunnableConfig, runtime: Runtime[RunContext]) -> None:
        """Write the channel updates of one execution. Raises `NodeFailure`, or LangGraph's interrupt as it comes.

        What LangGraph wraps around a node, a traced sequence that ends in a writer, costs more than all of this.
        So the runner stands alone: it sends its writes itself, and sets the config that `interrupt` and models need.
        """
        before = var_child_runnable_config.set(config)
        try:
            updates = await self._execute(state, runtime)
        finally:
            var_child_runnable_config.reset(before)
        if self._level is not None:
            updates = self._level.route(updates)
        config["configurable"][CONFIG_KEY_SEND](list(updates.items()))

    async def _execute(self, state: dict[str, Any], runtime: Runtime[RunContext]) -> dict[str, Any]:
        info = runtime.execution_info
        task_id = info.task_id if info is not None else ""
        tokens = state.get(self._join, ())
        if tokens and all(item >= 0 and item & 3 != LIVE for item in tokens):
            return self._left_out(runtime.context, task_id, SPENT in {item & 3 for item in tokens})
        return await _Execution(self.plan, state, runtime.context, task_id, self._live(tokens)).run()

    def _live(self, tokens: list[int] | tuple[int, ...]) -> tuple[str, ...]:
        """The predecessors that led here; after a back edge the one that it came from."""
        back = [item for item in tokens if item < CLEAR]
        if back:
            return tuple(self.plan.back_sources[-2 - item] for item in back)
        return tuple(self.plan.predecessors[item >> 2] for item in tokens if item & 3 == LIVE)

    def _left_out(self, context: RunContext, task_id: str, spent: bool) -> dict[str, Any]:
        plan = self.plan
        decision = plan.routing.left_out(plan.number, spent)
        if context.rehearsal is not None:
            context.rehearsal.left_out(plan, decision.skipped)
        context.reporter.finished(task_id, Outcome(plan.id, "SKIPPED", skipped=decision.skipped))
        return {f"output:{plan.id}": None, **decision.updates} if plan.cyclic else decision.updates


class _Execution:
    """One execution of one node, from its config to what follows."""

    __slots__ = (
        "attempts",
        "context",
        "kept",
        "live",
        "plan",
        "resolver",
        "sizes",
        "stand_in",
        "state",
        "task_id",
        "timed_out",
    )

    def __init__(
        self, plan: NodePlan, state: Mapping[str, Any], context: RunContext, task_id: str, live: tuple[str, ...]
    ) -> None:
        self.plan = plan
        self.state = state
        self.context = context
        self.task_id = task_id
        self.live = live
        self.attempts = 1
        self.timed_out = False
        self.kept: list[tuple[str, Mapping[str, Any]]] = []
        """Rows that are to be stored with the output."""
        self.stand_in: StandIn | None = None
        self.sizes: dict[str, int] = {}
        """Bytes that this execution writes, by channel."""
        self.resolver = Resolver(plan.scope(state, context.run), Budget())

    async def run(self) -> dict[str, Any]:
        presence = Presence(self.context, self.task_id)
        try:
            try:
                rehearsal = self.context.rehearsal
                if rehearsal is not None and (recorded := await rehearsal.recorded(self.plan)) is not None:
                    return self._replayed(recorded)
                config = self._config()
                output = await self._try(config, presence)
                return self._completed(output)
            except NodeFailure as failure:
                return self._failed(failure if self.context.veil is None else unchained(failure))
        finally:
            presence.leave()

    def _replayed(self, recorded: Recorded) -> dict[str, Any]:
        """End as the execution of an earlier run did; what follows from it is worked out anew."""
        self.context.reporter.started(self.task_id, self.plan.id, recorded.input)
        self.stand_in, self.attempts = "replayed", recorded.attempt
        if recorded.failure is not None:
            raise recorded.failure
        self.timed_out = recorded.output == GAVE_UP and bool(self.plan.late())
        try:
            return self._completed(self._checked(recorded.output))
        except NodeError as error:
            raise failure_of(error, self.plan.id) from error

    def _config(self) -> BaseModel:
        """The validated config, after telling the reporter that the node begins."""
        plan, reporter = self.plan, self.context.reporter
        if plan.constant is not None:
            reporter.started(self.task_id, plan.id, plan.type.shown(plan.config.value))
            return plan.constant
        try:
            resolved, shown = self._resolved()
        except ExpressionError as error:
            reporter.started(self.task_id, plan.id, None)
            raise self._failure("expression_error", "ExpressionError", str(error)) from error
        reporter.started(self.task_id, plan.id, plan.type.shown(shown))
        try:
            return plan.type.config_model.model_validate(resolved)
        except ValidationError as error:
            message = "; ".join(f"{problem.path}: {problem.message}" for problem in problems_of(error, "config"))
            raise self._failure("invalid_config", "ValidationError", message) from error

    def _resolved(self) -> tuple[Any, Any]:
        """The config, and what is shown of it: the same, computed with the mask in the place of each secret."""
        config, scope = self.plan.config, self.resolver.scope
        if not config.secrets:
            resolved = self.resolver(config)
            return resolved, resolved
        resolved = Resolver(replace(scope, secrets=self.context.secrets), self.resolver.budget)(config)
        masks = dict.fromkeys(config.secrets, MASK)
        return resolved, Resolver(replace(scope, secrets=masks), Budget())(config)

    def _failure(self, code: str, kind: str, message: str) -> NodeFailure:
        veil = self.context.veil
        return NodeFailure(code, kind, message if veil is None else veil.text(message), self.plan.id)

    async def _try(self, config: BaseModel, presence: Presence) -> dict[str, Any]:
        """The output of the first attempt that succeeds. Raises the last one's failure."""
        plan = self.plan
        if plan.type.side_effects and not self.context.test_mode:
            # LangGraph does not await a graph's first checkpoint: were that lost, another one would give this
            # execution another task id, and what has an effect outside another idempotency key.
            await asyncio.shield(self.context.reporter.flush())
        self.attempts = await self._attempt_reached()
        while True:
            signals = self._signals()
            node_context = NodeContext(config, self.resolver.scope, self.live, self.context, signals)
            try:
                result = await attempt(plan, node_context, self.context, signals, presence)
                self.kept = node_context.kept
                return self._checked(result)
            except (GraphBubbleUp, GeneratorExit) as stop:
                raise self._stopped(stop) from None
            except TimedOut as error:
                if not plan.late():
                    raise failure_of(error, plan.id, self.context.veil) from error
                self.timed_out = True
                return dict(GAVE_UP)
            except asyncio.CancelledError as error:
                signals.cancelled = True
                if _really_cancelled():
                    raise
                failure = failure_of(error, plan.id, self.context.veil)
            except BaseException as error:
                # Not only Exception: a KeyboardInterrupt that a node raises would end the engine's loop.
                failure = failure_of(error, plan.id, self.context.veil)
                if self.attempts >= plan.max_attempts or (isinstance(error, NodeError) and not error.retryable):
                    raise failure from error
            finally:
                self.stand_in = signals.stand_in
            await self._before_next(failure)

    def _stopped(self, stop: BaseException) -> BaseException:
        """What a node stops with, its questions covered: its code may have called LangGraph's `interrupt` itself."""
        veil = self.context.veil
        if veil is None or not isinstance(stop, GraphInterrupt) or not stop.args:
            return stop
        return GraphInterrupt(tuple(replace(each, value=veil.value(each.value)) for each in stop.args[0]))

    async def _attempt_reached(self) -> int:
        """The attempt that this execution begins with: not the first where an earlier one parked or was stopped."""
        before = attempts_before(self.context, self.task_id) if self.context.parked else 0
        return before + 1 if self.plan.nested is None else await attempt_reached(before + 1)

    def _signals(self) -> Signals:
        call = across(asyncio.get_running_loop()) if self.plan.synchronous else None
        return Signals(self.context.reporter, self.task_id, call, self.plan.id)

    async def _before_next(self, failure: NodeFailure) -> None:
        retry = self.plan.retry
        if retry is None or self.attempts >= retry.max_attempts:
            raise failure
        delay = max(retry.delay(self.attempts, self.context.random()), failure.retry_after or 0.0)
        if self.context.rehearsal is not None:
            delay = 0.0
        self.context.reporter.retrying(self.task_id, failure, self.attempts, delay)
        if delay > LONGEST_SLEEP:
            park_retry(self.context, self.task_id, self.attempts, delay)
        if self.context.rehearsal is None:
            await self.context.sleep(delay)
        self.attempts += 1
        ask_from_the_first()

    def _checked(self, result: Any) -> dict[str, Any]:
        if not isinstance(result, dict):
            kind = type(result).__name__
            raise NodeError("invalid_output", f"a node returns a JSON object, not {kind}", retryable=False)
        copy: dict[str, Any] = self._storable(result, "the output", f"output:{self.plan.id}")
        return copy

    def _storable(self, value: Any, what: str, channel: str) -> Any:
        try:
            copy, size = own_copy(value) if self.context.veil is None else self.context.veil.own_copy(value)
        except NotJson as error:
            raise NodeError("invalid_output", f"{what} is not JSON: {error}", retryable=False) from error
        limit = self.plan.limits.max_state_bytes
        self.sizes[channel] = size
        whole = self.context.state_size.with_these(self.sizes)
        if whole > limit:
            message = (
                f"with {what} ({size} bytes of JSON) the run's outputs and variables have {whole} bytes; "
                f"max_state_bytes allows {limit}"
            )
            raise NodeError("state_too_large", message, retryable=False)
        return copy

    def _completed(self, output: dict[str, Any]) -> dict[str, Any]:
        plan = self.plan
        updates: dict[str, Any] = {f"output:{plan.id}": output}
        decision = plan.always
        if decision is None or plan.sets.value:
            try:
                self._see(output)
                if plan.sets.value:
                    updates |= self._variables()
                if decision is None:
                    taken = plan.late() if self.timed_out else plan.taken(output, self.resolver)
                    decision = plan.routing.took(plan.number, taken)
            except ExpressionError as error:
                raise self._failure("expression_error", "ExpressionError", str(error)) from error
            except NodeError as error:
                raise failure_of(error, plan.id, self.context.veil) from error
            if decision.cycle is not None:
                updates |= self._iteration(decision.cycle)
        updates |= decision.updates
        self.context.state_size.put(self.sizes)
        for kind, row in self.kept:
            self.context.reporter.row(self.task_id, kind, row)
        self._finished("COMPLETED", output, decision)
        return updates

    def _see(self, output: dict[str, Any]) -> None:
        """Let the node's `set` and `when` expressions read what it returned."""
        scope = self.resolver.scope
        self.resolver.scope = type(scope)(
            scope.names,
            scope.input,
            scope.variables,
            {**scope.outputs, self.plan.id: output},
            scope.run,
            scope.locals,
        )

    def _variables(self) -> dict[str, Any]:
        values = self.resolver(self.plan.sets)
        return {
            f"var:{name}": self._storable(value, f"variable {name!r}", f"var:{name}") for name, value in values.items()
        }

    def _iteration(self, cycle: str) -> dict[str, Any]:
        channel = f"loop:{cycle}"
        count = self.state.get(channel, 0) + 1
        limit = self.plan.limits.max_iterations
        if count > limit:
            message = f"the cycle from {cycle!r} to {self.plan.id!r} was repeated max_iterations ({limit}) times"
            raise NodeFailure("max_iterations", "MaxIterations", message, self.plan.id)
        return {channel: count}

    def _failed(self, failure: NodeFailure) -> dict[str, Any]:
        plan = self.plan
        handled = plan.handled()
        own_limit = failure.code == "max_iterations" and failure.node_id == plan.id
        if own_limit or not (handled or plan.goes_on):
            self._fatal(failure)
        error = {"code": failure.code, "type": failure.type, "message": failure.message}
        output = {"error": error}
        try:
            self._see(output)
            decision = plan.routing.took(plan.number, handled or plan.taken(output, self.resolver))
            updates = self._iteration(decision.cycle) if decision.cycle is not None else {}
        except ExpressionError as error_again:
            self._fatal(self._failure("expression_error", "ExpressionError", str(error_again)))
        except NodeFailure as limit:
            self._fatal(limit)
        self.context.state_size.put({f"output:{plan.id}": own_copy(output)[1]})
        self._finished("FAILED", output, decision, failure)
        return {f"output:{plan.id}": output, **updates, **decision.updates}

    def _fatal(self, failure: NodeFailure) -> NoReturn:
        stand_in = self._stood_in(())
        outcome = Outcome(self.plan.id, "FAILED", self.attempts, failure=failure, fatal=True, stand_in=stand_in)
        self.context.reporter.finished(self.task_id, outcome)
        raise failure

    def _finished(
        self, status: Any, output: dict[str, Any], decision: Decision, failure: NodeFailure | None = None
    ) -> None:
        outcome = Outcome(
            self.plan.id,
            status,
            self.attempts,
            output,
            failure,
            skipped=decision.skipped,
            restarted=decision.restarted,
            stand_in=self._stood_in(decision.skipped),
        )
        self.context.reporter.finished(self.task_id, outcome)

    def _stood_in(self, skipped: tuple[str, ...]) -> StandIn | None:
        """What stood in for the execution, in a dry run."""
        rehearsal = self.context.rehearsal
        if rehearsal is None or self.stand_in == "replayed":
            return self.stand_in
        return rehearsal.ended(self.plan, skipped) or self.stand_in


async def execute_item(plan: NodePlan, scope: Scope, context: RunContext, task_id: str) -> dict[str, Any]:
    """Execute a node that has no place in the graph and give its output. Raises like `NodeRunner`."""
    execution = _Execution(plan, {}, context, task_id, ())
    execution.resolver = Resolver(scope, Budget())
    updates = await execution.run()
    output: dict[str, Any] = updates[f"output:{plan.id}"]
    return output


def _really_cancelled() -> bool:
    """False when the node's own code raised CancelledError though nobody cancelled it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
