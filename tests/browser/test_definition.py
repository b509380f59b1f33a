"""A definition is edited, refused where it is wrong, mended and stored as a new version; nothing typed is lost."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.viewer import PROJECT, Viewer, rewrite

pytestmark = pytest.mark.asyncio(loop_scope="session")

GREETING: dict[str, Any] = {
    "name": "Greeting",
    "nodes": [
        {"id": "greet", "type": "process", "config": {"value": "Hello"}},
        {"id": "done", "type": "output", "config": {"value": "{{ outputs.greet }}"}},
    ],
    "edges": [{"source": "greet", "target": "done"}],
}


def greeting(word: str, **greet: Any) -> dict[str, Any]:
    """The definition with another greeting, and other keys of its first node."""
    first, last = GREETING["nodes"]
    return {**GREETING, "nodes": [{**first, "config": {"value": word}, **greet}, last]}


async def edited(page: Page, definition: Mapping[str, Any]) -> None:
    """Type a definition in place of the one that is there."""
    await rewrite(page.locator(".definition-editor .cm-content"), json.dumps(definition, indent=2))


def problems(page: Page) -> Locator:
    """What the page says is wrong."""
    return page.locator(".problem-list li")


async def opened(viewer: Viewer) -> str:
    """The definition's page of a new workflow: its id."""
    workflow_id = await viewer.server.workflow(GREETING)
    await viewer.open_workflow(workflow_id, "definition")
    await expect(viewer.page.locator(".definition-editor .cm-content")).to_contain_text("Hello")
    return workflow_id


async def versions(viewer: Viewer, workflow_id: str) -> list[int]:
    """The versions that are stored."""
    response = await viewer.server.client.get(f"/api/projects/{PROJECT}/workflows/{workflow_id}/versions")
    return sorted(each["version"] for each in response.json()["items"])


async def test_a_definition_is_refused_where_it_is_wrong_then_mended_and_saved(viewer: Viewer) -> None:
    page = viewer.page
    workflow_id = await opened(viewer)
    await edited(page, greeting("Hello", type="conjure"))
    await expect(problems(page)).to_have_count(1, timeout=15_000)
    await expect(problems(page)).to_contain_text("greet")
    await expect(page.locator(".cm-lintRange-error").first).to_contain_text("conjure")
    await expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    await expect(page.locator(".definition-graph [data-node=greet]")).to_contain_text("⚠", timeout=15_000)
    await expect(viewer.button("Review and save")).to_be_disabled()
    await problems(page).get_by_role("button").click()
    assert "conjure" in await page.evaluate("getSelection().toString()")

    await edited(page, greeting("Good evening"))
    await viewer.button("Format").click()
    await expect(problems(page)).to_have_count(0, timeout=15_000)
    await viewer.button("Review and save").click()
    changes = page.locator(".definition-changes")
    await expect(changes.locator(".cm-deletedChunk")).to_contain_text("Hello")
    await expect(changes.locator(".cm-changedLine")).to_contain_text("Good evening")
    assert await versions(viewer, workflow_id) == [1]
    await viewer.button("Save version 2").click()
    await expect(page.get_by_role("heading", name="Version 2", exact=True)).to_be_visible(timeout=15_000)
    assert await versions(viewer, workflow_id) == [1, 2]
    stored = await viewer.server.client.get(f"/api/projects/{PROJECT}/workflows/{workflow_id}")
    assert stored.json()["definition"]["nodes"][0]["config"] == {"value": "Good evening"}


async def test_broken_json_is_marked_at_its_line(viewer: Viewer) -> None:
    page = viewer.page
    await opened(viewer)
    await rewrite(page.locator(".definition-editor .cm-content"), '{\n  "name": "Greeting",\n  "nodes": oops\n}')
    await expect(problems(page)).to_contain_text("not JSON", timeout=15_000)
    lines = page.locator(".definition-editor .cm-line", has=page.locator(".cm-lintRange-error"))
    await expect(lines).to_contain_text("oops")
    await expect(viewer.button("Review and save")).to_be_disabled()


async def test_the_second_of_two_editors_is_told_and_loses_nothing(viewer: Viewer) -> None:
    page = viewer.page
    workflow_id = await opened(viewer)
    await edited(page, greeting("Good morning"))
    await viewer.button("Format").click()
    other = {"definition": greeting("Good night"), "expected_version": 1}
    answer = await viewer.server.client.put(f"/api/projects/{PROJECT}/workflows/{workflow_id}", json=other)
    assert answer.status_code == 200, answer.text
    await viewer.button("Review and save").click(timeout=15_000)
    await viewer.button("Save version 2").click()
    alert = page.get_by_role("alert").filter(has_text="Somebody else")
    await expect(alert).to_be_visible(timeout=15_000)
    await viewer.button("Compare with the newest and go on").click()
    changes = page.locator(".definition-changes")
    await expect(changes.locator(".cm-deletedChunk")).to_contain_text("Good night", timeout=15_000)
    await expect(changes.locator(".cm-changedLine")).to_contain_text("Good morning")
    await viewer.button("Save version 3").click()
    await expect(page.get_by_role("heading", name="Version 3", exact=True)).to_be_visible(timeout=15_000)
    assert await versions(viewer, workflow_id) == [1, 2, 3]


async def test_unsaved_changes_are_not_left_without_asking(viewer: Viewer) -> None:
    page = viewer.page
    await opened(viewer)
    await edited(page, greeting("Wait"))
    await expect(page.get_by_role("heading", name="Unsaved changes")).to_be_visible()
    await page.get_by_role("link", name="Milepost").click()
    dialog = page.get_by_role("dialog", name="Leave without saving?")
    await expect(dialog).to_be_visible(timeout=15_000)
    await expect(dialog.get_by_role("button", name="Stay")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(dialog).to_have_count(0)
    await expect(page.locator(".definition-editor .cm-content")).to_contain_text("Wait")
    await page.get_by_role("tab", name="Runs").click()
    await page.get_by_role("tab", name="Definition").click()
    await expect(page.locator(".definition-editor .cm-content")).to_contain_text("Wait", timeout=15_000)
    await page.get_by_role("link", name="Milepost").click()
    await dialog.get_by_role("button", name="Leave").click()
    await expect(page.get_by_role("heading", name="Workflows")).to_be_visible(timeout=15_000)
