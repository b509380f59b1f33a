"""Requests of a real server process: what its network neighbours see of a cancel, a kill and a wrong certificate."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.process import ServerProcess
from tests.web import Certificates, Visit, Web


def calling(url: str, **config: Any) -> dict[str, Any]:
    """A definition of one call after a step."""
    first = {"id": "first", "type": "process", "config": {}}
    return {"name": "calling", "steps": [first, {"id": "a", "type": "call_api", "config": {"url": url, **config}}]}


async def drip(visit: Visit) -> None:
    """An answer that goes on and on; the connection is looked at all the time."""
    await visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nx")
    await visit.gone()


async def fine(visit: Visit) -> None:
    """An answer."""
    await visit.json({"ok": True})


@pytest.mark.timed
async def test_a_cancelled_call_closes_its_connection_within_a_second(tmp_path: Path) -> None:
    async with Web({"/": drip}) as web, ServerProcess(tmp_path / "data", allowed_hosts="127.0.0.1") as server:
        run_id = await server.start_run(calling(web.url("/")))
        await web.until(lambda: len(web.asked) == 1)
        began = time.monotonic()
        answer = await server.post(f"/{run_id}/cancel")
        assert answer.json()["status"] == "CANCELLED"
        await web.until(lambda: web.open == 0, within=1.0)
        assert time.monotonic() - began < 1.0


async def test_a_call_that_a_kill_interrupted_is_sent_again_with_its_key(tmp_path: Path) -> None:
    async with Web({"/": drip}) as web, ServerProcess(tmp_path / "data", allowed_hosts="127.0.0.1") as server:
        run_id = await server.start_run(calling(web.url("/"), method="POST", json={"n": 1}))
        await web.until(lambda: len(web.asked) == 1)
        await server.kill()
        await web.until(lambda: web.open == 0)
        web.routes["/"] = fine
        await server.start()
        run = await server.ended(run_id)
        assert run["status"] == "COMPLETED"
        first, second = web.asked
        assert first.body == second.body == b'{"n":1}'
        assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
        assert first.headers["idempotency-key"].startswith(f"{run_id}:")


async def test_nothing_inside_is_reached_by_default(tmp_path: Path) -> None:
    async with Web({"/": fine}) as web, ServerProcess(tmp_path / "data") as server:
        for url in (web.url("/"), web.url("/", "localhost"), f"{server.url}/healthz", "http://169.254.169.254/"):
            run = await server.ended(await server.start_run(calling(url)))
            assert (run["status"], run["error"]["code"]) == ("FAILED", "address_refused")
        assert web.connections == 0


async def test_a_companys_own_certificates_are_trusted_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    async with (
        Web({"/": fine}, tls=made.server("localhost")) as web,
        ServerProcess(tmp_path / "data", allowed_hosts="127.0.0.1,::1") as server,
    ):
        run = await server.ended(await server.start_run(calling(web.url("/", "localhost"))))
        assert run["status"] == "COMPLETED", run["error"]
        run = await server.ended(await server.start_run(calling(web.url("/"))))
        assert run["error"]["code"] == "request_failed"
        assert "certificate" in run["error"]["message"].lower()


@pytest.mark.parametrize("wrong", ["http://a.test", "10.0.0.1/8", "a.test:0"])
async def test_a_wrong_entry_stops_the_start(tmp_path: Path, wrong: str) -> None:
    server = ServerProcess(tmp_path / "data", allowed_hosts=wrong)
    with pytest.raises(Exception, match="MILEPOST_ALLOWED_HOSTS"):
        await server.start()
    await server.kill()
