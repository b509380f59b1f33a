"""Who opens the printed link is signed in, until they sign out; and sees only what they may do."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Route, expect

from tests.acceptance.process import ServerProcess
from tests.browser.gates import Gates
from tests.browser.viewer import Viewer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_link_signs_in_once_a_restart_keeps_the_session_and_signing_out_ends_it(
    browser: Browser, tmp_path: Path
) -> None:
    async with ServerProcess(tmp_path / "data", shutdown_grace=0) as server:
        link = (await server.client.post("/api/auth/link")).json()["url"]
        context = await browser.new_context(base_url=server.url, locale="en-GB")
        other = await browser.new_context(base_url=server.url, locale="en-GB")
        page, late = await context.new_page(), await other.new_page()
        home = page.get_by_role("heading", level=1)
        await page.goto(link)
        await expect(page).to_have_url(f"{server.url}/")
        await expect(home).to_be_visible()
        await late.goto(link)
        await expect(late.get_by_role("heading", name="Sign in to Milepost")).to_be_visible()
        await expect(late.get_by_role("status")).to_contain_text("used before")

        await late.get_by_label("Or sign in with a key").fill("mp_wrong")
        await late.get_by_role("button", name="Sign in").click()
        await expect(late.get_by_role("alert")).to_contain_text("no valid key")
        await late.get_by_label("Or sign in with a key").fill(server.key)
        await late.get_by_role("button", name="Sign in").click()
        await expect(late).to_have_url(f"{server.url}/")

        await server.kill()
        await server.start()
        await page.reload()
        await expect(home).to_be_visible()
        await expect(page).to_have_url(f"{server.url}/")

        await page.get_by_role("button", name="owner").click()
        await page.get_by_role("menuitem", name="Sign out").click()
        await expect(page).to_have_url(re.compile("/sign-in"))
        await page.goto("/inbox")
        await expect(page.get_by_role("heading", name="Sign in to Milepost")).to_be_visible()
        await late.goto("/inbox")
        await expect(late.get_by_role("heading", name="Inbox")).to_be_visible()
        await context.close()
        await other.close()


async def test_who_may_only_look_sees_no_control_that_does_anything(viewer: Viewer, gates: Gates) -> None:
    server, page = viewer.server, viewer.page

    async def looks(route: Route) -> None:
        """The same person with nothing but the permission to look."""
        answer = await route.fetch()
        body: dict[str, Any] = await answer.json()
        for project in body["projects"]:
            project["permissions"] = ["can_view"]
        await route.fulfill(response=answer, json=body)

    workflow_id = await server.workflow({"name": "Looked at", "steps": [gates.node("only")]})
    run_id = await server.run(workflow_id)
    await server.until(run_id, "node.started", node="only")
    await viewer.open_run(run_id)
    await viewer.sees_in_graph(only="RUNNING")
    await expect(viewer.button("Cancel")).to_be_visible()
    await expect(viewer.button("Fork from here")).to_be_visible()

    await page.route("**/api/me", looks)
    await page.reload()
    await viewer.sees_in_graph(only="RUNNING")
    await expect(page.get_by_role("region", name="Checkpoints")).to_contain_text("Step")
    for name in ("Cancel", "Pause", "Fork", "Fork from here", "Edit state and fork"):
        await expect(viewer.button(name)).to_have_count(0)
    await viewer.open_workflow(workflow_id, "definition")
    await expect(page.get_by_role("heading", name="Looked at")).to_be_visible()
    await expect(page.get_by_role("textbox")).to_be_visible()
    for control in (viewer.button("Run"), viewer.button("Test"), page.get_by_role("button", name=re.compile("^Save"))):
        await expect(control).to_have_count(0)
    gates.open("only")
