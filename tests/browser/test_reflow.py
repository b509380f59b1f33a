"""Pages fit small windows and large letters, hold still for who asks for it, and keep their signs in forced colours."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.furnished import FAILING, Furnished
from tests.browser.viewer import sign_in

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

SCROLLED = "[document.documentElement.scrollWidth, innerWidth]"
CUT = """() => {
    const scrolls = (element) => {
        for (let at = element.parentElement; at !== null && at !== document.body; at = at.parentElement) {
            if (["auto", "scroll"].includes(getComputedStyle(at).overflowX) || at.matches(".graph")) return true;
        }
        return false;
    };
    const beyond = (element) => {
        const {left, right, width, height} = element.getBoundingClientRect();
        return width > 1 && height > 1 && (right > innerWidth + 1 || left < -1);
    };
    return [...document.querySelectorAll("main :is(h1, h2, h3, p, a, button, input, select, textarea)")]
        .filter((element) => element.checkVisibility() && beyond(element) && !scrolls(element))
        .map((element) => element.outerHTML.slice(0, 160));
}"""
"""Texts and controls that stand beyond the window's edge where nobody can scroll to."""


@pytest_asyncio.fixture(loop_scope="session")
async def tab(browser: Browser, furnished: Furnished) -> AsyncIterator[Page]:
    """A tab of the owner."""
    context = await browser.new_context(base_url=furnished.server.url, viewport={"width": 640, "height": 450})
    await sign_in(context, furnished.server)
    yield await context.new_page()
    await context.close()


async def loaded(page: Page, path: str) -> None:
    """Go to a page, and wait until it has what it shows."""
    await page.goto(path)
    await expect(page.locator("h1, h2").first).to_be_visible(timeout=20_000)
    await expect(page.locator(".loading")).to_have_count(0, timeout=20_000)


def paths(furnished: Furnished) -> list[str]:
    """Pages of each kind."""
    failed, flow = furnished.run("failed"), furnished.workflow(FAILING)
    tabs = [f"{failed}?tab={each}" for each in ("graph", "timeline", "list&node=total", "log")]
    workflow = [f"{flow}?tab={each}" for each in ("graph&node=total", "definition", "runs", "stats")]
    compare = f"/p/default/compare?a={furnished.runs['failed']}&b={furnished.runs['fork']}"
    return [
        "/",
        "/inbox",
        "/p/default/w/new",
        compare,
        *tabs,
        *workflow,
        furnished.run("waiting"),
        furnished.run("live"),
    ]


@pytest.mark.parametrize("size", [(640, 450), (320, 640)], ids=["at 200 %", "at 320 px"])
async def test_no_page_scrolls_sideways_or_is_cut_off(tab: Page, furnished: Furnished, size: tuple[int, int]) -> None:
    await tab.set_viewport_size({"width": size[0], "height": size[1]})
    found = {}
    for path in paths(furnished):
        await loaded(tab, path)
        wide, window = await tab.evaluate(SCROLLED)
        cut = await tab.evaluate(CUT)
        if wide > window or cut:
            found[path] = (wide, cut)
    assert not found


async def test_dialogs_fit_a_small_window(tab: Page, furnished: Furnished) -> None:
    await tab.set_viewport_size({"width": 320, "height": 480})
    await loaded(tab, furnished.workflow(FAILING))
    await tab.get_by_role("button", name="Run", exact=True).click()
    box = await tab.locator("dialog[open]").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 320
    assert box["y"] + box["height"] <= 480
    last = tab.locator(".dialog-foot button").last
    await last.scroll_into_view_if_needed()
    await expect(last).to_be_in_viewport(ratio=1)


async def test_nothing_moves_for_who_wants_it_still(tab: Page, furnished: Furnished) -> None:
    moving = "document.getAnimations().filter((each) => each.playState === 'running').length"
    await loaded(tab, f"{furnished.run('live')}?tab=list")
    await expect(tab.locator("[data-node=read]")).to_be_visible(timeout=20_000)
    assert await tab.evaluate(moving) > 0
    await tab.emulate_media(reduced_motion="reduce")
    assert await tab.evaluate(moving) == 0


async def test_forced_colours_leave_bars_and_choices_visible(tab: Page, furnished: Furnished) -> None:
    await tab.set_viewport_size({"width": 1280, "height": 800})
    await tab.emulate_media(forced_colors="active")
    await loaded(tab, f"{furnished.run('failed')}?tab=timeline")
    colour = "element => getComputedStyle(element).backgroundColor"
    ground = await tab.locator("body").evaluate(colour)
    bar = tab.locator(".timeline-track .timeline-bar[data-kind=running]").first
    assert await bar.evaluate(colour) != ground
    line = "element => getComputedStyle(element).borderBottomColor"
    chosen, other = (tab.locator(f"[role=tab][aria-selected={each}]").last for each in ("true", "false"))
    assert await chosen.evaluate(line) != await other.evaluate(line)
    await loaded(tab, "/")
    bars = tab.locator(".run-bar span").first
    assert await bars.evaluate(colour) != ground
