"""The definitions that a fresh server has run to their end, offline, with answers where they ask."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.graphs.examples import example_files
from milepost.server.runs.control import Resume
from milepost.server.states import RunStatus
from tests.engine.conftest import ACTOR, Bench, opened
from tests.web import Visit, Web

YES = {"approve": True}


@dataclass(frozen=True)
class Given:
    """An example's input and the answers to its questions, in order; what of its output must be so."""

    name: str
    expected: Mapping[str, Any]
    input: Mapping[str, Any] = field(default_factory=dict)
    answers: Sequence[Any] = ()


RUNS = [
    Given("research_brief", {"headline": "SAILING", "reviewed": False}, {"urgent": True}),
    Given("polish_until_good", {"rounds": 3}),
    Given("remind_me", {"message": "Up!"}, {"message": "Up!", "seconds": 0}),
    Given("ticket_triage", {"queue": "billing"}),
    Given("research_with_approval", {"published": True, "rounds": 1}, answers=[{"publish": True}]),
    Given(
        "research_with_approval",
        {
            "published": True,
            "rounds": 2,
            "text": "What an almanac, a textbook, a harbour master say about eels. Reworked: shorter",
        },
        {"topic": "eels"},
        [{"publish": False, "note": "shorter"}, {"publish": True}],
    ),
    Given(
        "document_review",
        {"passed": False, "objections": ["nothing is delivered always", "a guarantee needs its conditions"]},
    ),
    Given("document_review", {"passed": True, "objections": []}, {"document": "We deliver."}),
    Given(
        "support_escalation", {"severity": "urgent", "taken_by": "ada", "escalated": False}, answers=[{"name": "ada"}]
    ),
    Given(
        "support_escalation",
        {"severity": "question", "reply": "Thank you for asking: Open on Sunday?"},
        {"subject": "Open on Sunday?"},
    ),
    Given("support_escalation", {"severity": "normal", "queue": "support"}, {"subject": "A scratch"}),
    Given(
        "batch_with_errors",
        {
            "billed": [{"order": 1, "bill": "14.40"}, {"order": 3, "bill": "36.00"}],
            "report": "1 of 3 orders could not be billed.",
        },
    ),
    Given(
        "batch_with_errors",
        {"billed": [{"order": 7, "bill": "1.20"}], "failed": [], "report": None},
        {"orders": [{"id": 7, "total": 1}]},
    ),
    Given("agent_with_tools", {"answer": "Yes: 43.50 will be paid back.", "turns": 4}, answers=["fine"]),
    Given("approval_chain", {"decision": "approved", "notes": ["ok"]}, answers=[YES, {**YES, "note": "ok"}, YES, YES]),
    Given(
        "approval_chain",
        {"decision": "refused", "by": "finance"},
        answers=[YES, {"approve": False, "note": "no money"}],
    ),
    Given(
        "nightly_report", {"complete": False, "told": ["team"], "report": "Report of the night: the API did not answer"}
    ),
    Given("retry_heavy_integration", {"state": "to be sent by hand"}),
    Given(
        "invoice_that_fails",
        {"gross": 142.8, "letter": "Dear Ada, please pay 142.80."},
        {"country": "Germany"},
    ),
]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """An app whose nodes may call this machine."""
    async with opened(tmp_path / "data", shutdown_grace=0.5, allowed_hosts="127.0.0.1") as bench:
        yield bench


def test_every_example_has_a_run() -> None:
    assert {given.name for given in RUNS} == example_files().keys()


@pytest.mark.parametrize("given", RUNS, ids=lambda given: given.name)
async def test_an_example_runs_to_its_end(bench: Bench, given: Given) -> None:
    output = await run(bench, given)
    assert {key: output.get(key) for key in given.expected} == given.expected


async def run(bench: Bench, given: Given) -> dict[str, Any]:
    """The output of an example's run."""
    run_id, after = await bench.start(orjson.loads(example_files()[given.name]), given.input), 0
    for answer in given.answers:
        after = (await bench.until(run_id, "run.waiting", "run.failed", after=after))["seq"]
        await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(None, answer, True, None, None))
    ended = await bench.ended(run_id)
    assert ended.status is RunStatus.COMPLETED, ended.error
    output: dict[str, Any] = orjson.loads(ended.output or "{}")
    return output


async def test_what_nobody_takes_is_escalated(bench: Bench) -> None:
    definition = orjson.loads(example_files()["support_escalation"])
    run_id = await bench.start(definition, {"patience": 0.01})
    event = await bench.until_node(run_id, "node.waiting", "manager")
    await bench.until(run_id, "run.waiting", after=event["seq"] - 1)
    await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(None, {"name": "eve"}, True, None, None))
    output = orjson.loads((await bench.ended(run_id)).output or "{}")
    assert (output["taken_by"], output["escalated"]) == ("eve", True)


async def test_integrations_use_what_answers(bench: Bench) -> None:
    asked: list[str] = []

    async def orders(visit: Visit) -> None:
        asked.append(visit.asked.headers["idempotency-key"])
        await visit.json({}, [503, 503, 201][len(asked) - 1] if len(asked) < 4 else 409)

    async def figures(visit: Visit) -> None:
        await visit.json({"orders": 12})

    async with Web({"/orders": orders, "/figures": figures}) as web:
        sent = await run(bench, Given("retry_heavy_integration", {}, {"url": web.url("/orders")}))
        assert sent["state"] == "sent"
        assert len(set(asked)) == 1
        again = await run(bench, Given("retry_heavy_integration", {}, {"url": web.url("/orders")}))
        assert again["state"] == "was there already"
        given = {"url": web.url("/figures"), "to": ["ada"]}
        report = await run(bench, Given("nightly_report", {}, given))
        assert report == {"report": 'Report of the night: {"orders":12}', "complete": True, "told": ["ada"]}
