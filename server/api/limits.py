"""Routes of a project's limits."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from milepost.server.api import examples
from milepost.server.api.answers import answer, described
from milepost.server.api.bodies import read_body
from milepost.server.api.models import ConcurrencyForm, LimitsForm
from milepost.server.api.route import Route
from milepost.server.api.services import InProject
from milepost.server.api.shapes.projects import Limits
from milepost.server.errors import InvalidRequest
from milepost.server.runs.concurrency import ConcurrencyRule


def rule_of(form: ConcurrencyForm | None) -> ConcurrencyRule | None:
    """A workflow's rule as the use cases take it."""
    if form is None:
        return None
    return ConcurrencyRule(form.max_concurrent_runs, form.concurrency_key, form.on_limit)


async def show(call: InProject) -> Response:
    """The project's limits with what is used of each (null: no limit), and its workflows that have one."""
    return answer(await call.services.quotas.show(call.project))


async def change(call: InProject) -> Response:
    """Set limits; only with the owner's key. What the body leaves out stays as it is."""
    form, _ = await read_body(call.request, LimitsForm, call.services.settings.max_body_bytes)
    limits = {name: getattr(form, name) for name in form.model_fields_set - {"workflows"}}
    rules = {_id(name): rule_of(each) or ConcurrencyRule() for name, each in form.workflows.items()}
    return answer(await call.services.quotas.change(call.actor, call.project, limits, rules))


def _id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError as error:
        message = f"{text!r} is not a workflow's id"
        problem = {"path": "workflows", "code": "invalid_id", "message": message}
        raise InvalidRequest(message, errors=[problem]) from error


def routes() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=Route, prefix="/api/projects/{project_id}/limits", tags=["projects"])
    add = router.add_api_route
    add("", show, **described("GET", "A project's limits", example=examples.LIMITS, answers=Limits))
    add(
        "",
        change,
        **described(
            "PATCH",
            "Set limits",
            example=examples.LIMITS,
            answers=Limits,
            body=LimitsForm,
            body_example={
                "live_runs": 1000,
                "running_runs": 8,
                "workflows": {examples.WORKFLOW_ID: examples.CONCURRENCY},
            },
            errors=(400, 403, 413),
        ),
    )
    return router
