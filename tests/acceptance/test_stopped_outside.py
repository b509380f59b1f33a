"""A real server that stops while its nodes are busy outside it, and one that may not do what a definition needs."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.process import RUNS, Server, ServerProcess
from tests.acceptance.test_code_killed import code, gone, pids
from tests.web import Visit, Web

REQUESTS = 60


async def silent(visit: Visit) -> None:
    """Never a word."""
    await visit.gone()


async def fine(visit: Visit) -> None:
    """An answer."""
    await visit.json({"ok": True})


@pytest.mark.timed
async def test_a_stop_ends_open_requests_and_processes_and_the_next_start_goes_on(tmp_path: Path) -> None:
    settings = {"enable_code_nodes": True, "allowed_hosts": "127.0.0.1", "shutdown_grace": 0.3}
    async with Web({"/": silent}) as web, ServerProcess(tmp_path / "data", **settings) as server:
        body = {"type": "call_api", "config": {"method": "POST", "url": f"{web.url('/')}?n={{{{ item }}}}"}}
        over = {"over": f"range({REQUESTS})", "node": body}
        calls = await server.start_run({"name": "calls", "steps": [{"id": "m", "type": "map", "config": over}]})
        sleeps = await server.runs(await server.workflow({"name": "sleeps", "steps": [code("c")]}), 4)
        found = await pids(server, sleeps)
        await web.until(lambda: len(web.asked) == REQUESTS)
        status, took = await server.terminate()
        assert status == 0
        assert took < 5
        await web.until(lambda: web.open == 0, within=1.0)
        assert [number for number in found if not await asyncio.to_thread(gone, number)] == []
        web.routes["/"] = fine
        await server.start()
        run = await server.ended(calls)
        assert run["status"] == "COMPLETED", run["error"]
        keys: dict[str, set[str]] = {}
        for asked in web.asked:
            keys.setdefault(asked.query, set()).add(asked.headers["idempotency-key"])
        assert [len(each) for each in keys.values()] == [1] * REQUESTS
        assert len(web.asked) == 2 * REQUESTS


@pytest.mark.parametrize(
    ("node", "named"),
    [
        (code("a"), "MILEPOST_ENABLE_CODE_NODES"),
        ({"id": "a", "type": "ai", "config": {"model": "mistralai:small", "prompt": "x"}}, "langchain-mistralai"),
    ],
)
async def test_what_a_server_cannot_run_is_saved_with_a_warning_and_refused(
    shared: Server, node: dict[str, Any], named: str
) -> None:
    base, definition = "/api/projects/default/workflows", {"name": "not here", "steps": [node]}
    saved = await shared.client.post(base, json={"name": "not here", "definition": definition})
    assert saved.status_code == 201, saved.text
    (warning,) = saved.json()["warnings"]
    assert warning["code"] == "not_runnable"
    assert named in warning["message"]
    run_id = await shared.run(saved.json()["workflow_id"], execute=False)
    refused = await shared.client.post(f"{RUNS}/{run_id}/execute")
    assert (refused.status_code, refused.json()["code"]) == (422, "not_runnable")
    assert named in refused.json()["detail"]
    assert (await shared.status(run_id))["status"] == "PENDING"
