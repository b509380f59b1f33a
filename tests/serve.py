"""A real server with the probes' node types, for tests and benchmarks: settings come from ``MILEPOST_…`` variables.

Prints one JSON line, ``{"url", "key"}``, when the port is open. Exits 2, with the reason on
stderr, if it must not start.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from milepost.graphs import NodeType
from milepost.server import logs
from milepost.server.app import build
from milepost.server.config import load_settings
from milepost.server.errors import StartRefused
from milepost.server.serving import run
from milepost.server.store.store import wall_clock
from tests.probes import registry


def main(types: Iterable[type[NodeType[Any]]] = ()) -> int:
    """Serve until a signal, with ``types`` as well; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.serve")
    parser.add_argument("--data", type=Path, required=True, help="data directory")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--clock-offset", type=int, default=0, metavar="MS", help="added to the wall clock")
    options = parser.parse_args()
    try:
        settings = load_settings(data=options.data, port=options.port, examples=False)
        known = registry()
        for node_type in types:
            known.register(node_type)
        app = build(settings, known, _clock(options.clock_offset))
        logs.configure(settings.log_level, sys.stderr, app.veils)
        run(app, _announce)
    except StartRefused as refusal:
        sys.stderr.write(f"{refusal.detail}\n")
        return 2
    return 0


def _clock(offset: int) -> Callable[[], int]:
    return (lambda: wall_clock() + offset) if offset else wall_clock


def _announce(url: str, key: str) -> None:
    sys.stdout.write(json.dumps({"url": url, "key": key}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
