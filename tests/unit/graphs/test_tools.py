"""Tools of an `ai` node: nodes that its model runs, in a loop whose every step is a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from milepost.graphs import Config, NodeContext, NodeFailure, NodeType, Registry, validate
from milepost.graphs.failures import NodeError
from tests.unit.graphs.recording import Ran, answer, execute, execute_in_steps, node

NUMBER = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """A use of a tool in a script."""
    return {"name": name, "arguments": arguments}


def calls(*made: dict[str, Any], text: str = "") -> dict[str, Any]:
    """A reply of a script that uses tools."""
    return {"text": text, "calls": list(made)}


def tool(name: str, type_: str = "process", /, **config: Any) -> dict[str, Any]:
    """A tool that takes a number `n`."""
    return {"name": name, "parameters": NUMBER, "node": {"type": type_, "config": config}}


DOUBLE = tool("double", value={"doubled": "{{ args.n * 2 }}", "for": "{{ input.who }}"})


def agent(*script: Any, tools: list[dict[str, Any]], **config: Any) -> dict[str, Any]:
    """A definition of one node."""
    return {"nodes": [node("a", "ai", model="scripted", prompt="go", script=list(script), tools=tools, **config)]}


class SeenConfig(Config):
    """What a probe notes, and how often it fails first."""

    n: int
    fail_first: int = 0


class Seen(NodeType[SeenConfig]):
    """Has an effect outside: gives its idempotency key; fails on demand."""

    name: ClassVar[str] = "seen"
    config_model = SeenConfig
    side_effects = True

    async def run(self, ctx: NodeContext[SeenConfig]) -> Mapping[str, Any]:
        ctx.log("info", "seen", n=ctx.config.n)
        if ctx.config.fail_first:
            raise NodeError("refused", f"not {ctx.config.n}")
        return {"key": ctx.idempotency_key}


def items(ran: Ran) -> list[tuple[int, str]]:
    """The calls that were made: number and status."""
    return sorted((index, outcome.status) for index, outcome in ran.recorder.told("item"))


async def test_a_model_uses_tools_until_it_is_done() -> None:
    script = [calls(call("double", n=2), call("double", n=3), text="Let me see."), calls(call("double", n=4)), "Done."]
    ran = await execute(agent(*script, tools=[DOUBLE]), {"who": "ada"})
    output = ran.output
    assert output["text"] == "Done."
    assert output["turns"] == 3
    made = [(each["name"], each["arguments"], each["failed"]) for each in output["calls"]]
    assert made == [("double", {"n": n}, False) for n in (2, 3, 4)]
    assert items(ran) == [(0, "COMPLETED"), (1, "COMPLETED"), (2, "COMPLETED")]
    results = {index: outcome.output for index, outcome in ran.recorder.told("item")}
    assert results[2] == {"doubled": 8, "for": "ada"}
    assert "".join(ran.recorder.told("delta")) == "Let me see.Done."
    assert ran.recorder.ran == ["a"]


async def test_a_definition_with_tools_goes_on_after_each_step() -> None:
    script = [calls(call("double", n=2)), calls(call("double", n=3)), "Done."]
    whole = await execute(agent(*script, tools=[DOUBLE]), {"who": "ada"})
    stepped = await execute_in_steps(agent(*script, tools=[DOUBLE]), {"who": "ada"})
    assert stepped.output == whole.output


async def test_each_call_is_logged_with_its_arguments() -> None:
    ran = await execute(agent(calls(call("double", n=2)), "Done.", tools=[DOUBLE]), {"who": "ada"})
    lines = [(level, message, fields["call"]) for level, message, fields in ran.recorder.told("log")]
    assert lines == [("info", "calls double", 0), ("info", "double answered", 0)]
    assert ran.recorder.told("log")[0][2]["arguments"] == '{"n":2}'


async def test_a_tool_that_fails_is_told_to_the_model_and_fails_nothing() -> None:
    failing = tool("fails", "seen", n="{{ args.n }}", fail_first=1)
    ran = await execute(agent(calls(call("fails", n=2)), "Sorry.", tools=[failing]), types=(Seen,))
    assert ran.output["calls"] == [{"name": "fails", "arguments": {"n": 2}, "failed": True}]
    assert items(ran) == [(0, "FAILED")]
    assert ran.output["text"] == "Sorry."


@pytest.mark.parametrize(
    "wrong", [call("halve", n=1), call("double"), call("double", n="two")], ids=["name", "missing", "type"]
)
async def test_a_call_that_does_not_fit_is_refused_and_not_made(wrong: dict[str, Any]) -> None:
    ran = await execute(agent(calls(wrong), "Sorry.", tools=[DOUBLE]), {"who": "ada"})
    assert ran.output["calls"][0]["failed"] is True
    assert items(ran) == []
    assert [level for level, _, _ in ran.recorder.told("log")] == ["warning"]


async def test_max_turns_bounds_the_loop() -> None:
    with pytest.raises(NodeFailure) as raised:
        await execute(agent(calls(call("double", n=1)), tools=[DOUBLE], max_turns=3), {"who": "ada"})
    assert raised.value.code == "too_many_turns"


async def test_a_tool_has_its_own_retry_and_each_call_its_own_key() -> None:
    seen = tool("seen", "seen", n="{{ args.n }}")
    seen["node"]["retry"] = {"max_attempts": 2, "initial_interval": 0}
    ran = await execute(agent(calls(call("seen", n=1), call("seen", n=2)), "Done.", tools=[seen]), types=(Seen,))
    keys = {outcome.output["key"] for _, outcome in ran.recorder.told("item")}
    assert len(keys) == 2
    seen["node"]["config"]["fail_first"] = 1
    ran = await execute(agent(calls(call("seen", n=1)), "Done.", tools=[seen]), types=(Seen,))
    assert [outcome.attempt for _, outcome in ran.recorder.told("item")] == [2]


async def test_a_dry_run_simulates_tools_with_effects() -> None:
    seen = tool("seen", "seen", n="{{ args.n }}")
    definition = agent(calls(call("seen", n=1)), "Done.", tools=[seen])
    ran = await execute(definition, types=(Seen,), context={"test_mode": True})
    assert [outcome.output for _, outcome in ran.recorder.told("item")] == [{"simulated": True}]


async def test_a_tool_can_ask_a_person() -> None:
    ask = {
        "name": "ask",
        "parameters": NUMBER,
        "node": {"type": "approval", "config": {"question": "Take {{ args.n }}?"}},
    }
    ran = await execute(
        agent(calls(call("ask", n=7), call("double", n=1)), "Done.", tools=[ask, DOUBLE]), {"who": "ada"}
    )
    assert ran.output is None
    ran = await answer(ran, {"yes": True})
    assert ran.output["calls"] == [
        {"name": "ask", "arguments": {"n": 7}, "failed": False},
        {"name": "double", "arguments": {"n": 1}, "failed": False},
    ]
    asked = [message for _, message, _ in ran.recorder.told("log") if message.startswith("calls")]
    assert asked.count("calls double") == 1


async def test_an_agent_can_be_a_tool_and_an_item() -> None:
    script = [calls(call("double", n=1)), "inner {{ args.n }}"]
    asks = tool("asks", "ai", model="scripted", prompt="{{ args.n }}", tools=[DOUBLE], script=script)
    ran = await execute(agent(calls(call("asks", n=7)), "Done.", tools=[asks]), {"who": "ada"})
    assert [outcome.output["text"] for _, outcome in ran.recorder.told("item")] == ["inner 7"]
    config = {"model": "scripted", "prompt": "x", "script": [calls(call("say", n=1)), "{{ city }}"]}
    config["tools"] = [tool("say", value={"city": "{{ city }}", "n": "{{ args.n }}", "at": "{{ index }}"})]
    each = node("each", "map", over=["Rome", "Oslo"], node={"type": "ai", "config": config})
    each["config"]["as"] = "city"
    ran = await execute({"nodes": [each]})
    assert [item["text"] for item in ran.output["items"]] == ["Rome", "Oslo"]


async def test_a_tools_expressions_see_outputs_that_only_they_name() -> None:
    first = node("first", value={"x": 5})
    plus = tool("plus", value={"sum": "{{ outputs.first.x + args.n }}"})
    agent_node = node("a", "ai", model="scripted", prompt="go", script=[calls(call("plus", n=2)), "ok"], tools=[plus])
    ran = await execute({"steps": [first, agent_node]})
    assert [outcome.output for _, outcome in ran.recorder.told("item")] == [{"sum": 7}]


async def test_what_the_loop_says_is_bounded() -> None:
    definition = {**agent(calls(call("double", n=1)), tools=[DOUBLE], max_turns=50), "max_state_bytes": 4096}
    with pytest.raises(NodeFailure) as raised:
        await execute(definition, {"who": "a" * 400})
    assert raised.value.code == "state_too_large"


@pytest.mark.parametrize(
    ("tools", "path", "code"),
    [
        ([{"name": "a"}], "tools[0]", "invalid_value"),
        ([{**DOUBLE, "workflow": {"workflow_id": "x"}}], "tools[0]", "invalid_value"),
        ([DOUBLE, DOUBLE], "tools[1].name", "duplicate_id"),
        ([{**DOUBLE, "name": "a b"}], "tools[0].name", "bad_name"),
        ([{**DOUBLE, "parameters": {"type": "string"}}], "tools[0].parameters", "invalid_schema"),
        (
            [{**DOUBLE, "parameters": {"type": "object", "properties": 3}}],
            "tools[0].parameters.properties",
            "invalid_schema",
        ),
        ([tool("t", "nosuch")], "tools[0].node.type", "unknown_type"),
        ([tool("t", "map", over=[])], "tools[0].node.type", "invalid_value"),
        ([tool("t", value="{{ item }}")], "tools[0].node.config.value", "unknown_name"),
        (
            [tool("t", "ai", model="nosuch:m", prompt="x", base_url="http://x")],
            "tools[0].node.config.base_url",
            "invalid_value",
        ),
        ([{"name": "t", "workflow": {"workflow_id": "x"}}], "tools[0].workflow.workflow_id", "needs_server"),
    ],
)
def test_what_is_wrong_with_a_tool_is_said_where_it_stands(tools: Any, path: str, code: str) -> None:
    report = validate(agent("x", tools=tools), Registry())
    assert [(problem.path, problem.code) for problem in report.errors] == [(f"nodes[0].config.{path}", code)]


def test_a_tool_that_cannot_run_here_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    report = validate(agent("x", tools=[tool("t", "ai", model="openai:x", prompt="x")]), Registry())
    assert [(problem.path, problem.code) for problem in report.warnings] == [
        ("nodes[0].config.tools[0].node.config.model", "not_runnable")
    ]
