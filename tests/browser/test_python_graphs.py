"""A graph written in Python on the page: it has no definition to edit, and everything else."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.acceptance.process import ServerProcess
from tests.browser.viewer import Viewer, rewrite

pytestmark = pytest.mark.asyncio(loop_scope="session")

CODE = """
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict


class State(TypedDict, total=False):
    topic: str
    text: str


async def draft(state: State):
    return {"text": f"All about {state['topic']}"}


async def review(state: State):
    said = interrupt("Anything to add?")
    return {"text": f"{state['text']}, and {said}"}


async def publish(state: State):
    if "nothing" in state["text"]:
        raise ValueError("nothing is no news")
    return {"text": state["text"] + "."}


graph = (
    StateGraph(State).add_node(draft).add_node(review).add_node(publish)
    .add_edge(START, "draft").add_edge("draft", "review").add_edge("review", "publish").add_edge("publish", END)
    .compile()
)
"""


@pytest_asyncio.fixture(loop_scope="session")
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server with one graph of a project."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "langgraph.json").write_text(json.dumps({"graphs": {"news": "./news.py:graph"}}))
    (project / "news.py").write_text(CODE)
    async with ServerProcess(tmp_path / "data", config=project, shutdown_grace=0) as started:
        yield started


async def test_a_python_graph_is_run_answered_and_forked_on_its_page(viewer: Viewer) -> None:
    server, page = viewer.server, viewer.page
    await page.goto("/")
    await page.get_by_role("link", name="news").first.click()
    await expect(page.locator(".graph-card")).to_have_count(3)

    await viewer.button("Run").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Topic").fill("tides")
    await dialog.get_by_role("button", name="Run", exact=True).click()
    await viewer.sees_status("WAITING")
    await viewer.sees_in_graph(draft="COMPLETED", review="WAITING", publish="PENDING")

    card = page.get_by_role("article", name="Anything to add?")
    await card.get_by_label("Your answer").fill("nothing")
    await viewer.button("Send the answer").click()
    await viewer.sees_status("FAILED")
    await expect(page.get_by_text("nothing is no news").first).to_be_visible()
    failed = page.url.partition("?")[0].rpartition("/")[2]
    assert (await server.get(f"/{failed}"))["error"]["message"] == "nothing is no news"

    await viewer.open_run(failed, tab="list")
    await viewer.agrees(failed)
    rail = page.get_by_role("region", name="Checkpoints")
    await rail.get_by_role("button", name="Edit state and fork").click()
    dialog = page.get_by_role("dialog", name="Edit the state and fork")
    editor = dialog.get_by_role("textbox", name="State as JSON")
    await expect(editor).to_contain_text("nothing")
    await rewrite(editor, json.dumps({"topic": "tides", "text": "All about tides, and the moon"}))
    await dialog.get_by_role("button", name="Fork and run").click()
    await expect(page).not_to_have_url(re.compile(failed))
    await viewer.sees_status("COMPLETED")
    forked = page.url.partition("?")[0].rpartition("/")[2]
    assert (await server.get(f"/{forked}"))["output_data"]["text"] == "All about tides, and the moon."
