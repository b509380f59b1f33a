"""People and other systems at work on runs of a real server: two answers at once, and events around kills."""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.process import RUNS, Server, ServerProcess

TIMES = 100

ASK: dict[str, Any] = {
    "name": "ask",
    "steps": [{"id": "ask", "type": "approval", "config": {"question": "Who?", "schema": {"type": "string"}}}],
}

EVENTS = 40

COLLECT: dict[str, Any] = {
    "name": "collect",
    "nodes": [
        {"id": "begin", "type": "process", "config": {}},
        {
            "id": "take",
            "type": "wait_event",
            "config": {"event": "item"},
            "set": {"seen": "{{ (variables.seen or []) + [outputs.take.payload] }}"},
        },
        {"id": "more", "type": "condition", "config": {"expression": f"variables.seen | length < {EVENTS}"}},
        {"id": "done", "type": "output", "config": {"value": "{{ variables.seen }}"}},
    ],
    "edges": [
        {"source": "begin", "target": "take"},
        {"source": "take", "target": "more"},
        {"source": "more", "target": "take", "when": True},
        {"source": "more", "target": "done", "when": False},
    ],
}


async def user(server: Server, name: str) -> httpx.AsyncClient:
    """A client with a key of its own."""
    made = await server.client.post("/api/projects/default/keys", json={"name": name})
    assert made.status_code == 201, made.text
    return httpx.AsyncClient(base_url=server.url, headers={"X-API-Key": made.json()["secret"]}, timeout=30)


def given(question: str | None, answer: str) -> dict[str, Any]:
    """The body that answers a question by its id, or the only one there is."""
    return {"answers": {question: answer}} if question else {"answer": answer}


async def test_two_users_answer_one_question_at_once_and_one_is_taken_each_time(shared: Server) -> None:
    workflow_id = await shared.workflow(ASK)
    taken = {"ada": 0, "bob": 0}
    async with await user(shared, "ada") as ada, await user(shared, "bob") as bob:
        for number in range(TIMES):
            run_id = await shared.run(workflow_id)
            (asked,) = (await shared.status(run_id, wait=30))["interrupts"]
            question = asked["interrupt_id"] if number % 2 else None
            path = f"{RUNS}/{run_id}/resume"
            first, second = await asyncio.gather(
                ada.post(path, json=given(question, "ada")), bob.post(path, json=given(question, "bob"))
            )
            assert sorted((first.status_code, second.status_code)) == [202, 409], (first.text, second.text)
            winner, told = ("ada", second.json()) if first.status_code == 202 else ("bob", first.json())
            assert (told["code"], told["answered_by"]) == ("already_answered", winner)
            assert told["answered_at"].endswith("Z")
            assert (await shared.ended(run_id))["output_data"] == {"answer": winner}
            taken[winner] += 1
    assert sum(taken.values()) == TIMES


async def test_the_inbox_leads_to_the_question_and_its_answer(shared: Server) -> None:
    config = {"question": "Who?", "assignees": ["inbox reader"], "timeout": 600}
    run_id = await shared.start_run({"name": "inbox", "steps": [{"id": "ask", "type": "approval", "config": config}]})
    await shared.status(run_id, wait=30)
    inbox = "/api/projects/default/inbox"
    listed = (await shared.client.get(inbox, params={"assignee": "inbox reader", "limit": 1000})).json()["items"]
    (asked,) = [item for item in listed if item["run_id"] == run_id]
    assert (asked["question"], asked["assignees"], asked["run_status"]) == ("Who?", ["inbox reader"], "WAITING")
    assert asked["expires_at"] > asked["asked_at"]
    response = await shared.post(f"/{run_id}/resume", {"answers": {asked["interrupt_id"]: "me"}})
    assert response.status_code == 202, response.text
    await shared.ended(run_id)
    left = (await shared.client.get(inbox, params={"limit": 1000})).json()["items"]
    assert run_id not in {item["run_id"] for item in left}
    assert (await shared.client.get(inbox, params={"cursor": "x"})).json()["code"] == "invalid_cursor"


async def test_no_event_is_lost_or_doubled_by_kills(tmp_path: Path) -> None:
    async with ServerProcess(tmp_path / "data") as server:
        run_id = await server.start_run(COLLECT)
        accepted: list[int] = []
        for number in range(EVENTS):
            response = await server.client.post(f"{RUNS}/{run_id}/events/item", json=number)
            assert response.status_code == 202, response.text
            accepted.append(number)
            if number % 10 == 5:
                await server.kill()
                await server.start()
        ended = await server.ended(run_id)
        assert ended["output_data"] == accepted
