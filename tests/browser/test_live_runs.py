"""A run is started on its workflow's page and watched until it has ended."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.gates import Gates
from tests.browser.viewer import Viewer

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCHEMA = {"type": "object", "required": ["topic"], "properties": {"topic": {"type": "string", "title": "Topic"}}}


async def test_a_run_is_started_with_its_form_and_watched_to_its_end(viewer: Viewer, gates: Gates) -> None:
    server, page = viewer.server, viewer.page
    steps = [
        gates.node("draft"),
        gates.node("check"),
        {"id": "done", "type": "output", "config": {"value": "{{ input.topic }}"}},
    ]
    workflow_id = await server.workflow({"name": "Watched", "input_schema": SCHEMA, "steps": steps})
    await viewer.open_workflow(workflow_id)
    await viewer.button("Run").click()
    dialog = page.get_by_role("dialog", name="Run Watched")
    start = dialog.get_by_role("button", name="Run", exact=True)
    await start.click()
    await expect(dialog.locator(".problem").first).to_be_visible()
    await dialog.get_by_label("Topic").fill("tides")
    await start.click()
    await page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}"))
    run_id = page.url.rpartition("/")[2].partition("?")[0]
    await viewer.sees_status("RUNNING")
    await viewer.sees_in_graph(draft="RUNNING", check="PENDING", done="PENDING")

    gates.open("draft")
    await viewer.sees_in_graph(draft="COMPLETED", check="RUNNING", done="PENDING")
    await page.get_by_role("tab", name="List").click()
    await server.until(run_id, "node.started", node="check")
    status = await viewer.agrees(run_id)
    shown = await page.get_by_role("progressbar", name="Progress").get_attribute("aria-valuenow")
    assert shown == str(round(status["progress"] * 100))

    gates.open("check")
    await viewer.sees_status("COMPLETED")
    await viewer.agrees(run_id)
    assert await viewer.log_seqs() == [event["seq"] for event in await server.events(run_id)]
    await expect(page).to_have_title(re.compile("Watched"))

    await page.get_by_role("tab", name="Timeline").click()
    for execution in (await server.get(f"/{run_id}/logs"))["items"]:
        row = page.get_by_role("button", name=re.compile(f"^{execution['node_id']} ?: ran .*, completed; worked "))
        await expect(row).to_be_visible()
    await page.get_by_role("button", name=re.compile("^check ?: ran")).click()
    await expect(page.get_by_role("complementary", name="Node check")).to_contain_text('"check"')


async def test_a_run_that_others_start_shows_itself_where_its_page_is_open(viewer: Viewer, gates: Gates) -> None:
    server = viewer.server
    run_id = await server.run(await server.workflow({"name": "Later", "steps": [gates.node("only")]}), execute=False)
    await viewer.open_run(run_id, tab="list")
    await viewer.sees_status("PENDING")
    await server.post(f"/{run_id}/execute")
    await viewer.sees_status("RUNNING")
    await server.until(run_id, "node.started", node="only")
    await viewer.agrees(run_id)
    gates.open("only")
    await viewer.sees_status("COMPLETED")
    await viewer.agrees(run_id)
