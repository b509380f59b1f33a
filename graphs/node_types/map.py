"""The node type `map`: a node or a workflow for each item of a list. How the items run is in `fan_out`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field

from milepost.graphs.children import Reference, reference
from milepost.graphs.context import NodeContext
from milepost.graphs.definition import NodeSpec, Placed, Retry, Seconds, Strict, VariableName
from milepost.graphs.expressions.scope import CONSTANTS, ROOTS, SECRETS
from milepost.graphs.failures import NodeError
from milepost.graphs.node_types.base import Config, Inner, NodeType
from milepost.graphs.node_types.subworkflow import Subworkflow
from milepost.graphs.problems import Problem, step_into

INDEX = "index"
"""The name of an item's place in the list, from 0."""

TAKEN = {*ROOTS, SECRETS, *CONSTANTS, INDEX, "true", "false", "none", "True", "False", "None"}
TAKEN |= {"and", "or", "not", "in", "is", "if", "else"}
SHOWN = 100
"""Items of a list that an execution's input shows; of a longer one only the length."""


class ItemNode(Strict):
    """What is run for each item: a node without a place in the graph."""

    type: str = Field(description="A node type.")
    config: dict[str, Any] = Field(
        default_factory=dict, description="What the type needs; its expressions see the item too, and `index`."
    )
    timeout: Seconds | None = Field(default=None, description="Seconds for each attempt at an item.")
    retry: Retry | None = Field(default=None, description="How often an item that failed is tried again.")


class ItemWorkflow(Config):
    """The workflow that is run for each item; without `input` it gets an object with the item under its name."""

    workflow_id: str = Field(min_length=1, description="The workflow's id.")
    version: int | None = Field(default=None, ge=1, description="Without one: the latest when the definition is saved.")
    input: Any = Field(
        default=None, description="What it starts with. Without it: an object with the item under its name."
    )


class MapConfig(Config):
    """`over`: the list, or an expression; `as`: the name of its items; either `node` or `workflow` runs for each."""

    over: Any = Field(description="The list: an expression, with braces or without, or the items themselves.")
    item_name: VariableName = Field(default="item", alias="as", description="What expressions call an item.")
    node: ItemNode | None = Field(default=None, description="The node that runs for each item.")
    workflow: ItemWorkflow | None = Field(
        default=None, description="Instead of `node`: the workflow that runs for each item."
    )
    max_concurrency: int | None = Field(
        default=None, ge=1, description="How many items run at once; at most 100, or 25 where a workflow runs for each."
    )
    on_item_error: Literal["stop", "continue"] = Field(
        default="stop",
        description="`stop`: an item that fails fails the node. `continue`: its result is its error, the others go on.",
    )


class Map(NodeType[MapConfig]):
    """Runs a node or a workflow for each item of a list and gives the results in the list's order."""

    name = "map"
    title = "For each"
    description = "Runs a node or a workflow for each item of a list, many at once, and gives the results in its order."
    output = '`{"items": […], "counts": {"total", "completed", "failed"}}`'
    config_model = MapConfig
    either = frozenset({"over"})
    unresolved = frozenset({"node", "workflow", "as", "on_item_error"})

    async def run(self, ctx: NodeContext[MapConfig]) -> Mapping[str, Any]:
        """Never called: a compiled definition runs the items itself."""
        raise NodeError("invalid_config", "a map runs inside a compiled definition", retryable=False)

    def shown(self, config: Any) -> Any:
        """Not the items of a long list."""
        over = config.get("over") if isinstance(config, Mapping) else None
        return {**config, "over": {"length": len(over)}} if isinstance(over, list) and len(over) > SHOWN else config

    def uses(self, config: Mapping[str, Any], path: str) -> Iterable[Reference]:
        """The workflow that is run for each item."""
        workflow = config.get("workflow")
        return reference(workflow, step_into(path, "workflow")) if isinstance(workflow, Mapping) else ()

    def holds(self, config: Mapping[str, Any], path: str) -> Iterable[tuple[str, Mapping[str, Any], str]]:
        """The node that is run for each item."""
        node = config.get("node")
        if isinstance(node, Mapping) and isinstance(node.get("config"), Mapping) and isinstance(node.get("type"), str):
            yield node["type"], node["config"], f"{step_into(path, 'node')}.config"

    def body(self, config: Mapping[str, Any], path: str) -> Inner | None:
        """What is run for each item, and the names that it sees more."""
        written = MapConfig.model_validate({**config, "over": [], "max_concurrency": None})
        given = {written.item_name: f"{{{{ {written.item_name} }}}}"}
        names = {written.item_name, INDEX}
        return inner(written.node, config.get("workflow"), path, given, written.on_item_error, names)

    def check(self, config: Mapping[str, Any], path: str) -> Iterable[Problem]:
        """Exactly one of `node` and `workflow`; a name for the items that means nothing else."""
        if (config.get("node") is None) == (config.get("workflow") is None):
            yield Problem(path, "invalid_value", "map needs either node or workflow")
        if config.get("as") in TAKEN:
            yield Problem(step_into(path, "as"), "invalid_value", f"{config['as']!r} means something else")
        node = config.get("node")
        if isinstance(node, Mapping) and node.get("type") in (Map.name, Subworkflow.name):
            where = step_into(step_into(path, "node"), "type")
            yield Problem(where, "invalid_value", f"a {node['type']} stands in a workflow of its own: use `workflow`")


def inner(
    node: ItemNode | None,
    workflow: Mapping[str, Any] | None,
    path: str,
    given: Any,
    on_error: Literal["stop", "continue"],
    names: Iterable[str],
) -> Inner:
    """What is run inside a node that stands at `path`: a node, or a workflow, which without `input` gets `given`."""
    if node is not None:
        place = step_into(path, "node")
        spec = NodeSpec(
            id="item", type=node.type, config=node.config, timeout=node.timeout, retry=node.retry, on_error=on_error
        )
        return Placed(place, spec), f"{place}.config", frozenset(names)
    config = {"input": given, **(workflow or {})}
    place = step_into(path, "workflow")
    spec = NodeSpec(id="item", type=Subworkflow.name, config=config, on_error=on_error)
    return Placed(place, spec), place, frozenset(names)
