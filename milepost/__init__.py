"""Milepost: durable LangGraph runs, watched live, paused, resumed, forked and cancelled at any moment."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import milepost.checkpoints  # noqa: F401 - first: it makes langgraph strict about types, which is read at its import

if TYPE_CHECKING:
    from milepost.graphs.node_types import Config, NodeType
    from milepost.server.embedding import Milepost, RunHandle, RunResult

__all__ = ["Config", "Milepost", "NodeType", "RunHandle", "RunResult"]

_HOME = {
    "Config": "milepost.graphs.node_types",
    "NodeType": "milepost.graphs.node_types",
    "Milepost": "milepost.server.embedding",
    "RunHandle": "milepost.server.embedding",
    "RunResult": "milepost.server.embedding",
}


def __getattr__(name: str) -> Any:
    """The public names, loaded when they are first used: a program that needs one part does not wait for the others."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
