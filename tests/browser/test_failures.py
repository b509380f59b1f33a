"""A run that failed shows where and why, and goes on when it is tried again."""

import pytest
from playwright.async_api import expect

from tests.browser.gates import Gates
from tests.browser.viewer import Viewer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_failed_run_opens_on_its_failed_node_and_a_retry_completes_it(viewer: Viewer, gates: Gates) -> None:
    server, page = viewer.server, viewer.page
    steps = [{"id": "fetch", "type": "process", "config": {"value": 1}}, gates.node("send"), gates.node("report")]
    run_id = await server.start_run({"name": "Delivery", "steps": steps})
    gates.fail("send")
    await server.ended(run_id)

    await viewer.open_run(run_id)
    await viewer.sees_status("FAILED")
    inspector = page.get_by_role("complementary", name="Node send")
    await expect(inspector.get_by_role("tab", name="Error")).to_have_attribute("aria-selected", "true")
    await expect(inspector).to_contain_text("the gate send stayed shut")
    await expect(inspector.get_by_label("Traceback")).to_contain_text("RuntimeError")
    await expect(page.get_by_role("alert").first).to_contain_text("the gate send stayed shut")
    await viewer.sees_in_graph(fetch="COMPLETED", send="FAILED", report="SKIPPED")
    assert "node=send" in page.url
    # The inspector has made the log smaller: it keeps to its end all the same.
    await expect(page.locator(".log-body")).to_have_attribute("data-following", "true")

    await viewer.button("Retry").click()
    await viewer.sees_status("RUNNING")
    gates.open("send")
    await viewer.sees_in_graph(send="COMPLETED", report="RUNNING")
    gates.open("report")
    await viewer.sees_status("COMPLETED")
    await viewer.sees_in_graph(fetch="COMPLETED", send="COMPLETED", report="COMPLETED")
    await expect(inspector.get_by_role("tab", name="Error")).to_have_count(0)
    await expect(inspector.get_by_role("tab", name="Attempts (2)")).to_be_visible()
    ran = [each["node_id"] for each in (await server.get(f"/{run_id}/logs"))["items"]]
    assert ran.count("fetch") == 1
