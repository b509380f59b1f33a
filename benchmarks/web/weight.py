"""What a first visit transfers, and how long the page takes to build."""

import asyncio
import shutil
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.figures import Figure, at_most
from benchmarks.web.stage import PulsingServer, Stage, go, run_path, shown
from tests.acceptance.definitions import noops
from tests.acceptance.process import ROOT

KINDS = frozenset({"document", "script", "stylesheet"})


async def first_load(stage: Stage) -> list[Figure]:
    """Page, scripts and styles that a page asks for before any of its lazy parts, as gzip."""
    async with stage.server() as server:
        run_id = await server.start_run(noops(3))
        home = await gzipped(stage, server, "/", "document.querySelector('.run-bar')")
        ready = "document.querySelector('[data-run-status]') && document.querySelector('.list-row[data-node]')"
        run = await gzipped(stage, server, run_path(run_id, tab="list"), ready)
    return [
        at_most("first load of the home page, gzip", [home / 1000], "KB", 130),
        at_most("first load of a run's page, gzip", [run / 1000], "KB", 130),
    ]


async def gzipped(stage: Stage, server: PulsingServer, path: str, ready: str) -> int:
    """Bytes that the page's files have as gzip."""
    asked: list[str] = []
    async with stage.tab(server) as page:
        page.on("request", lambda request: asked.append(request.url) if request.resource_type in KINDS else None)
        await go(page, path)
        await shown(page, ready)
        await page.wait_for_load_state("networkidle")
    return sum([await _size(server, url) for url in dict.fromkeys(asked)])


async def _size(server: PulsingServer, url: str) -> int:
    address = urlsplit(url)
    headers = {"Accept-Encoding": "gzip"}
    async with server.client.stream("GET", address.path, headers=headers) as answer:
        return sum([len(part) async for part in answer.aiter_raw()])


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
