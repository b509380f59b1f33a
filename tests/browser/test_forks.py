"""A new run starts from a checkpoint of another one with an edited state, and the two are compared."""

import json
import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.viewer import Viewer, rewrite

pytestmark = pytest.mark.asyncio(loop_scope="session")


def priced() -> dict[str, Any]:
    """A price decides which way the run goes."""
    return {
        "name": "Priced",
        "nodes": [
            {"id": "price", "type": "process", "config": {"value": {"amount": 120}}},
            {"id": "dear", "type": "condition", "config": {"expression": "outputs.price.amount > 100"}},
            {"id": "ask", "type": "output", "config": {"value": "too dear"}},
            {"id": "buy", "type": "output", "config": {"value": "bought"}},
        ],
        "edges": [
            {"source": "price", "target": "dear"},
            {"source": "dear", "target": "ask", "when": True},
            {"source": "dear", "target": "buy", "when": False},
        ],
    }


async def test_a_fork_with_an_edited_state_goes_another_way_and_the_comparison_says_where(viewer: Viewer) -> None:
    server, page = viewer.server, viewer.page
    workflow_id = await server.workflow(priced())
    run_id = await server.run(workflow_id)
    before = await server.ended(run_id)
    await viewer.open_run(run_id)
    await viewer.sees_status("COMPLETED")
    await viewer.sees_in_graph(ask="COMPLETED", buy="SKIPPED")

    # Back to the checkpoint before the decision: the panes show the run as of then.
    rail = page.get_by_role("region", name="Checkpoints")
    await expect(rail).to_contain_text("4 of 4")
    await rail.get_by_role("button", name="Earlier checkpoint").click()
    await rail.get_by_role("button", name="Earlier checkpoint").click()
    await expect(rail).to_contain_text("2 of 4")
    await viewer.sees_in_graph(price="COMPLETED", dear="PENDING", ask="PENDING", buy="PENDING")
    await viewer.sees_status("COMPLETED")

    await rail.get_by_role("button", name="Edit state and fork").click()
    dialog = page.get_by_role("dialog", name="Edit the state and fork")
    editor = dialog.get_by_role("textbox", name="State as JSON")
    await expect(editor).to_contain_text("120")
    fork = dialog.get_by_role("button", name="Fork and run")
    await rewrite(editor, "oops")
    await expect(dialog.get_by_role("alert")).to_be_visible()
    await expect(fork).to_be_disabled()
    await rewrite(editor, json.dumps({"variables": {}, "outputs": {"price": {"amount": 80}}}))
    await fork.click()
    await expect(page).not_to_have_url(re.compile(run_id))
    await viewer.sees_status("COMPLETED")
    await viewer.sees_in_graph(price="COMPLETED", ask="SKIPPED", buy="COMPLETED")
    forked = (await server.get(""))["items"][0]
    assert (forked["parent_run_id"], forked["run_id"] in page.url) == (run_id, True)
    await expect(page.get_by_role("link", name=re.compile(run_id[-8:]))).to_be_visible()
    assert await server.get(f"/{run_id}") == before

    await viewer.open_workflow(workflow_id, "runs")
    boxes = page.get_by_role("checkbox", name=re.compile("^Compare run"))
    await expect(boxes).to_have_count(2)
    await boxes.nth(0).check()
    await boxes.nth(1).check()
    await page.get_by_role("link", name="Compare", exact=True).click()
    first = (await server.get("/compare", left=forked["run_id"], right=run_id))["first_divergence"]
    verdict = page.get_by_role("region", name="First divergence")
    await expect(verdict).to_contain_text(f"They part at {first['node_id']}:")
    await expect(page.get_by_role("region", name="Output")).to_contain_text("too dear")
    await expect(page.get_by_role("region", name="Output")).to_contain_text("bought")


async def test_a_link_to_a_checkpoint_shows_the_run_as_of_then(viewer: Viewer) -> None:
    server, page = viewer.server, viewer.page
    run_id = await server.start_run(priced())
    await server.ended(run_id)
    first = (await server.get(f"/{run_id}/checkpoints"))["items"][-1]
    await viewer.open_run(run_id, cp=first["checkpoint_id"], tab="list")
    await expect(page.get_by_role("region", name="Checkpoints")).to_contain_text("1 of 4")
    await expect(page.locator('[data-node="price"]')).to_have_attribute("data-node-status", "PENDING")
    assert set((await viewer.node_states()).values()) == {"PENDING"}
    await viewer.button("Back to now").click()
    await expect(page.locator('[data-node="price"]')).to_have_attribute("data-node-status", "COMPLETED")
    assert await viewer.node_states() == await viewer.api_states(run_id)
