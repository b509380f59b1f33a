"""How late the page is while a run goes on, and how soon it answers keys then."""

from datetime import datetime
from typing import Any

from playwright.async_api import Page

from benchmarks.figures import Figure, p95_at_most, percentile
from benchmarks.web.definitions import many_speakers, one_speaker
from benchmarks.web.stage import PulsingServer, Stage, all_of, answered, gated, go, over, run_path, shown

ROUNDS = 5

SPOKEN = frozenset({"node.log", "node.progress"})

KEYS = ("j", "k", "f", "End")


async def slow(stage: Stage) -> list[Figure]:
    """Fifty events a second."""
    lags = []
    async with stage.server() as server:
        for _ in range(ROUNDS):
            run_id = await gated(server, one_speaker(150, 0.02))
            async with stage.tab(server) as page:
                events, rows, _ = await _watched(server, page, run_id)
                lags.append(percentile([*_lags(events, rows).values()], 95))
    return [p95_at_most("event to paint at 50 events/s, p95", lags, "ms", 100, digits=0)]


async def fast(stage: Stage) -> list[Figure]:
    """A thousand nodes that tell a thousand things a second, beside the log; then all end within a second."""
    speaking, ending, quickly = [], [], []
    async with stage.server() as server:
        for _ in range(ROUNDS):
            run_id = await gated(server, many_speakers(998, 5, 5))
            async with stage.tab(server) as page:
                events, rows, _ = await _watched(server, page, run_id)
                first_end = next(event["seq"] for event in events if event["type"] == "node.completed")
                lags = _lags(events, rows)
                spoken = [event for event in events if event["type"] in SPOKEN and event["seq"] < first_end]
                speaking.append(percentile([lags[event["seq"]] for event in spoken], 95))
                ending.append(percentile([lag for seq, lag in lags.items() if seq >= first_end], 95))
                quickly.append(len(spoken) / (_at(spoken[-1]) - _at(spoken[0])) * 1000)
    return [
        p95_at_most("event to paint at 1,000 events/s on 1,000 nodes, p95", speaking, "ms", 150, digits=0),
        Figure("events a second in these runs", f"{min(quickly):.0f} to {max(quickly):.0f}"),
        p95_at_most("event to paint while those nodes end, all within a second, p95", ending, "ms", digits=0),
    ]


async def keys(stage: Stage) -> list[Figure]:
    """Keys pressed while a thousand nodes speak: until the page handles them, and until what they did is painted."""
    delays, paints = [], []
    async with stage.server() as server:
        for _ in range(ROUNDS):
            run_id = await gated(server, many_speakers(998, 5, 5))
            async with stage.tab(server) as page:
                _, _, pressed = await _watched(server, page, run_id, pressed=24)
                delays.append(percentile([each["delay"] for each in pressed], 95))
                paints.append(percentile([each["painted"] for each in pressed], 95))
    return [
        p95_at_most("input delay during such runs, key to handler, p95", delays, "ms", 100, digits=0),
        p95_at_most("key to paint during such runs, p95", paints, "ms", digits=0),
    ]


async def _watched(
    server: PulsingServer, page: Page, run_id: str, pressed: int = 0
) -> tuple[list[dict[str, Any]], dict[int, float], list[dict[str, float]]]:
    """A run's events once it was let go in front of the page, when each was painted, and what became of keys."""
    await go(page, run_path(run_id, tab="graph"))
    await shown(page, "document.querySelector('.graph-canvas, .graph-card') && document.querySelector('[data-seq]')")
    before = int((await server.get(f"/{run_id}"))["last_seq"])
    await page.evaluate("bench.collect()")
    await answered(server, run_id)
    keys_pressed = await _pressed(server, page, run_id, pressed) if pressed else []
    await shown(page, all_of(await over(server, run_id)))
    rows = await page.evaluate("bench.until(() => true).then(() => [...bench.rows])")
    events = [event for event in await server.events(run_id) if event["seq"] > before + 5]
    return events, {int(seq): float(at) for seq, at in rows}, keys_pressed


async def _pressed(server: PulsingServer, page: Page, run_id: str, count: int) -> list[dict[str, float]]:
    """Milliseconds of each key from the first spoken event on. The browser tells of none that was painted within 16."""
    await server.until(run_id, "node.log", within=60)
    await page.evaluate("bench.watchInput()")
    for at in range(count):
        await page.keyboard.press(KEYS[at % len(KEYS)], delay=60)
    told: list[dict[str, float]] = await page.evaluate("bench.until(() => true).then(() => bench.inputs)")
    return told + [{"delay": 16.0, "painted": 16.0}] * max(0, count - len(told))


def _lags(events: list[dict[str, Any]], rows: dict[int, float]) -> dict[int, float]:
    """By number, milliseconds from each event's time until its row, or that of a later event, was painted."""
    lags, painted = {}, float("inf")
    for event in reversed(events):
        painted = min(painted, rows.get(event["seq"], painted))
        lags[event["seq"]] = painted - _at(event)
    return lags


def _at(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["ts"]).timestamp() * 1000
