"""Dry runs: nothing happens outside, nothing waits, and an earlier run's results stand in for what did not change."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest

from milepost.graphs.context import NodeContext
from milepost.graphs.examples import examples
from milepost.graphs.failures import NodeError
from milepost.graphs.node_types import Config, NodeType
from milepost.server.errors import ExecutionTimeout, InvalidDefinition, InvalidRequest, NotFound
from milepost.server.runs.control import Resume
from milepost.server.runs.dry_runs import DryRun
from milepost.server.states import RunStatus
from milepost.server.store.listings import RunFilter
from tests.engine.conftest import ACTOR, Bench, opened
from tests.unit.graphs.recording import condition, graph, node

YES = {"type": "object", "required": ["go"], "properties": {"go": {"type": "boolean", "default": True}}}


class Word(Config):
    """What to say; `fail` makes it fail."""

    say: Any = None
    fail: bool = False


class Site:
    """A bench whose types count what they really did."""

    def __init__(self) -> None:
        self.worked: list[Any] = []
        self.sent: list[Any] = []
        self.bench: Bench
        site = self

        class Work(NodeType[Word]):
            name: ClassVar[str] = "work"
            config_model = Word

            async def run(self, ctx: NodeContext[Word]) -> Mapping[str, Any]:
                site.worked.append(ctx.config.say)
                ctx.log("info", f"says {ctx.config.say}")
                if ctx.config.fail:
                    raise NodeError("too_bad", "it went wrong")
                return {"said": ctx.config.say}

        class Send(NodeType[Word]):
            name: ClassVar[str] = "send"
            config_model = Word
            side_effects: ClassVar[bool] = True

            async def run(self, ctx: NodeContext[Word]) -> Mapping[str, Any]:
                site.sent.append(ctx.config.say)
                return {"sent": ctx.config.say}

            def simulate(self, ctx: NodeContext[Word]) -> Mapping[str, Any]:
                return {"sent": ctx.config.say, "not_really": True}

        self.types = (Work, Send)

    def forget(self) -> None:
        """Count anew."""
        self.worked.clear()
        self.sent.clear()

    async def workflow(self, definition: Mapping[str, Any]) -> str:
        created = await self.bench.app.workflows.create(self.bench.project, "test", "", definition)
        return str(created["workflow_id"])

    async def test(self, workflow: Mapping[str, Any] | str, **more: Any) -> dict[str, Any]:
        """The answer of a dry run."""
        workflow_id = workflow if isinstance(workflow, str) else await self.workflow(workflow)
        told = await self.bench.app.dry_runs.test(ACTOR, self.bench.project, DryRun(workflow_id, **more))
        found: dict[str, Any] = orjson.loads(orjson.dumps(told))
        return found

    async def recorded(self, workflow_id: str, input: Mapping[str, Any] | None = None) -> str:
        """An ordinary run that has ended."""
        run_id = await self.bench.start_again(workflow_id, input)
        await self.bench.ended(run_id)
        return run_id


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site()
    async with opened(tmp_path / "data", types=site.types, shutdown_grace=1.0) as bench:
        site.bench = bench
        yield site


def steps(told: Mapping[str, Any]) -> dict[str, Any]:
    """The last step of each node of a trace."""
    return {step["node_id"]: step for step in told["trace"]}


def ways(told: Mapping[str, Any]) -> list[str]:
    """Node and what stood in for it, step by step."""
    marks = ("simulated", "answered", "replayed")
    return [" ".join([step["node_id"], *(mark for mark in marks if step[mark])]) for step in told["trace"]]


async def test_side_effects_are_simulated_and_waits_are_over_at_once(site: Site) -> None:
    told = await site.test(
        graph(
            node("w", "work", say=1),
            node("s", "send", say="{{ outputs.w.said }}"),
            node("short", "wait", seconds=4),
            node("long", "wait", seconds=90_000),
            node("e", "wait_event", event="paid"),
            node("o", "output", value="{{ outputs.e }}"),
            edges="w>s s>short short>long long>e e>o",
        )
    )
    assert ways(told) == ["w", "s simulated", "short simulated", "long simulated", "e simulated", "o"]
    assert (site.worked, site.sent) == ([1], [])
    assert steps(told)["s"]["output"] == {"sent": 1, "not_really": True}
    assert steps(told)["w"]["logs"] == ["info: says 1"]
    assert told["summary"]["passed"]
    assert told["execution_time_seconds"] < 3
    assert told["final_output"] == {"simulated": True}
    assert told["status"] == "COMPLETED"
    assert told["test_mode"] is True


async def test_questions_are_answered_by_answers_or_by_the_schemas_default(site: Site) -> None:
    definition = graph(
        node("a", "approval", question="A?", schema=YES),
        node("b", "approval", question="B?", schema=YES),
        node("c", "approval", question="C?"),
        edges="a>b b>c",
    )
    told = await site.test(definition, answers={"b": {"go": False}})
    assert ways(told) == ["a simulated", "b answered", "c simulated"]
    assert [step["output"] for step in told["trace"]] == [{"go": True}, {"go": False}, {"answer": None}]


async def test_what_cannot_be_answered_fails_its_node(site: Site) -> None:
    definition = graph(
        node("a", "approval", question="A?", schema={"type": "string", "pattern": "^[0-9]{8}$"}), edges=""
    )
    told = await site.test(definition)
    assert told["status"] == "FAILED"
    assert not told["summary"]["passed"]
    assert steps(told)["a"]["error_code"] == "no_answer"
    assert "'a'" in steps(told)["a"]["error"]
    told = await site.test(definition, answers={"a": 5})
    assert steps(told)["a"]["error_code"] == "invalid_answer"


async def test_an_answer_can_be_that_none_came_in_time(site: Site) -> None:
    definition = graph(
        node("a", "approval", question="A?", timeout=60),
        node("late", "work", say="late"),
        node("done", "work", say="done"),
        edges="a>late:timeout a>done",
    )
    told = await site.test(definition, answers={"a": {"$timed_out": True}})
    assert ways(told) == ["a answered", "late"]


async def test_the_answers_of_a_cycle_can_differ(site: Site) -> None:
    definition = graph(
        "start",
        node("draft", "work", say="draft"),
        node("ask", "approval", question="Good?", schema=YES),
        condition("good", "outputs.ask.go"),
        node("done", "output", value=1),
        edges="start>draft draft>ask ask>good good>draft:false good>done:true",
    )
    told = await site.test(definition, answers={"ask#1": {"go": False}, "ask": {"go": True}})
    assert [step["node_id"] for step in told["trace"]] == ["start", *["draft", "ask", "good"] * 2, "done"]


async def test_an_answer_for_no_node_is_refused(site: Site) -> None:
    with pytest.raises(InvalidRequest, match="'b'"):
        await site.test(graph("a", edges=""), answers={"b": 1})


async def test_retries_do_not_wait(site: Site) -> None:
    failing = node("f", "work", say="x", fail=True) | {"retry": {"max_attempts": 3, "initial_interval": 3600}}
    told = await site.test(graph(failing, edges=""))
    assert site.worked == ["x"] * 3
    assert steps(told)["f"]["attempt"] == 3
    assert steps(told)["f"]["error_type"] == "NodeError"


async def test_nested_workflows_and_items_are_rehearsed(site: Site) -> None:
    inner = await site.workflow(
        graph(node("ask", "approval", question="?", schema=YES), node("s", "send", say=1), edges="ask>s")
    )
    told = await site.test(
        graph(
            node("sub", "subworkflow", workflow_id=inner),
            node("each", "map", over="[1, 2]", workflow={"workflow_id": inner}),
            node("asks", "map", over="[1, 2]", node={"type": "approval", "config": {"question": "?"}}),
            node("o", "output", value="{{ outputs.asks['items'] }}"),
            edges="sub>each each>asks asks>o",
        ),
        answers={"sub/ask": {"go": False}, "each/ask": {"go": True}, "asks/1": "one", "asks": "any"},
    )
    assert told["status"] == "COMPLETED"
    assert site.sent == []
    assert "sub/ask answered" in ways(told)
    assert "sub/s simulated" in ways(told)
    assert steps(told)["each"]["output"]["items"][1] == {"sent": 1, "not_really": True}
    assert told["final_output"] == [{"answer": "any"}, {"answer": "one"}]


async def test_a_dry_run_is_kept_marked_and_not_counted(site: Site) -> None:
    workflow_id = await site.workflow(graph("a", edges=""))
    told = await site.test(workflow_id)
    real = await site.recorded(workflow_id)
    read, project, store = site.bench.app.read, site.bench.project, site.bench.app.store
    assert (await read.get(project, told["run_id"]))["test_mode"] is True
    assert (await read.get(project, real))["test_mode"] is False
    for chosen, expected in ((None, {told["run_id"], real}), (True, {told["run_id"]}), (False, {real})):
        page = await read.page(project, RunFilter(test_mode=chosen), 10, None)
        assert {item["run_id"] for item in page["items"]} == expected
    rows = store.reader.fetch(
        "SELECT runs FROM run_rollups WHERE hours = 1 AND scope_id = :id", {"id": workflow_id}
    ).result()
    assert rows == [(1,)]
    (history,) = await store.fetch("node_durations", workflow_id=workflow_id)
    assert orjson.loads(history[0])["runs"] == 1


async def test_an_unsaved_definition_can_be_tried(site: Site) -> None:
    workflow_id = await site.workflow(graph(node("a", "work", say="saved"), edges=""))
    draft = graph(node("a", "work", say="draft"), node("b", "send", say="b"), edges="a>b")
    told = await site.test(workflow_id, definition=draft)
    assert site.worked == ["draft"]
    assert ways(told) == ["a", "b simulated"]
    assert told["version"] is None
    shown = await site.bench.app.read.get(site.bench.project, told["run_id"])
    assert shown["dry_run"]["definition"] == draft
    with pytest.raises(InvalidDefinition):
        await site.test(workflow_id, definition={"nodes": []})


async def test_a_fork_and_a_rerun_of_a_dry_run_are_dry(site: Site) -> None:
    definition = graph(node("a", "work", say=1), node("s", "send", say=2), edges="a>s")
    told = await site.test(definition)
    app, project = site.bench.app, site.bench.project
    first = (await app.history.checkpoints(project, told["run_id"], 10))[-1]
    fork = await app.fork.fork(ACTOR, project, told["run_id"], first.checkpoint_id, execute=True)
    again = await app.start.rerun(ACTOR, project, told["run_id"], None, execute=True)
    for run in (fork, again):
        assert (await site.bench.ended(run.run_id)).status is RunStatus.COMPLETED
    assert site.sent == []


async def test_past_its_time_a_dry_run_is_cancelled_and_nothing_of_it_runs(site: Site) -> None:
    definition = graph(node("a", "held", seconds=60), edges="")
    with pytest.raises(ExecutionTimeout) as refused:
        await site.test(definition, timeout_seconds=0.3)
    run_id = refused.value.more["run_id"]
    assert (await site.bench.app.store.run(run_id)).status is RunStatus.CANCELLED
    assert site.bench.app.engine.executing(run_id) == []


async def test_a_dry_run_that_nobody_waits_for_has_an_end_as_well(site: Site) -> None:
    with pytest.raises(ExecutionTimeout) as refused:
        await site.test(graph(node("a", "held", seconds=60), edges=""), timeout_seconds=0.3)
    app, project = site.bench.app, site.bench.project
    again = await app.start.rerun(ACTOR, project, refused.value.more["run_id"], None, execute=True)
    ended = await asyncio.wait_for(site.bench.ended(again.run_id), 20)
    assert orjson.loads(ended.error or "{}")["code"] == "timed_out"


async def test_who_goes_away_takes_the_dry_run_along(site: Site) -> None:
    workflow_id = await site.workflow(graph(node("a", "held", seconds=60), edges=""))
    asking = asyncio.ensure_future(site.test(workflow_id))
    while not (page := await site.bench.app.read.page(site.bench.project, RunFilter(test_mode=True), 1, None))["items"]:
        await asyncio.sleep(0)
    await site.bench.until_node(page["items"][0]["run_id"], "node.started", "a")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await site.bench.ended(page["items"][0]["run_id"])).status is RunStatus.CANCELLED


async def test_many_dry_runs_at_once(site: Site) -> None:
    workflow_id = await site.workflow(
        graph(node("ask", "approval", question="?", schema=YES), node("s", "send", say=1), edges="ask>s")
    )
    told = await asyncio.gather(*(site.test(workflow_id, answers={"ask": {"go": n % 2 == 0}}) for n in range(30)))
    assert [steps(each)["ask"]["output"]["go"] for each in told] == [n % 2 == 0 for n in range(30)]
    assert site.sent == []


async def test_a_huge_trace_is_bounded(site: Site) -> None:
    body = graph(
        "start",
        node("n", "process", value="{{ 'x' * 20000 }}") | {"set": {"n": "{{ (variables.n or 0) + 1 }}"}},
        condition("more", "variables.n < 600"),
        edges="start>n n>more more>n:true",
        max_iterations=1000,
    )
    body["nodes"].append(node("o", "output", value=1))
    body["edges"].append({"source": "more", "target": "o", "when": False})
    told = await site.test(body)
    assert told["status"] == "COMPLETED"
    assert told["cut"] is True
    assert len(told["trace"]) == 1000
    assert told["summary"]["executions"] == 1202
    assert len(orjson.dumps(told)) < 6 << 20


@pytest.mark.parametrize("definition", examples(), ids=lambda definition: str(definition["name"]))
async def test_every_example_can_be_tried_dry(site: Site, definition: dict[str, Any]) -> None:
    told = await site.test(definition, input={"topic": "tides"}, timeout_seconds=30)
    assert told["status"] in ("COMPLETED", "FAILED"), told
    assert told["summary"]["passed"] is (definition["name"] != "Invoice that fails"), told["error"]


# An earlier run.


CHAIN = ("a", "b", "c", "d")


def chain(**says: Any) -> dict[str, Any]:
    return graph(
        *(node(name, "work", say=says.get(name, name)) for name in CHAIN[:3]),
        node("d", "send", say=says.get("d", "d")),
        edges="a>b b>c c>d",
    )


async def test_a_replay_without_changes_executes_nothing(site: Site) -> None:
    workflow_id = await site.workflow(chain())
    source = await site.recorded(workflow_id)
    site.forget()
    told = await site.test(workflow_id, replay_run_id=source)
    assert ways(told) == [f"{name} replayed" for name in CHAIN]
    assert (site.worked, site.sent) == ([], [])
    assert steps(told)["d"]["output"] == {"sent": "d"}
    assert told["summary"]["replayed"] == 4


@pytest.mark.parametrize("changed", CHAIN)
async def test_a_changed_node_and_what_follows_it_are_executed_and_nothing_else(site: Site, changed: str) -> None:
    workflow_id = await site.workflow(chain())
    source = await site.recorded(workflow_id)
    site.forget()
    told = await site.test(workflow_id, definition=chain(**{changed: "new"}), replay_run_id=source)
    place = CHAIN.index(changed)
    real = ["new" if name == changed else name for name in CHAIN[place:3]]
    assert (site.worked, site.sent) == (real, [])
    marks = [f"{name} replayed" for name in CHAIN[:place]] + [*CHAIN[place:3], "d simulated"][: 4 - place]
    assert ways(told) == marks


async def test_a_new_version_replays_a_run_of_an_older_one(site: Site) -> None:
    workflow_id = await site.workflow(chain())
    source = await site.recorded(workflow_id)
    site.forget()
    await site.bench.app.workflows.revise(site.bench.project, workflow_id, chain(c="new"))
    told = await site.test(workflow_id, replay_run_id=source)
    assert site.worked == ["new"]
    assert ways(told) == ["a replayed", "b replayed", "c", "d simulated"]


async def test_branches_that_the_change_does_not_reach_are_replayed(site: Site) -> None:
    def definition(say: str) -> dict[str, Any]:
        return graph(
            node("start", "work", say="start"),
            node("left", "work", say=say),
            node("left2", "work", say="left2"),
            node("right", "work", say="right"),
            node("right2", "work", say="right2"),
            node("join", "work", say="{{ outputs.left2.said }}"),
            edges="start>left left>left2 start>right right>right2 left2>join right2>join",
        )

    workflow_id = await site.workflow(definition("left"))
    source = await site.recorded(workflow_id)
    site.forget()
    told = await site.test(workflow_id, definition=definition("new"), replay_run_id=source)
    assert sorted(site.worked) == ["left2", "left2", "new"]
    assert sorted(ways(told)) == ["join", "left", "left2", "right replayed", "right2 replayed", "start replayed"]


async def test_a_join_behind_a_branch_that_is_now_left_out_is_executed(site: Site) -> None:
    def definition(expression: str) -> dict[str, Any]:
        return graph(
            node("start", "work", say="start"),
            condition("choose", expression),
            node("extra", "work", say="extra"),
            node("other", "work", say="other"),
            node("join", "work", say="{{ outputs.extra }}"),
            node("end", "work", say="end"),
            edges="start>choose start>other choose>extra:true other>join extra>join join>end",
        )

    workflow_id = await site.workflow(definition("true"))
    source = await site.recorded(workflow_id)
    site.forget()
    told = await site.test(workflow_id, definition=definition("false"), replay_run_id=source)
    assert sorted(ways(told)) == ["choose", "end", "join", "other replayed", "start replayed"]
    assert steps(told)["join"]["output"] == {"said": None}


async def test_who_reads_a_variable_of_a_changed_node_is_executed(site: Site) -> None:
    def definition(value: int) -> dict[str, Any]:
        return graph(
            node("setter", "work", say=1) | {"set": {"v": value}},
            node("reader", "work", say="{{ variables.v }}"),
            node("other", "work", say="other"),
            edges="setter>reader reader>other",
        )

    workflow_id = await site.workflow(definition(1))
    source = await site.recorded(workflow_id)
    site.forget()
    told = await site.test(workflow_id, definition=definition(2), replay_run_id=source)
    assert ways(told) == ["setter", "reader", "other"]
    assert told["final_variables"] == {"v": 2}


async def test_each_iteration_of_a_cycle_is_replayed_by_its_own_result(site: Site) -> None:
    def definition(last: int) -> dict[str, Any]:
        return graph(
            "start",
            node("n", "work", say="{{ (variables.n or 0) + 1 }}") | {"set": {"n": "{{ outputs.n.said }}"}},
            condition("more", "variables.n < 3"),
            node("end", "work", say=last),
            edges="start>n n>more more>n:true more>end:false",
        )

    workflow_id = await site.workflow(definition(0))
    source = await site.recorded(workflow_id)
    site.forget()
    told = await site.test(workflow_id, definition=definition(9), replay_run_id=source)
    assert site.worked == [9]
    assert [step["output"]["said"] for step in told["trace"] if step["node_id"] == "n"] == [1, 2, 3]


async def test_in_a_cycle_what_came_before_the_change_is_replayed(site: Site) -> None:
    def definition(least: int) -> dict[str, Any]:
        return graph(
            "start",
            node("n", "work", say="{{ (variables.n or 0) + 1 }}") | {"set": {"n": "{{ outputs.n.said }}"}},
            condition("more", f"variables.n < {least}"),
            node("end", "work", say="end"),
            edges="start>n n>more more>n:true more>end:false",
        )

    workflow_id = await site.workflow(definition(3))
    source = await site.recorded(workflow_id)
    site.forget()
    told = await site.test(workflow_id, definition=definition(2), replay_run_id=source)
    assert ways(told) == ["start replayed", "n replayed", "more", "n", "more", "end"]


async def test_a_failure_is_replayed(site: Site) -> None:
    def definition(say: str) -> dict[str, Any]:
        return graph(
            node("f", "work", say="f", fail=True) | {"on_error": "continue"},
            node("g", "work", say="g", fail=True),
            node("handled", "work", say=say),
            edges="f>g g>handled:error",
        )

    workflow_id = await site.workflow(definition("old"))
    source = await site.recorded(workflow_id)
    site.forget()
    told = await site.test(workflow_id, definition=definition("new"), replay_run_id=source)
    assert site.worked == ["new"]
    assert ways(told) == ["f replayed", "g replayed", "handled"]
    assert steps(told)["g"]["error_code"] == "too_bad"
    assert steps(told)["g"]["status"] == "FAILED"


async def test_a_failed_run_fails_again_for_nothing_until_its_node_is_changed(site: Site) -> None:
    def definition(*, fail: bool) -> dict[str, Any]:
        return graph(node("a", "work", say="a"), node("b", "work", say="b", fail=fail), edges="a>b")

    workflow_id = await site.workflow(definition(fail=True))
    source = await site.recorded(workflow_id)
    site.forget()
    told = await site.test(workflow_id, replay_run_id=source)
    assert (told["status"], told["error"]["code"], site.worked) == ("FAILED", "too_bad", [])
    assert ways(told) == ["a replayed", "b replayed"]
    told = await site.test(workflow_id, definition=definition(fail=False), replay_run_id=source)
    assert (told["status"], site.worked) == ("COMPLETED", ["b"])


async def test_a_nodes_inside_a_workflow_are_replayed_each(site: Site) -> None:
    def inner(say: str) -> dict[str, Any]:
        return graph(
            node("x", "work", say="x"), node("y", "work", say=say), node("z", "work", say="z"), edges="x>y y>z"
        )

    child = await site.workflow(inner("y"))
    outer = graph(
        node("a", "work", say="a"),
        node("sub", "subworkflow", workflow_id=child),
        node("e", "work", say="e"),
        edges="a>sub sub>e",
    )
    workflow_id = await site.workflow(outer)
    source = await site.recorded(workflow_id)
    site.forget()
    told = await site.test(workflow_id, replay_run_id=source)
    assert site.worked == []
    assert set(ways(told)) == {f"{name} replayed" for name in ("a", "sub", "sub/x", "sub/y", "sub/z", "e")}
    await site.bench.app.workflows.revise(site.bench.project, child, inner("new"))
    told = await site.test(workflow_id, definition=outer, replay_run_id=source)
    assert site.worked == ["new", "z", "e"]
    assert ways(told) == ["a replayed", "sub", "sub/x replayed", "sub/y", "sub/z", "e"]


async def test_items_are_replayed_with_their_map(site: Site) -> None:
    def definition(last: str, say: str = "{{ item }}") -> dict[str, Any]:
        return graph(
            node("each", "map", over="[1, 2, 3]", node={"type": "work", "config": {"say": say}}),
            node("end", "work", say=last),
            edges="each>end",
        )

    workflow_id = await site.workflow(definition("old"))
    source = await site.recorded(workflow_id)
    site.forget()
    told = await site.test(workflow_id, definition=definition("new"), replay_run_id=source)
    assert site.worked == ["new"]
    assert ways(told) == ["each replayed", "end"]
    assert steps(told)["each"]["output"]["counts"]["total"] == 3
    site.forget()
    await site.test(workflow_id, definition=definition("old", "other"), replay_run_id=source)
    assert sorted(site.worked) == ["old", "other", "other", "other"]


@pytest.mark.parametrize("holder", ["ai", "map"])
async def test_who_runs_a_workflow_many_times_is_executed_when_it_has_a_new_version(site: Site, holder: str) -> None:
    inner = await site.workflow(graph(node("x", "work", say="old"), edges=""))
    tool = {"name": "t", "workflow": {"workflow_id": inner}, "parameters": {"type": "object"}}
    script = [{"calls": [{"name": "t", "arguments": {}}]}, "Done."]
    holders = {
        "ai": node("a", "ai", model="scripted", prompt="go", script=script, tools=[tool]),
        "map": node("a", "map", over="[1]", workflow={"workflow_id": inner}),
    }
    outer = graph(holders[holder], node("e", "work", say="e"), edges="a>e")
    workflow_id = await site.workflow(outer)
    source = await site.recorded(workflow_id)
    assert site.worked == ["old", "e"]
    site.forget()
    told = await site.test(workflow_id, definition=outer, replay_run_id=source)
    assert (ways(told), site.worked) == (["a replayed", "e replayed"], [])
    await site.bench.app.workflows.revise(site.bench.project, inner, graph(node("x", "work", say="new"), edges=""))
    told = await site.test(workflow_id, definition=outer, replay_run_id=source)
    assert not steps(told)["a"]["replayed"]
    assert "new" in site.worked or steps(told)["a"]["simulated"]


async def test_answers_of_the_recorded_run_are_given_again(site: Site) -> None:
    def definition(before: str) -> dict[str, Any]:
        return graph(
            node("a", "work", say=before),
            node("ask", "approval", question="?", schema=YES),
            node("s", "send", say="{{ outputs.ask.go }}"),
            edges="a>ask ask>s",
        )

    workflow_id = await site.workflow(definition("old"))
    source = await site.bench.start_again(workflow_id)
    await site.bench.until(source, "run.waiting")
    await site.bench.app.control.resume(
        ACTOR, site.bench.project, source, Resume(answer={"go": False}, has_answer=True)
    )
    await site.bench.ended(source)
    told = await site.test(workflow_id, replay_run_id=source)
    assert ways(told) == ["a replayed", "ask replayed", "s replayed"]
    told = await site.test(workflow_id, definition=definition("new"), replay_run_id=source)
    assert ways(told) == ["a", "ask answered", "s simulated"]
    assert steps(told)["ask"]["output"] == {"go": False}
    told = await site.test(
        workflow_id, definition=definition("new"), replay_run_id=source, answers={"ask": {"go": True}}
    )
    assert steps(told)["ask"]["output"] == {"go": True}


async def test_a_run_that_was_retried_is_replayed_as_it_ended(site: Site, tmp_path: Path) -> None:
    definition = graph(
        node("t", "trace", file=str(tmp_path / "t"), text="x", fail_first=1), node("w", "work", say="w"), edges="t>w"
    )
    workflow_id = await site.workflow(definition)
    source = await site.recorded(workflow_id)
    assert (await site.bench.app.store.run(source)).status is RunStatus.FAILED
    await site.bench.app.control.retry(ACTOR, site.bench.project, source)
    await site.bench.until(source, "run.completed")
    site.forget()
    told = await site.test(workflow_id, replay_run_id=source)
    assert ways(told) == ["t replayed", "w replayed"]
    assert site.worked == []


async def test_what_time_travel_abandoned_is_not_replayed(site: Site) -> None:
    definition = graph(
        node("a", "work", say="a"),
        node("ask", "approval", question="?"),
        node("b", "work", say="{{ outputs.ask.answer }}"),
        node("hold", "approval", question="hold?"),
        edges="a>ask ask>b b>hold",
    )
    workflow_id = await site.workflow(definition)
    source = await site.bench.start_again(workflow_id)
    control, project = site.bench.app.control, site.bench.project
    after = (await site.bench.until(source, "run.waiting"))["seq"]
    asked = (await site.bench.app.store.run(source)).checkpoint_id
    await control.resume(ACTOR, project, source, Resume(answer="first", has_answer=True))
    after = (await site.bench.until(source, "run.waiting", after=after))["seq"]
    await control.pause(ACTOR, project, source)
    await control.resume(ACTOR, project, source, Resume(checkpoint_id=asked))
    after = (await site.bench.until(source, "run.waiting", after=after))["seq"]
    await control.resume(ACTOR, project, source, Resume(answer="second", has_answer=True))
    after = (await site.bench.until(source, "run.waiting", after=after))["seq"]
    await control.resume(ACTOR, project, source, Resume(answer="go", has_answer=True))
    await site.bench.ended(source)
    site.forget()
    told = await site.test(workflow_id, replay_run_id=source)
    assert site.worked == []
    assert steps(told)["b"]["output"] == {"said": "second"}
    assert steps(told)["ask"]["output"] == {"answer": "second"}


async def test_a_fork_is_replayed_with_what_its_parent_had_done(site: Site) -> None:
    workflow_id = await site.workflow(chain())
    parent = await site.recorded(workflow_id)
    app, project = site.bench.app, site.bench.project
    points = await app.history.checkpoints(project, parent, 10)
    point = next(each for each in points if list(each.next) == ["c"])
    fork = await app.fork.fork(ACTOR, project, parent, point.checkpoint_id, execute=True)
    await site.bench.ended(fork.run_id)
    site.forget()
    told = await site.test(workflow_id, replay_run_id=fork.run_id)
    assert ways(told) == [f"{name} replayed" for name in CHAIN]
    assert site.worked == []


async def test_a_replay_goes_on_where_it_was_paused(site: Site, tmp_path: Path) -> None:
    def definition(seconds: float) -> dict[str, Any]:
        return graph(
            node("a", "work", say="a"),
            node("h", "held", seconds=seconds, file=str(tmp_path / "held"), text="h"),
            node("b", "work", say="b"),
            node("c", "work", say="c"),
            edges="a>h a>c h>b",
        )

    workflow_id = await site.workflow(definition(0))
    source = await site.recorded(workflow_id)
    site.forget()
    asking = asyncio.ensure_future(site.test(workflow_id, definition=definition(0.3), replay_run_id=source))
    while not (page := await site.bench.app.read.page(site.bench.project, RunFilter(test_mode=True), 1, None))["items"]:
        await asyncio.sleep(0)
    run_id = page["items"][0]["run_id"]
    await site.bench.until_node(run_id, "node.started", "h")
    await site.bench.app.control.pause(ACTOR, site.bench.project, run_id, "now")
    await site.bench.app.control.resume(ACTOR, site.bench.project, run_id, Resume())
    told = await asking
    assert told["status"] == "COMPLETED"
    assert site.worked == ["b"]
    assert steps(told)["c"]["replayed"]


async def test_only_a_run_of_the_workflow_with_its_input_can_be_replayed(site: Site) -> None:
    workflow_id, other = await site.workflow(chain()), await site.workflow(chain())
    source = await site.recorded(workflow_id, {"n": 1})
    with pytest.raises(InvalidRequest, match="another workflow"):
        await site.test(other, replay_run_id=source)
    with pytest.raises(InvalidRequest, match="input"):
        await site.test(workflow_id, replay_run_id=source, input={"n": 2})
    with pytest.raises(NotFound):
        await site.test(workflow_id, replay_run_id="01a1fbe8-f8c1-7272-b423-856c9fe94f8c")
    assert (await site.test(workflow_id, replay_run_id=source, input={"n": 1}))["summary"]["passed"]
