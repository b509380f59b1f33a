"""Branches that do not wait for one another: which there are, and what runs beside a node that asks. On LangGraph."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from langgraph.types import Command

from milepost.graphs import Program, Registry, load
from milepost.graphs.levels import Level
from tests.probes import Ask
from tests.unit.graphs.recording import Ran, condition, execute, execute_in_steps, graph, node, resume
from tests.unit.graphs.structured import structured
from tests.unit.graphs.test_random_graphs import QUICK
from tests.unit.graphs.test_shapes import AGAIN, counter, failing


@dataclass
class Shape:
    """A definition whose nodes named q… ask, its branches, what ran once nothing could go on, and what at the end."""

    name: str
    definition: dict[str, Any]
    branches: str
    """Their nodes, those inside one in parentheses behind them."""
    meanwhile: str
    ran: str
    skipped: str = ""
    before: str = ""


def ask(name: str) -> dict[str, Any]:
    """A node that asks a person."""
    return node(name, "ask", question="?")


def caught(name: str) -> dict[str, Any]:
    """A node that fails and goes on."""
    return {**failing(name), "on_error": "continue"}


AGAIN_2 = "variables.m < 2"
SHAPES = [
    Shape("a chain", graph("a", ask("q"), "b", edges="a>q q>b"), "", "a", "a q b"),
    Shape("a diamond of single nodes", graph("a", ask("q"), "b", "j", edges="a>q a>b q>j b>j"), "", "a b", "a q b j"),
    Shape(
        "two branches of two",
        graph("s", ask("q"), "q2", "b", "b2", "j", edges="s>q q>q2 q2>j s>b b>b2 b2>j"),
        "b+b2 q+q2",
        "s b b2",
        "s q q2 b b2 j",
        before="q2<j b2<j b<q2",
    ),
    Shape(
        "a single node beside a branch",
        graph("s", ask("q"), "b", "b2", "b3", "j", edges="s>q q>j s>b b>b2 b2>b3 b3>j"),
        "b+b2+b3",
        "s b b2 b3",
        "s q b b2 b3 j",
    ),
    Shape(
        "branches without a join",
        graph("s", ask("q"), "q2", "b", "b2", "b3", edges="s>q q>q2 s>b b>b2 b2>b3"),
        "b+b2+b3 q+q2",
        "s b b2 b3",
        "s q q2 b b2 b3",
    ),
    Shape(
        "two starts",
        graph(ask("q"), "q2", "b", "b2", "j", edges="q>q2 q2>j b>b2 b2>j"),
        "b+b2 q+q2",
        "b b2",
        "q q2 b b2 j",
    ),
    Shape(
        "a fork in a branch",
        graph(
            "s",
            "a",
            ask("q"),
            "q2",
            "c",
            "c2",
            "k",
            "b",
            "b2",
            "j",
            edges="s>a a>q q>q2 q2>k a>c c>c2 c2>k k>j s>b b>b2 b2>j",
        ),
        "a+k(c+c2 q+q2) b+b2",
        "s a c c2 b b2",
        "s a q q2 c c2 k b b2 j",
        before="q2<k c2<k k<j b2<j",
    ),
    Shape(
        "a branch that begins in two places",
        graph("s", "a", "b", "k", "k2", ask("q"), "q2", "j", edges="s>a s>b a>k b>k k>k2 k2>j s>q q>q2 q2>j"),
        "a+b+k+k2 q+q2",
        "s a b k k2",
        "s a b k k2 q q2 j",
        before="a<k b<k",
    ),
    Shape(
        "three starts, two of which join",
        graph("a", "b", "k", "k2", ask("q"), "q2", "j", edges="a>k b>k k>k2 k2>j q>q2 q2>j"),
        "a+b+k+k2 q+q2",
        "a b k k2",
        "a b k k2 q q2 j",
    ),
    Shape(
        "a short cut into the middle of a branch",
        graph("s", "a", "b", "c", ask("q"), "q2", "j", edges="s>a a>b s>b b>c c>j s>q q>q2 q2>j"),
        "a+b+c q+q2",
        "s a b c",
        "s a b c q q2 j",
    ),
    Shape(
        "arms of a condition, which do not run together",
        graph(condition("c", "true"), ask("q"), "q2", "b", "b2", "j", edges="c>q:true q>q2 q2>j c>b:false b>b2 b2>j"),
        "",
        "c",
        "c q q2 j",
        skipped="b b2",
    ),
    Shape(
        "a condition in a branch",
        graph(
            "s",
            condition("c", "false"),
            "x",
            "y",
            "y2",
            ask("q"),
            "q2",
            "j",
            edges="s>c c>x:true c>y:false y>y2 x>j y2>j s>q q>q2 q2>j",
        ),
        "c+x+y+y2 q+q2",
        "s c y y2",
        "s c y y2 q q2 j",
        skipped="x",
    ),
    Shape(
        "a branch that a condition leaves out",
        graph(
            condition("c", "true"),
            "a",
            "a2",
            ask("q"),
            "q2",
            "b",
            "b2",
            "j",
            edges="c>a:true a>a2 a2>j c>q:true q>q2 q2>j c>b:false b>b2 b2>j",
        ),
        "a+a2 q+q2",
        "c a a2",
        "c a a2 q q2 j",
        skipped="b b2",
    ),
    Shape(
        "a branch whose rest is left out",
        graph(
            "s",
            condition("c", "false"),
            "x",
            "x2",
            ask("q"),
            "q2",
            "j",
            edges="s>c c>x:true x>x2 x2>j s>q q>q2 q2>j",
        ),
        "c+x+x2 q+q2",
        "s c",
        "s c q q2 j",
        skipped="x x2",
    ),
    Shape(
        "an error in a branch, handled in it",
        graph(
            "s",
            failing("f"),
            "x",
            "h",
            "h2",
            ask("q"),
            "q2",
            "j",
            edges="s>f f>x f>h:error h>h2 x>j h2>j s>q q>q2 q2>j",
        ),
        "f+x+h+h2 q+q2",
        "s f h h2",
        "s f h h2 q q2 j",
        skipped="x",
    ),
    Shape(
        "an error in a branch that goes on",
        graph("s", caught("f"), "x", ask("q"), "q2", "j", edges="s>f f>x x>j s>q q>q2 q2>j"),
        "f+x q+q2",
        "s f x",
        "s f x q q2 j",
    ),
    Shape(
        "a loop in a branch",
        graph(
            "s",
            "a",
            counter("b"),
            condition("c", AGAIN),
            "d",
            ask("q"),
            "q2",
            "j",
            edges="s>a a>b b>c c>b:true c>d:false d>j s>q q>q2 q2>j",
        ),
        "a+b+c+d q+q2",
        "s a b c b c b c d",
        "s a b c b c b c d q q2 j",
    ),
    Shape(
        "a branch that begins with a loop",
        graph(
            "s",
            counter("b"),
            condition("c", AGAIN),
            ask("q"),
            "q2",
            "j",
            edges="s>b b>c c>b:true c>j:false s>q q>q2 q2>j",
        ),
        "b+c q+q2",
        "s b c b c b c",
        "s b c b c b c q q2 j",
    ),
    Shape(
        "branches in a loop",
        graph(
            "s",
            counter("a"),
            "b",
            "b2",
            ask("q"),
            "q2",
            "j",
            condition("c", AGAIN),
            "z",
            edges="s>a a>b b>b2 b2>j a>q q>q2 q2>j j>c c>a:true c>z:false",
        ),
        "b+b2 q+q2",
        "s a b b2",
        "s a b b2 q q2 j c a b b2 q q2 j c a b b2 q q2 j c z",
        before="j<z",
    ),
    Shape(
        "a loop in a branch in a loop",
        graph(
            "s",
            {**node("a"), "set": {"m": "{{ (variables.m or 0) + 1 }}", "n": 0}},
            counter("b"),
            condition("c", AGAIN),
            ask("q"),
            "q2",
            "j",
            condition("d", AGAIN_2),
            "z",
            edges="s>a a>b b>c c>b:true c>j:false a>q q>q2 q2>j j>d d>a:true d>z:false",
        ),
        "b+c q+q2",
        "s a b c b c b c",
        "s a b c b c b c q q2 j d a b c b c b c q q2 j d z",
    ),
    Shape(
        "branches in a loop in a branch",
        graph(
            "s",
            counter("a"),
            "b",
            "b2",
            "e",
            "e2",
            "k",
            condition("c", AGAIN),
            ask("q"),
            "q2",
            "j",
            edges="s>a a>b b>b2 b2>k a>e e>e2 e2>k k>c c>a:true c>j:false s>q q>q2 q2>j",
        ),
        "a+k+c(b+b2 e+e2) q+q2",
        "s a b b2 e e2 k c a b b2 e e2 k c a b b2 e e2 k c",
        "s a b b2 e e2 k c a b b2 e e2 k c a b b2 e e2 k c q q2 j",
    ),
    Shape(
        "two questions, in branches of one branch and beside it",
        graph(
            "s",
            "a",
            ask("q"),
            "q2",
            "b",
            "b2",
            "k",
            ask("r"),
            "r2",
            "j",
            edges="s>a a>q q>q2 q2>k a>b b>b2 b2>k k>j s>r r>r2 r2>j",
        ),
        "a+k(b+b2 q+q2) r+r2",
        "s a b b2",
        "s a q q2 b b2 k r r2 j",
    ),
    Shape(
        "not in series and parallel: what can be a branch is one",
        graph(
            "s",
            "a",
            "a2",
            ask("q"),
            "q2",
            "x",
            "y",
            "y2",
            "j",
            edges="s>a a>a2 a2>x s>q q>q2 q2>x q2>y y>y2 a2>y x>j y2>j",
        ),
        "a+a2 q+q2 y+y2",
        "s a a2",
        "s a a2 q q2 x y y2 j",
    ),
    Shape(
        "a side branch that ends beside a branch",
        graph("s", "a", "a2", "e", "e2", ask("q"), "q2", "j", edges="s>a a>a2 a2>j a>e e>e2 s>q q>q2 q2>j"),
        "a+a2(e+e2) q+q2",
        "s a a2 e e2",
        "s a a2 e e2 q q2 j",
    ),
    Shape(
        "a condition that leaves a branch in one of two ways",
        graph(
            "s",
            "a",
            condition("c", "true"),
            "x",
            "y",
            ask("q"),
            "q2",
            edges="s>a a>c c>x:true c>y:false s>q q>q2 q2>x q2>y",
        ),
        "a+c q+q2",
        "s a c",
        "s a c q q2 x y",
    ),
]


def drawn(level: Level) -> str:
    """The branches of a level as a shape tells them."""
    found = []
    for inner in level.inner:
        below = drawn(inner)
        found.append("+".join(inner.direct) + (f"({below})" if below else ""))
    return " ".join(sorted(found))


def program_of(shape: Shape) -> Program:
    registry = Registry()
    registry.register(Ask)
    return load(shape.definition, registry)


async def answered(ran: Ran) -> Ran:
    """The run at its end: every question is answered, one at a time."""
    while True:
        state = await ran.program.with_saver(ran.saver).aget_state({"configurable": {"thread_id": "run"}})
        if not state.interrupts:
            return ran
        await resume(ran, Command(resume={min(interrupt.id for interrupt in state.interrupts): "yes"}))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
async def test_a_question_holds_up_its_own_branch_only(shape: Shape) -> None:
    assert drawn(program_of(shape).level) == shape.branches
    ran = await execute(shape.definition, types=(Ask,))
    assert Counter(ran.recorder.ran) == Counter(shape.meanwhile.split())
    recorder = (await answered(ran)).recorder
    assert Counter(recorder.ran) == Counter(shape.ran.split())
    assert recorder.skipped == sorted(shape.skipped.split())
    for pair in shape.before.split():
        first, second = pair.split("<")
        assert _last(recorder.ran, first) < recorder.ran.index(second)


def _last(ran: list[str], wanted: str) -> int:
    return max(place for place, item in enumerate(ran) if item == wanted)


FEW = settings(QUICK, max_examples=25)


async def run_and_answer(definition: dict[str, Any]) -> Ran:
    """The run at its end, every question answered."""
    return await answered(await execute(definition, types=(Ask,)))


@FEW
@given(structured())
def test_structured_definitions_with_questions_run_as_they_are_read(drawn: tuple[dict[str, Any], Counter[str]]) -> None:
    definition, expected = drawn
    recorder = asyncio.run(run_and_answer(definition)).recorder
    assert Counter(recorder.ran) == expected
    assert set(recorder.ran) | set(recorder.skipped) == {item["id"] for item in definition["nodes"]}


@FEW
@given(structured())
def test_structured_definitions_stopped_at_every_step_run_as_they_are_read(
    drawn: tuple[dict[str, Any], Counter[str]],
) -> None:
    definition, expected = drawn
    silent = [
        {**item, "type": "process", "config": {}} if item["type"] == "ask" else item for item in definition["nodes"]
    ]
    ran = asyncio.run(execute_in_steps({**definition, "nodes": silent}, {}))
    assert Counter(ran.recorder.ran) == expected
