"""The node type `subworkflow`: runs another workflow of the project in place. How it runs is in `nested`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from milepost.graphs.children import Reference, reference
from milepost.graphs.context import NodeContext
from milepost.graphs.failures import NodeError
from milepost.graphs.node_types.base import Config, NodeType
from milepost.graphs.problems import Problem, step_into


class SubworkflowConfig(Config):
    """`version`: without one, the latest when the workflow around it is saved. `input`: what the child starts with."""

    workflow_id: str = Field(min_length=1, description="The workflow's id.")
    version: int | None = Field(default=None, ge=1, description="Without one: the latest when the definition is saved.")
    input: dict[str, Any] = Field(default_factory=dict, description="What the workflow starts with.")


class Subworkflow(NodeType[SubworkflowConfig]):
    """Another workflow as one node. What it gives is the node's output; one that is no object is its `value`."""

    name = "subworkflow"
    title = "Workflow"
    description = "Runs another workflow of the project as one node."
    output = 'what the workflow gives if it is an object, otherwise `{"value": …}`'
    config_model = SubworkflowConfig

    async def run(self, ctx: NodeContext[SubworkflowConfig]) -> Mapping[str, Any]:
        """Never called: a compiled definition runs the child itself."""
        raise NodeError("invalid_config", "a subworkflow runs inside a compiled definition", retryable=False)

    def uses(self, config: Mapping[str, Any], path: str) -> Iterable[Reference]:
        """The child."""
        return reference(config, path)

    def check(self, config: Mapping[str, Any], path: str) -> Iterable[Problem]:
        """The child is known when the definition is saved, so its id and version are no expressions."""
        yield from fixed(config, path)


def fixed(config: Mapping[str, Any], path: str) -> Iterable[Problem]:
    """A problem for each of `workflow_id` and `version` that is computed."""
    for key in ("workflow_id", "version"):
        if "{{" in str(config.get(key)):
            yield Problem(step_into(path, key), "invalid_value", "cannot be computed: it is looked up when saved")
