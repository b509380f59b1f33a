"""A run asks people, on its page."""

from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.gates import Gates
from tests.browser.viewer import Viewer

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCHEMA = {
    "type": "object",
    "required": ["amount", "reason"],
    "properties": {
        "amount": {"type": "integer", "minimum": 1, "title": "Amount"},
        "reason": {"type": "string", "minLength": 3, "title": "Reason"},
    },
}


def asking(**more: Any) -> dict[str, Any]:
    """A run that asks, and gives the answer."""
    return {
        "name": "Refund",
        "nodes": [
            {"id": "ask", "type": "approval", "config": {"question": "Refund how much?", "schema": SCHEMA, **more}},
            {"id": "done", "type": "output", "config": {"value": "{{ outputs.ask }}"}},
            {"id": "late", "type": "output", "config": {"value": "late"}},
        ],
        "edges": [{"source": "ask", "target": "done"}, {"source": "ask", "target": "late", "when": "timeout"}],
    }


async def test_an_answer_that_does_not_fit_is_told_at_its_field_and_one_that_does_is_taken(viewer: Viewer) -> None:
    server, page = viewer.server, viewer.page
    run_id = await server.start_run(asking(assignees=["ada"]))
    await server.until(run_id, "run.waiting")
    await viewer.open_run(run_id, tab="list")
    await viewer.sees_status("WAITING")
    card = page.get_by_role("article", name="Refund how much?")
    await expect(card).to_contain_text("Asked of ada")
    await card.get_by_label("Amount").fill("0")
    await card.get_by_label("Reason").fill("broken")
    await viewer.button("Send the answer").click()
    await expect(card.get_by_label("Amount")).to_have_attribute("aria-invalid", "true")
    await expect(card.get_by_label("Reason")).not_to_have_attribute("aria-invalid", "true")
    assert (await viewer.agrees(run_id))["status"] == "WAITING"

    await card.get_by_label("Amount").fill("12")
    await viewer.button("Send the answer").click()
    await viewer.sees_status("COMPLETED")
    await expect(card).to_have_count(0)
    await viewer.agrees(run_id)
    assert (await server.get(f"/{run_id}"))["output_data"] == {"amount": 12, "reason": "broken"}


async def test_of_two_people_who_answer_the_second_is_told_that_the_first_has(viewer: Viewer, gates: Gates) -> None:
    server, page = viewer.server, viewer.page
    definition = {
        "name": "Two answers",
        "nodes": [
            {"id": "ask", "type": "approval", "config": {"question": "Publish?"}},
            gates.node("busy"),
        ],
        "edges": [],
    }
    run_id = await server.start_run(definition)
    await server.until(run_id, "node.waiting", node="ask")
    await viewer.open_run(run_id)
    field = page.get_by_label("Your answer")
    await field.fill("second")
    # The other's answer goes in while the event that would tell of it is still on its way to this page.
    interrupt_id = (await server.status(run_id))["interrupts"][0]["interrupt_id"]
    path = f"**/runs/{run_id}/resume"

    async def overtaken(route: Any) -> None:
        """Somebody else is a moment faster."""
        first = await server.post(f"/{run_id}/resume", {"answers": {interrupt_id: "first"}})
        assert first.status_code == 202
        await route.continue_()

    await page.route(path, overtaken)
    await viewer.button("Send the answer").click()
    lost = page.get_by_role("alert")
    await expect(lost).to_contain_text("answered")
    await expect(page.get_by_role("article", name="Publish?")).to_have_count(0)
    gates.open("busy")
    await viewer.sees_status("COMPLETED")
    answers = (await server.get(f"/{run_id}/logs", node_id="ask"))["items"]
    assert answers[-1]["output"] == {"answer": "first"}


async def test_a_question_whose_time_is_over_goes_away(viewer: Viewer) -> None:
    server, page = viewer.server, viewer.page
    run_id = await server.start_run(asking(timeout=timedelta(seconds=12).total_seconds()))
    await server.until(run_id, "run.waiting")
    await viewer.open_run(run_id, tab="list")
    card = page.get_by_role("article", name="Refund how much?")
    await expect(card).to_contain_text("Expires")
    await viewer.sees_status("COMPLETED")
    await expect(card).to_have_count(0)
    await viewer.agrees(run_id)
    assert (await viewer.node_states())["late"] == "COMPLETED"
