"""The route of dry runs."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from milepost.server.api import examples
from milepost.server.api.answers import answer, described
from milepost.server.api.bodies import read_body
from milepost.server.api.models import DryRunForm
from milepost.server.api.route import Route
from milepost.server.api.services import InProject
from milepost.server.api.shapes.runs import Trace
from milepost.server.runs.dry_runs import DryRun


async def test(call: InProject, workflow_id: UUID) -> Response:
    """Run it to its end without side effects or waits, and answer what every node did."""
    body, _ = await read_body(call.request, DryRunForm, call.services.settings.max_body_bytes)
    asked = DryRun(
        str(workflow_id),
        body.input_data,
        body.version,
        body.definition,
        body.answers,
        body.timeout_seconds,
        str(body.replay_run_id) if body.replay_run_id else None,
    )
    return answer(await call.services.dry_runs.test(call.actor, call.project, asked))


def routes() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=Route, prefix="/api/projects/{project_id}/workflows", tags=["workflows"])
    router.add_api_route(
        "/{workflow_id:uuid}/test",
        test,
        **described(
            "POST",
            "Dry run",
            example=examples.TRACE,
            answers=Trace,
            body=DryRunForm,
            body_example={
                "input_data": {"name": "Ada"},
                "answers": {"approve": {"publish": True}},
                "timeout_seconds": 30,
            },
            errors=(400, 409, 413, 429, 504),
        ),
    )
    return router
