"""A browser, and servers for it."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from playwright.async_api import Browser, BrowserContext, Page, Playwright, async_playwright

from tests.acceptance.process import Server, ServerProcess
from tests.browser.viewer import CHROMIUM_FLAGS, sign_in

PAGE_SCRIPT = Path(__file__).with_name("page.js")

WIDE = {"width": 1440, "height": 900}


class PulsingServer(ServerProcess):
    """A server whose nodes can speak at a steady pace."""

    module = "benchmarks.web.serve"


class Stage:
    """``async with Stage() as stage``: one browser, with nothing open."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    async def __aenter__(self) -> Self:
        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*CHROMIUM_FLAGS, "--enable-precise-memory-info"]
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()

    @property
    def browser(self) -> Browser:
        """The browser."""
        assert self._browser is not None
        return self._browser

    @asynccontextmanager
    async def server(self) -> AsyncIterator[PulsingServer]:
        """A server with a fresh directory."""
        with tempfile.TemporaryDirectory() as directory:
            async with PulsingServer(Path(directory) / "data", shutdown_grace=1) as server:
                yield server

    @asynccontextmanager
    async def profile(self, server: Server, url: str | None = None) -> AsyncIterator[BrowserContext]:
        """A browser profile that is signed in and has cached nothing."""
        context = await self.browser.new_context(base_url=url or server.url, viewport=WIDE, locale="en-GB")  # type: ignore[arg-type]
        await context.add_init_script(path=PAGE_SCRIPT)
        await sign_in(context, server, url)
        try:
            yield context
        finally:
            await context.close()

    @asynccontextmanager
    async def tab(self, server: Server) -> AsyncIterator[Page]:
        """A tab of a new profile."""
        async with self.profile(server) as context:
            yield await context.new_page()


async def go(page: Page, path: str) -> None:
    """Ask for a page; back as soon as its first bytes are here."""
    await page.goto(path, wait_until="commit")


async def shown(page: Page, condition: str) -> float:
    """Milliseconds from asking for the page until a condition (JavaScript) held on the screen."""
    return float(await page.evaluate(f"bench.until(() => {condition})"))


def run_path(run_id: str, **search: Any) -> str:
    """The address of a run's page."""
    return f"/p/default/runs/{run_id}" + ("?" + "&".join(f"{name}={value}" for name, value in search.items()))


def all_of(last: int) -> str:
    """The condition that the log has all events, and shows the newest."""
    counted = f"document.querySelector('.log')?.dataset.events === '{last}'"
    return f"{counted} && document.querySelector('[data-seq=\"{last}\"]')"


async def answered(server: Server, run_id: str) -> None:
    """Answer the run's question, so that it goes on."""
    answer = await server.post(f"/{run_id}/resume", {"answer": True})
    assert answer.is_success, answer.text


async def gated(server: Server, definition: Mapping[str, Any]) -> str:
    """A run that waits at its gate."""
    run_id = await server.start_run(definition)
    await server.until(run_id, "run.waiting", within=60)
    return run_id


async def over(server: Server, run_id: str) -> int:
    """The number of the run's last event, once it is completed; asks for nothing else, so that it disturbs nobody.

    Raises:
        RuntimeError: it came to another end.
    """
    run = await server.status(run_id, wait=30)
    while run["status"] in {"QUEUED", "RUNNING"}:
        run = await server.status(run_id, wait=30)
    if run["status"] != "COMPLETED":
        raise RuntimeError(f"the run is {run['status']}")
    return int(run["last_seq"])
