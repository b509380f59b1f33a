"""What a run of a Python graph tells while it runs, and what it comes to."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.server.errors import NotRunnable
from milepost.server.runs.dry_runs import DryRun
from tests.engine.conftest import ACTOR
from tests.python_graphs.conftest import GraphBench


def names(events: list[dict[str, Any]], type_: str) -> list[str]:
    """The nodes of the events of a type, in order."""
    return [event["node_id"] for event in events if event["type"] == type_]


async def test_a_chain_runs_to_its_end(graphs: GraphBench) -> None:
    run_id = await graphs.run("chain", {"topic": "ships"})
    assert await graphs.output(run_id) == {"topic": "ships", "said": ["hello ships", "1 so far", "done"]}
    assert await graphs.statuses(run_id) == dict.fromkeys(("first", "second", "third"), "COMPLETED")
    events = await graphs.events(run_id)
    assert names(events, "node.started") == names(events, "node.completed") == ["first", "second", "third"]
    rows = await graphs.executions(run_id)
    assert [row.node_type for row in rows] == ["python"] * 3
    assert orjson.loads(rows[1].input or "") == {"topic": "ships", "said": ["hello ships"]}
    assert orjson.loads(rows[1].output or "") == {"said": ["1 so far"]}


async def test_a_completion_is_in_the_unit_of_its_writes(graphs: GraphBench) -> None:
    run_id = await graphs.run("chain", {"topic": "ships"})
    await graphs.output(run_id)
    events = await graphs.events(run_id)
    for place, event in enumerate(events):
        if event["type"] == "node.completed":
            after = next(each for each in events[place:] if each["type"] == "checkpoint.saved")
            assert after["data"]["step"] == event["data"]["step"]


async def test_a_cycle_counts_its_iterations(graphs: GraphBench) -> None:
    run_id = await graphs.run("looped", {})
    assert await graphs.output(run_id) == {"n": 3}
    states = {state.node_id: state.iterations for state in await graphs.app.store.node_states(run_id)}
    assert states == {"grow": 3, "look": 3}


async def test_sends_are_executions_of_one_node(graphs: GraphBench) -> None:
    run_id = await graphs.run("fan", {"words": ["a", "bc", "def"]})
    assert await graphs.output(run_id) == {"words": ["a", "bc", "def"], "lengths": [1, 2, 3], "total": 6}
    rows = [row for row in await graphs.executions(run_id) if row.node_id == "measure"]
    assert [orjson.loads(row.input or "") for row in rows] == [{"word": "a"}, {"word": "bc"}, {"word": "def"}]
    assert {row.status for row in rows} == {"COMPLETED"}
    (state,) = [each for each in await graphs.app.store.node_states(run_id) if each.node_id == "measure"]
    assert (state.status, state.iterations) == ("COMPLETED", 3)


async def test_a_node_runs_until_its_last_execution_has_ended(graphs: GraphBench, tmp_path: Path) -> None:
    run_id = await graphs.run("halves", {"marks": str(tmp_path), "ran": []})
    await graphs.until(run_id, "node.completed")
    (state,) = await graphs.app.store.node_states(run_id)
    assert (state.status, state.iterations, state.completed_at) == ("RUNNING", 2, None)
    (tmp_path / "go").touch()
    assert (await graphs.output(run_id))["ran"] == ["held", "quick"]
    assert await graphs.statuses(run_id) == {"one": "COMPLETED"}


async def test_nodes_of_subgraphs_are_named_by_where_they_are(graphs: GraphBench) -> None:
    run_id = await graphs.run("nested", {"text": "  Hi "})
    assert await graphs.output(run_id) == {"text": "hi 3"}
    events = await graphs.events(run_id)
    order = ["tidy", "tidy/trim", "tidy/deep", "tidy/deep/lower", "calls", "calls/count"]
    assert names(events, "node.started") == order
    completed = names(events, "node.completed")
    assert sorted(completed) == sorted(order)
    assert [completed.index(inner) < completed.index(inner.rpartition("/")[0]) for inner in order if "/" in inner] == [
        True
    ] * 4


async def test_commands_choose_the_way(graphs: GraphBench) -> None:
    even = await graphs.run("routed", {"n": 2})
    assert (await graphs.output(even))["way"] == ["choose", "even"]
    odd = await graphs.run("routed", {"n": 1})
    assert (await graphs.output(odd))["way"] == ["choose", "left", "even"]
    assert await graphs.statuses(odd) == dict.fromkeys(("choose", "inside", "inside/leaves", "even"), "COMPLETED")
    rows = {row.node_id: orjson.loads(row.output or "null") for row in await graphs.executions(odd)}
    assert rows["choose"] == {"update": {"way": ["choose"]}, "goto": ["inside"]}


async def test_synchronous_nodes_run_in_the_engines_threads(graphs: GraphBench) -> None:
    run_id = await graphs.run("threads", {"threads": []})
    assert (await graphs.output(run_id))["threads"] == ["milepost-node", "below"]
    assert await graphs.statuses(run_id) == dict.fromkeys(("here", "invokes", "invokes/below"), "COMPLETED")


async def test_what_a_graph_tells_becomes_events(graphs: GraphBench) -> None:
    run_id = await graphs.run("telling", {})
    assert await graphs.output(run_id) == {"text": "one two"}
    events = await graphs.events(run_id)
    progress = [(event["node_id"], event["data"]["progress"]) for event in events if event["type"] == "node.progress"]
    assert progress == [("works", 0.4), ("in_thread", 0.9)]
    custom = [event["data"] for event in events if event["type"] == "run.custom"]
    assert {"name": "found", "node_id": "works", "data": {"things": 3}} in custom
    assert {"node_id": None, "data": {"note": "to the stream"}} in custom
    said = [event["data"]["text"] for event in events if event["type"] == "node.delta" and event["node_id"] == "speaks"]
    assert "".join(said) == "one two"


async def test_a_failure_names_the_innermost_node_and_shows_its_authors_frames(graphs: GraphBench) -> None:
    run_id = await graphs.run("failing", {})
    run = await graphs.ended(run_id)
    error = orjson.loads(run.error or "")
    assert (error["code"], error["type"], error["message"]) == ("node_error", "Refused", "not today")
    assert error["node_id"] == "inside/fails"
    assert "in fails" in error["traceback"]
    assert "langgraph" not in error["traceback"]
    assert await graphs.statuses(run_id) == {"fine": "COMPLETED", "inside": "FAILED", "inside/fails": "FAILED"}


async def test_langgraphs_retries_are_told_as_attempts(graphs: GraphBench) -> None:
    run_id = await graphs.run("retried", {})
    assert await graphs.output(run_id) == {"attempt": 3}
    events = await graphs.events(run_id)
    told = [event["data"] for event in events if event["type"] == "node.retrying"]
    assert [(each["attempt"], each["error"]["message"]) for each in told] == [(1, "attempt 1"), (2, "attempt 2")]
    (row,) = await graphs.executions(run_id)
    assert (row.attempt, row.status) == (3, "COMPLETED")


async def test_an_error_that_another_node_handles_does_not_fail_the_run(graphs: GraphBench) -> None:
    run_id = await graphs.run("handled", {"ran": []})
    assert (await graphs.output(run_id))["ran"] == ["mended", "after"]
    rows = [(row.node_id, row.status) for row in await graphs.executions(run_id)]
    assert rows == [("fails", "FAILED"), ("fails/__error_handler__fails", "COMPLETED"), ("after", "COMPLETED")]


async def test_an_error_that_the_node_around_catches_does_not_fail_the_run(graphs: GraphBench) -> None:
    run_id = await graphs.run("swallowing", {"ran": []})
    assert (await graphs.output(run_id))["ran"] == ["swallowed"]
    assert await graphs.statuses(run_id) == {"swallows": "COMPLETED", "swallows/fails": "FAILED"}


async def test_nodes_of_a_graph_that_is_not_kept_end_with_the_node_around_it(graphs: GraphBench) -> None:
    run_id = await graphs.run("unkept_inside", {"ran": []})
    assert (await graphs.output(run_id))["ran"] == ["tried"]
    assert await graphs.statuses(run_id) == {"tries": "COMPLETED", "tries/after": "COMPLETED", "tries/fails": "FAILED"}
    ended = [
        event["node_id"] for event in await graphs.events(run_id) if event["type"] in ("node.completed", "node.failed")
    ]
    assert ended == ["tries/after", "tries/fails", "tries"]


async def test_a_node_that_takes_longer_than_it_may_fails(graphs: GraphBench) -> None:
    run = await graphs.ended(await graphs.run("limited", {"ran": []}))
    error = orjson.loads(run.error or "")
    assert (run.status, error["type"], error["node_id"]) == ("FAILED", "NodeTimeoutError", "takes_long")


async def test_a_node_that_blocks_the_loop_is_named(graphs: GraphBench) -> None:
    run_id = await graphs.run("blocking", {"ran": []})
    told = await graphs.until(run_id, "node.log")
    assert told["node_id"] == "blocks"
    assert "blocked the event loop" in told["data"]["message"]
    await graphs.output(run_id)


async def test_an_agent_with_a_tool_runs_and_its_messages_can_be_read(graphs: GraphBench) -> None:
    run_id = await graphs.run("agent", {"messages": [{"role": "user", "content": "How is the weather?"}]})
    output = await graphs.output(run_id)
    assert [message["type"] for message in output["messages"]] == ["human", "ai", "tool", "ai"]
    assert output["messages"][-1]["content"] == "It is sunny in Bern."
    completed = names(await graphs.events(run_id), "node.completed")
    assert completed == ["model", "tools", "model"]


async def test_annotated_types_come_back_as_themselves(graphs: GraphBench) -> None:
    run_id = await graphs.run("typed", {})
    output = await graphs.output(run_id)
    assert output["order"] == {"item": "lamp", "at": "2026-01-02T00:00:00+00:00"}
    assert output["parcel"] == {"weight": 1.5}


async def test_types_of_a_graph_inside_are_allowed_too(graphs: GraphBench) -> None:
    assert (await graphs.output(await graphs.run("typed_inside", {})))["anything"] == "fragile"


async def test_a_type_that_nobody_listed_fails_the_run_and_names_the_setting(graphs: GraphBench) -> None:
    run = await graphs.ended(await graphs.run("unlisted", {}))
    error = orjson.loads(run.error or "")
    assert (run.status, error["code"]) == ("FAILED", "unstorable_type")
    assert "Secretive" in error["message"]
    assert "MILEPOST_ALLOWED_TYPES" in error["message"]


async def test_factories_make_graphs(graphs: GraphBench) -> None:
    made = [await graphs.output(await graphs.run(name, {})) for name in ("made", "made_later", "made_open")]
    assert made == [{"made": "with ['configurable']"}, {"made": "later"}, {"made": "open"}]


async def test_packages_may_be_called_graphs_and_server(graphs: GraphBench) -> None:
    assert await graphs.output(await graphs.run("in_graphs", {})) == {"word": "graphs"}
    assert await graphs.output(await graphs.run("in_server", {})) == {"word": "server"}


async def test_the_functional_api_runs_too(graphs: GraphBench) -> None:
    run_id = await graphs.run("functional", {"n": 3})
    assert await graphs.output(run_id) == {"n": 12}
    assert await graphs.statuses(run_id) == {"flow": "COMPLETED", "flow/double": "COMPLETED"}
    doubled = [row.output for row in await graphs.executions(run_id) if row.node_id == "flow/double"]
    assert doubled == ['{"value":6}', '{"value":12}']


async def test_a_graph_that_fails_to_import_says_why_and_keeps_no_other_back(graphs: GraphBench) -> None:
    (broken,) = [each for each in graphs.app.python.listed if each.failure is not None]
    assert broken.name == "broken"
    assert broken.failure is not None
    assert broken.failure.type == "ModuleNotFoundError"
    assert "a_package_that_nobody_has_installed" in broken.failure.message
    assert "broken.py" in broken.failure.traceback
    assert "importlib" not in broken.failure.traceback


async def test_a_state_of_changes_is_told_whole(graphs: GraphBench) -> None:
    assert await graphs.output(await graphs.run("changes", {"said": ["zero"]})) == {
        "said": ["zero", "one", "two after 2"]
    }


async def test_a_python_graph_has_no_dry_run(graphs: GraphBench) -> None:
    asked = DryRun(graphs.workflow_id("chain"))
    with pytest.raises(NotRunnable, match="no dry run"):
        await graphs.app.dry_runs.test(ACTOR, graphs.project, asked)
