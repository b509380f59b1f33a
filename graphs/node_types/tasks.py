"""The node type `create_task`: something for a person to do, in the project's list."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, StringConstraints

from milepost.graphs.context import NodeContext
from milepost.graphs.node_types.approval import Name
from milepost.graphs.node_types.base import Config, NodeType

MAX_TITLE = 200
MAX_TEXT = 10_000

Title = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TITLE, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT, pattern=r"^[^\x00]*$")]


class CreateTaskConfig(Config):
    """`due`: a time with its zone, like `2030-01-01T09:00:00Z`."""

    title: Title = Field(description="What is to be done.")
    description: Text = Field(default="", description="More of it.")
    assignee: Name | None = Field(default=None, description="Whose task it is.")
    due: AwareDatetime | None = Field(default=None, description="Until when: a time with its zone.")


class CreateTask(NodeType[CreateTaskConfig]):
    """The task is stored together with the node's result: once, however often the node is stopped."""

    name = "create_task"
    title = "Create a task"
    description = "Puts a task into the project's list."
    output = '`{"task_id", "title", "assignee", "due"}`'
    config_model = CreateTaskConfig
    side_effects = True

    async def run(self, ctx: NodeContext[CreateTaskConfig]) -> Mapping[str, Any]:
        """The task: `{"task_id", "title", "assignee", "due"}`."""
        config = ctx.config
        task_id = row_id(ctx.idempotency_key)
        due = None if config.due is None else round(config.due.timestamp() * 1000)
        ctx.keep(
            "task",
            task_id=task_id,
            title=config.title,
            description=config.description,
            assignee=config.assignee,
            due=due,
        )
        return {"task_id": task_id, **_told(config)}

    def simulate(self, ctx: NodeContext[CreateTaskConfig]) -> Mapping[str, Any]:
        """The task that there would be, without an id."""
        return {"simulated": True, "task_id": None, **_told(ctx.config)}


def row_id(key: str) -> str:
    """The id of what an execution stores, always the same for the same key."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, key))


def _told(config: CreateTaskConfig) -> dict[str, Any]:
    due = None if config.due is None else config.due.astimezone(UTC)
    return {"title": config.title, "assignee": config.assignee, "due": due and _shown(due)}


def _shown(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
