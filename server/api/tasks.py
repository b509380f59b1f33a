"""Routes of a project's tasks."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from milepost.server.api import examples
from milepost.server.api.answers import answer, described
from milepost.server.api.bodies import read_body
from milepost.server.api.models import ChangeTask, NewTask
from milepost.server.api.parameters import Cursor, Limit, Somebody, to_milliseconds
from milepost.server.api.route import Route
from milepost.server.api.services import InProject
from milepost.server.api.shapes.people import Task, TaskPage
from milepost.server.runs.tasks import TaskFilter

Status = Annotated[Literal["open", "done"] | None, Query(description="Only those that are.")]


async def list_tasks(
    call: InProject, status: Status = None, assignee: Somebody = None, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """The project's tasks, newest first; those of `create_task` nodes say of which run and node they are."""
    return answer(await call.services.tasks.page(call.project, TaskFilter(status, assignee), limit, cursor))


async def create(call: InProject) -> Response:
    """A task that no run asked for."""
    new, _ = await read_body(call.request, NewTask, call.services.settings.max_body_bytes)
    fields = _fields({name: getattr(new, name) for name in NewTask.model_fields})
    return answer(await call.services.tasks.create(call.actor, call.project, fields), 201)


async def show(call: InProject, task_id: UUID) -> Response:
    """One task."""
    return answer(await call.services.tasks.get(call.project, str(task_id)))


async def change(call: InProject, task_id: UUID) -> Response:
    """Change what is in the body. `done_by` and `done_at` say who was the first to say that it is done."""
    form, _ = await read_body(call.request, ChangeTask, call.services.settings.max_body_bytes)
    changes = _fields({name: getattr(form, name) for name in form.model_fields_set})
    return answer(await call.services.tasks.change(call.actor, call.project, str(task_id), changes))


async def delete(call: InProject, task_id: UUID) -> Response:
    """Delete a task, done or not."""
    await call.services.tasks.delete(call.project, str(task_id))
    return Response(status_code=204)


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    """What a body says, with its time in milliseconds."""
    if given.get("due") is not None:
        given["due"] = to_milliseconds(given["due"], "due")
    return given


def routes() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=Route, prefix="/api/projects/{project_id}/tasks", tags=["inbox"])
    add = router.add_api_route
    one = "/{task_id:uuid}"
    listed = examples.page(examples.TASK)
    add("", list_tasks, **described("GET", "List tasks", example=listed, answers=TaskPage, errors=(400,)))
    add(
        "",
        create,
        **described(
            "POST",
            "Create a task",
            status=201,
            example={**examples.TASK, "run_id": None, "node_id": None, "created_by": "ci"},
            answers=Task,
            body=NewTask,
            body_example={"title": "Call the customer", "assignee": "ada", "due": examples.TIME},
            errors=(400, 413),
        ),
    )
    add(one, show, **described("GET", "Get a task", example=examples.TASK, answers=Task))
    add(
        one,
        change,
        **described(
            "PATCH",
            "Change a task",
            example={**examples.TASK, "status": "done", "done_by": "ada", "done_at": examples.TIME},
            answers=Task,
            body=ChangeTask,
            body_example={"status": "done"},
            errors=(400, 413),
        ),
    )
    add(one, delete, **described("DELETE", "Delete a task", status=204))
    return router
