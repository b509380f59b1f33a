"""`send_notification` by a webhook: what is sent, what an answer means, and that a dry run sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import pytest

from milepost.graphs import NodeError, NodeFailure
from milepost.graphs.outbound.interface import Reply
from tests.unit.graphs.recording import Ran, execute, node

URL = "https://hooks.example.com/x"
CONFIG = {"channel": "webhook", "url": URL, "to": "ada", "title": "T", "body": "B", "headers": {"X-Mark": "1"}}


@dataclass
class Hook:
    """A way out that keeps what is sent and answers as it is told, or raises."""

    answers: list[int | NodeError]
    sent: list[tuple[str, str, Mapping[str, str], Any]] = field(default_factory=list)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient()

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None,
        within: float,
        max_bytes: int,
    ) -> Reply:
        self.sent.append((method, url, headers, orjson.loads(content or b"null")))
        answer = self.answers.pop(0)
        if isinstance(answer, NodeError):
            raise answer
        return Reply(answer, {}, b"", url)


async def send(hook: Hook | None, **more: Any) -> Ran:
    """Run one node."""
    test_mode = more.pop("test_mode", False)
    step = {**node("tell", "send_notification", **CONFIG), **more}
    return await execute({"steps": [step]}, context={"http": hook, "test_mode": test_mode})


async def test_a_webhook_gets_the_message_and_the_key() -> None:
    hook = Hook([204])
    ran = await send(hook)
    assert ran.output == {"channel": "webhook", "to": ["ada"], "status": 204}
    ((method, url, headers, content),) = hook.sent
    assert (method, url, headers["X-Mark"], headers["Content-Type"]) == ("POST", URL, "1", "application/json")
    assert headers["Idempotency-Key"].startswith("run:")
    expected = {"to": ["ada"], "title": "T", "body": "B", "run_id": "run", "project_id": None, "workflow_id": None}
    assert content == expected
    assert ran.recorder.told("row") == []


async def test_each_try_has_the_same_key() -> None:
    hook = Hook([500, NodeError("request_failed", "no route"), 200])
    ran = await send(hook, retry={"max_attempts": 3, "initial_interval": 0})
    assert ran.output["status"] == 200
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in hook.sent}) == 1
    assert [failure.code for failure, _, _ in ran.recorder.told("retrying")] == ["unexpected_status", "request_failed"]


@pytest.mark.parametrize(
    ("hook", "code"),
    [
        (Hook([404]), "unexpected_status"),
        (Hook([302]), "unexpected_status"),
        (Hook([NodeError("address_refused", "no", retryable=False)]), "address_refused"),
        (None, "not_runnable"),
    ],
)
async def test_what_fails_has_a_code(hook: Hook | None, code: str) -> None:
    with pytest.raises(NodeFailure) as raised:
        await send(hook)
    assert raised.value.code == code


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (302, 1), (408, 2), (429, 2), (503, 2)])
async def test_what_would_fail_again_is_not_tried_again(status: int, tries: int) -> None:
    hook = Hook([status, status])
    with pytest.raises(NodeFailure):
        await send(hook, retry={"max_attempts": 2, "initial_interval": 0})
    assert len(hook.sent) == tries


async def test_a_dry_run_shows_what_it_would_do_and_does_nothing() -> None:
    hook = Hook([])
    ran = await send(hook, test_mode=True)
    assert ran.output["simulated"] is True
    assert ran.output["message"]["title"] == "T"
    steps = [
        node("task", "create_task", title="T"),
        node("code", "code", source="def main(input): return {}", input={"a": 1}),
        node("tell", "send_notification", title="T", to="ada"),
    ]
    ran = await execute({"steps": steps}, context={"test_mode": True})
    outputs = {name: ran.values[f"output:{name}"] for name in ("task", "code", "tell")}
    assert outputs["task"] == {"simulated": True, "task_id": None, "title": "T", "assignee": None, "due": None}
    assert outputs["code"] == {"simulated": True, "input": {"a": 1}}
    assert ran.recorder.told("row") == []
    assert hook.sent == []
