"""The keyboard alone: signing in, running, finding a failure, forking, answering; the focus is always seen."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.furnished import FAILING, Furnished
from tests.browser.viewer import sign_in

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

FOCUS = """() => {
    const at = document.activeElement;
    const drawn = (element) => {
        const {outlineStyle, outlineWidth, boxShadow} = getComputedStyle(element);
        return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
    };
    const label = at.labels?.[0]?.textContent;
    const named = [at.getAttribute("aria-label"), label, at.textContent, at.getAttribute("title")];
    const name = (named.find((each) => each) ?? "").replace(/\\s+/g, " ").trim();
    const around = [at, at.closest(".cm-editor"), at.querySelector("[data-active]")];
    const seen = around.some((element) => element !== null && drawn(element));
    return {name, role: at.getAttribute("role"), seen, lost: at === document.body};
}"""


class Keyboard:
    """Keys, and what has the focus."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        for key in keys:
            await self.page.keyboard.press(key)

    async def tab_to(self, name: str, role: str | None = None) -> None:
        """Tab until what begins with this name, and has this role, has the focus, which is seen at every stop."""
        stops: list[str] = []
        for _ in range(60):
            await self.press("Tab")
            focus = await self.page.evaluate(FOCUS)
            if focus["lost"]:
                continue
            assert focus["seen"], f"the focus is not seen on {focus['name']!r}"
            if focus["name"].startswith(name) and role in (None, focus["role"]):
                return
            stops.append(focus["name"][:40])
        raise AssertionError(f"Tab does not lead to {name!r}, but to {stops}")

    async def kept(self) -> None:
        """The focus is on something."""
        await self.page.wait_for_function("() => document.activeElement !== document.body", timeout=10_000)


@pytest_asyncio.fixture(loop_scope="session")
async def tab(browser: Browser, furnished: Furnished) -> AsyncIterator[Page]:
    """A tab of nobody yet."""
    context = await browser.new_context(
        base_url=furnished.server.url, viewport={"width": 1440, "height": 900}, reduced_motion="reduce"
    )
    yield await context.new_page()
    await context.close()


@pytest.fixture
def keys(tab: Page) -> Keyboard:
    """Its keyboard."""
    return Keyboard(tab)


async def test_from_signing_in_to_a_fork_of_the_failed_run(tab: Page, keys: Keyboard, furnished: Furnished) -> None:
    await tab.goto("/")
    await expect(tab.get_by_role("heading", name="Sign in")).to_be_visible(timeout=15_000)
    await keys.tab_to("Or sign in with a key")
    await tab.keyboard.type(furnished.server.key)
    await keys.press("Enter")
    await expect(tab.get_by_role("link", name=FAILING, exact=True)).to_be_visible(timeout=15_000)
    await keys.tab_to(FAILING)
    await keys.press("Enter")
    await expect(tab.get_by_role("heading", name=FAILING, exact=True)).to_be_visible(timeout=15_000)
    await keys.kept()
    await keys.tab_to("Run")
    await keys.press("Enter")
    await expect(tab.get_by_role("dialog")).to_be_visible()
    await keys.tab_to("Run")
    await keys.press("Enter")
    status = tab.locator("[data-run-status]")
    await expect(status).to_have_attribute("data-run-status", "FAILED", timeout=20_000)
    await keys.kept()
    await keys.press("n")
    inspector = tab.get_by_role("complementary", name="Node total")
    await expect(inspector).to_contain_text("percent", timeout=15_000)
    await keys.press("i")
    await expect(inspector).to_be_focused()
    await keys.press("Escape")
    await expect(inspector).to_have_count(0)
    await keys.kept()
    await _fork(tab, keys)


async def _fork(tab: Page, keys: Keyboard) -> None:
    failed = tab.url
    await keys.press("c", "ArrowLeft")
    await tab.wait_for_url("**cp=**")
    await keys.tab_to("Fork from here")
    await keys.press("Enter")
    await expect(tab.get_by_role("dialog")).to_be_visible()
    await keys.press("Escape")
    await expect(tab.get_by_role("dialog")).to_have_count(0)
    await expect(tab.get_by_role("button", name="Fork from here")).to_be_focused()
    await keys.press("Enter")
    await keys.tab_to("Fork and run")
    await keys.press("Enter")
    await tab.wait_for_url(lambda url: url.split("?")[0] != failed.split("?")[0])
    await expect(tab.locator("[data-run-status]")).to_have_attribute("data-run-status", "FAILED", timeout=20_000)
    await keys.kept()


async def test_the_graph_is_one_stop_and_arrows_walk_along_its_edges(
    tab: Page, keys: Keyboard, furnished: Furnished
) -> None:
    await sign_in(tab.context, furnished.server)
    await tab.goto(f"{furnished.run('completed')}?tab=graph")
    graph = tab.get_by_role("listbox", name="Graph")
    await expect(graph).to_be_visible(timeout=15_000)
    await keys.tab_to("Graph, ")
    await keys.press("Home")
    first = await graph.get_attribute("aria-activedescendant")
    for key in ("ArrowRight", "ArrowDown"):
        await keys.press(key)
    await expect(graph).not_to_have_attribute("aria-activedescendant", str(first))
    active = graph.locator(".graph-card[data-active]")
    await expect(active).to_be_in_viewport()
    node = await active.get_attribute("data-node")
    await keys.press("Enter")
    await tab.wait_for_url(f"**node={node}**")
    await expect(tab.get_by_role("complementary", name=f"Node {node}")).to_be_visible()
    await keys.press("Escape")
    await expect(tab.get_by_role("complementary", name=f"Node {node}")).to_have_count(0)
    await expect(graph).to_be_focused()


async def test_palette_help_and_menu_give_the_focus_back(tab: Page, keys: Keyboard, furnished: Furnished) -> None:
    await sign_in(tab.context, furnished.server)
    await tab.goto("/inbox")
    await expect(tab.get_by_role("tab", name="Questions")).to_be_visible(timeout=15_000)
    await keys.tab_to("Questions")
    for opening in ("Control+K", "?"):
        await keys.press(opening)
        await expect(tab.get_by_role("dialog")).to_be_visible(timeout=15_000)
        await keys.press("Escape")
        await expect(tab.get_by_role("dialog")).to_have_count(0)
        await expect(tab.get_by_role("tab", name="Questions")).to_be_focused()
    await keys.press("ArrowRight")
    await expect(tab.get_by_role("tab", name="Notifications")).to_be_focused()
    await keys.press("Control+K")
    await expect(tab.get_by_role("combobox")).to_be_focused(timeout=15_000)
    await tab.keyboard.type(FAILING)
    await expect(tab.get_by_role("option", name=FAILING, exact=False).first).to_have_attribute("aria-selected", "true")
    await keys.press("Enter")
    await expect(tab.get_by_role("heading", name=FAILING, exact=True)).to_be_visible(timeout=15_000)
    await keys.kept()


async def test_the_log_and_the_list_by_keys(tab: Page, keys: Keyboard, furnished: Furnished) -> None:
    await sign_in(tab.context, furnished.server)
    await tab.goto(f"{furnished.run('failed')}?tab=list")
    rows = tab.get_by_role("treegrid", name="Nodes")
    await expect(rows.locator("[data-node=total]")).to_be_visible(timeout=15_000)
    await keys.press("e")
    await expect(tab.get_by_role("button", name="Errors only")).to_have_attribute("aria-pressed", "true")
    await keys.press("e", "/")
    await expect(tab.get_by_role("searchbox", name="Filter events by text")).to_be_focused()
    await tab.keyboard.type("checkpoint.saved")
    log = tab.get_by_role("treegrid", name="Events")
    await expect(log.locator("[data-type]:not([data-type='checkpoint.saved'])")).to_have_count(0)
    await keys.press("Control+A", "Delete", "Escape")
    follow = tab.get_by_role("button", name="Follow")
    await keys.press("f")
    await expect(follow).to_have_attribute("aria-pressed", "false")
    await keys.press("End")
    await expect(follow).to_have_attribute("aria-pressed", "true")
    await keys.tab_to("Nodes", role="treegrid")
    await keys.press("Home", "ArrowDown", "Enter")
    await tab.wait_for_url("**node=rate**")
    await expect(rows).to_be_focused()
    await keys.press("g")
    await expect(tab.get_by_role("tab", name="Graph")).to_have_attribute("aria-selected", "true")


async def test_a_question_is_answered_by_keys(tab: Page, keys: Keyboard, furnished: Furnished) -> None:
    await sign_in(tab.context, furnished.server)
    run_id = await furnished.server.run(furnished.workflows["Research with approval"], {})
    await furnished.server.until(run_id, "run.waiting")
    await tab.goto(f"/p/default/runs/{run_id}")
    send = tab.get_by_role("button", name="Send the answer")
    await expect(send).to_be_visible(timeout=15_000)
    await keys.tab_to("Send the answer")
    await keys.press("Enter")
    await expect(tab.locator("[data-run-status]")).to_have_attribute("data-run-status", "COMPLETED", timeout=20_000)
    await expect(send).to_have_count(0)
    await keys.kept()
