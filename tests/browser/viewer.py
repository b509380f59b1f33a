"""What a person does with the page and sees on it."""

import re
from collections.abc import Mapping
from typing import Any

from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, Request, expect
from playwright.async_api import TimeoutError as TimedOut

from tests.acceptance.process import Server, ServerProcess

# The popups of the address bar are pages too, and a new window spends most of a second on them while it shows its own.
# What comes after them Playwright switches off as well, in a switch that this one replaces.
UNUSED_FEATURES = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)

CHROMIUM_FLAGS = (
    f"--disable-features={','.join(UNUSED_FEATURES)}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

PROJECT = "default"

UNAVOIDABLE = re.compile(r"Failed to load resource|WebSocket connection to")
"""What Chromium itself says of answers that are no 2xx and of sockets that break: tests provoke both."""


DIFFERENCE = """told => {
  const differences = [];
  const compare = (what, page, api) => {
    if (String(page) !== String(api)) differences.push(`${what}: ${page} here, ${api} there`);
  };
  compare("run", document.querySelector("[data-run-status]")?.dataset.runStatus, told.run);
  const seqs = [...document.querySelectorAll("[data-seq]")].map(row => Number(row.dataset.seq));
  compare("newest event", seqs.at(-1), told.seq);
  const rows = [...document.querySelectorAll("[data-node]")];
  const shown = Object.fromEntries(rows.map(row => [row.dataset.node, row.dataset.nodeStatus]));
  compare("rows", rows.length, Object.keys(told.nodes).length);
  for (const [id, status] of Object.entries(told.nodes)) compare(id, shown[id], status);
  return differences;
}"""
"""What the page shows otherwise than the API: the run, its newest event, each of its nodes."""

ROWS = "log => [...log.querySelectorAll('[data-seq]')].map(row => [row.getAttribute('aria-rowindex'), row.dataset.seq])"


async def sign_in(context: BrowserContext, server: Server, url: str | None = None) -> None:
    """Give the profile a session of the owner, at another ``url`` if the server is reached there."""
    origin = url or server.url
    answer = await context.request.post(
        f"{origin}/api/auth/session", data={"key": server.key}, headers={"Origin": origin}
    )
    assert answer.ok, await answer.text()


async def rewrite(editor: Locator, text: str) -> None:
    """Type a text in place of all that an editor of code has.

    What was there is deleted first: Chromium gives what replaces highlighted text the same look, by a style that the
    page's policy refuses.
    """
    await editor.press("Control+A")
    await editor.press("Delete")
    await editor.page.keyboard.insert_text(text)


class Watched:
    """What a tab asked of other origins, and what it complained of."""

    def __init__(self, page: Page, origin: str) -> None:
        self._origin = origin
        self.foreign: list[str] = []
        self.complaints: list[str] = []
        page.on("request", self._request)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def check(self) -> None:
        """Nothing was asked elsewhere, and nothing was complained of."""
        assert not self.foreign, self.foreign
        assert not self.complaints, self.complaints

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self._origin, "data:", "blob:")):
            self.foreign.append(request.url)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not UNAVOIDABLE.search(message.text):
            self.complaints.append(f"{message.text} ({message.location.get('url')})")


class Viewer:
    """The page, and the server behind it."""

    def __init__(self, page: Page, server: ServerProcess) -> None:
        self.page = page
        self.server = server

    async def open_run(self, run_id: str, **search: str) -> None:
        """Go to a run's page."""
        query = "&".join(f"{name}={value}" for name, value in search.items())
        await self.page.goto(f"/p/{PROJECT}/runs/{run_id}?{query}")

    async def open_workflow(self, workflow_id: str, tab: str = "graph") -> None:
        """Go to a workflow's page."""
        await self.page.goto(f"/p/{PROJECT}/w/{workflow_id}?tab={tab}")

    def button(self, name: str) -> Locator:
        """A button by its name."""
        return self.page.get_by_role("button", name=name, exact=True)

    async def sees_status(self, word: str) -> None:
        """The run's header says this status."""
        await expect(self.page.locator("[data-run-status]")).to_have_attribute(
            "data-run-status", word.upper(), timeout=15_000
        )

    async def sees_in_graph(self, **nodes: str) -> None:
        """The graph shows these nodes in these states."""
        for node, status in nodes.items():
            card = self.page.locator(f'.graph-card[data-node="{node}"]')
            await expect(card).to_have_attribute("data-status", status, timeout=15_000)

    async def node_states(self) -> Mapping[str, str]:
        """The status of each node in the list view, which must be open."""
        found: dict[str, str] = await self.page.eval_on_selector_all(
            "[data-node]", "rows => Object.fromEntries(rows.map(row => [row.dataset.node, row.dataset.nodeStatus]))"
        )
        return found

    async def agrees(self, run_id: str, within: float = 2.0) -> dict[str, Any]:
        """Once nothing happens, run and nodes stand on the page as in the API, and the log has come as far.

        The list view must be open with all nodes. Gives the status.
        """
        while True:
            status = await self.server.status(run_id)
            nodes = {each["node_id"]: each["status"] for each in status["node_states"]}
            told = {"run": status["status"], "seq": status["last_seq"], "nodes": nodes}
            differences = await self._differences(told, within)
            if (await self.server.status(run_id))["last_seq"] == status["last_seq"]:
                assert not differences, f"after {within} s the page differs from the API: {differences}"
                return status

    async def _differences(self, told: Mapping[str, Any], within: float) -> list[str]:
        """What the page does not show as it is told after so many seconds."""
        same = f"told => ({DIFFERENCE})(told).length === 0"
        try:
            await self.page.wait_for_function(same, arg=told, timeout=within * 1000)
        except TimedOut:
            found: list[str] = await self.page.evaluate(DIFFERENCE, told)
            return found
        return []

    async def log_seqs(self) -> list[int]:
        """The numbers of the events in all rows of the log, from its first to its last."""
        log = self.page.get_by_role("treegrid", name="Events")
        rows = int(await log.get_attribute("aria-rowcount") or 0)
        await log.focus()
        await log.press("Home")
        found: dict[int, int] = {}
        while len(found) < rows:
            place = len(found)
            row = log.locator(f'[aria-rowindex="{place + 1}"]')
            await expect(row).to_be_attached()
            shown = await log.evaluate(ROWS)
            found |= {int(index): int(seq) for index, seq in shown}
            assert len(shown) == len(dict(shown)), "a row is shown twice"
            await log.evaluate(
                "(log, row) => log.querySelector(`[aria-rowindex='${row}']`).scrollIntoView()", place + 1
            )
            await log.evaluate("log => log.scrollTop += log.clientHeight")
        return [found[index] for index in sorted(found)]

    async def api_states(self, run_id: str) -> Mapping[str, str]:
        """The same as the API has it."""
        status: dict[str, Any] = await self.server.status(run_id)
        return {each["node_id"]: each["status"] for each in status["node_states"]}
