"""Takes the pictures: ``python -m tests.browser.screenshots [--only WORD] [--theme light] [--width 1440]``."""

import argparse
import asyncio
import fnmatch
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.async_api import Browser, Error, async_playwright, expect

from tests.acceptance.process import ServerProcess
from tests.browser.conftest import CHROMIUM
from tests.browser.screenshots import documents
from tests.browser.screenshots.look import HEIGHTS, THEMES, look
from tests.browser.screenshots.scene import make
from tests.browser.screenshots.shots import Shot, shots
from tests.browser.viewer import CHROMIUM_FLAGS, Watched, sign_in

SHOWN = "main h1, main .notice"
LOADING = ".loading, [aria-busy=true]"


async def main(options: argparse.Namespace) -> int:
    """Take the pictures; how many pages could not be brought to where they are pictured."""
    options.folder.mkdir(parents=True, exist_ok=True)
    failures = 0
    with tempfile.TemporaryDirectory() as data:
        async with ServerProcess(Path(data) / "data", shutdown_grace=1) as server, async_playwright() as playwright:
            scene = await make(server)
            wanted = [each for each in shots(scene) if any(fnmatch.fnmatch(each.name, word) for word in options.only)]
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
            for theme in options.theme:
                for width in options.width:
                    failures += await _take(browser, server, wanted, (theme, width), options.folder)
            if options.documents:
                documents.copy(options.folder)
                await documents.walk(browser)
            await browser.close()
    return failures


async def _take(
    browser: Browser, server: ServerProcess, wanted: Sequence[Shot], how: tuple[str, int], folder: Path
) -> int:
    """Every page in one theme at one width."""
    theme, width = how
    failures = 0
    for shot in wanted:
        context = await browser.new_context(base_url=server.url, **look(theme, width))
        if shot.signed_in:
            await sign_in(context, server)
        page = await context.new_page()
        watched = Watched(page, server.url)
        if not shot.connected:
            await page.route_web_socket("**/*", lambda socket: socket.close())
        target = folder / f"{shot.name}-{theme}-{width}.png"
        try:
            await page.goto(shot.path, wait_until="networkidle")
            await expect(page.locator(SHOWN).first).to_be_visible(timeout=15_000)
            if shot.connected:
                await expect(page.locator(LOADING)).to_have_count(0, timeout=15_000)
            if shot.act is not None:
                await shot.act(page)
                await expect(page.locator(LOADING)).to_have_count(0, timeout=15_000)
            watched.check()
        except (Error, AssertionError) as problem:
            failures += 1
            sys.stderr.write(f"{target.name}: {str(problem).splitlines()[0]} {watched.complaints}\n")
        await page.screenshot(path=target, animations="disabled")
        await context.close()
    return failures


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("build/screenshots"), help="where they go")
    parser.add_argument(
        "--only", nargs="+", default=["*"], metavar="NAME", help="names of pages; * stands for any letters"
    )
    parser.add_argument("--theme", nargs="+", default=THEMES, choices=THEMES)
    parser.add_argument("--width", nargs="+", type=int, default=list(HEIGHTS), choices=HEIGHTS)
    parser.add_argument("--documents", action="store_true", help="renew the pictures in docs/pictures as well")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(min(1, asyncio.run(main(_options()))))
