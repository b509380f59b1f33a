"""The route of a project's inbox."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from milepost.server.api import examples
from milepost.server.api.answers import answer, described
from milepost.server.api.parameters import Cursor, Limit
from milepost.server.api.route import Route
from milepost.server.api.services import InProject
from milepost.server.api.shapes.people import QuestionPage

Assignee = Annotated[
    str | None,
    Query(max_length=200, pattern=r"^[^|\x00]+$", description="Only questions that name them, or nobody."),
]


async def inbox(call: InProject, assignee: Assignee = None, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """Open questions of the project's runs, those asked first first. Answer one with its run's `resume`."""
    return answer(await call.services.inbox.page(call.project, assignee, limit, cursor))


def routes() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=Route, prefix="/api/projects/{project_id}/inbox", tags=["inbox"])
    asked = examples.page(examples.ASKED)
    router.add_api_route(
        "", inbox, **described("GET", "Open questions", example=asked, answers=QuestionPage, errors=(400,))
    )
    return router
