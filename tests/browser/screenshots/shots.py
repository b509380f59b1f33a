"""Which pages are pictured, and what a person does there before the picture is taken."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page

from tests.browser.screenshots.scene import FAILING, Scene

Act = Callable[[Page], Awaitable[None]]


@dataclass(frozen=True)
class Shot:
    """A page by its address, and what is done on it first."""

    name: str
    path: str
    act: Act | None = None
    signed_in: bool = True
    connected: bool = True
    """Whether the page has its socket."""


def click(*names: str, role: str = "button") -> Act:
    """Press buttons, one after another."""

    async def act(page: Page) -> None:
        for name in names:
            await page.get_by_role(role, name=name, exact=True).first.click(timeout=5_000)  # type: ignore[arg-type]

    return act


def press(*keys: str) -> Act:
    """Press keys that open a dialog."""

    async def act(page: Page) -> None:
        for key in keys:
            await page.keyboard.press(key)
        await page.get_by_role("dialog").wait_for()

    return act


async def _search(page: Page) -> None:
    await page.keyboard.press("Control+K")
    await page.get_by_role("dialog").get_by_role("combobox").fill("re")


def shots(scene: Scene) -> list[Shot]:
    """All of them."""
    return [*_around(), *_workflow(scene), *_runs(scene)]


def _around() -> list[Shot]:
    return [
        Shot("home", "/"),
        Shot("home-empty", "/?project=night-desk"),
        Shot("inbox", "/inbox"),
        Shot("inbox-notifications", "/inbox?tab=notifications"),
        Shot("inbox-tasks", "/inbox?tab=tasks"),
        Shot("palette", "/", _search),
        Shot("help", "/", press("?")),
        Shot("no-such-page", "/p/default/nowhere"),
        Shot("no-such-run", "/p/default/runs/0190a000-0000-7000-8000-000000000000"),
        Shot("sign-in", "/sign-in?reason=link_used", signed_in=False),
    ]


def _workflow(scene: Scene) -> list[Shot]:
    flows = scene.workflows
    brief, failing = f"/p/default/w/{flows['Research brief']}", f"/p/default/w/{flows[FAILING]}"
    large, close = f"/p/default/w/{flows['Stocktake']}", f"/p/default/w/{flows['Quarterly close']}"
    return [
        Shot("workflow-graph", f"{brief}?tab=graph"),
        Shot("workflow-graph-30", f"{close}?tab=graph"),
        Shot("workflow-graph-1000", f"{large}?tab=graph"),
        Shot("workflow-definition", f"{brief}?tab=definition"),
        Shot("workflow-runs", f"{brief}?tab=runs"),
        Shot("workflow-stats", f"{brief}?tab=stats"),
        Shot("workflow-stats-empty", f"/p/default/w/{flows['Batch with errors']}?tab=stats"),
        Shot("workflow-new", "/p/default/w/new"),
        Shot("workflow-run", brief, click("Run")),
        Shot("workflow-test", failing, click("Test")),
    ]


def _runs(scene: Scene) -> list[Shot]:
    runs = {name: f"/p/default/runs/{run_id}" for name, run_id in scene.runs.items()}
    failed, waiting, live = runs["failed"], runs["Research with approval"], runs["live"]
    compare = f"/p/default/compare?a={scene.runs['failed']}&b={scene.runs['fork']}"
    return [
        Shot("run-failed", failed),
        Shot("run-failed-list", f"{failed}?tab=list"),
        Shot("run-failed-timeline", f"{failed}?tab=timeline"),
        Shot("run-failed-log", f"{failed}?tab=log"),
        Shot("run-failed-fork", failed, click("Fork")),
        Shot("run-completed", runs["Research brief"]),
        Shot("run-completed-node", f"{runs['Research brief']}?node=write"),
        Shot("run-completed-timeline", f"{runs['Research brief']}?tab=timeline"),
        Shot("run-waiting", waiting),
        Shot("run-live", live),
        Shot("run-live-timeline", f"{live}?tab=timeline"),
        Shot("run-live-list", f"{live}?tab=list"),
        Shot("run-live-cancel", live, click("Cancel")),
        Shot("run-paused", runs["paused"]),
        Shot("run-cancelled", runs["cancelled"]),
        Shot("run-map", f"{runs['Batch with errors']}?node=each"),
        Shot("run-agent", f"{runs['Agent with tools']}?node=agent"),
        Shot("run-large", runs["large"]),
        Shot("run-large-timeline", f"{runs['large']}?tab=timeline"),
        Shot("run-export", f"{runs['export']}?node=collect_everything_that_is_stored_about_the_customer"),
        Shot("run-offline", live, connected=False),
        Shot("compare", compare),
    ]
