"""The pure estimator: what it expects of shapes, and that progress never goes back whatever happens."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.graphs.node_types import Registry
from milepost.graphs.program import Program, load
from milepost.server.engine.estimate import Estimate, NodeHistory, expect
from milepost.server.engine.forecast import Forecast
from milepost.server.store.rows import iso

IDS = ("a", "b", "c", "d")


def program(*edges: tuple[str, str], nodes: tuple[str, ...] = IDS) -> Program:
    definition: dict[str, Any] = {
        "nodes": [{"id": node_id, "type": "process", "config": {}} for node_id in nodes],
        "edges": [{"source": source, "target": target} for source, target in edges],
    }
    return load(definition, Registry.installed())


def took(*milliseconds: float) -> dict[str, NodeHistory]:
    return {
        node_id: NodeHistory("process", 10, 10, 10, each * 10) for node_id, each in zip(IDS, milliseconds, strict=False)
    }


def test_of_parallel_branches_the_longest_counts() -> None:
    diamond = program(("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"))
    estimate = Estimate(expect(diamond, took(10, 100, 30, 5), 0.0))
    estimate.began("a", 1)
    assert estimate.remaining([("a", 4.0)]) == pytest.approx(111)
    estimate.ended("a")
    assert estimate.remaining([]) == pytest.approx(105)
    assert estimate.progress == pytest.approx(10 / 145, abs=1e-3)
    estimate.began("b", 1)
    estimate.began("c", 1)
    estimate.ended("c")
    assert estimate.remaining([("b", 60.0)]) == pytest.approx(45)


def test_without_history_nodes_weigh_the_same_and_nothing_is_said_of_time() -> None:
    estimate = Estimate(expect(program(("a", "b"), ("b", "c"), ("c", "d")), {}, 0.0))
    estimate.began("a", 1)
    estimate.ended("a")
    assert estimate.progress == 0.25
    assert estimate.remaining([]) is None


def test_a_new_node_weighs_the_mean_of_the_others() -> None:
    expected = expect(program(("a", "b"), ("b", "c"), ("c", "d")), took(10, 20, 30), 0.0)
    assert expected.cost["d"] == pytest.approx(20)


def test_a_node_of_another_type_has_no_history() -> None:
    other = {"a": NodeHistory("wait", 10, 10, 10, 99_000)}
    assert not expect(program(("a", "b"), nodes=("a", "b")), other, 0.0).known


def test_what_a_node_says_of_itself_counts_until_it_ends() -> None:
    estimate = Estimate(expect(program(("a", "b"), ("b", "c"), ("c", "d")), {}, 0.0))
    estimate.began("a", 1)
    estimate.moved("a", 0.5)
    assert estimate.progress == 0.125
    estimate.moved("a", 1.0)
    assert estimate.progress == 0.25
    estimate.ended("a")
    estimate.began("b", 1)
    estimate.moved("b", 0.1)
    estimate.moved("b", 0.4)
    assert estimate.progress == 0.35
    estimate.ended("b")
    assert estimate.progress == 0.5
    estimate.skipped("d")
    assert estimate.progress == pytest.approx(2 / 3, abs=1e-3)


@pytest.mark.parametrize(("count", "told"), [(1, [150, 200, 251]), (60, [150, 150, 251])])
def test_while_many_nodes_execute_an_expected_end_is_told_again_for_a_moment(count: int, told: list[int]) -> None:
    ids = tuple(f"n{number}" for number in range(count))
    history = {node_id: NodeHistory("process", 10, 10, 10, 1000) for node_id in ids}
    forecast = Forecast(expect(program(nodes=ids), history, 0.0), {})
    for node_id in ids:
        forecast.began(node_id, node_id, 1, now=0)
    assert [forecast.completion_at(now) for now in (150, 200, 251)] == [iso(each) for each in told]


STEPS = st.lists(
    st.tuples(st.sampled_from(["began", "ended", "skipped", "moved", "aged"]), st.sampled_from(IDS), st.floats(0, 1)),
    max_size=60,
)


@given(STEPS, st.tuples(*[st.floats(0, 1e6)] * 4))
def test_progress_never_goes_back_nor_reaches_the_end(
    steps: list[tuple[str, str, float]], costs: tuple[float, ...]
) -> None:
    estimate = Estimate(expect(program(("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")), took(*costs), 1.0))
    before = 0.0
    for number, (what, node_id, fraction) in enumerate(steps):
        if what == "began":
            estimate.began(node_id, number + 1)
        elif what == "moved":
            estimate.moved(node_id, fraction)
        elif what == "aged":
            estimate.aged([(node_id, fraction * 1e6)])
        else:
            getattr(estimate, what)(node_id)
        remaining = estimate.remaining([(node_id, fraction * 1e6)])
        assert remaining is not None
        assert remaining >= 0
        assert before <= estimate.progress < 1
        before = estimate.progress
