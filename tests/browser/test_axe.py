"""axe finds nothing wrong with any page, light or dark, whatever its run is doing."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.acceptance.spawning import ROOT
from tests.browser.furnished import FAILING, LIVE, WAITING, Furnished
from tests.browser.viewer import sign_in

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

AXE = (ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js").read_text()

COLOURS = ("color-contrast", "link-in-text-block")
"""What can differ between the themes: the second theme is asked about these alone."""

RUN = """async (rules) => {
    const options = rules === null ? {} : {runOnly: {type: "rule", values: rules}};
    const {violations} = await axe.run(document, {...options, resultTypes: ["violations"]});
    const place = ({html, failureSummary}) => `${html.slice(0, 200)} ${failureSummary}`;
    return violations.map(({id, impact, help, nodes}) => ({id, impact, help, places: nodes.slice(0, 3).map(place)}));
}"""


class Audit:
    """A tab whose pages are looked at in both themes; what is found is kept until the end."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.found: list[str] = []

    async def open(self, path: str, name: str | None = None) -> None:
        """Go to a page, and look at it."""
        await self.page.goto(path)
        await self.page.evaluate(AXE)
        await self.look(name or path)

    async def look(self, name: str) -> None:
        """Look at what is shown now."""
        await expect(self.page.locator("main")).to_be_visible(timeout=20_000)
        await expect(self.page.locator(".loading, [aria-busy=true]")).to_have_count(0, timeout=20_000)
        for theme, rules in (("light", None), ("dark", list(COLOURS))):
            await self.page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
            self._keep(f"{name} ({theme})", await self.page.evaluate(RUN, rules))

    async def press(self, name: str, role: Any = "button") -> None:
        """Press a button by its name, and look at what it shows."""
        await self.page.get_by_role(role, name=name, exact=True).first.click()
        await self.look(name)

    async def close(self) -> None:
        """Close a dialog."""
        await self.page.keyboard.press("Escape")
        await expect(self.page.locator("dialog[open]")).to_have_count(0)

    def _keep(self, where: str, violations: list[dict[str, Any]]) -> None:
        for each in violations:
            self.found.append(
                f"{where}: {each['id']} [{each['impact']}] {each['help']}\n  " + "\n  ".join(each["places"])
            )


@pytest_asyncio.fixture(loop_scope="session")
async def audit(browser: Browser, furnished: Furnished) -> AsyncIterator[Audit]:
    """A tab of the owner. Whatever axe finds in it fails the test."""
    async for each in _audit(browser, furnished, width=1440):
        yield each


@pytest_asyncio.fixture(loop_scope="session")
async def narrow(browser: Browser, furnished: Furnished) -> AsyncIterator[Audit]:
    """The same on a telephone."""
    async for each in _audit(browser, furnished, width=390):
        yield each


async def _audit(browser: Browser, furnished: Furnished, width: int) -> AsyncIterator[Audit]:
    size: Any = {"width": width, "height": 900}
    context = await browser.new_context(base_url=furnished.server.url, viewport=size, reduced_motion="reduce")
    await sign_in(context, furnished.server)
    made = Audit(await context.new_page())
    yield made
    await context.close()
    assert not made.found, "\n".join(made.found)


async def test_around_the_runs(audit: Audit) -> None:
    await audit.open("/", "home")
    for keys, name in (("Control+K", "palette"), ("?", "help")):
        await audit.page.keyboard.press(keys)
        await expect(audit.page.get_by_role("dialog")).to_be_visible(timeout=15_000)
        await audit.look(name)
        await audit.close()
    await audit.page.locator(".shell-head .menu button").first.click()
    await audit.look("menu")
    await audit.open("/?project=night-desk", "an empty project")
    for tab in ("questions", "notifications", "tasks"):
        await audit.open(f"/inbox?tab={tab}")
    await audit.open("/p/default/nowhere")
    await audit.open("/p/default/runs/0190a000-0000-7000-8000-000000000000", "no such run")
    await audit.open("/p/default/w/0190a000-0000-7000-8000-000000000000", "no such workflow")


async def test_signing_in(audit: Audit) -> None:
    await audit.page.context.clear_cookies()
    await audit.open("/sign-in?reason=link_used", "sign-in")
    await audit.page.get_by_label("Or sign in with a key").fill("mp_wrong")
    await audit.page.keyboard.press("Enter")
    await expect(audit.page.get_by_role("alert")).to_be_visible()
    await audit.look("a wrong key")


async def test_a_workflow(audit: Audit, furnished: Furnished) -> None:
    flow = furnished.workflow(FAILING)
    await audit.open(f"{flow}?tab=graph&node=total", "graph")
    await audit.press("Run")
    await audit.close()
    await audit.press("Test")
    await audit.close()
    await audit.open(f"{flow}?tab=runs", "runs")
    await audit.open(f"{flow}?tab=runs&q=nothing-like-this", "no runs")
    await audit.open(f"{flow}?tab=stats", "stats")
    await audit.open(f"{furnished.workflow('Batch with errors')}?tab=stats", "stats of one run")
    await audit.open("/p/default/w/new", "new")


async def test_a_definition(audit: Audit, furnished: Furnished) -> None:
    flow = furnished.workflow(FAILING)
    await audit.open(f"{flow}?tab=definition&against=1", "versions")
    await audit.open(f"{flow}?tab=definition", "definition")
    await audit.page.locator(".cm-content").click()
    await audit.page.keyboard.press("Control+End")
    await audit.page.keyboard.type("x")
    await expect(audit.page.locator(".problem-list li").first).to_be_visible(timeout=15_000)
    await audit.look("problems")
    await audit.page.keyboard.press("Backspace")
    await audit.page.keyboard.press("Enter")
    await expect(audit.page.get_by_role("button", name="Review and save")).to_be_enabled(timeout=15_000)
    await audit.press("Review and save")
    await audit.close()


@pytest.mark.parametrize("state", ["pending", "live", "waiting", "paused", "completed", "cancelled", "map"])
async def test_a_run(audit: Audit, furnished: Furnished, state: str) -> None:
    await audit.open(furnished.run(state), f"{state} graph")
    await audit.press("Timeline", "tab")
    await audit.press("List", "tab")
    if state == "live":
        await audit.press("Cancel")


async def test_a_failed_run(audit: Audit, furnished: Furnished) -> None:
    await audit.open(furnished.run("failed"), "failed graph")
    for name in ("Data", "Attempts", "Logs", "State"):
        await audit.press(name, "tab")
    await audit.press("Timeline", "tab")
    await audit.press("List", "tab")
    await audit.press("Changes")
    await audit.press("Fork from here")
    await audit.close()
    await audit.press("Edit state and fork")
    await audit.close()
    await audit.page.locator(".log-line").last.click()
    await audit.press("Errors only")


async def test_two_runs_compared(audit: Audit, furnished: Furnished) -> None:
    await audit.open(f"/p/default/compare?a={furnished.runs['failed']}&b={furnished.runs['fork']}", "compare")
    await audit.open("/p/default/compare", "nothing to compare")


async def test_small_windows(narrow: Audit, furnished: Furnished) -> None:
    await narrow.open("/", "home")
    for tab in ("graph", "timeline", "list", "log"):
        await narrow.open(f"{furnished.run('failed')}?tab={tab}")
    await narrow.open(f"{furnished.run('failed')}?tab=list&node=total", "sheet")
    await narrow.open(furnished.run("waiting"), "question")
    await narrow.open(f"{furnished.workflow(WAITING)}?tab=graph&node=review", "workflow")
    await narrow.open(f"{furnished.workflow(LIVE['name'])}?tab=runs", "runs")
