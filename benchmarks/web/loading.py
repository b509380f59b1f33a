"""How soon pages, graphs and logs are on the screen, from the moment they are asked for."""

from playwright.async_api import CDPSession, Page

from benchmarks.figures import Figure, at_most, p95_at_most, percentile
from benchmarks.web.definitions import layered, one_speaker
from benchmarks.web.stage import PulsingServer, Stage, all_of, answered, gated, go, over, run_path, shown
from tests.acceptance.definitions import noops

ROUNDS = 6

HEADER = "document.querySelector('[data-run-status]') && document.querySelector('[data-seq]')"

SCROLLED = """async () => {
  const log = document.querySelector('.log-body');
  const step = () => { log.scrollTop = Math.max(0, log.scrollTop - 480); };
  return bench.frames(300, step);
}"""


async def first_paint(stage: Stage) -> list[Figure]:
    """The home page, by a browser that has nothing cached."""
    async with stage.server() as server:
        await server.start_run(noops(3))
        least, paints, contents = [], [], []
        for _ in range(ROUNDS):
            async with stage.tab(server) as page:
                await go(page, "/healthz")
                least.append(float(await page.evaluate("bench.first")) / 1000)
            async with stage.tab(server) as page:
                await go(page, "/")
                paints.append(float(await page.evaluate("bench.first")) / 1000)
                contents.append(await shown(page, "document.querySelector('.run-bar')") / 1000)
    return [
        p95_at_most("first paint of a bare line of text, p95", least, "s", digits=2),
        p95_at_most("first paint, p95", paints, "s", 0.5, digits=2),
        p95_at_most("home page with its workflows and runs, p95", contents, "s", digits=2),
    ]


async def run_page(stage: Stage) -> list[Figure]:
    """A run's page, by a browser that has nothing cached."""
    async with stage.server() as server:
        run_id = await server.start_run(noops(30))
        await over(server, run_id)
        times = []
        for _ in range(ROUNDS):
            async with stage.tab(server) as page:
                await go(page, run_path(run_id))
                times.append(await shown(page, HEADER) / 1000)
    return [p95_at_most("run's header and first events, p95", times, "s", 1.0, digits=2)]


async def small_graph(stage: Stage) -> list[Figure]:
    """A hundred nodes."""
    async with stage.server() as server:
        run_id = await _ended(server, 100, 5)
        times = []
        for _ in range(ROUNDS):
            async with stage.tab(server) as page:
                await go(page, run_path(run_id, tab="graph"))
                times.append(await shown(page, "document.querySelectorAll('.graph-card').length >= 100") / 1000)
    return [p95_at_most("graph of 100 nodes, nothing cached, p95", times, "s", 1.0, digits=2)]


async def large_graph(stage: Stage) -> list[Figure]:
    """A thousand nodes: by a browser that has nothing cached, and again by the same."""
    cold, warm = [], []
    drawn = "document.querySelector('.graph-canvas')"
    async with stage.server() as server:
        run_id = await _ended(server, 1000, 25)
        for _ in range(ROUNDS):
            async with stage.tab(server) as page:
                await go(page, run_path(run_id, tab="graph"))
                cold.append(await shown(page, drawn) / 1000)
                await go(page, run_path(run_id, tab="graph"))
                warm.append(await shown(page, drawn) / 1000)
    return [
        p95_at_most("graph of 1,000 nodes, nothing cached, p95", cold, "s", 2.5, digits=2),
        p95_at_most("graph of 1,000 nodes, seen before, p95", warm, "s", 1.0, digits=2),
    ]


async def log(stage: Stage) -> list[Figure]:
    """Ten thousand events."""
    async with stage.server() as server:
        run_id, last = await _spoken(server, 10_000)
        times = [await _log_shown(stage, server, run_id, last) for _ in range(ROUNDS)]
    return [p95_at_most("10,000 events in the log, p95", times, "s", 1.0, digits=2)]


async def long_log(stage: Stage) -> list[Figure]:
    """A hundred thousand events, scrolled through, and what the tab holds then."""
    times, frames, heaps = [], [], []
    async with stage.server() as server:
        run_id, last = await _spoken(server, 100_000)
        for _ in range(ROUNDS - 1):
            async with stage.tab(server) as page:
                await go(page, run_path(run_id, tab="list"))
                times.append(await shown(page, all_of(last)) / 1000)
                heaps.append(await _heap(page))
                await page.keyboard.press("f")
                await shown(page, "document.querySelector('.log-space')")
                frames.append(percentile(await page.evaluate(SCROLLED), 95))
    return [
        p95_at_most("100,000 events in the log, p95", times, "s", 2.0, digits=2),
        p95_at_most("frames while it scrolls, p95", frames, "ms", 20),
        at_most("JavaScript heap of the tab with 100,000 events", heaps, "MB", digits=0),
    ]


async def _ended(server: PulsingServer, nodes: int, wide: int) -> str:
    run_id = await server.start_run(layered(nodes, wide))
    await over(server, run_id)
    return run_id


async def _spoken(server: PulsingServer, count: int) -> tuple[str, int]:
    run_id = await gated(server, one_speaker(count))
    await answered(server, run_id)
    return run_id, await over(server, run_id)


async def _log_shown(stage: Stage, server: PulsingServer, run_id: str, last: int) -> float:
    async with stage.tab(server) as page:
        await go(page, run_path(run_id, tab="list"))
        return await shown(page, all_of(last)) / 1000


async def _heap(page: Page) -> float:
    session: CDPSession = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.collectGarbage")
    await session.send("Performance.enable")
    told = await session.send("Performance.getMetrics")
    used = next(each["value"] for each in told["metrics"] if each["name"] == "JSHeapUsedSize")
    await session.detach()
    return float(used) / 1e6
