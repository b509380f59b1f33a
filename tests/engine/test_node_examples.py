"""The example of every node type runs to its end."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.graphs.node_types.registry import BUILT_IN
from milepost.graphs.reference import EXAMPLES
from milepost.server.runs.control import Resume
from milepost.server.states import RunStatus
from tests.engine.conftest import ACTOR, Bench, opened
from tests.web import Visit, Web

DOCS = Path(__file__).parents[2] / "docs"
CHILD = {"steps": [{"id": "hello", "type": "output", "config": {"value": "Hello {{ input.name }}"}}]}
CHILD_ID = "01987a3e-5b1c-7000-8000-000000000002"


@dataclass(frozen=True)
class Given:
    """What an example's run gives, and what it is given."""

    output: Any
    input: dict[str, Any] = field(default_factory=dict)
    answer: Any = None
    event: tuple[str, Any] | None = None


RUNS = {
    "input": Given("300 words about tides", input={"topic": "tides", "words": 300}),
    "process": Given({"value": "Hello ADA"}),
    "output": Given({"count": 3}),
    "condition": Given("too dear"),
    "switch": Given("to billing"),
    "wait": Given(None),
    "wait_event": Given("12 received", event=("paid", {"amount": 12})),
    "approval": Given("published", answer={"publish": True}),
    "ai": Given("You sound glad."),
    "call_api": Given(201, input={"token": "t-1", "item": "rope"}),
    "code": Given(4),
    "create_task": Given("Call the customer back: ada"),
    "send_notification": Given("told ada, bob"),
    "subworkflow": Given("Hello Ada"),
    "map": Given(["0: the weather in Oslo", "1: the weather in Rome", "2: the weather in Lima"]),
}


def test_every_type_has_an_example_that_runs() -> None:
    assert RUNS.keys() == {each.name for each in BUILT_IN}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """An app whose nodes may call this machine."""
    async with opened(
        tmp_path / "data", shutdown_grace=0.5, allowed_hosts="127.0.0.1", enable_code_nodes=True
    ) as bench:
        yield bench


async def ordered(visit: Visit) -> None:
    """An order, if it is one."""
    asked = visit.asked
    right = asked.headers["authorization"] == "Bearer t-1" and asked.query == "dry=false"
    await visit.json({"id": 1}, 201 if right and orjson.loads(asked.body) == {"item": "rope"} else 400)


@pytest.mark.parametrize("name", RUNS)
async def test_an_example_runs_to_its_end(bench: Bench, name: str) -> None:
    async with Web({"/orders": ordered}) as web:
        await runs_to_its_end(bench, name, web.url(""))


async def runs_to_its_end(bench: Bench, name: str, url: str) -> None:
    """Run an example; whatever it asks of the network, ``url`` answers."""
    given, text = RUNS[name], (DOCS / EXAMPLES / f"{name}.json").read_text(encoding="utf-8")
    text = text.replace("https://api.example.com", url)
    if CHILD_ID in text:
        child = await bench.app.workflows.create(bench.project, "child", "", CHILD)
        text = text.replace(CHILD_ID, child["workflow_id"])
    run_id = await bench.start(orjson.loads(text), given.input)
    if given.event is not None:
        await bench.app.signals.send(ACTOR, bench.project, run_id, *given.event)
    if given.answer is not None:
        await bench.until(run_id, "run.waiting")
        await bench.app.control.resume(ACTOR, bench.project, run_id, Resume(None, given.answer, True, None, None))
    run = await bench.ended(run_id)
    assert run.status is RunStatus.COMPLETED, run.error
    assert run.output is not None
    output = orjson.loads(run.output)
    assert output == given.output if given.output is not None else output.startswith("rested at 20")
