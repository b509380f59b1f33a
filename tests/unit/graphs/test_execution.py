"""One node's execution: attempts, time limits, failures, threads, interrupts, and what it reports of them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest
from langgraph.types import Command

from milepost.graphs import Config, NodeContext, NodeError, NodeFailure, NodeType, TimedOut
from milepost.graphs.context import wall_clock
from milepost.graphs.definition import Retry
from tests.unit.graphs.recording import Ran, answer, condition, config, execute, graph, node, resume


class Anything(Config):
    """A config with whatever a test needs."""

    fail: int = 0
    give: Any = None
    code: str = ""


class Flaky(NodeType[Anything]):
    """Fails its first `fail` attempts, by the number of attempts reported so far."""

    name: ClassVar[str] = "flaky"
    config_model = Anything

    async def run(self, ctx: NodeContext[Anything]) -> Mapping[str, Any]:
        ctx.log("info", "trying", key=ctx.idempotency_key)
        reporter = ctx._context.reporter
        tries = len(reporter.told("retrying"))  # type: ignore[attr-defined]
        if tries < ctx.config.fail:
            if ctx.config.code:
                raise NodeError(ctx.config.code, "not this time", retryable=False)
            raise RuntimeError(f"attempt {tries + 1} fails")
        return {"tries": tries}


class Gives(NodeType[Anything]):
    """Gives what it is told, JSON or not."""

    name: ClassVar[str] = "gives"
    config_model = Anything
    value: ClassVar[Any] = None

    async def run(self, ctx: NodeContext[Anything]) -> Mapping[str, Any]:
        return type(self).value  # type: ignore[no-any-return]


class Never(NodeType[Anything]):
    """Waits for ever."""

    name: ClassVar[str] = "never"
    config_model = Anything

    async def run(self, ctx: NodeContext[Anything]) -> Mapping[str, Any]:
        await asyncio.Event().wait()
        return {}


def gives(value: Any) -> type[NodeType[Any]]:
    """A node type that returns a value."""
    return type("GivesThat", (Gives,), {"value": value})


async def failure(definition: Mapping[str, Any], **more: Any) -> NodeFailure:
    """The failure that a run ends with."""
    with pytest.raises(NodeFailure) as raised:
        await execute(definition, **more)
    return raised.value


class Sleeps:
    """A clock that is not waited for."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_a_node_is_tried_again_with_growing_delays_and_jitter() -> None:
    sleeps = Sleeps()
    retry = {"max_attempts": 4, "initial_interval": 1, "backoff_factor": 2, "max_interval": 3}
    definition = {"nodes": [{**node("a", "flaky", fail=3), "retry": retry}]}
    ran = await execute(definition, types=(Flaky,), context={"sleep": sleeps, "random": lambda: 0.5})
    assert sleeps.slept == [0.75, 1.5, 2.25]
    told = ran.recorder.told("retrying")
    assert [(attempt, delay) for _, attempt, delay in told] == [(1, 0.75), (2, 1.5), (3, 2.25)]
    assert [failed.message for failed, _, _ in told] == [f"attempt {number} fails" for number in (1, 2, 3)]
    assert ran.recorder.outcomes[0].attempt == 4
    assert ran.recorder.outcomes[0].output == {"tries": 3}
    assert len(ran.recorder.told("started")) == len(ran.recorder.told("left")) == 1
    keys = {fields["key"] for _, _, fields in ran.recorder.told("log")}
    assert len(keys) == 1
    assert keys.pop().startswith("run:")


async def test_a_node_that_fails_too_often_fails_the_run() -> None:
    sleeps = Sleeps()
    definition = {"nodes": [{**node("a", "flaky", fail=9), "on_error": "retry"}]}
    failed = await failure(definition, types=(Flaky,), context={"sleep": sleeps})
    assert (failed.code, failed.type, failed.message) == ("node_error", "RuntimeError", "attempt 3 fails")
    assert failed.node_id == "a"
    assert len(sleeps.slept) == 2


async def test_an_error_that_will_not_go_away_is_not_tried_again() -> None:
    definition = {"nodes": [{**node("a", "flaky", fail=9, code="no_use"), "on_error": "retry"}]}
    sleeps = Sleeps()
    failed = await failure(definition, types=(Flaky,), context={"sleep": sleeps})
    assert failed.code == "no_use"
    assert sleeps.slept == []


def test_delays_never_pass_their_limit() -> None:
    retry = Retry(max_attempts=100, initial_interval=0.5, backoff_factor=100, max_interval=30, jitter=False)
    assert retry.delay(1, 0.9) == 0.5
    assert retry.delay(99, 0.9) == 30
    assert retry.delay(10_000, 0.9) == 30


async def test_a_traceback_shows_the_authors_frames_only() -> None:
    failed = await failure({"nodes": [node("a", "flaky", fail=9)]}, types=(Flaky,))
    assert "test_execution.py" in failed.traceback
    assert "RuntimeError: attempt 1 fails" in failed.traceback
    assert "langgraph" not in failed.traceback
    assert "graphs/execution.py" not in failed.traceback


async def test_a_failure_that_stops_the_run_is_reported_as_fatal() -> None:
    ran = await pending({"nodes": [node("a", "flaky", fail=9)]}, (Flaky,))
    outcome = ran.recorder.outcomes[0]
    assert (outcome.status, outcome.fatal) == ("FAILED", True)
    assert outcome.failure is not None
    assert outcome.failure.code == "node_error"
    assert [line for line, _, _ in ran.recorder.lines][-2:] == ["finished", "left"]


async def test_on_error_continue_goes_on_with_the_error_as_output() -> None:
    definition = graph(
        {**node("a", "flaky", fail=9), "on_error": "continue"},
        node("b", "output", value="{{ outputs.a.error }}"),
        edges="a>b",
    )
    ran = await execute(definition, types=(Flaky,))
    assert ran.output == {"code": "node_error", "type": "RuntimeError", "message": "attempt 1 fails"}
    outcome = ran.recorder.outcomes[0]
    assert (outcome.status, outcome.fatal) == ("FAILED", False)
    assert outcome.failure is not None


async def test_a_condition_that_fails_and_continues_takes_its_else() -> None:
    definition = graph({**condition("a", "input.missing"), "on_error": "continue"}, "b", "c", edges="a>b:true a>c:else")
    ran = await execute(definition)
    assert ran.recorder.ran == ["a", "c"]
    assert ran.recorder.outcomes[0].failure is not None
    assert "input.missing" in ran.recorder.outcomes[0].failure.message


async def test_an_error_edge_sees_the_error() -> None:
    definition = graph(
        node("a", "flaky", fail=9), "b", node("h", "output", value="{{ outputs.a.error.type }}"), edges="a>b a>h:error"
    )
    ran = await execute(definition, types=(Flaky,))
    assert ran.output == "RuntimeError"
    assert ran.recorder.outcomes[0].skipped == ("b",)


async def test_a_node_that_takes_too_long_fails_with_timeout() -> None:
    definition = {"nodes": [{**node("a", "never"), "timeout": 0.01}]}
    failed = await failure(definition, types=(Never,))
    assert (failed.code, failed.message) == ("timeout", "took longer than 0.01 s")


async def test_each_attempt_has_the_whole_time() -> None:
    definition = {"nodes": [{**node("a", "never"), "timeout": 0.01, "on_error": "retry"}]}
    sleeps = Sleeps()
    assert (await failure(definition, types=(Never,), context={"sleep": sleeps})).code == "timeout"
    assert len(sleeps.slept) == 2


class OwnTimeout(NodeType[Anything]):
    """Raises a TimeoutError of its own."""

    name: ClassVar[str] = "own_timeout"
    config_model = Anything

    async def run(self, ctx: NodeContext[Anything]) -> Mapping[str, Any]:
        raise TimeoutError("the other side is slow")


async def test_a_nodes_own_timeout_error_is_not_taken_for_the_limit() -> None:
    definition = {"nodes": [{**node("a", "own_timeout"), "timeout": 60}]}
    failed = await failure(definition, types=(OwnTimeout,))
    assert (failed.code, failed.message) == ("node_error", "the other side is slow")


class Raises(NodeType[Anything]):
    """Raises what would end more than a node."""

    name: ClassVar[str] = "raises"
    config_model = Anything
    error: ClassVar[BaseException] = SystemExit(3)

    async def run(self, ctx: NodeContext[Anything]) -> Mapping[str, Any]:
        raise type(self).error


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError()], ids=repr)
async def test_whatever_a_node_raises_fails_the_node_and_nothing_more(error: BaseException) -> None:
    raises = type("RaisesThat", (Raises,), {"error": error})
    failed = await failure({"nodes": [node("a", "raises")]}, types=(raises,))
    assert failed.type == type(error).__name__


NOT_OUTPUTS: dict[str, Any] = {
    "nothing": None,
    "a list": [1],
    "text": "x",
    "a set inside": {"a": {1}},
    "bytes": {"a": b"x"},
    "not a number": {"a": float("nan")},
    "not a number beside null": {"a": None, "b": [float("-inf")]},
    "a number beyond 64 bits": {"a": 2**70},
    "keys that are no strings": {1: 2},
    "half a character": {"a": "\ud800"},
    "an exception": {"a": ValueError()},
}


@pytest.mark.parametrize("value", NOT_OUTPUTS.values(), ids=NOT_OUTPUTS.keys())
async def test_what_is_not_a_json_object_is_no_output(value: Any) -> None:
    failed = await failure({"nodes": [{**node("a", "gives"), "on_error": "retry"}]}, types=(gives(value),))
    assert failed.code == "invalid_output"


async def test_an_output_is_the_runs_own_copy() -> None:
    mine: dict[str, Any] = {"list": [1], "none": None, "tuple": (1, 2)}
    ran = await execute({"nodes": [node("a", "gives")]}, types=(gives(mine),))
    mine["list"].append(2)
    assert ran.values["output:a"] == {"list": [1], "none": None, "tuple": [1, 2]}


async def test_an_output_beyond_max_state_bytes_is_refused() -> None:
    definition = {"nodes": [node("a", "gives")], "max_state_bytes": 1024}
    assert (await failure(definition, types=(gives({"a": "x" * 1100}),))).code == "state_too_large"
    assert (await execute(definition, types=(gives({"a": "x" * 900}),))).recorder.ran == ["a"]


async def test_outputs_and_variables_count_together() -> None:
    nodes = [node("a", "gives"), {**node("b", "gives"), "set": {"v": "{{ 'x' * 500 }}"}}]
    definition = {"steps": nodes, "max_state_bytes": 2048}
    failed = await failure(definition, types=(gives({"a": "x" * 800}),))
    assert (failed.code, failed.node_id) == ("state_too_large", "b")
    assert "max_state_bytes allows 2048" in failed.message
    assert (await execute(definition, types=(gives({"a": "x" * 700}),))).recorder.ran == ["a", "b"]


async def test_a_variable_beyond_max_state_bytes_is_refused() -> None:
    definition = {"nodes": [{**node("a"), "set": {"v": "{{ 'x' * 2000 }}"}}], "max_state_bytes": 1024}
    assert (await failure(definition)).code == "state_too_large"


async def test_an_expression_that_fails_names_itself_and_its_place() -> None:
    failed = await failure(graph("a", node("b", value={"x": "{{ input.nobody }}"}), edges="a>b"))
    assert failed.code == "expression_error"
    assert "nodes[1].config.value.x" in failed.message
    assert "{{ input.nobody }}" in failed.message


async def test_a_set_that_fails_fails_its_node() -> None:
    failed = await failure({"nodes": [{**node("a"), "set": {"x": "{{ outputs.a.nobody }}"}}]})
    assert (failed.code, failed.node_id) == ("expression_error", "a")


async def test_a_config_that_turns_out_wrong_is_named() -> None:
    failed = await failure({"nodes": [node("a", "wait", seconds="{{ 'soon' }}")]})
    assert failed.code == "invalid_config"
    assert "config.seconds" in failed.message


async def test_what_a_node_begins_with_is_its_resolved_config() -> None:
    ran = await execute(graph("a", node("b", value="{{ input.x }}"), edges="a>b"), {"x": [1]})
    assert ran.recorder.told("started") == [("a", {}), ("b", {"value": [1]})]


async def test_the_last_write_of_a_variable_wins() -> None:
    definition = graph(
        {**node("a"), "set": {"v": "a"}},
        {**node("b"), "set": {"v": "b"}},
        {**node("c"), "set": {"v": "c"}},
        node("z", "output", value="{{ variables.v }}"),
        edges="a>b a>c b>z c>z",
    )
    assert (await execute(definition)).output == "c"


class Blocks(NodeType[Anything]):
    """A synchronous node that holds its thread until it is let go."""

    name: ClassVar[str] = "blocks"
    config_model = Anything
    go: ClassVar[threading.Event]
    began: ClassVar[threading.Event]
    saw: ClassVar[list[Any]]

    def run(self, ctx: NodeContext[Anything]) -> Mapping[str, Any]:
        kind = type(self)
        kind.began.set()
        ctx.progress(0.5, "half")
        kind.go.wait(10)
        kind.saw.append(ctx.cancelled)
        ctx.progress(1.0)
        return {"thread": threading.current_thread().name}


@pytest.fixture
def blocks() -> Iterator[type[Blocks]]:
    """A `Blocks` of this test's own."""
    fresh = {"go": threading.Event(), "began": threading.Event(), "saw": []}
    kind: type[Blocks] = type("BlocksHere", (Blocks,), fresh)
    yield kind
    kind.go.set()


async def test_a_synchronous_node_runs_in_the_executor(blocks: type[Blocks]) -> None:
    blocks.go.set()
    with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="here") as executor:
        ran = await execute({"nodes": [node("a", "blocks")]}, types=(blocks,), context={"executor": executor})
    assert ran.output["thread"].startswith("here")
    assert (0.5, "half") in ran.recorder.told("progress")
    assert len(ran.recorder.told("left")) == 1


async def test_a_synchronous_node_that_takes_too_long_is_left_when_its_thread_ends(blocks: type[Blocks]) -> None:
    definition = graph({**node("a", "blocks"), "timeout": 0.05, "on_error": "continue"}, "b", edges="a>b")
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        ran = await execute(definition, types=(blocks,), context={"executor": executor})
        assert ran.recorder.outcomes[0].failure is not None
        assert ran.recorder.outcomes[0].failure.code == "timeout"
        assert len(ran.recorder.told("left")) == 1
        blocks.go.set()
    await turn()
    assert len(ran.recorder.told("left")) == 2
    assert blocks.saw == [True]
    assert ran.recorder.told("progress") == [(0.5, "half")]


async def test_a_cancelled_synchronous_node_is_left_when_its_thread_ends(blocks: type[Blocks]) -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        ran, task = start({"nodes": [node("a", "blocks")]}, (blocks,), {"executor": executor})
        await asyncio.get_running_loop().run_in_executor(executor, blocks.began.wait)
        await cancel(task)
        assert ran.recorder.told("left") == []
        blocks.go.set()
    await turn()
    assert ran.recorder.told("left") == [None]
    assert ran.recorder.outcomes == []
    assert blocks.saw == [True]


async def test_a_synchronous_node_that_never_began_is_left_at_once_when_it_is_cancelled(blocks: type[Blocks]) -> None:
    free = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        executor.submit(free.wait)
        ran, task = start({"nodes": [node("a", "blocks")]}, (blocks,), {"executor": executor})
        while not ran.recorder.told("started"):
            await asyncio.sleep(0)
        await cancel(task)
        await turn()
        assert ran.recorder.told("left") == [None]
        free.set()
    assert not blocks.began.is_set()


async def test_a_cancelled_node_is_left_and_not_finished() -> None:
    ran, task = start({"nodes": [node("a", "never")]}, (Never,), {})
    while not ran.recorder.told("started"):
        await asyncio.sleep(0)
    await cancel(task)
    assert [line for line, _, _ in ran.recorder.lines] == ["started", "left"]


class StopsIterating(NodeType[Anything]):
    """A synchronous node that raises what a future cannot carry."""

    name: ClassVar[str] = "stops"
    config_model = Anything

    def run(self, ctx: NodeContext[Anything]) -> Mapping[str, Any]:
        raise StopIteration


async def test_a_synchronous_node_without_an_executor_has_a_thread_of_its_own() -> None:
    failed = await failure({"nodes": [node("a", "stops")]}, types=(StopsIterating,))
    assert "StopIteration" in failed.message


class Asks(NodeType[Anything]):
    """Asks two questions; fails once in between, if it is told to."""

    name: ClassVar[str] = "asks"
    config_model = Anything

    async def run(self, ctx: NodeContext[Anything]) -> Mapping[str, Any]:
        first = ctx.interrupt("First?", {"type": "string"}, assignees=["me"])
        if ctx.config.fail and not ctx._context.reporter.told("retrying"):  # type: ignore[attr-defined]
            raise RuntimeError("in between")
        return {"first": first, "second": ctx.interrupt("Second?")}


class AsksInThread(NodeType[Anything]):
    """Asks from a thread."""

    name: ClassVar[str] = "asks_in_thread"
    config_model = Anything

    def run(self, ctx: NodeContext[Anything]) -> Mapping[str, Any]:
        return {"answer": ctx.interrupt("Well?")}


async def open_values(ran: Ran) -> list[Any]:
    """The values of a run's open interrupts."""
    state = await ran.program.with_saver(ran.saver).aget_state(config())
    return [interrupt.value for interrupt in state.interrupts]


@pytest.mark.parametrize("fail", [0, 1], ids=["at once", "after a failure in between"])
async def test_a_node_asks_parks_and_goes_on_with_the_answers(fail: int) -> None:
    retry = {"max_attempts": 2, "initial_interval": 0}
    ran = await execute({"nodes": [{**node("a", "asks", fail=fail), "retry": retry}]}, types=(Asks,))
    first = {"kind": "answer", "question": "First?", "schema": {"type": "string"}, "assignees": ["me"]}
    assert await open_values(ran) == [first]
    assert [line for line, _, _ in ran.recorder.lines] == ["started", "left"]
    await answer(ran, "one")
    assert await open_values(ran) == [{"kind": "answer", "question": "Second?", "schema": None}]
    await answer(ran, "two")
    assert ran.output == {"first": "one", "second": "two"}
    assert len(ran.recorder.told("started")) == len(ran.recorder.told("left")) == 3
    assert len(ran.recorder.outcomes) == 1


async def test_a_synchronous_node_asks_too() -> None:
    ran = await execute({"nodes": [node("a", "asks_in_thread")]}, types=(AsksInThread,))
    await answer(ran, "yes")
    assert ran.output == {"answer": "yes"}


async def test_a_question_does_not_make_its_finished_sibling_run_again() -> None:
    definition = graph("s", node("a", "asks_in_thread"), "b", "j", edges="s>a s>b a>j b>j")
    ran = await execute(definition, types=(AsksInThread,))
    await answer(ran, "yes")
    assert sorted(ran.recorder.ran) == ["a", "b", "j", "s"]


async def test_a_short_wait_sleeps_and_a_long_one_parks_until_its_time() -> None:
    sleeps = Sleeps()
    now = wall_clock()
    context = {"sleep": sleeps, "now": lambda: now}
    ran = await execute(graph(node("a", "wait", seconds=5), node("b", "wait", seconds=6), edges="a>b"), context=context)
    assert sleeps.slept == [5.0]
    assert await open_values(ran) == [{"kind": "time", "until": now + 6000}]


async def test_a_parked_wait_keeps_its_first_time() -> None:
    definition = {"nodes": [node("a", "wait", seconds=60)]}
    ran = await execute(definition, context={"now": lambda: 1_000_000})
    task_id = ran.recorder.lines[0][1]
    parked = {task_id: (await open_values(ran))[0]}
    await resume(ran, None, {"now": lambda: 1_030_000, "parked": parked})
    assert await open_values(ran) == [{"kind": "time", "until": 1_060_000}]
    await answer(ran, True, {"now": lambda: 1_060_000, "parked": parked})
    assert ran.output == {"waited_until": "1970-01-01T00:17:40Z"}


async def test_a_wait_until_a_time_that_is_over_does_not_wait() -> None:
    sleeps = Sleeps()
    ran = await execute({"nodes": [node("a", "wait", until="2001-01-01T00:00:00+01:00")]}, context={"sleep": sleeps})
    assert sleeps.slept == [0]
    assert ran.output == {"waited_until": "2000-12-31T23:00:00Z"}


class Effect(NodeType[Anything]):
    """Has an effect that a dry run must not have."""

    name: ClassVar[str] = "effect"
    config_model = Anything
    side_effects: ClassVar[bool] = True

    async def run(self, ctx: NodeContext[Anything]) -> Mapping[str, Any]:
        return {"real": True}


async def test_a_dry_run_simulates_side_effects() -> None:
    definition = {"nodes": [node("a", "effect")]}
    assert (await execute(definition, types=(Effect,))).output == {"real": True}
    assert (await execute(definition, types=(Effect,), context={"test_mode": True})).output == {"simulated": True}


class Slow(NodeType[Anything]):
    """Can time out, which is an outcome and not a failure."""

    name: ClassVar[str] = "slow"
    config_model = Anything
    times_out: ClassVar[bool] = True

    async def run(self, ctx: NodeContext[Anything]) -> Mapping[str, Any]:
        if ctx.config.give:
            raise TimedOut("too late")
        return {"timed_out": True}


@pytest.mark.parametrize(("late", "expected"), [(True, ["a", "c"]), (False, ["a", "b"])])
async def test_a_node_that_times_out_takes_its_timeout_edge(late: bool, expected: list[str]) -> None:
    definition = graph(node("a", "slow", give=late), "b", "c", edges="a>b a>c:timeout")
    assert (await execute(definition, types=(Slow,))).recorder.ran == expected


async def test_a_run_goes_on_after_a_failure_without_running_again_what_was_done() -> None:
    definition = graph("a", node("b", "flaky", fail=1), "c", edges="a>b b>c")
    ran = await pending(definition, (Flaky,))
    ran.recorder.lines.append(("retrying", "", None))
    await resume(ran, None)
    assert [outcome.node_id for outcome in ran.recorder.outcomes if outcome.status == "COMPLETED"] == ["a", "b", "c"]


async def pending(definition: Mapping[str, Any], types: tuple[type[NodeType[Any]], ...]) -> Ran:
    """A run that failed."""
    ran, task = start(definition, types, {})
    with pytest.raises(NodeFailure):
        await task
    return ran


def start(
    definition: Mapping[str, Any], types: tuple[type[NodeType[Any]], ...], context: Mapping[str, Any]
) -> tuple[Ran, asyncio.Task[Ran]]:
    """A run that goes on by itself."""
    ran = Ran.of(definition, types)
    return ran, asyncio.ensure_future(resume(ran, ran.program.graph_input({}), context))


async def cancel(task: asyncio.Task[Any]) -> None:
    """Cancel a run and wait for its end."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def turn() -> None:
    """Let the loop do what other threads have asked of it."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_command_is_what_answers_are_given_with() -> None:
    ran = await execute({"nodes": [node("a", "asks_in_thread")]}, types=(AsksInThread,))
    state = await ran.program.with_saver(ran.saver).aget_state(config())
    await resume(ran, Command(resume={state.interrupts[0].id: {"a": [1]}}))
    assert ran.output == {"answer": {"a": [1]}}
