"""Rows that the API's tests start from, written through the store's own units."""

from dataclasses import replace
from typing import Any

import orjson
from uuid_utils import uuid7

from milepost.server.engine.nodes import Node, state_rows
from milepost.server.states import Action, NodeStatus
from milepost.server.store.rows import Event, Project, Run
from milepost.server.store.statements import event, statement, to_json, transition
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

DEFINITION: dict[str, Any] = {
    "name": "Two steps",
    "nodes": [
        {"id": "first", "type": "process", "config": {"operation": "passthrough"}},
        {"id": "second", "type": "output", "config": {"value": "{{ outputs.first }}"}},
    ],
    "edges": [{"source": "first", "target": "second"}],
}


def new_id() -> str:
    """A fresh id as the server makes them."""
    return str(uuid7())


async def seed_project(store: Store, slug: str = "default") -> Project:
    """A project."""
    project = Project(new_id(), slug, slug.title(), store.clock())
    await store.commit(
        Unit(
            [
                statement(
                    "insert_project", project_id=project.project_id, slug=slug, name=project.name, now=store.clock()
                )
            ]
        )
    )
    return project


async def seed_workflow(store: Store, project: Project, definition: dict[str, Any] | None = None) -> str:
    """A workflow with one version; its id."""
    workflow_id, now = new_id(), store.clock()
    text = orjson.dumps(definition or DEFINITION).decode()
    await store.commit(
        Unit(
            [
                statement(
                    "insert_workflow",
                    workflow_id=workflow_id,
                    project_id=project.project_id,
                    name="Two steps",
                    description="",
                    now=now,
                ),
                statement("insert_version", workflow_id=workflow_id, version=1, definition=text, pins="{}", now=now),
            ]
        )
    )
    return workflow_id


async def seed_run(store: Store, project: Project, workflow_id: str, *actions: Action, **changes: Any) -> Run:
    """A run that went through ``actions``; ``changes`` are columns of the last one."""
    run_id, now = new_id(), store.clock()
    await store.commit(
        Unit(
            [
                statement(
                    "insert_run",
                    run_id=run_id,
                    project_id=project.project_id,
                    workflow_id=workflow_id,
                    version=1,
                    input=to_json({"topic": "tea"}),
                    metadata=to_json({"label": "seeded"}),
                    checkpoint_id=None,
                    parent_run_id=None,
                    forked_from=None,
                    created_at=now,
                    priority=0,
                    start_at=None,
                    dry_run=None,
                    seen_max=0,
                    seen_key="",
                )
            ]
        )
    )
    await append(store, await store.run(run_id), "run.created")
    for number, action in enumerate(actions):
        await move(store, await store.run(run_id), action, **(changes if number == len(actions) - 1 else {}))
    return await store.run(run_id)


_EVENT_OF = {
    Action.EXECUTE: "run.queued",
    Action.CLAIM: "run.started",
    Action.PAUSE: "run.paused",
    Action.RESUME: "run.resumed",
    Action.CANCEL: "run.cancelled",
    Action.RETRY: "run.queued",
    Action.PARK: "run.waiting",
    Action.ANSWER: "run.queued",
    Action.WAKE: "run.queued",
    Action.RELEASE: "run.queued",
    Action.FINISH: "run.completed",
    Action.FAIL: "run.failed",
}


async def move(store: Store, run: Run, action: Action, **changes: Any) -> Run:
    """Bring a run to where ``action`` leads, with its event."""
    if action is Action.CLAIM:
        changes = {"owner": "seed", **changes}
    after, written = transition(run, action, store.clock(), **changes)
    await store.commit(Unit([written], [event(after, _EVENT_OF[action], store.clock())]))
    return replace(after, last_seq=run.last_seq + 1)


async def append(store: Store, run: Run, *types: str, node_id: str | None = None, **data: Any) -> tuple[Event, ...]:
    """Append events to a run's log in one unit."""
    return await store.commit(Unit([], [event(run, type_, store.clock(), data, node_id=node_id) for type_ in types]))


def running_node(run_id: str, node_id: str) -> Unit:
    """The unit that makes a node RUNNING."""
    return Unit([*state_rows(run_id, [(node_id, Node(NodeStatus.RUNNING, attempt=1, iterations=1, started_at=1))])])
