"""Which nodes run, how often and in which order, where workflows stand in workflows and in maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl

from milepost.graphs import Program, Registry, RunContext, load
from milepost.graphs.children import Child, Children
from tests.unit.graphs.recording import Recorder, condition, config, graph, node
from tests.unit.graphs.test_shapes import counter, failing


def sub(name: str, workflow: str, input: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A node that runs a workflow."""
    return {"id": name, "type": "subworkflow", "config": {"workflow_id": workflow, "input": input or {}}, **more}


def fan(name: str, over: Any, workflow: str = "", **more: Any) -> dict[str, Any]:
    """A map of a workflow, or of a node that writes its item large."""
    body: dict[str, Any] = {"workflow": {"workflow_id": workflow}}
    if not workflow:
        body = {"node": {"type": "process", "config": {"operation": "uppercase", "value": "{{ item }}"}}}
    return node(name, "map", over=over, **body, **more)


@dataclass
class Shape:
    """A definition, the workflows that it names, and what of it runs; `gives` is the run's output."""

    name: str
    definition: dict[str, Any]
    ran: str
    skipped: str = ""
    before: str = ""
    gives: Any = None
    input: dict[str, Any] = field(default_factory=dict)


CHOICE = graph(
    condition("c", "input.item > 1"),
    node("big", value="big"),
    node("small", value="small"),
    edges="c>big:true c>small:false",
)
SAID = [{"value": word} for word in ("small", "big", "big")]
WORKFLOWS: dict[str, dict[str, Any]] = {
    "one": graph("a", edges=""),
    "chain": graph("a", "b", edges="a>b"),
    "diamond": graph("a", "b", "c", "d", edges="a>b a>c b>d c>d"),
    "branches": graph("a", "b", "b2", "c", "c2", "d", edges="a>b b>b2 a>c c>c2 b2>d c2>d"),
    "choice": graph(condition("c", "input.yes"), "y", "n", edges="c>y:true c>n:false"),
    "loop": graph("s", counter("a"), condition("c", "variables.n < 3"), "z", edges="s>a a>c c>a:true c>z:false"),
    "fails": graph("a", failing("b"), edges="a>b"),
    "outer": graph("a", sub("s", "chain"), "z", edges="a>s s>z"),
    "item": CHOICE,
    "both": graph(sub("l", "item", {"item": "{{ input.item }}"}), "m", "j", edges="l>j m>j"),
    "rows": graph(fan("cells", "input.item"), edges=""),
    "echo": {"nodes": [node("out", "output", value="{{ input.item }}")], "edges": []},
}
AGAIN = "variables.n < 2"
SHAPES = [
    Shape("a child alone", graph(sub("s", "one"), edges=""), "s/a s", before="s/a<s"),
    Shape(
        "a child in a chain",
        graph("x", sub("s", "chain"), "z", edges="x>s s>z"),
        "x s/a s/b s z",
        before="x<s/a s/a<s/b s/b<s s<z",
    ),
    Shape("a diamond in a child", graph(sub("s", "diamond"), edges=""), "s/a s/b s/c s/d s", before="s/b<s/d s/c<s/d"),
    Shape(
        "branches in a child",
        graph(sub("s", "branches"), "z", edges="s>z"),
        "s/a s/b s/b2 s/c s/c2 s/d s z",
        before="s/b<s/b2 s/b2<s/d s/c2<s/d s<z",
    ),
    Shape(
        "a child's branch is left out", graph(sub("s", "choice", {"yes": True}), edges=""), "s/c s/y s", skipped="s/n"
    ),
    Shape(
        "a child is left out",
        graph(condition("c", "false"), sub("s", "chain"), "z", edges="c>s:true c>z:false"),
        "c z",
        skipped="s",
    ),
    Shape("a loop in a child", graph(sub("s", "loop"), edges=""), "s/s s/a s/c s/a s/c s/a s/c s/z s"),
    Shape(
        "a child in a loop",
        graph(
            "x",
            sub("s", "chain", set={"n": "{{ (variables.n or 0) + 1 }}"}),
            condition("c", AGAIN),
            "z",
            edges="x>s s>c c>s:true c>z:false",
        ),
        "x s/a s/b s c s/a s/b s c z",
    ),
    Shape(
        "two of one child beside each other",
        graph("x", sub("l", "chain"), sub("r", "chain"), "j", edges="x>l x>r l>j r>j"),
        "x l/a l/b l r/a r/b r j",
        before="l/b<l r/b<r l<j r<j",
    ),
    Shape(
        "children in branches that run on",
        graph("x", sub("l", "chain"), "l2", sub("r", "branches"), "r2", "j", edges="x>l l>l2 x>r r>r2 l2>j r2>j"),
        "x l/a l/b l l2 r/a r/b r/b2 r/c r/c2 r/d r r2 j",
        before="l<l2 r<r2 l2<j r2<j",
    ),
    Shape(
        "a child in a child",
        graph(sub("s", "outer"), edges=""),
        "s/a s/s/a s/s/b s/s s/z s",
        before="s/s/b<s/s s/s<s/z",
    ),
    Shape(
        "a child's failure takes the error edge",
        graph(sub("s", "fails"), "e", "z", edges="s>e:error s>z"),
        "s/a s/b s e",
        skipped="z",
    ),
    Shape(
        "a child's failure is passed over",
        graph(sub("s", "fails", on_error="continue"), "z", edges="s>z"),
        "s/a s/b s z",
    ),
    Shape(
        "a retry runs the whole child",
        graph(sub("s", "fails", retry={"max_attempts": 2, "initial_interval": 0}, on_error="continue"), edges=""),
        "s/a s/b s/a s/b s",
    ),
    Shape("a map", graph(fan("f", ["a", "b"]), "z", edges="f>z"), "f z", before="f<z"),
    Shape("a map of nothing", graph(fan("f", []), "z", edges="f>z"), "f z"),
    Shape(
        "a map of workflows with conditions",
        graph(fan("f", [1, 2, 3], "item"), edges=""),
        "f",
        gives=SAID,
    ),
    Shape(
        "a map in windows of one",
        graph(fan("f", [1, 2, 3], "item", max_concurrency=1), edges=""),
        "f",
        gives=SAID,
    ),
    Shape(
        "conditions inside parallels inside maps",
        graph(fan("f", [1, 2], "both"), edges=""),
        "f",
        gives=[{"value": "small", "item": 1}, {"value": "big", "item": 2}],
    ),
    Shape("a map of maps", graph(fan("f", [["a"], ["b", "c"]], "rows"), edges=""), "f"),
    Shape(
        "maps beside each other",
        graph("x", fan("l", ["a"]), fan("r", ["b"]), "j", edges="x>l x>r l>j r>j"),
        "x l r j",
        before="l<j r<j",
    ),
    Shape(
        "a map in a branch that runs on",
        graph("x", fan("l", ["a", "b"]), "l2", "r", "r2", "j", edges="x>l l>l2 x>r r>r2 l2>j r2>j"),
        "x l l2 r r2 j",
        before="l<l2 l2<j",
    ),
    Shape(
        "a map in a loop",
        graph(
            "x",
            {**fan("f", ["a"]), "set": {"n": "{{ (variables.n or 0) + 1 }}"}},
            condition("c", AGAIN),
            edges="x>f f>c c>f:true",
        ),
        "x f c f c",
    ),
    Shape(
        "a map whose item fails takes the error edge",
        graph(fan("f", [1, 2], "fails"), "e", "z", edges="f>e:error f>z"),
        "f e",
        skipped="z",
    ),
    Shape(
        "a map that passes failures over",
        graph(fan("f", [1, 2], "fails", on_item_error="continue"), "e", "z", edges="f>e:error f>z"),
        "f z",
        skipped="e",
    ),
    Shape("a map that is left out", graph(condition("c", "false"), fan("f", [1]), edges="c>f:true"), "c", skipped="f"),
    Shape(
        "a child that gives no object",
        graph(
            sub("s", "echo", {"item": 7}),
            {"id": "o", "type": "output", "config": {"value": "{{ outputs.s.value }}"}},
            edges="s>o",
        ),
        "s/out s o",
        gives=7,
    ),
]


def compiled(name: str, registry: Registry) -> Child:
    """One of the workflows."""
    return Child(name, 1, load(WORKFLOWS[name], registry, children_of(WORKFLOWS[name], registry)))


def children_of(definition: Mapping[str, Any], registry: Registry) -> Children:
    """The workflows that a definition names."""
    found: dict[tuple[str, int | None], Any] = {}
    for each in definition["nodes"]:
        workflow = each["config"].get("workflow", each["config"])
        if (name := workflow.get("workflow_id")) is not None:
            found[name, None] = compiled(name, registry)
    return found


async def run(shape: Shape, *, in_steps: bool) -> tuple[Program, Recorder, Any]:
    """A shape from its start to its end; `in_steps` stops after every superstep and goes on."""
    registry, recorder, saver = Registry(), Recorder(), InMemorySaver()
    graph_input: Any = None
    started = False
    while True:
        program = load(shape.definition, registry, children_of(shape.definition, registry))
        graph_input = None if started else program.graph_input(shape.input)
        started = True
        recorder.control = RunControl() if in_steps else None
        compiled_graph = program.with_saver(saver)
        try:
            await compiled_graph.ainvoke(
                graph_input, config(), context=RunContext({"id": "run"}, recorder), control=recorder.control
            )
        except GraphDrained:
            continue
        state = await compiled_graph.aget_state(config())
        return program, recorder, program.output(state.values)


@pytest.mark.parametrize("in_steps", [False, True], ids=["at once", "in steps"])
@pytest.mark.parametrize("shape", SHAPES, ids=[shape.name for shape in SHAPES])
async def test_shape(shape: Shape, in_steps: bool) -> None:
    _, recorder, output = await run(shape, in_steps=in_steps)
    assert Counter(recorder.ran) == Counter(shape.ran.split())
    assert recorder.skipped == sorted(shape.skipped.split())
    for pair in shape.before.split():
        first, second = pair.split("<")
        assert recorder.ran.index(first) < recorder.ran.index(second)
    if shape.gives is not None:
        assert (output["items"] if isinstance(output, dict) else output) == shape.gives
