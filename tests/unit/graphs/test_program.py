"""What is known of a compiled definition without running it: next nodes, states, edits, outputs, drawings."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

from milepost.graphs import InvalidDefinition, Program, Registry, load
from milepost.graphs.programs import Programs
from tests.unit.graphs.recording import Ran, Recorder, answer, condition, config, execute, graph, node, resume, switch
from tests.unit.graphs.test_random_graphs import QUICK, acyclic


async def agrees_with_langgraph(program: Program, saver: BaseCheckpointSaver[Any]) -> int:
    """Compare the next nodes of every checkpoint with LangGraph's own; gives the number of checkpoints."""
    count = 0
    compiled = program.with_saver(saver)
    async for snapshot in compiled.aget_state_history(config()):
        saved = await saver.aget_tuple(snapshot.config)
        assert saved is not None
        assert {program.level.node_of(node) for node in program.next_nodes(saved.checkpoint)} == set(snapshot.next)
        count += 1
    return count


@QUICK
@given(acyclic())
def test_next_nodes_are_langgraphs_at_every_checkpoint(definition: dict[str, Any]) -> None:
    async def compare() -> None:
        ran = await execute(definition)
        assert await agrees_with_langgraph(ran.program, ran.saver) > 1

    asyncio.run(compare())


async def test_next_nodes_are_langgraphs_in_a_cycle_and_at_a_wait() -> None:
    definition = graph(
        "s",
        {**node("a"), "set": {"n": "{{ (variables.n or 0) + 1 }}"}},
        condition("c", "variables.n < 3"),
        node("w", "wait", seconds=60),
        "z",
        edges="s>a a>c c>a:true c>w:false w>z",
    )
    ran = await execute(definition)
    assert await agrees_with_langgraph(ran.program, ran.saver) == 8
    saved = await ran.saver.aget_tuple(config())
    assert saved is not None
    assert ran.program.next_nodes(saved.checkpoint) == ["w"]
    await answer(ran, True)
    assert await agrees_with_langgraph(ran.program, ran.saver) == 10


async def test_the_first_checkpoint_leads_to_the_start_nodes() -> None:
    ran = await execute(graph("b", "a", "j", edges="b>j a>j"))
    history = [saved async for saved in ran.saver.alist(config())]
    assert ran.program.next_nodes(history[-1].checkpoint) == ["b", "a"]
    assert history[-1].metadata["step"] == -1


async def test_an_edit_is_seen_by_what_runs_next_and_runs_nothing_again() -> None:
    definition = graph(
        {**node("a", value={"x": 1}), "set": {"v": 1}},
        node("w", "wait", seconds=60),
        node("b", "output", value="{{ [outputs.a.x, variables.v] }}"),
        edges="a>w w>b",
    )
    ran = await execute(definition)
    updates = ran.program.edit({"variables": {"v": {"$replace": 7}}, "outputs": {"a": {"x": 8}}})
    compiled = ran.program.with_saver(ran.saver)
    await compiled.aupdate_state(config(), updates, as_node="a")
    saved = await ran.saver.aget_tuple(config())
    assert saved is not None
    assert ran.program.next_nodes(saved.checkpoint) == ["w"]
    await resume(ran, None)
    await answer(ran, True)
    assert ran.output == [8, 7]
    assert ran.recorder.ran == ["a", "w", "b"]


def test_an_edit_of_what_does_not_exist_is_refused_with_every_reason() -> None:
    program = load({"nodes": [{**node("a"), "set": {"v": 1}}]}, Registry())
    with pytest.raises(InvalidDefinition) as raised:
        program.edit({"variables": {"w": 1}, "outputs": {"a": 3, "b": {}}, "input": {}, "run": 1})
    found = [(problem.path, problem.code) for problem in raised.value.problems]
    assert found == [
        ("variables.w", "unknown_name"),
        ("outputs.a", "invalid_value"),
        ("outputs.b", "unknown_name"),
        ("input", "unknown_key"),
        ("run", "unknown_key"),
    ]
    with pytest.raises(InvalidDefinition):
        program.edit({"variables": {"v": float("nan")}})
    with pytest.raises(InvalidDefinition):
        program.edit({"variables": [1]})
    assert program.edit({"variables": {"v": [1]}, "outputs": {"a": None}}) == {"var:v": [1], "output:a": None}


async def test_a_state_is_shown_in_the_authors_words() -> None:
    definition = graph({**condition("a", "true"), "set": {"v": 2}}, "b", "c", edges="a>b:true a>c:false", name="n")
    ran = await execute(definition, {"x": 1})
    assert ran.program.state(ran.values) == {
        "input": {"x": 1},
        "variables": {"v": 2},
        "outputs": {"a": {"value": True}, "b": {"value": True}},
    }
    assert ran.program.state({}) == {"input": None, "variables": {}, "outputs": {}}


OUTPUTS: list[tuple[str, dict[str, Any], Any]] = [
    ("its one output node", graph("a", node("o", "output", value=5), edges="a>o"), 5),
    (
        "the output node that ran",
        graph(condition("a", "true"), node("o", "output", value=1), node("p", "output", value=2),
              edges="a>o:true a>p:false"),
        1,
    ),
    (
        "all output nodes that ran",
        graph("a", node("o", "output", value=1), node("p", "output", value=None), edges="a>o a>p"),
        {"o": 1, "p": None},
    ),
    (
        "nothing, when no output node ran",
        graph(condition("a", "false"), node("o", "output", value=1), edges="a>o:true"),
        None,
    ),
    ("the last node's output", graph("a", node("b", value={"x": 1}), edges="a>b"), {"x": 1}),
    (
        "the last nodes' outputs",
        graph("a", node("b", value={"x": 1}), node("c", value={"y": 1}), edges="a>b a>c"),
        {"b": {"x": 1}, "c": {"y": 1}},
    ),
    (
        "the last one that ran",
        graph(node("a", value={"x": 1}), switch("s", 1), "b", edges="a>s s>b:2"),
        {"value": 1},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("definition", "expected"), [case[1:] for case in OUTPUTS], ids=[case[0] for case in OUTPUTS])
async def test_a_runs_output_is(definition: dict[str, Any], expected: Any) -> None:
    assert (await execute(definition)).output == expected


async def test_a_process_without_a_value_takes_what_led_to_it() -> None:
    definition = graph(
        condition("c", "true"),
        node("a", value={"x": 1, "y": 1}),
        node("b", value={"y": 2, "z": 2}),
        node("n", value={"never": 1}),
        "j",
        edges="c>a:true c>b:true c>n:false a>j b>j n>j",
    )
    assert (await execute(definition)).output == {"x": 1, "y": 2, "z": 2}
    assert (await execute({"nodes": [node("a")]}, {"given": 1})).output == {"given": 1}


PROCESSES: list[tuple[dict[str, Any], Any]] = [
    ({"operation": "uppercase", "value": {"a": ["b", 1]}}, {"a": ["B", 1]}),
    ({"operation": "lowercase", "value": "AB"}, {"value": "ab"}),
    ({"operation": "template", "value": "{{ input.x }}"}, {"value": "1"}),
    ({"operation": "pick", "value": {"a": 1, "b": 2}, "fields": ["b", "c"]}, {"b": 2}),
    ({"operation": "merge", "value": [{"a": 1, "b": 1}, None, {"b": 2}]}, {"a": 1, "b": 2}),
    ({"value": None}, {"value": None}),
]


@pytest.mark.parametrize(("settings", "expected"), PROCESSES, ids=lambda item: str(item)[:40])
async def test_a_process_gives(settings: dict[str, Any], expected: Any) -> None:
    assert (await execute({"nodes": [node("a", **settings)]}, {"x": 1})).output == expected


@pytest.mark.parametrize("fields", [["a", "b"], {"a": "integer", "b": "any"}])
async def test_an_input_checks_its_fields(fields: Any) -> None:
    definition = {"nodes": [{**node("i", "input", fields=fields), "on_error": "continue"}]}
    assert (await execute(definition, {"a": 1, "b": None})).output == {"a": 1, "b": None}
    wrong = (await execute(definition, {"a": True})).output["error"]
    assert wrong["code"] == "invalid_input"
    assert "'b'" in wrong["message"]


def test_an_input_is_checked_against_the_schema_with_every_violation() -> None:
    schema = {
        "type": "object",
        "required": ["topic"],
        "properties": {"n": {"type": "integer"}, "list": {"items": {"$ref": "#/$defs/word"}}},
        "$defs": {"word": {"type": "string"}},
    }
    program = load({"nodes": [node("a")], "input_schema": schema}, Registry())
    assert program.check_input({"topic": 1}) == []
    found = program.check_input({"n": "x", "list": ["a", 2]})
    assert [(problem.path, problem.code) for problem in found] == [
        ("input_data", "invalid_input"),
        ("input_data.list[1]", "invalid_input"),
        ("input_data.n", "invalid_input"),
    ]
    assert [problem.code for problem in program.check_input([1])] == ["invalid_input"]


@pytest.mark.parametrize("schema", [{"$ref": "#/$defs/nobody"}, {"$ref": "#"}], ids=str)
def test_a_schema_that_cannot_be_followed_is_a_problem_and_no_crash(schema: dict[str, Any]) -> None:
    program = load({"nodes": [node("a")], "input_schema": schema}, Registry())
    assert [problem.code for problem in program.check_input({})] == ["invalid_schema"]


def test_a_drawing_has_the_authors_nodes_and_edges() -> None:
    definition = graph(
        "s", {**node("a"), "name": 'The "a"\n<b>'}, condition("c", "true"), "z", edges="s>a a>c c>a:true c>z:else"
    )
    program = load(definition, Registry())
    assert program.drawing() == {
        "nodes": [
            {"id": "s", "type": "process", "name": "s"},
            {"id": "a", "type": "process", "name": 'The "a"\n<b>'},
            {"id": "c", "type": "condition", "name": "c"},
            {"id": "z", "type": "process", "name": "z"},
        ],
        "edges": [
            {"source": "s", "target": "a", "back": False},
            {"source": "a", "target": "c", "back": False},
            {"source": "c", "target": "a", "back": True, "when": True},
            {"source": "c", "target": "z", "back": False, "when": "else"},
        ],
    }
    assert program.mermaid() == (
        "flowchart TD\n"
        '    n0["s"]\n'
        '    n1["The &quot;a&quot; &lt;b>"]\n'
        '    n2{"c"}\n'
        '    n3["z"]\n'
        "    n0 --> n1\n"
        "    n1 --> n2\n"
        '    n2 -.->|"true"| n1\n'
        '    n2 -->|"else"| n3\n'
    )


def test_steps_are_drawn_as_a_sequence() -> None:
    program = load({"steps": [node("a"), node("b"), node("c")]}, Registry())
    assert [(line.source, line.target, line.conditional) for line in program.edges] == [
        ("a", "b", False),
        ("b", "c", False),
    ]


def test_programs_are_compiled_once_and_the_oldest_is_let_go() -> None:
    programs = Programs(Registry(), kept=2)
    definition = {"nodes": [node("a")]}
    first = programs.get("1", definition)
    assert programs.get("1", {"nodes": "never looked at"}) is first
    programs.get("2", definition)
    programs.get("1", definition)
    programs.get("3", definition)
    assert programs.peek("1") is first
    assert programs.peek("2") is None


def test_a_program_that_several_threads_ask_for_at_once_is_compiled_once() -> None:
    programs = Programs(Registry())
    definition = {"steps": [node(f"n{number}") for number in range(60)]}
    together = threading.Barrier(8)

    def ask(_: int) -> Program:
        together.wait()
        return programs.get("1", definition)

    with ThreadPoolExecutor(8) as threads:
        assert len(set(map(id, threads.map(ask, range(8))))) == 1


async def test_one_program_serves_runs_at_the_same_time() -> None:
    program = load(graph("a", node("o", "output", value="{{ input.n }}"), edges="a>o"), Registry())

    async def run(number: int) -> Any:
        ran = Ran(program, Recorder(), InMemorySaver(), {})
        return (await resume(ran, program.graph_input({"n": number}))).output

    assert await asyncio.gather(*(run(number) for number in range(20))) == list(range(20))
