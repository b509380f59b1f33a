"""The route that compares two runs."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from milepost.server.api import examples, figure_examples
from milepost.server.api.answers import answer, described
from milepost.server.api.route import Route
from milepost.server.api.services import InProject
from milepost.server.api.shapes.comparison import Comparison

Compared = Annotated[UUID, Query(description="A run of the project, in any status.", examples=[examples.RUN_ID])]


async def compare(call: InProject, left: Compared, right: Compared) -> Response:
    """Two runs node by node, where they part first, and how inputs, outputs and definitions differ."""
    return answer(await call.services.compare.runs(call.project, str(left), str(right)))


def routes() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=Route, prefix="/api/projects/{project_id}/workflows/runs", tags=["runs"])
    shown = figure_examples.COMPARISON
    router.add_api_route("/compare", compare, **described("GET", "Compare two runs", example=shown, answers=Comparison))
    return router
