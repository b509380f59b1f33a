"""The tasks of a project: what its runs, or people, ask people to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from uuid_utils import uuid7

from milepost.server.access.keys import Identity
from milepost.server.errors import GuardFailed, NotFound
from milepost.server.runs.cursors import LAST, make_cursor, read_cursor
from milepost.server.runs.summaries import Json, task_json
from milepost.server.store.rows import Project, Task
from milepost.server.store.statements import statement
from milepost.server.store.store import Store
from milepost.server.store.unit import Returned, Returning, Unit


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks; None: any."""

    status: str | None = None
    assignee: str | None = None


_STATEMENTS = {
    (False, None): "list_tasks",
    (False, "open"): "list_tasks_of_status",
    (False, "done"): "list_tasks_of_status",
    (True, None): "list_tasks_of_assignee",
    (True, "open"): "list_open_tasks_of_assignee",
    (True, "done"): "list_tasks_of_assignee",
}
"""By whether one person's are wanted, and of which status: each reads an index of its own."""


class Tasks:
    """Lists, makes, changes and deletes tasks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, project: Project, chosen: TaskFilter, limit: int, cursor: str | None) -> Json:
        """A page of the tasks, newest first.

        Raises:
            BadRequest: the cursor is not one of this list's.
        """
        created_at, task_id = read_cursor(cursor, int, str) if cursor else LAST
        rows = await self._store.fetch(
            _STATEMENTS[chosen.assignee is not None, chosen.status],
            project_id=project.project_id,
            created_at=created_at,
            task_id=task_id,
            assignee=chosen.assignee,
            status=chosen.status,
            limit=limit + 1,
        )
        tasks = [Task(*row) for row in rows]
        last = tasks[limit - 1] if len(tasks) > limit else None
        mark = make_cursor(last.created_at, last.task_id) if last else None
        return {"items": [task_json(task) for task in tasks[:limit]], "next_cursor": mark}

    async def get(self, project: Project, task_id: str) -> Json:
        """A task.

        Raises:
            NotFound.
        """
        row = await self._store.fetch_one("get_task", task_id=task_id, project_id=project.project_id)
        if row is None:
            raise _missing(task_id)
        return task_json(Task(*row))

    async def create(self, actor: Identity, project: Project, fields: Mapping[str, Any]) -> Json:
        """A new task; ``fields`` are its title, description, assignee and due (epoch milliseconds)."""
        task_id = str(uuid7())
        made = statement(
            "insert_task",
            1,
            task_id=task_id,
            project_id=project.project_id,
            run_id=None,
            node_id=None,
            created_by=actor.name,
            now=self._store.clock(),
            **fields,
        )
        await self._store.commit(Unit([made]))
        return await self.get(project, task_id)

    async def change(self, actor: Identity, project: Project, task_id: str, changes: Mapping[str, Any]) -> Json:
        """The task after the changes, those of its fields that are named. Others that change it meanwhile lose nothing.

        Raises:
            NotFound.
        """
        if not changes:
            return await self.get(project, task_id)
        new = {name: changes.get(name) for name in ("title", "description", "assignee", "due", "status")}
        returned = Returned()
        change = statement(
            "change_task",
            1,
            task_id=task_id,
            project_id=project.project_id,
            changed=f"|{'|'.join(changes)}|",
            actor=actor.name,
            now=self._store.clock(),
            **new,
        )
        try:
            await self._store.commit(Unit([Returning(change, returned)]))
        except GuardFailed as error:
            raise _missing(task_id) from error
        return task_json(Task(*returned.rows[0]))

    async def delete(self, project: Project, task_id: str) -> None:
        """Delete a task.

        Raises:
            NotFound.
        """
        try:
            gone = statement("delete_task", 1, task_id=task_id, project_id=project.project_id)
            await self._store.commit(Unit([gone]))
        except GuardFailed as error:
            raise _missing(task_id) from error


def _missing(task_id: str) -> NotFound:
    return NotFound(f"there is no task {task_id} in this project")
