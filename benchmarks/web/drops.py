"""A page whose connections break, and whose server restarts, while its run goes on."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from playwright.async_api import Page

from benchmarks.figures import Figure, at_least, p95_at_most
from benchmarks.web.stage import PulsingServer, Stage, go, over, run_path, shown
from tests.acceptance.definitions import chain

ROUNDS = 2

DROPS = 3

NODES = 150


async def three_drops_and_a_restart(stage: Stage) -> list[Figure]:
    """After each, the page has to have what the server has."""
    waits, whole = [], []
    for _ in range(ROUNDS):
        async with stage.server() as server, breaking(server) as line, stage.profile(server, line.url) as context:
            page = await context.new_page()
            run_id = await server.start_run(chain(NODES, seconds=0.05))
            await go(page, run_path(run_id, tab="list"))
            await page.evaluate("bench.collect()")
            await shown(page, "document.querySelector('[data-connection=live]')")
            for _ in range(DROPS):
                await server.until(run_id, "node.completed", after=await _last(server, run_id))
                line.drop()
                waits.append(await _caught_up(server, page, run_id))
            await server.terminate()
            await server.start()
            waits.append(await _caught_up(server, page, run_id))
            await over(server, run_id)
            waits.append(await _caught_up(server, page, run_id))
            whole.append(float(await _complete(server, page, run_id)))
    return [
        at_least("pages that had each event once, after 3 drops and a restart", whole, f"of {1}", 1, digits=0),
        p95_at_most("right status after a drop, a restart or the end, p95", waits, "s", 2.0, digits=2),
    ]


class Line:
    """The way between a browser and a server, which can break."""

    def __init__(self, server: PulsingServer) -> None:
        self.url = ""
        self._server = server
        self._writers: set[asyncio.StreamWriter] = set()

    def drop(self) -> None:
        """Break every connection that is open now."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        address = urlsplit(self._server.url)
        with suppress(OSError):
            there, back = await asyncio.open_connection(address.hostname, address.port)
            self._writers |= {writer, back}
            await asyncio.gather(_carry(reader, back), _carry(there, writer))
            self._writers -= {writer, back}
        writer.transport.abort()


@asynccontextmanager
async def breaking(server: PulsingServer) -> AsyncIterator[Line]:
    """A line to the server, at a port of its own."""
    line = Line(server)
    listening = await asyncio.start_server(line.connected, "127.0.0.1", 0)
    line.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield line
    finally:
        listening.close()
        line.drop()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


async def _last(server: PulsingServer, run_id: str) -> int:
    return int((await server.get(f"/{run_id}"))["last_seq"])


async def _caught_up(server: PulsingServer, page: Page, run_id: str) -> float:
    """Seconds until the page has the status and all events that the server has now."""
    began = time.monotonic()
    run = await server.get(f"/{run_id}")
    status = f"document.querySelector('[data-run-status]').dataset.runStatus === '{run['status']}'"
    there = f"Number(document.querySelector('.log').dataset.events) >= {run['last_seq']}"
    await shown(
        page, f"{status} && {there} && document.querySelector('[data-connection=live], [data-connection=ended]')"
    )
    return time.monotonic() - began


async def _complete(server: PulsingServer, page: Page, run_id: str) -> bool:
    """Whether the log has as many lines as there are events, and the list the states that the API has."""
    last = await _last(server, run_id)
    lines = int(await page.evaluate("document.querySelector('.log').dataset.events"))
    states = {each["node_id"]: each["status"] for each in (await server.status(run_id))["node_states"]}
    listed: dict[str, str] = await page.eval_on_selector_all(
        ".list-row[data-node]",
        "rows => Object.fromEntries(rows.map(row => [row.dataset.node, row.dataset.nodeStatus]))",
    )
    return lines == last and bool(listed) and all(states[node] == status for node, status in listed.items())
