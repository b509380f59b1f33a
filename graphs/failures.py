"""How a node fails: one error with a stable code, and a traceback that shows the author's frames only."""

from __future__ import annotations

import traceback as tracebacks
from pathlib import Path

import langchain_core
import langgraph

MAX_TRACEBACK = 16_384
HIDDEN = (
    str(Path(__file__).parent),
    *langgraph.__path__,
    str(Path(langchain_core.__file__).parent),
    "<frozen",
)


class NodeFailure(Exception):
    """A node that failed for good. `code` is stable; `type` is the name of the error's class."""

    def __init__(self, code: str, type: str, message: str, node_id: str, traceback: str = "") -> None:
        message = storable_text(message)
        super().__init__(f"{node_id}: {message}")
        self.code = code
        self.type = type
        self.message = message
        self.node_id = node_id
        self.traceback = storable_text(traceback)


class NodeError(Exception):
    """Raised by a node type to fail with a code of its own. `retryable` False: trying again would not help."""

    def __init__(self, code: str, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class TimedOut(NodeError):
    """Nobody answered, or no event came, in time. Takes the node's `when: "timeout"` edges; without one it fails."""

    def __init__(self, message: str) -> None:
        super().__init__("timeout", message, retryable=False)


def failure_of(error: BaseException, node_id: str) -> NodeFailure:
    """The failure that an exception from a node's code means; that of a node inside it as it is."""
    if isinstance(error, NodeFailure):
        return error
    code = error.code if isinstance(error, NodeError) else "node_error"
    message = str(error) or type(error).__name__
    return NodeFailure(code, type(error).__name__, message[:4096], node_id, author_traceback(error))


def storable_text(text: str) -> str:
    """``text`` with marks in place of what has no encoding, such as a half of a pair in the name of a file."""
    return text.encode("utf-8", "replace").decode()


def author_traceback(error: BaseException) -> str:
    """The traceback's text without Milepost's and LangGraph's own frames, at most 16 KiB."""
    shown = tracebacks.TracebackException.from_exception(error, limit=-50, capture_locals=False)
    part: tracebacks.TracebackException | None = shown
    while part is not None:
        kept = [frame for frame in part.stack if not frame.filename.startswith(HIDDEN)]
        part.stack = tracebacks.StackSummary.from_list(kept)
        part = part.__cause__ or part.__context__
    return "".join(shown.format())[-MAX_TRACEBACK:]
