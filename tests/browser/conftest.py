"""A real browser on a real server. Nothing may leave the server's origin, and the page may not complain."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.acceptance.process import ServerProcess
from tests.acceptance.spawning import ROOT
from tests.browser.furnished import Furnished, furnish
from tests.browser.gates import Gates
from tests.browser.viewer import CHROMIUM_FLAGS, Viewer, Watched, sign_in

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say why browser tests are left out where they cannot run."""
    reason = None
    if CHROMIUM is None:
        reason = "there is no Chromium: apt-get install chromium"
    elif not (ROOT / "server" / "static" / "index.html").exists():
        reason = "the page is not built: make web"
    if reason is None:
        return
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    """A server for all tests that leave it alive. They run in the session's loop."""
    async with ServerProcess(tmp_path_factory.mktemp("browsed") / "data", shutdown_grace=0) as started:
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium, with a new profile for each test."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        yield launched
        await launched.close()


@pytest.fixture
def gates(tmp_path: Path) -> Iterator[Gates]:
    """Where nodes wait until the test lets them go on."""
    with Gates(tmp_path / "gates") as opened:
        yield opened


@pytest.fixture
def origin(server: ServerProcess) -> str:
    """Where the browser finds the server."""
    return server.url


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser, server: ServerProcess, origin: str) -> AsyncIterator[BrowserContext]:
    """A browser profile whose owner is signed in."""
    opened = await browser.new_context(base_url=origin, viewport={"width": 1440, "height": 900}, locale="en-GB")
    await sign_in(opened, server)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext, origin: str) -> AsyncIterator[Page]:
    """A tab that is watched: what it asks of others, and what it complains of, fails the test."""
    opened = await context.new_page()
    watched = Watched(opened, origin)
    yield opened
    watched.check()


@pytest_asyncio.fixture(loop_scope="session")
async def viewer(page: Page, server: ServerProcess) -> Viewer:
    """The page as a person uses it."""
    return Viewer(page, server)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def furnished(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Furnished]:
    """A server with something of everything, for all tests that only look. They run in the session's loop."""
    async with ServerProcess(tmp_path_factory.mktemp("furnished") / "data", shutdown_grace=0) as started:
        yield await furnish(started)
