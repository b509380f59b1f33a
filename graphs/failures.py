"""How a node fails: one error with a stable code, and a traceback that shows the author's frames only."""

from __future__ import annotations

import importlib
import traceback as tracebacks
from collections.abc import Callable
from pathlib import Path

import langchain_core
import langgraph

from milepost.graphs.veil import Veil

MAX_TRACEBACK = 16_384
MAX_MESSAGE = 4096
HIDDEN = (
    str(Path(__file__).parent),
    *langgraph.__path__,
    str(Path(langchain_core.__file__).parent),
    str(Path(importlib.__file__).parent),
    "<frozen",
)


class NodeFailure(Exception):
    """A node that failed for good. `code` is stable; `type` is the name of the error's class."""

    def __init__(
        self,
        code: str,
        type: str,
        message: str,
        node_id: str,
        traceback: str = "",
        retry_after: float | None = None,
    ) -> None:
        message = storable(message)
        super().__init__(f"{node_id}: {message}")
        self.code = code
        self.type = type
        self.message = message
        self.node_id = node_id
        self.traceback = storable(traceback)
        self.retry_after = retry_after
        """Seconds that the next attempt should wait at least."""


class NodeError(Exception):
    """Raised by a node type to fail with a code of its own. `retryable` False: trying again would not help.

    `retry_after`: seconds that the next attempt waits at least.
    """

    kind = ""
    """What the failure's type is, where it is not the name of this class."""
    traceback = ""
    """The traceback of what failed, where that was not in this process."""

    def __init__(self, code: str, message: str, *, retryable: bool = True, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.retry_after = retry_after


class TimedOut(NodeError):
    """Nobody answered, or no event came, in time. Takes the node's `when: "timeout"` edges; without one it fails."""

    def __init__(self, message: str) -> None:
        super().__init__("timeout", message, retryable=False)


def failure_of(error: BaseException, node_id: str, veil: Veil | None = None) -> NodeFailure:
    """The failure that an exception from a node's code means; that of a node inside it as it is."""
    cover = _as_it_is if veil is None else veil.text
    if isinstance(error, NodeFailure):
        return error if veil is None else _covered(error, cover)
    known = error if isinstance(error, NodeError) else NodeError("node_error", "")
    kind, message = cover(known.kind or type(error).__name__), message_of(error, cover)
    traceback = cover(known.traceback) or author_traceback(error, cover)
    return NodeFailure(storable(cover(known.code)), storable(kind), message, node_id, traceback, known.retry_after)


def _as_it_is(text: str) -> str:
    return text


def _covered(failure: NodeFailure, cover: Callable[[str], str]) -> NodeFailure:
    code, kind, message = cover(failure.code), cover(failure.type), cover(failure.message)
    return NodeFailure(code, kind, message, failure.node_id, cover(failure.traceback), failure.retry_after)


def message_of(error: BaseException, cover: Callable[[str], str] = _as_it_is) -> str:
    """What an exception says, as text that can be stored; the name of its class where it says nothing.

    It is covered before it is cut: what the cut left of a secret would not be recognised.
    """
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - the author's own __str__
        message = ""
    return storable(cover(message)[:MAX_MESSAGE]) or cover(type(error).__name__)


def storable(text: str) -> str:
    """The text with a question mark for each character that is half of one, which JSON could not carry."""
    return text.encode("utf-8", "replace").decode()


def author_traceback(error: BaseException, cover: Callable[[str], str] = _as_it_is) -> str:
    """The traceback's text without Milepost's and LangGraph's own frames, at most 16 KiB."""
    shown = tracebacks.TracebackException.from_exception(error, limit=-50, capture_locals=False)
    part: tracebacks.TracebackException | None = shown
    while part is not None:
        kept = [frame for frame in part.stack if not frame.filename.startswith(HIDDEN)]
        part.stack = tracebacks.StackSummary.from_list(kept)
        part = part.__cause__ or part.__context__
    return storable(cover("".join(shown.format()))[-MAX_TRACEBACK:])
