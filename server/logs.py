"""How the server logs: structlog on stderr, standard logging through it, secrets masked. Set up once, by `serve`."""

import logging
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO, cast
from weakref import WeakSet

import structlog
from structlog.typing import EventDict, Processor

from milepost.graphs.veil import Veil

_SECRETS = re.compile(r"\bmp_[A-Za-z0-9_-]{20,}|(?i:\b(bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}")
_SECRET_NAMES = frozenset(
    {
        "authorization",
        "cookie",
        "csrf_token",
        "key",
        "password",
        "secret",
        "set-cookie",
        "ticket",
        "token",
        "x-api-key",
        "x-csrf-token",
    }
)
_DEEPEST = 8
MASK = "***"


class Veils:
    """What covers the secrets of runs: each counts as long as some code lives that may know them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._veils: WeakSet[Veil] = WeakSet()

    def add(self, veil: Veil) -> None:
        """An attempt with secrets begins."""
        with self._lock:
            self._veils.add(veil)

    def cover(self, _: Any, __: str, entry: EventDict) -> EventDict:
        """The entry without the values of secrets."""
        with self._lock:
            veils = list(self._veils)
        for veil in veils:
            entry = veil.value(entry)
        return entry


def configure(level: str, stream: TextIO, veils: Veils) -> None:
    """Log what is at least ``level`` (debug, info, warning, error) to ``stream``: JSON lines, or text on a terminal."""
    number, lines = logging.getLevelNamesMapping()[level.upper()], _Lines(stream)
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = [structlog.processors.format_exc_info, mask, veils.cover, _renderer(stream.isatty())]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", lines)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries say at info what nobody asked for, and at debug what may hold the content of requests.
    root.setLevel(max(number, logging.WARNING))


class _Lines:
    """Writes to a stream, as long as there is somebody at its other end: a log that is gone stops no run."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def mask(_: Any, __: str, entry: EventDict) -> EventDict:
    """The entry without secrets: values under a secret's name, and whatever looks like a key in any text."""
    return {name: _masked(name, value, _DEEPEST) for name, value in entry.items()}


def _masked(name: str, value: Any, depth: int) -> Any:
    if name.lower() in _SECRET_NAMES:
        return MASK
    if isinstance(value, str):
        return _SECRETS.sub(MASK, value)
    if isinstance(value, (bool, int, float, type(None))):
        return value
    if depth and isinstance(value, Mapping):
        return {str(key): _masked(str(key), item, depth - 1) for key, item in value.items()}
    if depth and isinstance(value, (list, tuple)):
        return [_masked("", item, depth - 1) for item in value]
    return _SECRETS.sub(MASK, str(value))


def _renderer(terminal: bool) -> Processor:
    if terminal:
        return structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"], drop_missing=True)
    return structlog.processors.JSONRenderer()
