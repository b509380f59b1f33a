"""Routes of workflows and their versions."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from milepost.server.api import examples
from milepost.server.api.answers import answer, described
from milepost.server.api.bodies import read_body
from milepost.server.api.limits import rule_of
from milepost.server.api.models import Draft, NewVersion, NewWorkflow
from milepost.server.api.parameters import Cursor, Limit, Search, VersionInPath, VersionParameter
from milepost.server.api.route import Route
from milepost.server.api.services import InProject
from milepost.server.api.shapes.workflows import (
    Graph,
    RevisedWorkflow,
    ValidationResult,
    VersionDiff,
    Workflow,
    WorkflowPage,
    WorkflowVersionPage,
)


async def create(call: InProject) -> Response:
    """Store a definition as a new workflow. An invalid one is refused with every problem that it has."""
    new, _ = await read_body(call.request, NewWorkflow, call.services.settings.max_body_bytes)
    made = await call.services.workflows.create(
        call.project, new.name, new.description, new.definition, rule_of(new.concurrency)
    )
    return answer(made, 201)


async def list_workflows(call: InProject, q: Search = None, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """The workflows that are not archived, newest first; ``q`` looks into name and description."""
    return answer(await call.services.workflows.list(call.project, q, limit, cursor))


async def get(call: InProject, workflow_id: UUID, version: VersionParameter = None) -> Response:
    """A workflow with its definition, archived ones included."""
    return answer(await call.services.workflows.get(call.project, str(workflow_id), version))


async def revise(call: InProject, workflow_id: UUID) -> Response:
    """Store a new, immutable version. Runs stay with the version that they were created with.

    ``older_runs`` are those that have not ended: their number by version and status, and the oldest of them.
    """
    new, _ = await read_body(call.request, NewVersion, call.services.settings.max_body_bytes)
    made = await call.services.workflows.revise(
        call.project,
        str(workflow_id),
        new.definition,
        name=new.name,
        description=new.description,
        expected_version=new.expected_version,
        concurrency=rule_of(new.concurrency),
    )
    return answer(made)


async def archive(call: InProject, workflow_id: UUID) -> Response:
    """Take a workflow out of use. Its history stays readable."""
    await call.services.workflows.archive(call.project, str(workflow_id))
    return Response(status_code=204)


async def versions(call: InProject, workflow_id: UUID, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """A workflow's versions, newest first."""
    return answer(await call.services.workflows.versions(call.project, str(workflow_id), limit, cursor))


async def diff(call: InProject, workflow_id: UUID, before: VersionInPath, after: VersionInPath) -> Response:
    """What is different in version ``after`` from version ``before``: nodes, edges and other keys."""
    return answer(await call.services.workflows.diff(call.project, str(workflow_id), before, after))


async def validate(call: InProject) -> Response:
    """Check a definition: all errors and warnings at once, each with its path."""
    draft, _ = await read_body(call.request, Draft, call.services.settings.max_body_bytes)
    return answer(await call.services.workflows.validate(call.project, draft.definition))


async def graph(
    call: InProject,
    workflow_id: UUID,
    drawing: Annotated[Literal["json", "mermaid"], Query(alias="format", description="How to draw it.")] = "json",
    version: VersionParameter = None,
) -> Response:
    """The nodes and edges of a version, as JSON or as a Mermaid flowchart."""
    drawn = await call.services.workflows.graph(call.project, str(workflow_id), version, drawing)
    return Response(drawn, media_type="text/plain") if isinstance(drawn, str) else answer(drawn)


def routes() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=Route, prefix="/api/projects/{project_id}/workflows", tags=["workflows"])
    add = router.add_api_route
    add(
        "",
        create,
        **described(
            "POST",
            "Create a workflow",
            status=201,
            example=examples.WORKFLOW,
            answers=Workflow,
            body=NewWorkflow,
            body_example={
                "name": "Greeting",
                "description": "Says hello.",
                "definition": examples.DEFINITION,
                "concurrency": examples.CONCURRENCY,
            },
            errors=(400, 413),
        ),
    )
    add(
        "",
        list_workflows,
        **described(
            "GET",
            "List workflows",
            example=examples.page(examples.WORKFLOW_SUMMARY),
            answers=WorkflowPage,
            errors=(400,),
        ),
    )
    add(
        "/validate",
        validate,
        **described(
            "POST",
            "Check a definition",
            example={"valid": False, "errors": examples.PROBLEMS, "warnings": []},
            answers=ValidationResult,
            body=Draft,
            body_example={"definition": examples.DEFINITION},
            errors=(400, 413),
        ),
    )
    add("/{workflow_id:uuid}", get, **described("GET", "Get a workflow", example=examples.WORKFLOW, answers=Workflow))
    add(
        "/{workflow_id:uuid}",
        revise,
        **described(
            "PUT",
            "Store a new version",
            example={**examples.WORKFLOW, "version": 2, "latest_version": 2, "older_runs": examples.OLDER_RUNS},
            answers=RevisedWorkflow,
            body=NewVersion,
            body_example={"definition": examples.DEFINITION, "expected_version": 1},
            errors=(400, 409, 413),
        ),
    )
    add("/{workflow_id:uuid}", archive, **described("DELETE", "Archive a workflow", status=204, errors=(409,)))
    add(
        "/{workflow_id:uuid}/versions",
        versions,
        **described(
            "GET",
            "List a workflow's versions",
            example=examples.page({"version": 1, "created_at": examples.TIME}),
            answers=WorkflowVersionPage,
            errors=(400,),
        ),
    )
    add(
        "/{workflow_id:uuid}/versions/{before:int}/diff/{after:int}",
        diff,
        **described("GET", "Compare two versions", example=examples.VERSION_DIFF, answers=VersionDiff),
    )
    add(
        "/{workflow_id:uuid}/graph",
        graph,
        **described(
            "GET",
            "Draw a workflow",
            example={
                "workflow_id": examples.WORKFLOW_ID,
                "version": 1,
                "nodes": [{"id": "greet", "type": "process", "name": "greet"}],
                "edges": [],
            },
            answers=Graph,
        ),
    )
    return router
