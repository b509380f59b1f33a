"""Which nodes run, how often and in which order, for graphs of every shape. Run on LangGraph itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from milepost.graphs import NodeFailure
from tests.unit.graphs.recording import condition, execute, execute_in_steps, graph, node, switch


@dataclass
class Shape:
    """A definition, how often each node runs, what is left out, and which nodes come before which."""

    name: str
    definition: dict[str, Any]
    ran: str
    skipped: str = ""
    before: str = ""
    input: dict[str, Any] = field(default_factory=dict)


def counter(name: str, **config: Any) -> dict[str, Any]:
    """A node that counts its runs in the variable `n`."""
    return {"id": name, "type": "process", "config": config, "set": {"n": "{{ (variables.n or 0) + 1 }}"}}


def failing(name: str) -> dict[str, Any]:
    """A node that fails."""
    return node(name, "process", operation="pick", value="no object", fields=["a"])


AGAIN = "variables.n < 3"
SHAPES = [
    Shape("one node", graph("a", edges=""), "a"),
    Shape("a chain", graph("a", "b", "c", edges="a>b b>c"), "a b c", before="a<b b<c"),
    Shape("steps", {"steps": [node("a"), node("b"), node("c")]}, "a b c", before="a<b b<c"),
    Shape("two starts", graph("a", "b", "j", edges="a>j b>j"), "a b j", before="a<j b<j"),
    Shape("a diamond", graph("a", "b", "c", "j", edges="a>b a>c b>j c>j"), "a b c j", before="b<j c<j"),
    Shape(
        "branches of unequal length",
        graph("a", "b", "c", "d", "e", "j", "k", edges="a>b a>c c>d d>e b>j e>j j>k"),
        "a b c d e j k",
        before="b<j e<j j<k",
    ),
    Shape(
        "a short cut beside a long way",
        graph("a", "b", "c", "j", edges="a>j a>b b>c c>j"),
        "a b c j",
        before="c<j",
    ),
    Shape(
        "a branch left out before a join",
        graph(condition("a", "true"), "b", "c", "j", edges="a>b:true a>c:false b>j c>j"),
        "a b j",
        skipped="c",
        before="b<j",
    ),
    Shape(
        "a chain left out before a join",
        graph(condition("a", "true"), "b", "c", "d", "e", "j", edges="a>b:true a>c:false c>d d>e b>j e>j"),
        "a b j",
        skipped="c d e",
    ),
    Shape(
        "everything left out",
        graph("s", condition("a", "false"), "b", "c", "d", edges="s>a a>b:true b>c b>d"),
        "s a",
        skipped="b c d",
    ),
    Shape(
        "a join whose predecessors are all left out",
        graph(condition("a", "false"), "b", "c", "j", "k", edges="a>b:true a>c:true b>j c>j j>k"),
        "a",
        skipped="b c j k",
    ),
    Shape(
        "a join that two conditions leave out at different times",
        graph(
            condition("a", "false"),
            "x",
            condition("b", "false"),
            "p",
            "q",
            "j",
            "k",
            edges="a>p:true a>x:false x>b b>q:true p>j q>j j>k",
        ),
        "a x b",
        skipped="p q j k",
    ),
    Shape(
        "a join left out by conditions in parallel",
        graph(
            "s",
            condition("a", "false"),
            condition("b", "false"),
            "p",
            "q",
            "j",
            "k",
            edges="s>a s>b a>p:true b>q:true p>j q>j j>k",
        ),
        "s a b",
        skipped="p q j k",
    ),
    Shape(
        "a diamond in a diamond",
        graph("a", "b", "c", "d", "e", "f", "g", "j", edges="a>b a>c b>d b>e d>f e>f f>j c>g g>j"),
        "a b c d e f g j",
        before="d<f e<f f<j g<j",
    ),
    Shape(
        "nested joins with a branch left out inside",
        graph(
            "a",
            condition("b", "true"),
            "c",
            "d",
            "e",
            "f",
            "j",
            edges="a>b a>c b>d:true b>e:false d>f e>f f>j c>j",
        ),
        "a b c d f j",
        skipped="e",
        before="d<f f<j c<j",
    ),
    Shape(
        "conditions inside parallels",
        graph(
            "s",
            condition("a", "true"),
            condition("b", "false"),
            "a1",
            "a2",
            "b1",
            "b2",
            "j",
            edges="s>a s>b a>a1:true a>a2:false b>b1:true b>b2:false a1>j a2>j b1>j b2>j",
        ),
        "s a b a1 b2 j",
        skipped="a2 b1",
        before="a1<j b2<j",
    ),
    Shape(
        "a branch that ends inside a parallel",
        graph("s", condition("a", "false"), "a1", "b", "j", edges="s>a s>b a>a1:true a1>j b>j"),
        "s a b j",
        skipped="a1",
    ),
    Shape(
        "a switch with an else",
        graph(switch("a", "green"), "b", "c", "d", edges="a>b:red a>c:blue a>d:else"),
        "a d",
        skipped="b c",
    ),
    Shape(
        "a switch with a case for several",
        graph(switch("a", "red"), "b", "c", "d", "j", edges="a>b:red a>c:red a>d:else b>j c>j d>j"),
        "a b c j",
        skipped="d",
        before="b<j c<j",
    ),
    Shape(
        "two cases that lead to one node",
        graph(switch("a", "red"), "b", "c", edges="a>b:red a>b:blue a>c:else"),
        "a b",
        skipped="c",
    ),
    Shape(
        "edges with expressions",
        {
            "nodes": [node("a", value={"n": 5}), node("b"), node("c"), node("d")],
            "edges": [
                {"source": "a", "target": "b", "when": "{{ outputs.a.n > 3 }}"},
                {"source": "a", "target": "c", "when": "{{ outputs.a.n > 10 }}"},
                {"source": "a", "target": "d", "when": "else"},
            ],
        },
        "a b",
        skipped="c d",
    ),
    Shape(
        "an error that is handled",
        graph("s", failing("a"), "b", "h", "j", edges="s>a a>b a>h:error b>j h>j"),
        "s a h j",
        skipped="b",
        before="h<j",
    ),
    Shape(
        "an error edge that is not needed",
        graph("a", "b", "h", "j", edges="a>b a>h:error b>j h>j"),
        "a b j",
        skipped="h",
    ),
    Shape(
        "a cycle of two, three times",
        graph("s", counter("a"), condition("c", AGAIN), "z", edges="s>a a>c c>a:true c>z:false"),
        "s a a a c c c z",
        before="a<c c<z",
    ),
    Shape(
        "a node that repeats itself",
        graph(
            "s",
            {**condition("c", "variables.n != 3"), "set": {"n": "{{ (variables.n or 0) + 1 }}"}},
            "z",
            edges="s>c c>c:true c>z:false",
        ),
        "s c c c c z",
    ),
    Shape(
        "a cycle that ends the run",
        graph("s", counter("a"), condition("c", AGAIN), edges="s>a a>c c>a:true"),
        "s a a a c c c",
    ),
    Shape(
        "a cycle with a parallel body",
        graph(
            "s",
            counter("a"),
            "p",
            "q",
            "r",
            condition("c", AGAIN),
            "z",
            edges="s>a a>p a>q q>r p>c r>c c>a:true c>z:false",
        ),
        "s a a a p p p q q q r r r c c c z",
    ),
    Shape(
        "a condition inside the body of a cycle",
        graph(
            "s",
            counter("a"),
            condition("b", "variables.n == 2"),
            "p",
            "q",
            "j",
            condition("c", AGAIN),
            "z",
            edges="s>a a>b b>p:true b>q:false p>j q>j j>c c>a:true c>z:false",
        ),
        "s a a a b b b p q q j j j c c c z",
        skipped="p",
    ),
    Shape(
        "a branch that ends inside a parallel body",
        graph(
            "s",
            counter("a"),
            condition("b", "variables.n == 2"),
            "p",
            "q",
            condition("c", AGAIN),
            "z",
            edges="s>a a>b a>q b>p:true p>c q>c c>a:true c>z:false",
        ),
        "s a a a b b b p q q q c c c z",
        skipped="p",
    ),
    Shape(
        "a cycle with two ways out that meet",
        graph(
            "s",
            counter("a"),
            condition("b", "variables.n == 2"),
            condition("c", "true"),
            "x",
            "y",
            "j",
            edges="s>a a>b b>x:true b>c:false c>a:true c>y:false x>j y>j",
        ),
        "s a a b b c x j",
        skipped="c y",
    ),
    Shape(
        "a join outside waits while a cycle goes on",
        graph(
            "s",
            "o",
            counter("a"),
            condition("b", "variables.n == 3"),
            condition("c", "true"),
            "y",
            "j",
            edges="s>o s>a a>b b>y:true b>c:false c>a:true y>j o>j",
        ),
        "s o a a a b b b c c y j",
        skipped="c",
        before="y<j",
    ),
    Shape(
        "a cycle that dies inside lets the join outside go",
        graph(
            "s",
            "o",
            "a",
            switch("b", "neither"),
            condition("c", "true"),
            "y",
            "j",
            edges="s>o s>a a>b b>y:out b>c:on c>a:true y>j o>j",
        ),
        "s o a b j",
        skipped="c y",
    ),
    Shape(
        "a cycle whose parallel branches both die",
        graph(
            "s",
            "o",
            "a",
            switch("p", "no"),
            switch("q", "no"),
            "p1",
            "q1",
            "q2",
            "m",
            condition("c", "true"),
            "y",
            "j",
            edges="s>o s>a a>p a>q p>p1:yes q>q1:yes q1>q2 p1>m q2>m m>c c>a:true c>y:false y>j o>j",
        ),
        "s o a p q j",
        skipped="c m p1 q1 q2 y",
    ),
    Shape(
        "a cycle in a cycle",
        graph(
            "s",
            {**node("a"), "set": {"outer": "{{ (variables.outer or 0) + 1 }}", "n": 0}},
            counter("b"),
            condition("c", "variables.n < 2"),
            condition("d", "variables.outer < 3"),
            "z",
            edges="s>a a>b b>c c>b:true c>d:false d>a:true d>z:false",
        ),
        "s a a a b b b b b b c c c c c c d d d z",
    ),
    Shape(
        "a cycle that is left for the outer one's start",
        graph(
            "s",
            {**node("a"), "set": {"outer": "{{ (variables.outer or 0) + 1 }}"}},
            counter("b"),
            switch("c", "{{ 'outer' if variables.n == 2 else 'inner' if variables.n < 4 else 'out' }}"),
            "z",
            edges="s>a a>b b>c c>b:inner c>a:outer c>z:out",
        ),
        "s a a b b b b c c c c z",
    ),
    Shape(
        "a cycle inside a parallel branch",
        graph(
            "s",
            counter("a"),
            condition("c", AGAIN),
            "y",
            "o",
            "j",
            edges="s>a s>o a>c c>a:true c>y:false y>j o>j",
        ),
        "s a a a c c c y o j",
        before="y<j o<j",
    ),
    Shape(
        "a cycle that is never entered",
        graph(
            condition("s", "false"),
            "a",
            condition("c", "true"),
            "y",
            "o",
            "j",
            edges="s>a:true s>o:false a>c c>a:true c>y:false y>j o>j",
        ),
        "s o j",
        skipped="a c y",
    ),
    Shape(
        "a cycle at a join that two conditions leave out",
        graph(
            "s",
            "o",
            condition("p", "false"),
            condition("q", "false"),
            "a",
            condition("c", "true"),
            "y",
            "j",
            edges="s>p s>q p>a:true p>o:false q>a:true q>o:false a>c c>a:true c>y:false y>j o>j",
        ),
        "s o p q j",
        skipped="a c y",
    ),
    Shape(
        "a join in a cycle that was half decided when the cycle started over",
        graph(
            "s",
            {**switch("a", "{{ 'two' if variables.n else 'one' }}"), "set": {"n": 1}},
            switch("k", "again"),
            "p",
            "g1",
            "g2",
            "g3",
            "m",
            condition("c", "false"),
            "z",
            edges="s>a a>k:one a>p:two k>a:again k>m:on p>g1 p>g2 g2>g3 g1>m g3>m m>c c>a:true c>z:false",
        ),
        "s a a k p g1 g2 g3 m c z",
        skipped="k",
        before="g3<m",
    ),
    Shape(
        "a cycle entered at a join",
        graph("s", "p", "q", counter("a"), condition("c", AGAIN), "z", edges="s>p s>q p>a q>a a>c c>a:true c>z:false"),
        "s p q a a a c c c z",
    ),
    Shape(
        "a way out of a cycle through an error",
        graph(
            "s",
            failing("a"),
            condition("c", "true"),
            "z",
            "h",
            "j",
            edges="s>a a>c a>h:error c>a:true c>z:false z>j h>j",
        ),
        "s a h j",
        skipped="c z",
    ),
    Shape(
        "a node called input, and ids with dashes",
        graph(node("input", "input"), node("out-put", "output", value="{{ outputs.input.x }}"), edges="input>out-put"),
        "input out-put",
        input={"x": 1},
    ),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
@pytest.mark.parametrize("stops", [False, True], ids=["at once", "stopping at every step"])
async def test_every_node_of_a_shape_runs_exactly_as_often_as_it_should(shape: Shape, stops: bool) -> None:
    ran = await (execute_in_steps if stops else execute)(shape.definition, shape.input)
    recorder = ran.recorder
    assert Counter(recorder.ran) == Counter(shape.ran.split())
    assert recorder.skipped == sorted(shape.skipped.split())
    for pair in shape.before.split():
        first, second = pair.split("<")
        assert max(_places(recorder.ran, first)) < max(_places(recorder.ran, second))
    assert len(recorder.told("started")) == len(recorder.told("left")) == len(recorder.ran)


def _places(ran: list[str], wanted: str) -> list[int]:
    return [place for place, item in enumerate(ran) if item == wanted]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
async def test_nothing_that_runs_was_reported_as_out_of_reach_since_its_cycle_started(shape: Shape) -> None:
    recorder = (await execute(shape.definition, shape.input)).recorder
    gone: set[str] = set()
    for outcome in recorder.outcomes:
        assert outcome.node_id not in gone
        assert gone.isdisjoint(outcome.skipped)
        assert not set(outcome.restarted) & set(outcome.skipped)
        gone -= set(outcome.restarted)
        gone |= set(outcome.skipped)
        if outcome.status == "SKIPPED":
            gone.add(outcome.node_id)


async def test_a_cycle_beyond_max_iterations_fails_the_run() -> None:
    definition = graph("s", counter("a"), condition("c", "true"), edges="s>a a>c c>a:true", max_iterations=4)
    with pytest.raises(NodeFailure) as raised:
        await execute(definition)
    assert raised.value.code == "max_iterations"
    assert "'a'" in raised.value.message
    assert "4" in raised.value.message


async def test_max_iterations_counts_from_the_cycles_last_entry() -> None:
    definition = graph(
        "s",
        {**node("a"), "set": {"outer": "{{ (variables.outer or 0) + 1 }}", "n": 0}},
        counter("b"),
        condition("c", "variables.n < 3"),
        condition("d", "variables.outer < 3"),
        edges="s>a a>b b>c c>b:true c>d:false d>a:true",
        max_iterations=2,
    )
    assert Counter((await execute(definition)).recorder.ran)["b"] == 9


async def test_an_output_that_a_cycle_left_out_the_second_time_is_null() -> None:
    definition = graph(
        "s",
        counter("a"),
        condition("b", "variables.n == 1"),
        "p",
        "q",
        "j",
        condition("c", "variables.n < 2"),
        node("z", "output", value="{{ outputs.p }}"),
        edges="s>a a>b b>p:true b>q:false p>j q>j j>c c>a:true c>z:false",
    )
    assert (await execute(definition)).output is None


async def test_a_node_reads_the_iteration_before_through_its_cycle() -> None:
    definition = graph(
        "s",
        node("a", value={"last": "{{ outputs.b.word }}"}),
        {**node("b", value={"word": "w"}), "set": {"n": "{{ (variables.n or 0) + 1 }}"}},
        condition("c", "variables.n < 2"),
        node("z", "output", value="{{ outputs.a.last }}"),
        edges="s>a a>b b>c c>a:true c>z:false",
    )
    assert (await execute(definition)).output == "w"
