"""Finds the node in whose code a thread is, from its stack. Reads frames, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from types import FrameType

from milepost.graphs.execution import NodeRunner
from milepost.graphs.python.executing import STEP_CODES

_CODE = NodeRunner.__call__.__code__


@dataclass(frozen=True, slots=True)
class Blocking:
    """A node that is executing, and the id of its run."""

    node_id: str
    run_id: str


def blocking_node(frame: FrameType | None) -> Blocking | None:
    """The node whose code `frame`, the innermost of a thread's stack, belongs to; None when there is none."""
    while frame is not None:
        if frame.f_code is _CODE:
            runner, runtime = frame.f_locals["self"], frame.f_locals["runtime"]
            return Blocking(runner.plan.id, str(runtime.context.run.get("id", "")))
        if frame.f_code in STEP_CODES:
            node = frame.f_locals["self"].node
            return Blocking(node.node_id, node.run_id)
        frame = frame.f_back
    return None
