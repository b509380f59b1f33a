"""What visits to the page may weigh and ask for. How fast it is stands in benchmarks/web."""

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, Response

from benchmarks.web.weight import ASSET, visit
from tests.acceptance.definitions import noops
from tests.acceptance.process import ServerProcess
from tests.browser.viewer import PROJECT, Watched

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOME = 130_000

RUN_PAGE = 150_000
"""React, its router and its cache are 115,000 of these."""

PROBE = """
globalThis.bench = {until: (holds) => new Promise((done) => {
  const look = () => (holds() ? done(performance.now()) : requestAnimationFrame(look));
  look();
})};
"""


async def test_a_first_visit_is_small(context: BrowserContext, server: ServerProcess) -> None:
    run_id = await server.start_run(noops(3))
    await context.add_init_script(PROBE)
    for path, view, ready, most in (
        ("/", "HomePage", "document.querySelector('.run-bar')", HOME),
        (f"/p/{PROJECT}/runs/{run_id}", "RunPage", "document.querySelector('[data-seq]')", RUN_PAGE),
    ):
        page = await context.new_page()
        visited = await visit(server, page, path, view, ready)
        assert visited.needed <= most, f"{path}: {visited.needed} bytes"
        await page.close()


async def test_files_are_compressed_and_kept_for_ever(page: Page) -> None:
    answers: list[Response] = []

    def heard(answer: Response) -> None:
        answers.append(answer)

    page.on("response", heard)
    await page.goto("/", wait_until="networkidle")
    files = [answer for answer in answers if ASSET.search(answer.url)]
    assert files
    for answer in files:
        headers = await answer.all_headers()
        assert "immutable" in headers["cache-control"], answer.url
        if len(await answer.body()) > 1024:
            assert headers["content-encoding"] in ("br", "gzip"), answer.url


async def test_every_page_stays_with_its_origin_and_its_policy(context: BrowserContext, server: ServerProcess) -> None:
    workflow_id = await server.workflow(noops(3))
    one, other = await server.runs(workflow_id, 2)
    for run_id in (one, other):
        await server.ended(run_id)
    for path in (*_run_pages(one), *_workflow_pages(workflow_id), f"compare?a={one}&b={other}", "/", "/inbox"):
        page = await context.new_page()
        watched = Watched(page, server.url)
        answer = await page.goto(path if path.startswith("/") else f"/p/{PROJECT}/{path}", wait_until="networkidle")
        assert answer is not None
        assert "default-src 'self'" in (await answer.all_headers())["content-security-policy"]
        watched.check()
        await page.close()


async def test_what_breaks_the_policy_is_noticed(context: BrowserContext, server: ServerProcess) -> None:
    page = await context.new_page()
    watched = Watched(page, server.url)
    await page.goto("/", wait_until="networkidle")
    found: Any = await page.evaluate(
        """() => new Promise((done) => {
          document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
          const image = document.createElement("img");
          image.src = "http://127.0.0.1:9/elsewhere.png";
          document.body.append(image);
        })"""
    )
    assert found == "img-src"
    assert watched.complaints


def _run_pages(run_id: str) -> list[str]:
    return [f"runs/{run_id}?tab={tab}&node=n1" for tab in ("graph", "timeline", "list")]


def _workflow_pages(workflow_id: str) -> list[str]:
    return [f"w/{workflow_id}?tab={tab}" for tab in ("graph", "definition", "runs", "stats")]
