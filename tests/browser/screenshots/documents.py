"""The pictures in the documents: pages that were pictured, and the way that docs/viewer.md tells."""

import shutil
import tempfile
from pathlib import Path

from playwright.async_api import Browser

from tests.acceptance.spawning import ROOT
from tests.browser.screenshots.look import look
from tests.browser.ten_clicks import Person, fresh_server, mend_the_invoice

PICTURES = ROOT / "docs" / "pictures"

CHOSEN = {
    "run-live-light-1440": "run-light",
    "run-live-dark-1440": "run-dark",
    "home-light-1440": "home",
    "workflow-definition-light-1440": "definition",
    "run-completed-timeline-light-1440": "timeline",
    "run-waiting-light-1440": "question",
    "compare-light-1440": "compare",
    "run-live-dark-390": "narrow",
}
"""Which pictures the documents show, and under which names."""


def copy(folder: Path) -> None:
    """Put those that were taken among the documents' pictures."""
    PICTURES.mkdir(exist_ok=True)
    for taken, name in CHOSEN.items():
        source = folder / f"{taken}.png"
        if source.exists():
            shutil.copyfile(source, PICTURES / f"{name}.png")


async def walk(browser: Browser) -> None:
    """Mend a run on a fresh server, with a picture of each step."""
    with tempfile.TemporaryDirectory() as data:
        async with fresh_server(Path(data) / "data") as link:
            context = await browser.new_context(**look("light", 1440))
            page = await context.new_page()

            async def picture(step: str) -> None:
                await page.screenshot(path=PICTURES / f"step-{step}.png", animations="disabled")

            await mend_the_invoice(Person(page), link, picture)
            await context.close()
