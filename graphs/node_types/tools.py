"""The tools of an `ai` node: nodes and workflows that its model may run. How they run is in `tool_loop`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from milepost.graphs.children import Reference, reference
from milepost.graphs.node_types.base import Config, Inner
from milepost.graphs.node_types.map import ItemNode, ItemWorkflow, Map, inner
from milepost.graphs.node_types.subworkflow import Subworkflow, fixed
from milepost.graphs.problems import Problem, step_into
from milepost.graphs.schemas import schema_problems

ARGS = "args"
"""The name of what the model gives a tool."""

ToolName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]


class Tool(Config):
    """What a model may run: `node` or `workflow`. `parameters`: a JSON Schema of what the model gives, `args`."""

    name: ToolName = Field(description="What the model calls it.")
    description: str = Field(default="", max_length=10_000, description="What the model is told of it.")
    parameters: dict[str, Any] | None = Field(
        default=None,
        description="A JSON Schema of what the model gives, `args`; of a workflow, by default its `input_schema`.",
    )
    node: ItemNode | None = Field(default=None, description="The node that the tool is.")
    workflow: ItemWorkflow | None = Field(default=None, description="Instead of `node`: the workflow that the tool is.")


def tool_bodies(config: Mapping[str, Any], path: str) -> Iterable[tuple[str, Inner]]:
    """What each tool runs, by its name. A tool that fails tells the model, so none fails its node."""
    for index, written in enumerate(config.get("tools") or ()):
        tool = Tool.model_validate(written)
        place = f"{step_into(path, 'tools')}[{index}]"
        yield tool.name, inner(tool.node, written.get("workflow"), place, f"{{{{ {ARGS} }}}}", "continue", {ARGS})


def tool_nodes(config: Mapping[str, Any], path: str) -> Iterable[tuple[str, Mapping[str, Any], str]]:
    """Type, config and its path of each tool that is a node, as far as the config has the right shape."""
    for place, tool in _written(config, path):
        node = tool.get("node")
        if isinstance(node, Mapping) and isinstance(node.get("config"), Mapping) and isinstance(node.get("type"), str):
            yield node["type"], node["config"], f"{place}.node.config"


def tool_workflows(config: Mapping[str, Any], path: str) -> Iterable[Reference]:
    """The workflow of each tool that is one, as far as the config has the right shape."""
    for place, tool in _written(config, path):
        if isinstance(tool.get("workflow"), Mapping):
            yield from reference(tool["workflow"], f"{place}.workflow")


def _written(config: Mapping[str, Any], path: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    tools = config.get("tools")
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        if isinstance(tool, Mapping):
            yield f"{step_into(path, 'tools')}[{index}]", tool


def tool_problems(tools: Sequence[Mapping[str, Any]], path: str) -> Iterable[Problem]:
    """Names that stand twice, tools that are nothing or two things, and parameters that are no object's schema."""
    names: set[str] = set()
    for index, tool in enumerate(tools):
        place = step_into(path, index)
        if tool["name"] in names:
            yield Problem(f"{place}.name", "duplicate_id", f"there is more than one tool {tool['name']!r}")
        names.add(tool["name"])
        yield from _body_problems(tool, place)
        parameters = tool.get("parameters")
        if parameters is not None:
            yield from schema_problems(parameters, f"{place}.parameters")
            if parameters.get("type") != "object":
                yield Problem(f"{place}.parameters", "invalid_schema", 'what a model gives is of "type": "object"')


def _body_problems(tool: Mapping[str, Any], path: str) -> Iterable[Problem]:
    node, workflow = tool.get("node"), tool.get("workflow")
    if (node is None) == (workflow is None):
        yield Problem(path, "invalid_value", "a tool needs either node or workflow")
    if node is not None and node["type"] in (Map.name, Subworkflow.name):
        where = f"{path}.node.type"
        yield Problem(where, "invalid_value", f"a {node['type']} stands in a workflow of its own: use `workflow`")
    if workflow is not None:
        yield from fixed(workflow, f"{path}.workflow")
