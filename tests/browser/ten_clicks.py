"""The way from a fresh server to a mended run, as docs/viewer.md tells it."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Locator, Page, expect

from tests.acceptance.process import environment
from tests.acceptance.spawning import ROOT

Picture = Callable[[str], Awaitable[None]]

WITHIN = 30_000
"""Milliseconds that a page may take here to show what follows a click."""


@asynccontextmanager
async def fresh_server(data: Path) -> AsyncIterator[str]:
    """What ``make run`` starts, on a directory that is not there yet: the link that it prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "milepost", "serve", "--data", str(data), "--port", "0"),
        cwd=ROOT,
        env=environment({"shutdown_grace": 1}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield await asyncio.wait_for(_link(process), 60)
    finally:
        process.terminate()
        await process.wait()


async def _link(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async for line in process.stdout:
        if found := re.search(rb"http\S+/api/auth/link\?token=\S+", line):
            return found[0].decode()
    raise AssertionError("the server ended before it printed a link")


class Person:
    """Somebody with a mouse and a keyboard, whose clicks are counted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    async def follow(self, link: str) -> None:
        """Click a link in the terminal."""
        self.clicks += 1
        await self.page.goto(link)

    async def click(self, what: Locator) -> None:
        """Click once."""
        self.clicks += 1
        await what.click(timeout=WITHIN)

    async def double_click(self, what: Locator) -> None:
        """Select a word."""
        self.clicks += 2
        await what.dblclick(timeout=WITHIN)


async def mend_the_invoice(person: Person, link: str, picture: Picture) -> None:
    """Start the example that fails, find its error, and fork it from the checkpoint before with what it lacked."""
    page = person.page
    await person.follow(link)
    example = page.get_by_role("link", name="Invoice that fails", exact=True)
    await expect(example).to_be_visible(timeout=WITHIN)
    await picture("1-home")
    await person.click(example)
    run = page.get_by_role("button", name="Run", exact=True)
    await expect(run).to_be_visible(timeout=WITHIN)
    await expect(page.locator(".graph-card").first).to_be_visible(timeout=WITHIN)
    await picture("2-workflow")
    await person.click(run)
    await expect(page.get_by_role("dialog").get_by_label("Country")).to_have_value("Atlantis", timeout=WITHIN)
    await picture("3-input")
    await person.click(page.get_by_role("dialog").get_by_role("button", name="Run", exact=True))
    await person.click(page.get_by_role("button", name="Open failed node"))
    inspector = page.locator("#inspector")
    await expect(inspector).to_contain_text("needs a number, not a null", timeout=WITHIN)
    await expect(page.get_by_role("button", name="Edit state and fork")).to_be_visible(timeout=WITHIN)
    await picture("4-error")
    await person.click(page.get_by_role("button", name="Edit state and fork"))
    dialog = page.get_by_role("dialog")
    missing = dialog.locator(".cm-line", has_text="percent").get_by_text("null", exact=True)
    await person.double_click(missing)
    await page.keyboard.type("21")
    await picture("5-state")
    await person.click(dialog.get_by_role("button", name="Fork and run"))
    await expect(page.locator("[data-run-status]")).to_have_attribute("data-run-status", "COMPLETED", timeout=WITHIN)
    await expect(page.get_by_text("Forked from")).to_be_visible(timeout=WITHIN)
    await expect(page.get_by_role("region", name="Checkpoints")).to_contain_text("the end", timeout=WITHIN)
    await picture("6-fork")
