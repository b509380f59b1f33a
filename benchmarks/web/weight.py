"""What a first visit transfers, and how long the page takes to build."""

import asyncio
import gzip
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Page

from benchmarks.figures import Figure, at_most
from benchmarks.web.stage import Stage, go, run_path, shown
from tests.acceptance.definitions import noops
from tests.acceptance.process import Server
from tests.acceptance.spawning import ROOT

STATIC_IMPORT = re.compile(r"""(?:from|import)\s*["']\./([\w.-]+\.js)["']""")

ASSET = re.compile(r"/assets/(([\w.-]+)-[\w-]{8}\.(?:js|css))$")


async def first_load(stage: Stage) -> list[Figure]:
    """Page, scripts and styles that a page needs before any of its lazy parts, as gzip; and all that it asks for."""
    async with stage.server() as server:
        run_id = await server.start_run(noops(3))
        async with stage.tab(server) as page:
            home = await visit(server, page, "/", "HomePage", "document.querySelector('.run-bar')")
        async with stage.tab(server) as page:
            drawn = "document.querySelector('.graph-card') && document.querySelector('[data-seq]')"
            run = await visit(server, page, run_path(run_id, tab="graph"), "RunPage", drawn)
    return [
        at_most("first load of the home page, gzip", [home.needed / 1000], "KB", 130),
        at_most("first load of a run's page, gzip", [run.needed / 1000], "KB", 130),
        at_most("the same with its graph and all else that it shows", [run.all / 1000], "KB"),
    ]


@dataclass(frozen=True, slots=True)
class Visit:
    """Bytes, as gzip, of what a page asked for: what it cannot do without, and all of it."""

    needed: int
    all: int
    urls: tuple[str, ...]


async def visit(server: Server, page: Page, path: str, view: str, ready: str) -> Visit:
    """Open a page whose own script is ``view``, until ``ready`` (JavaScript) holds and nothing more is asked for."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await go(page, path)
    await shown(page, ready)
    await page.wait_for_load_state("networkidle")
    sizes: dict[str, int] = {}
    imports: dict[str, list[str]] = {}
    for url in asked:
        if found := ASSET.search(urlsplit(url).path):
            name = found[1]
            sizes[name], text = await compressed(server, urlsplit(url).path)
            imports[name] = STATIC_IMPORT.findall(text) if name.endswith(".js") else []
    document, _ = await compressed(server, urlsplit(path).path)
    needed = _closure([name for name in imports if name.startswith(("index-", f"{view}-"))], imports)
    return Visit(document + sum(sizes[name] for name in needed), document + sum(sizes.values()), tuple(asked))


def _closure(roots: list[str], imports: dict[str, list[str]]) -> set[str]:
    """The scripts that are loaded with the roots, and their styles."""
    found: set[str] = set()
    left = list(roots)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += imports.get(name, [])
    stems = {name.rpartition("-")[0] for name in found}
    return {name for name in imports if name in found or (name.endswith(".css") and name.rpartition("-")[0] in stems)}


async def compressed(server: Server, path: str) -> tuple[int, str]:
    """Bytes of an answer as gzip, and what it says."""
    async with server.client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
        packed = answer.headers.get("content-encoding") == "gzip"
        return len(raw), (gzip.decompress(raw) if packed else raw).decode()


async def build(stage: Stage) -> list[Figure]:
    """`npm ci && npm run build` on a copy of the sources."""
    npm = shutil.which("npm")
    if npm is None:
        return [Figure("npm ci && npm run build", "not measured: there is no npm")]
    with tempfile.TemporaryDirectory() as directory:
        web = Path(directory) / "web"
        shutil.copytree(ROOT / "web", web, ignore=shutil.ignore_patterns("node_modules"))
        began = time.monotonic()
        for command in (("ci", "--no-audit", "--no-fund"), ("run", "build")):
            process = await asyncio.create_subprocess_exec(
                npm, *command, cwd=web, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
            )
            _, said = await process.communicate()
            if process.returncode:
                raise RuntimeError(f"npm {command[0]}: {said.decode()[-200:]}")
        seconds = time.monotonic() - began
    return [at_most("npm ci && npm run build", [seconds], "s", 60, digits=0)]
