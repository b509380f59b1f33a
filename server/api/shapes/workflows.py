"""Workflows, their versions, their graphs, what node types there are."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from milepost.server.api.shapes.checkpoints import Change
from milepost.server.api.shapes.values import Id, Object, Page, ProblemItem, Time
from milepost.server.states import RunStatus


class Concurrency(TypedDict):
    """How many runs of a workflow may run at once."""

    max_concurrent_runs: int
    concurrency_key: str | None
    on_limit: Literal["queue", "reject"]


class WorkflowSummary(TypedDict):
    """A workflow as lists show it."""

    workflow_id: Id
    project_id: Id
    kind: Literal["definition", "python"]
    name: str
    description: str
    latest_version: int
    created_at: Time
    updated_at: Time
    archived_at: Time | None
    concurrency: Concurrency | None


class WorkflowPage(Page):
    """A page of workflows, newest first."""

    items: list[WorkflowSummary]


class Workflow(WorkflowSummary):
    """A workflow with one of its versions. `pins` has the versions of the workflows inside by their ids."""

    version: int
    version_created_at: Time
    definition: Object
    pins: dict[str, int]
    warnings: list[ProblemItem]


class OlderRunCount(TypedDict):
    """How many runs of one version have a status."""

    version: int
    status: RunStatus
    count: int


class OlderRun(TypedDict):
    """A run that stays with an earlier version."""

    run_id: Id
    version: int
    status: RunStatus


class OlderRuns(TypedDict):
    """The runs of earlier versions that have not ended: their number, and the oldest of them."""

    total: int
    counts: list[OlderRunCount]
    runs: list[OlderRun]
    cut: bool


class RevisedWorkflow(Workflow):
    """A workflow with the version that was just stored."""

    older_runs: OlderRuns


class WorkflowVersion(TypedDict):
    """A version of a workflow."""

    version: int
    created_at: Time


class WorkflowVersionPage(Page):
    """A page of versions, newest first."""

    items: list[WorkflowVersion]


class NamedNode(TypedDict):
    """A node of a definition, without its config."""

    id: str
    type: NotRequired[str]
    name: NotRequired[str]


class ChangedNode(TypedDict):
    """What is different about a node."""

    id: str
    changes: list[Change]


class NodeDifferences(TypedDict):
    """Nodes that came, went or changed."""

    added: list[NamedNode]
    removed: list[NamedNode]
    changed: list[ChangedNode]


class EdgeDifferences(TypedDict):
    """Edges that came or went, as definitions write them."""

    added: list[Object]
    removed: list[Object]


class DefinitionDiff(TypedDict):
    """What is different between two definitions."""

    equal: bool
    nodes: NodeDifferences
    edges: EdgeDifferences
    keys: list[Change]
    reordered: list[Literal["nodes", "edges"]]
    cut: bool


VersionPair = TypedDict("VersionPair", {"from": int, "to": int})


class VersionDiff(DefinitionDiff, VersionPair):
    """What is different between two versions of a workflow; `pins` are the versions of the workflows inside."""

    workflow_id: Id
    pins: list[Change]


class ValidationResult(TypedDict):
    """Every error and warning of a definition."""

    valid: bool
    errors: list[ProblemItem]
    warnings: list[ProblemItem]


class GraphNode(TypedDict):
    """A node as the graph draws it; `id` is its whole path, `parent/child` inside a workflow."""

    id: str
    type: str
    name: str


class GraphEdge(TypedDict):
    """An edge; `back` closes a loop, `when` is there if it is conditional."""

    source: str
    target: str
    back: bool
    when: NotRequired[Any]


class Graph(TypedDict):
    """The nodes and edges of a version."""

    workflow_id: Id
    version: int
    nodes: list[GraphNode]
    edges: list[GraphEdge]


class NodeType(TypedDict):
    """A node type with the JSON Schema of its config."""

    type: str
    title: str
    description: str
    output: str
    branching: bool
    side_effects: bool
    config_schema: Object


class RefusedNodeType(TypedDict):
    """A node type that a package names and could not give."""

    type: str
    package: str
    path: str
    error: str


class NodeTypes(Page):
    """Every node type."""

    items: list[NodeType]
    failed: list[RefusedNodeType]


class GraphFailure(TypedDict):
    """Why a Python graph is not served."""

    type: str
    message: str
    traceback: str


class PythonGraph(TypedDict):
    """A graph of the langgraph.json: which workflow it is, or why it is not served."""

    name: str
    path: str
    served: bool
    workflow_id: Id | None
    version: int | None
    error: GraphFailure | None


class PythonGraphs(Page):
    """All graphs of the langgraph.json."""

    items: list[PythonGraph]
