"""Runs are paused, resumed and cancelled with the buttons of their page."""

import pytest
from playwright.async_api import expect

from tests.browser.gates import Gates
from tests.browser.viewer import Viewer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_run_pauses_at_its_next_step_and_goes_on(viewer: Viewer, gates: Gates) -> None:
    server, page = viewer.server, viewer.page
    run_id = await server.start_run({"name": "Two steps", "steps": [gates.node("one"), gates.node("two")]})
    await server.until(run_id, "node.started", node="one")
    await viewer.open_run(run_id, tab="list")
    await viewer.sees_status("RUNNING")

    await viewer.button("Pause").click()
    await expect(page.get_by_text("Pausing at the next step")).to_be_visible()
    await viewer.agrees(run_id, within=5)
    gates.open("one")
    await viewer.sees_status("PAUSED")
    assert (await viewer.agrees(run_id))["status"] == "PAUSED"
    assert await viewer.node_states() == {"one": "COMPLETED", "two": "PENDING"}

    await viewer.button("Resume").click()
    await viewer.sees_status("RUNNING")
    gates.open("two")
    await viewer.sees_status("COMPLETED")
    await viewer.agrees(run_id)


async def test_a_pause_now_stops_the_node_which_runs_again(viewer: Viewer, gates: Gates) -> None:
    server, page = viewer.server, viewer.page
    held = {"id": "held", "type": "held", "config": {"seconds": 600}}
    run_id = await server.start_run({"name": "Held", "steps": [held]})
    await server.until(run_id, "node.started", node="held")
    await viewer.open_run(run_id, tab="list")
    await viewer.sees_status("RUNNING")
    await viewer.button("Ways to pause").click()
    await page.get_by_role("menuitem", name="Now").click()
    await viewer.sees_status("PAUSED")
    await viewer.agrees(run_id)
    assert await viewer.node_states() == {"held": "PENDING"}
    await viewer.button("Resume").click()
    await viewer.sees_status("RUNNING")
    await server.until(run_id, "node.started", node="held", after=(await server.status(run_id))["last_seq"] - 2)
    await viewer.agrees(run_id)
    assert await viewer.node_states() == {"held": "RUNNING"}


async def test_a_cancelled_run_tells_of_the_node_that_still_executes_until_it_has_stopped(
    viewer: Viewer, gates: Gates
) -> None:
    server, page = viewer.server, viewer.page
    run_id = await server.start_run({"name": "Stubborn", "steps": [gates.node("thread"), gates.node("after")]})
    await server.until(run_id, "node.started", node="thread")
    await viewer.open_run(run_id, tab="list")
    await viewer.button("Cancel").click()
    question = page.get_by_role("dialog", name="Cancel this run?")
    await expect(question.get_by_role("button", name="Keep")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(question).to_have_count(0)
    await viewer.sees_status("RUNNING")

    await viewer.button("Cancel").click()
    await question.get_by_role("button", name="Cancel the run").click()
    await viewer.sees_status("CANCELLED")
    note = page.get_by_text("Code that cannot be stopped still executes: thread")
    await expect(note).to_be_visible()
    await viewer.agrees(run_id)
    assert await viewer.node_states() == {"thread": "CANCELLED", "after": "CANCELLED"}
    gates.open("thread")
    await server.until(run_id, "run.stopped")
    await expect(note).to_have_count(0)
    await viewer.agrees(run_id)
    assert [event["type"] for event in await server.events(run_id)][-1] == "run.stopped"
