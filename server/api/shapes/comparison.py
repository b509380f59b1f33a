"""Two runs compared."""

from typing import Literal

from typing_extensions import TypedDict

from milepost.server.api.shapes.checkpoints import Change
from milepost.server.api.shapes.runs import RunSummary
from milepost.server.api.shapes.values import Id, Time
from milepost.server.api.shapes.workflows import DefinitionDiff
from milepost.server.states import NodeStatus

Difference = Literal["only_left", "only_right", "input", "status", "output", "error"]


class ComparedRun(RunSummary):
    """One of the two runs."""

    workflow_name: str
    duration_ms: int | None


class CommonAncestor(TypedDict):
    """The run that both come from, and where each left it; null where it is that run."""

    run_id: Id
    left_checkpoint_id: Id | None
    right_checkpoint_id: Id | None


class ComparedStep(TypedDict):
    """One execution of a node; `inherited` from the run that this one was forked from."""

    run_id: Id
    node_execution_id: str
    position: int
    node_type: str
    status: NodeStatus
    attempt: int
    started_at: Time
    duration_ms: int | None
    inherited: bool


class Differences(TypedDict):
    """How two JSON values differ, path by path; `cut` where there is more."""

    equal: bool
    changes: list[Change]
    cut: bool


class PathRow(TypedDict):
    """Executions that answer to one another, and in what they differ."""

    node_id: str
    execution: int
    left: ComparedStep | None
    right: ComparedStep | None
    differs: list[Difference | Literal["unfinished"]]


class Divergence(TypedDict):
    """Where the runs part first."""

    position: int
    node_id: str
    because: Difference
    left: ComparedStep | None
    right: ComparedStep | None
    input: Differences
    output: Differences


class ComparedNode(TypedDict):
    """What one node of one of the runs came to."""

    status: NodeStatus
    executions: int
    failed: int
    attempts: int
    duration_ms: int


class NodeRow(TypedDict):
    """A node in both runs; null where a run has no such node."""

    node_id: str
    left: ComparedNode | None
    right: ComparedNode | None
    same: bool


class Comparison(TypedDict):
    """Two runs node by node, and how their inputs, outputs and definitions differ."""

    left: ComparedRun
    right: ComparedRun
    common_ancestor: CommonAncestor | None
    first_divergence: Divergence | None
    path: list[PathRow]
    path_cut: bool
    nodes: list[NodeRow]
    nodes_cut: bool
    input: Differences
    output: Differences
    definition: DefinitionDiff
