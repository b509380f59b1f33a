"""The server of `tests.serve` under an audit hook: what it connects to and opens for writing is listed in a file.

The list stands beside the data directory. uvloop connects without Python's socket module, so its loop is watched too.
"""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import uvloop

from milepost.graphs.context import NodeContext
from milepost.graphs.node_types import Config, NodeType
from tests import serve

SEEN = "seen"
"""The name of the list."""

WATCHED = frozenset({"socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.system"})
CHANGING = frozenset({"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"})


class ReachConfig(Config):
    """Where to connect to, and what file to write."""

    port: int
    file: str


class Reach(NodeType[ReachConfig]):
    """Has effects outside."""

    name: ClassVar[str] = "reach"
    config_model = ReachConfig
    side_effects: ClassVar[bool] = True

    def run(self, ctx: NodeContext[ReachConfig]) -> Mapping[str, Any]:
        """Connects and writes."""
        with socket.create_connection(("127.0.0.1", ctx.config.port)):
            Path(ctx.config.file).write_text("reached")
        return {}


def watch(data: Path) -> Callable[[str], None]:
    """List what happens from now on outside the directory ``data``; gives what adds to the list."""
    inside = (str(data.absolute()), os.path.realpath(data), "/dev/null")
    listed = os.open(data.with_name(SEEN), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def told(line: str) -> None:
        os.write(listed, f"{line}\n".encode())

    def hook(name: str, arguments: tuple[Any, ...]) -> None:
        if name in WATCHED:
            told(f"{name} {arguments[1:]!r}")
        elif (name in CHANGING or (name == "open" and _writes(arguments))) and isinstance(arguments[0], (str, bytes)):
            path = os.path.abspath(os.fsdecode(arguments[0]))
            if not path.startswith(inside):
                told(f"{name} {path}")

    sys.addaudithook(hook)
    return told


def _writes(arguments: tuple[Any, ...]) -> bool:
    _, mode, flags = arguments
    return any(mark in (mode or "") for mark in "wax+") or bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def main() -> int:
    """Serve as `tests.serve` does."""
    sys.dont_write_bytecode = True
    told = watch(Path(sys.argv[sys.argv.index("--data") + 1]))

    class Loop(uvloop.Loop):
        async def create_connection(self, *arguments: Any, **more: Any) -> Any:
            told(f"socket.connect {arguments[1:3]!r}")
            return await super().create_connection(*arguments, **more)

        async def sock_connect(self, sock: Any, address: Any) -> Any:
            told(f"socket.connect {address!r}")
            return await super().sock_connect(sock, address)

    vars(uvloop)["new_event_loop"] = Loop
    return serve.main((Reach,))


if __name__ == "__main__":
    sys.exit(main())
