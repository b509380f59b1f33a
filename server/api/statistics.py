"""Routes of figures about many runs."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from milepost.server.api import examples, figure_examples
from milepost.server.api.answers import answer, described
from milepost.server.api.parameters import Cursor, Limit, to_milliseconds
from milepost.server.api.route import Route
from milepost.server.api.services import InProject
from milepost.server.api.shapes.figures import ProjectStatistics, WorkflowStatistics

Since = Annotated[
    str | None,
    Query(
        max_length=40, description="ISO 8601, at most 366 days ago; default: seven days ago.", examples=[examples.TIME]
    ),
]


async def of_project(call: InProject, since: Since = None, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """Counts by status, success rate, durations and nodes of a project, and the same of each workflow, newest first.

    ``limit`` and ``cursor`` page the workflows; archived ones count in the totals only, dry runs nowhere.
    """
    began = to_milliseconds(since, "since") if since else None
    return answer(await call.services.statistics.of_project(call.project, began, limit, cursor))


async def of_workflow(call: InProject, workflow_id: UUID, since: Since = None) -> Response:
    """Counts by status, success rate, durations, slowest nodes and failures by node of one workflow."""
    began = to_milliseconds(since, "since") if since else None
    return answer(await call.services.statistics.of_workflow(call.project, str(workflow_id), began))


def routes() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=Route, prefix="/api/projects/{project_id}/workflows", tags=["workflows"])
    add = router.add_api_route
    add(
        "/stats",
        of_project,
        **described(
            "GET",
            "A project's figures",
            example=figure_examples.PROJECT_STATISTICS,
            answers=ProjectStatistics,
            errors=(400,),
        ),
    )
    add(
        "/{workflow_id:uuid}/stats",
        of_workflow,
        **described(
            "GET",
            "A workflow's figures",
            example=figure_examples.WORKFLOW_STATISTICS,
            answers=WorkflowStatistics,
        ),
    )
    return router
