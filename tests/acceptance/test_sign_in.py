"""A browser and the command in real processes: the printed link, restarts, another link, and what is logged."""

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.acceptance.test_cli import Served, milepost


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server that logs all that it ever logs."""
    with Served(tmp_path / "data", "--port", "0", "--log-level", "debug") as started:
        yield started


def printed_link(served: Served) -> str:
    return served.line("Open ").split()[1]


def test_the_printed_link_signs_in_once_and_a_restart_keeps_the_session(served: Served) -> None:
    link = printed_link(served)
    assert served.banner.index(link) < served.banner.index("/docs")
    with httpx.Client() as browser, httpx.Client() as other:
        assert other.head(link).status_code == 204
        opened = browser.get(link)
        assert (opened.status_code, opened.headers["location"]) == (303, "../../")
        used = other.get(link)
        assert used.headers["location"] == "../../sign-in?reason=link_used"
        csrf = browser.get(f"{served.url}/api/me").json()["csrf_token"]
        served.stop(signal.SIGKILL)
        with Served(served.data, "--port", served.port) as again:
            assert again.url == served.url
            assert browser.get(f"{again.url}/api/me").json()["csrf_token"] == csrf
            assert other.get(link).headers["location"] == "../../sign-in?reason=link_used"
            assert other.get(printed_link(again)).headers["location"] == "../../"


def test_another_link_comes_from_the_command(served: Served, tmp_path: Path) -> None:
    made = milepost("link", "--data", str(served.data), "--url", served.url)
    assert made.returncode == 0, made.stderr
    link = made.stdout.strip()
    assert link.startswith(f"{served.url}/api/auth/link?token=")
    assert httpx.get(link).headers["location"] == "../../"
    no_key = milepost("link", "--data", str(tmp_path / "other"), "--url", served.url)
    assert (no_key.returncode, no_key.stderr.count("\n")) == (2, 1)
    served.stop(signal.SIGTERM)
    stopped = milepost("link", "--data", str(served.data), "--url", served.url)
    assert (stopped.returncode, stopped.stderr.count("\n")) == (2, 1)
    assert "milepost serve" in stopped.stderr


def test_no_secret_of_a_sign_in_is_logged(served: Served) -> None:
    link = printed_link(served)
    with httpx.Client() as browser:
        browser.get(link)
        browser.get(link)
        csrf = browser.get(f"{served.url}/api/me").json()["csrf_token"]
        headers = {"Origin": served.url, "X-CSRF-Token": csrf}
        ticket = browser.post(f"{served.url}/api/auth/ticket", headers=headers).json()["ticket"]
        session = browser.cookies["milepost_session"]
    socket = f"{served.url.replace('http', 'ws')}/api/projects/default/workflows/runs/ws?ticket={ticket}"
    with connect(socket) as websocket:
        assert '"hello"' in str(websocket.recv())
    with connect(socket) as websocket, pytest.raises(ConnectionClosed):
        websocket.recv()
    served.stop(signal.SIGTERM)
    log = served.log.read_text()
    assert "started" in log
    for secret in (link.partition("token=")[2], session, ticket, csrf):
        assert secret not in log
