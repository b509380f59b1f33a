"""The routes over a whole app: statuses and bodies as the contract has them."""

import asyncio
from typing import Any

import orjson
import pytest

from milepost.server.states import Action
from milepost.server.store.rows import iso
from tests.api.conftest import Site
from tests.api.seed import DEFINITION, append, move, new_id, running_node, seed_run

QUICK: dict[str, Any] = {"nodes": [{"id": name, "type": "process", "config": {}} for name in "abc"], "edges": []}
LONG: dict[str, Any] = {"nodes": [{"id": "nap", "type": "trace", "config": {"seconds": 30}}], "edges": []}
CHAIN: dict[str, Any] = {"steps": [{"id": name, "type": "process", "config": {}} for name in "abc"]}
STRICT: dict[str, Any] = {**QUICK, "input_schema": {"type": "object", "required": ["topic"]}}
ASKING: dict[str, Any] = {"nodes": [{"id": "ask", "type": "ask", "config": {"question": "Publish?"}}], "edges": []}
FAILING: dict[str, Any] = {
    "nodes": [
        {"id": "bad", "type": "process", "config": {"operation": "uppercase", "value": "{{ input.nothing }}"}},
        {"id": "after", "type": "process", "config": {}},
    ],
    "edges": [{"source": "bad", "target": "after"}],
}


async def post(site: Site, path: str, body: Any = None, status: int = 200, **options: Any) -> dict[str, Any]:
    answer = await site.client.post(f"{site.base}{path}", json=body, **options)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def get(site: Site, path: str, expected: int = 200, **parameters: Any) -> dict[str, Any]:
    answer = await site.client.get(f"{site.base}{path}", params=parameters)
    assert answer.status_code == expected, answer.text
    return dict(answer.json())


async def run_of(site: Site, definition: dict[str, Any], wait: int = 0, **more: Any) -> str:
    body = {"workflow_id": await site.workflow(definition), "execute": True, **more}
    return str((await post(site, f"/runs?wait={wait}", body, 201))["run_id"])


async def test_a_workflow_is_made_revised_listed_drawn_and_archived(site: Site) -> None:
    made = await post(site, "", {"name": "One", "description": "d", "definition": DEFINITION}, 201)
    assert (made["version"], made["definition"], made["warnings"]) == (1, DEFINITION, [])
    path = f"{site.base}/{made['workflow_id']}"
    revised = await site.client.put(path, json={"definition": QUICK, "expected_version": 1})
    assert (revised.json()["version"], revised.json()["name"]) == (2, "One")
    stale = await site.client.put(path, json={"definition": QUICK, "expected_version": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "version_conflict")
    assert (await get(site, f"/{made['workflow_id']}"))["definition"] == QUICK
    assert (await get(site, f"/{made['workflow_id']}", version=1))["definition"] == DEFINITION
    assert (await get(site, f"/{made['workflow_id']}", 404, version=3))["code"] == "not_found"
    versions = await get(site, f"/{made['workflow_id']}/versions")
    assert [each["version"] for each in versions["items"]] == [2, 1]
    drawn = await get(site, f"/{made['workflow_id']}/graph", version=1)
    assert drawn["edges"] == [{"source": "first", "target": "second", "back": False}]
    mermaid = await site.client.get(f"{path}/graph", params={"format": "mermaid"})
    assert mermaid.text.startswith("flowchart")
    assert [each["workflow_id"] for each in (await get(site, "", q="ON"))["items"]] == [made["workflow_id"]]
    assert (await get(site, "", q="two"))["items"] == []
    assert (await site.client.delete(path)).status_code == 204
    assert (await site.client.delete(path)).status_code == 404
    assert (await get(site, ""))["items"] == []
    assert (await get(site, f"/{made['workflow_id']}"))["archived_at"] is not None
    assert (await site.client.put(path, json={"definition": QUICK})).status_code == 404
    assert (await post(site, "/runs", {"workflow_id": made["workflow_id"]}, 404))["code"] == "not_found"


async def test_an_invalid_definition_is_refused_with_every_problem(site: Site) -> None:
    broken = {
        "nodes": [{"id": "a", "type": "nonsense"}, {"id": "a", "type": "wait", "config": {"sec": 1}}],
        "edges": [],
    }
    refused = await post(site, "", {"name": "x", "definition": broken}, 422)
    assert refused["code"] == "invalid_definition"
    checked = await post(site, "/validate", {"definition": broken})
    assert checked["valid"] is False
    assert checked["errors"] == refused["errors"]
    assert len(refused["errors"]) >= 3
    assert all(set(each) == {"path", "code", "message"} for each in refused["errors"])
    assert (await post(site, "/validate", {"definition": QUICK}))["valid"] is True
    assert (await post(site, "/validate", {"definition": 7}))["valid"] is False


async def test_a_workflow_with_a_live_run_is_not_archived(site: Site) -> None:
    workflow_id = await site.workflow(LONG)
    run_id = (await post(site, "/runs", {"workflow_id": workflow_id, "execute": True}, 201))["run_id"]
    refused = await site.client.delete(f"{site.base}/{workflow_id}")
    assert (refused.status_code, refused.json()["code"]) == (409, "run_live")
    await post(site, f"/runs/{run_id}/cancel")
    assert (await site.client.delete(f"{site.base}/{workflow_id}")).status_code == 204


async def test_a_run_is_made_executed_and_read(site: Site) -> None:
    workflow_id = await site.workflow(CHAIN)
    body = {"workflow_id": workflow_id, "input_data": {"n": 1}, "metadata": {"ticket": "T-1"}}
    made = await post(site, "/runs", body, 201)
    assert (made["status"], made["input_data"], made["version"]) == ("PENDING", {"n": 1}, 1)
    assert (await get(site, f"/runs/{made['run_id']}/why"))["code"] == "pending"
    pending = await get(site, f"/runs/{made['run_id']}/status")
    assert [(node["node_id"], node["status"]) for node in pending["node_states"]] == [
        ("a", "PENDING"),
        ("b", "PENDING"),
        ("c", "PENDING"),
    ]
    told = await post(site, f"/runs/{made['run_id']}/execute", {"input_data": {"n": 2}}, 202)
    assert (told["status"], told["message"]) == ("RUNNING", "Workflow execution started")
    assert told["started_at"]
    status = await get(site, f"/runs/{made['run_id']}/status", wait=10)
    assert (status["status"], status["progress"], status["waiting_for"]) == ("COMPLETED", 1, None)
    assert {node["status"] for node in status["node_states"]} == {"COMPLETED"}
    whole = await get(site, f"/runs/{made['run_id']}", include_logs=True, include_metrics=True)
    assert (whole["input_data"], whole["metadata"]) == ({"n": 2}, {"ticket": "T-1"})
    assert [each["node_id"] for each in whole["logs"]] == ["a", "b", "c"]
    assert whole["metrics"]["executions"] == 3
    assert whole["metrics"]["duration_ms"] >= 0
    for verb, status_code, code in (("execute", 409, "run_finished"), ("cancel", 400, "invalid_state")):
        assert (await post(site, f"/runs/{made['run_id']}/{verb}", {}, status_code))["code"] == code


async def test_waiting_for_the_end_answers_with_the_ended_run(site: Site) -> None:
    body = {"workflow_id": await site.workflow(QUICK), "execute": True}
    assert (await post(site, "/runs?wait=10", body, 201))["status"] == "COMPLETED"
    body["workflow_id"] = await site.workflow(LONG)
    late = await post(site, "/runs?wait=0.05", body, 201)
    assert late["status"] == "RUNNING"
    await post(site, f"/runs/{late['run_id']}/cancel")


async def test_an_input_that_the_schema_refuses_is_422_at_execute(site: Site) -> None:
    workflow_id = await site.workflow(STRICT)
    refused = await post(site, "/runs", {"workflow_id": workflow_id, "execute": True}, 422)
    assert (refused["code"], refused["errors"][0]["path"]) == ("invalid_input", "input_data")
    made = await post(site, "/runs", {"workflow_id": workflow_id}, 201)
    assert (await post(site, f"/runs/{made['run_id']}/execute", {}, 422))["code"] == "invalid_input"


async def test_an_idempotency_key_gives_the_first_answer_again(site: Site) -> None:
    body = {"workflow_id": await site.workflow(QUICK), "execute": True}
    same = {"headers": {"Idempotency-Key": "k1"}}
    answers = await asyncio.gather(*(post(site, "/runs", body, 201, **same) for _ in range(5)))
    assert all(each == answers[0] for each in answers)
    assert len((await get(site, "/runs"))["items"]) == 1
    refused = await post(site, "/runs", {**body, "metadata": {"a": 1}}, 422, **same)
    assert refused["code"] == "idempotency_mismatch"


async def test_a_run_is_paused_edited_resumed_forked_and_cancelled(site: Site) -> None:
    run_id = await run_of(site, LONG)
    await node_running(site, run_id)
    paused = await post(site, f"/runs/{run_id}/pause", {"mode": "now"})
    assert (paused["status"], paused["message"]) == ("PAUSED", "Workflow paused at checkpoint")
    assert set(paused) == {"run_id", "status", "paused_at", "checkpoint_id", "message", "still_running"}
    assert (await get(site, f"/runs/{run_id}/why"))["code"] == "paused"
    assert (await post(site, f"/runs/{run_id}/pause", {}, 400))["code"] == "invalid_state"
    listed = await get(site, f"/runs/{run_id}/checkpoints")
    assert listed["items"][0]["checkpoint_id"] == paused["checkpoint_id"]
    one = await get(site, f"/runs/{run_id}/checkpoints/{paused['checkpoint_id']}")
    assert one["values"]["input"] == {}
    assert (await get(site, f"/runs/{run_id}/checkpoints/{new_id()}", 404))["code"] == "not_found"
    same = await get(
        site, f"/runs/{run_id}/checkpoints/diff", **{"from": paused["checkpoint_id"], "to": paused["checkpoint_id"]}
    )
    assert same["changes"] == []
    fork = await post(site, f"/runs/{run_id}/fork", {"checkpoint_id": paused["checkpoint_id"]}, 201)
    assert (fork["status"], fork["parent_run_id"], fork["forked_from"]) == ("PENDING", run_id, paused["checkpoint_id"])
    bad = await site.client.patch(f"{site.base}/runs/{run_id}/state", json={"values": {"variables": {"no": 1}}})
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid_edit")
    resumed = await post(site, f"/runs/{run_id}/resume", {"checkpoint_id": paused["checkpoint_id"]}, 202)
    assert (resumed["status"], resumed["message"]) == ("RUNNING", "Workflow resumed from checkpoint")
    await node_running(site, run_id)
    assert (await post(site, f"/runs/{run_id}/resume", {}, 400))["code"] == "invalid_state"
    pausing = await post(site, f"/runs/{run_id}/pause", {"wait_seconds": 0.01}, 202)
    assert (pausing["status"], pausing["pausing"]) == ("RUNNING", True)
    assert (await get(site, f"/runs/{run_id}/status"))["pausing"] is True
    cancelled = await post(site, f"/runs/{run_id}/cancel")
    assert (cancelled["status"], cancelled["still_running"]) == ("CANCELLED", [])
    status = await get(site, f"/runs/{run_id}/status")
    assert {node["status"] for node in status["node_states"]} == {"CANCELLED"}
    again = await post(site, f"/runs/{run_id}/rerun", {}, 201)
    assert (again["status"], again["metadata"]) == ("PENDING", {"rerun_of": run_id})
    assert (await site.client.delete(f"{site.base}/runs/{run_id}")).status_code == 204
    assert (await get(site, f"/runs/{run_id}", 404))["code"] == "not_found"


async def node_running(site: Site, run_id: str) -> None:
    """Return when a node of the run is at work."""
    while (await get(site, f"/runs/{run_id}/why"))["code"] != "node_running":
        pass


async def test_a_live_run_is_not_deleted(site: Site) -> None:
    run_id = await run_of(site, LONG)
    refused = await site.client.delete(f"{site.base}/runs/{run_id}")
    assert (refused.status_code, refused.json()["code"]) == (409, "run_live")
    await post(site, f"/runs/{run_id}/cancel")


async def test_a_question_is_shown_answered_once_and_checked(site: Site) -> None:
    run_id = await run_of(site, ASKING)
    status = await get(site, f"/runs/{run_id}/status", wait=10)
    assert status["status"] == "WAITING"
    assert status["waiting_for"] == {"for": "answer", "until": None, "node_ids": ["ask"]}
    (question,) = status["interrupts"]
    assert question["node_id"] == "ask"
    assert (await get(site, f"/runs/{run_id}/why"))["code"] == "answer"
    assert (await post(site, f"/runs/{run_id}/resume", {}, 400))["code"] == "answer_required"
    assert (await post(site, f"/runs/{run_id}/resume", {"answers": {"nobody": 1}}, 404))["code"] == "not_found"
    await post(site, f"/runs/{run_id}/resume", {"answers": {question["interrupt_id"]: {"yes": True}}}, 202)
    ended = await get(site, f"/runs/{run_id}/status", wait=10)
    assert (ended["status"], ended["interrupts"]) == ("COMPLETED", [])


async def test_a_failed_run_tells_its_error_and_is_retried(site: Site) -> None:
    run_id = await run_of(site, FAILING, wait=10)
    status = await get(site, f"/runs/{run_id}/status")
    assert status["status"] == "FAILED"
    assert set(status["error"]) == {"code", "type", "message", "node_id"}
    assert status["error"]["node_id"] == "bad"
    assert [(node["node_id"], node["status"]) for node in status["node_states"]] == [
        ("bad", "FAILED"),
        ("after", "SKIPPED"),
    ]
    assert (await get(site, f"/runs/{run_id}"))["error"]["message"] == status["error"]["message"]
    failed = await get(site, f"/runs/{run_id}/logs", failed=True)
    assert [row["node_id"] for row in failed["items"]] == ["bad"]
    assert (await get(site, f"/runs/{run_id}/logs", failed=False))["items"] == []
    assert (await post(site, f"/runs/{run_id}/execute", {}, 400))["code"] == "invalid_state"
    assert (await post(site, f"/runs/{run_id}/retry", None, 202))["status"] in ("RUNNING", "QUEUED")


async def test_events_for_a_run_are_taken_while_it_is_live(site: Site) -> None:
    run_id = await run_of(site, LONG)
    sent = await post(site, f"/runs/{run_id}/events/paid", {"amount": 3}, 202)
    assert sent["event"] == "paid"
    assert (await post(site, f"/runs/{run_id}/events/paid", "x" * 70_000, 413))["code"] == "too_large"
    assert (await post(site, f"/runs/{run_id}/events/a b", {}, 422))["code"] == "invalid_request"
    await post(site, f"/runs/{run_id}/cancel")
    assert (await post(site, f"/runs/{run_id}/events/paid", {}, 400))["code"] == "invalid_state"


async def test_the_run_list_filters_sorts_and_pages(site: Site) -> None:
    store, workflow_id, other = site.app.store, await site.workflow(), await site.workflow()
    runs = [await seed_run(store, site.project, workflow_id) for _ in range(5)]
    done = await seed_run(store, site.project, other, Action.EXECUTE, Action.CLAIM, Action.FINISH)
    failed = await seed_run(
        store,
        site.project,
        other,
        Action.EXECUTE,
        Action.CLAIM,
        Action.FAIL,
        error='{"code":"x","type":"ValueError","message":"Kettle is empty","node_id":null}',
    )
    everything = [*[run.run_id for run in runs], done.run_id, failed.run_id]

    async def found(**parameters: Any) -> list[str]:
        return [run["run_id"] for run in (await get(site, "/runs", **parameters))["items"]]

    assert await found() == everything[::-1]
    assert await found(order="asc") == everything
    assert await found(workflow_id=workflow_id, order="asc") == everything[:5]
    assert await found(status="COMPLETED") == [done.run_id]
    assert set(await found(status=["COMPLETED", "FAILED"])) == {done.run_id, failed.run_id}
    assert await found(q="KETTLE") == [failed.run_id]
    assert len(await found(q="seeded")) == 7
    assert await found(q=done.run_id[:36]) == [done.run_id]
    assert await found(started_after="2000-01-01", sort="started_at", order="asc") == [done.run_id, failed.run_id]
    assert await found(started_before="2000-01-01T00:00:00Z") == []
    for sort in ("created_at", "started_at", "finished_at"):
        for order in ("asc", "desc"):
            whole = await found(sort=sort, order=order)
            assert await paged(site, sort=sort, order=order, limit=2) == whole
            assert sorted(whole) == sorted(everything)


async def paged(site: Site, **parameters: Any) -> list[str]:
    """Ids of all pages."""
    page = await get(site, "/runs", **parameters)
    ids = [run["run_id"] for run in page["items"]]
    while page["next_cursor"]:
        page = await get(site, "/runs", **parameters, cursor=page["next_cursor"])
        ids += [run["run_id"] for run in page["items"]]
    return ids


async def test_a_cursor_of_another_list_is_refused(site: Site) -> None:
    for _ in range(3):
        await seed_run(site.app.store, site.project, await site.workflow())
    cursor = (await get(site, "/runs", limit=1))["next_cursor"]
    for parameters in ({"cursor": cursor, "order": "asc"}, {"cursor": "W10"}, {"cursor": "é"}, {"cursor": "AAAA"}):
        assert (await get(site, "/runs", 400, **parameters))["code"] == "invalid_cursor"
    assert (await get(site, "", 400, cursor=cursor))["code"] == "invalid_cursor"


async def test_a_wrong_parameter_is_422_with_its_name(site: Site) -> None:
    wrong: tuple[tuple[str, Any], ...] = (
        ("limit", 0),
        ("limit", 1001),
        ("status", "DONE"),
        ("sort", "name"),
        ("started_after", "tomorrow"),
        ("wait", 61),
    )
    for name, value in wrong:
        path = f"/runs/{new_id()}/status" if name == "wait" else "/runs"
        refused = await get(site, path, 422, **{name: value})
        assert refused["code"] == "invalid_request"
        assert refused["errors"][0]["path"].startswith(name)


async def test_logs_page_by_their_cursor(site: Site) -> None:
    run_id = await run_of(site, CHAIN, wait=10)
    first = await get(site, f"/runs/{run_id}/logs", limit=2)
    second = await get(site, f"/runs/{run_id}/logs", limit=2, after=first["next_cursor"])
    assert [row["node_id"] for page in (first, second) for row in page["items"]] == ["a", "b", "c"]
    assert second["next_cursor"] is None
    assert (await get(site, f"/runs/{run_id}/logs", node_id="b"))["items"][0]["node_type"] == "process"
    assert (await get(site, f"/runs/{run_id}/logs", node_type="wait"))["items"] == []


async def test_why_tells_of_a_retry_that_is_to_come(site: Site) -> None:
    run = await seed_run(site.app.store, site.project, await site.workflow(), Action.EXECUTE, Action.CLAIM)
    assert (await get(site, f"/runs/{run.run_id}/why"))["code"] == "starting"
    due = site.app.store.clock() + 60_000
    await append(site.app.store, run, "node.retrying", node_id="first", next_attempt_at=iso(due))
    await site.app.store.commit(running_node(run.run_id, "first"))
    assert (await get(site, f"/runs/{run.run_id}/why"))["code"] == "retry"
    await move(site.app.store, await site.app.store.run(run.run_id), Action.FINISH)
    assert (await get(site, f"/runs/{run.run_id}/why"))["code"] == "ended"


async def test_ids_and_fixed_words_never_collide(site: Site) -> None:
    for path in ("/runs/batch", "/runs/stats/status", "/validate", f"/runs/{new_id()[:-1]}", "/nonsense"):
        assert (await get(site, path, 404 if path != "/validate" else 405))["code"] in (
            "not_found",
            "method_not_allowed",
        )
    assert (await site.client.put("/healthz")).json()["code"] == "method_not_allowed"


async def test_metrics_count_runs_and_commits(site: Site) -> None:
    await run_of(site, QUICK, wait=10)
    text = (await site.client.get("/metrics")).text
    assert 'milepost_runs{status="COMPLETED"} 1.0' in text
    assert "milepost_queue_depth 0.0" in text
    assert "milepost_commit_seconds_count" in text


async def test_node_types_have_schemas(site: Site) -> None:
    items = (await site.client.get("/api/node-types")).json()["items"]
    assert {"input", "process", "output", "condition", "switch", "wait", "ai"} <= {item["type"] for item in items}
    assert all(item["config_schema"]["type"] == "object" for item in items)


async def test_integers_beyond_64_bits_are_taken_as_floating_point(site: Site) -> None:
    raw = orjson.dumps({"workflow_id": await site.workflow(QUICK), "input_data": {"n": 0}}).replace(
        b"0}", b"9" * 40 + b"}"
    )
    made = await site.client.post(f"{site.base}/runs", content=raw)
    assert made.json()["input_data"]["n"] == pytest.approx(1e40)


async def test_the_items_of_a_map_are_read_page_by_page(site: Site) -> None:
    body = {"type": "process", "config": {"operation": "pick", "value": "{{ item }}", "fields": ["a"]}}
    config = {"over": [{"a": 1}, 2, {"a": 3}], "node": body, "on_item_error": "continue"}
    run_id = await run_of(site, {"steps": [{"id": "each", "type": "map", "config": config}]}, wait=10)
    page = await get(site, f"/runs/{run_id}/logs", node_id="each", items=True, limit=2)
    first = page["items"][0]
    assert (first["item"], first["status"], first["output"]) == (0, "COMPLETED", {"a": 1})
    assert page["items"][1]["error"]["code"] == "invalid_input"
    rest = await get(site, f"/runs/{run_id}/logs", node_id="each", items=True, after=page["next_cursor"])
    assert ([row["item"] for row in rest["items"]], rest["next_cursor"]) == ([2], None)
    assert len((await get(site, f"/runs/{run_id}/logs", node_id="each"))["items"]) == 1
    await get(site, f"/runs/{run_id}/logs", 422, items=True)
    await get(site, f"/runs/{run_id}/logs", 422, node_id="each", items=True, after="x")


async def test_a_workflow_shows_which_versions_it_was_pinned_to(site: Site) -> None:
    child = await site.workflow(CHAIN)
    parent = {"steps": [{"id": "s", "type": "subworkflow", "config": {"workflow_id": child}}]}
    made = await post(site, "", {"name": "P", "definition": parent}, 201)
    assert (made["pins"], made["definition"]) == ({child: 1}, parent)
    assert (await get(site, f"/{made['workflow_id']}"))["pins"] == {child: 1}
    found = await post(
        site, "/validate", {"definition": {"steps": [{**parent["steps"][0], "config": {"workflow_id": "x"}}]}}
    )
    assert [error["code"] for error in found["errors"]] == ["unknown_workflow"]
