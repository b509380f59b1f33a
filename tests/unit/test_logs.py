"""What never gets into a log: keys, credentials, whatever stands under a secret's name."""

import logging
import secrets
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import structlog

from milepost.server.logs import MASK, Veils, configure, mask

SECRET = "mp_" + secrets.token_urlsafe(32)


@pytest.mark.parametrize(
    "entry",
    [
        {"event": f"key {SECRET} was refused"},
        {"event": "request", "headers": {"Authorization": f"Bearer {SECRET}", "x-api-key": SECRET}},
        {"event": "request", "headers": [("cookie", "a"), f"bearer {SECRET[3:]}"]},
        {"event": "failed", "exception": f"Traceback …\n  KeyError: {SECRET!r}"},
        {"event": "failed", "error": ValueError(SECRET)},
        {"event": "failed", "raw": SECRET.encode()},
        {"event": "made", "secret": SECRET[3:]},
        {"event": "deep", "a": {"b": [{"c": {"token": SECRET[3:]}}]}},
    ],
)
def test_a_secret_is_masked_wherever_it_stands(entry: dict[str, Any]) -> None:
    shown = str(mask(None, "info", entry))
    assert SECRET not in shown
    assert SECRET[3:] not in shown
    assert MASK in shown


def test_what_is_no_secret_stays_as_it_is() -> None:
    entry = {
        "event": "started",
        "url": "http://127.0.0.1:8000",
        "runs": 3,
        "lag": 0.5,
        "node_id": None,
        "key_id": "01a1",
    }
    assert mask(None, "info", entry) == entry


@pytest.fixture
def configured() -> Iterator[StringIO]:
    """The stream that is logged to until the test ends."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = StringIO()
    configure("info", stream, Veils())
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_log_that_nobody_takes_any_more_stops_nothing(configured: StringIO) -> None:
    log = structlog.get_logger("milepost.test")
    log.error("first")
    assert "first" in configured.getvalue()
    configured.close()
    log.error("second")
    log.error("third", exc_info=ValueError("x"))
