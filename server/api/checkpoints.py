"""Routes of a run's checkpoints: history, one state, differences, forks, edits."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from milepost.server.api import examples
from milepost.server.api.answers import answer, described
from milepost.server.api.bodies import read_body
from milepost.server.api.models import EditState, ForkRun
from milepost.server.api.parameters import Cursor, Limit, timing_of
from milepost.server.api.route import Route
from milepost.server.api.services import InProject
from milepost.server.api.shapes.checkpoints import CheckpointDiff, CheckpointPage, CheckpointState, EditedState
from milepost.server.api.shapes.runs import Run
from milepost.server.runs.cursors import make_cursor, read_cursor
from milepost.server.runs.history import checkpoint_summary


async def list_checkpoints(call: InProject, run_id: UUID, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """Every checkpoint of the run, newest first; `superseded` ones were left by time travel."""
    before = read_cursor(cursor, int)[0] if cursor else None
    rows = await call.services.history.checkpoints(call.project, str(run_id), limit + 1, before)
    mark = make_cursor(rows[limit - 1].ordinal) if len(rows) > limit else None
    return answer({"items": [checkpoint_summary(row) for row in rows[:limit]], "next_cursor": mark})


async def get(call: InProject, run_id: UUID, checkpoint_id: UUID) -> Response:
    """One checkpoint with its state."""
    return answer(await call.services.history.checkpoint(call.project, str(run_id), str(checkpoint_id)))


async def diff(
    call: InProject,
    run_id: UUID,
    before: Annotated[UUID, Query(alias="from", description="A checkpoint.", examples=[examples.EARLIER_ID])],
    after: Annotated[UUID, Query(alias="to", description="Another.", examples=[examples.CHECKPOINT_ID])],
) -> Response:
    """What changed from one checkpoint to another, path by path."""
    return answer(await call.services.history.diff(call.project, str(run_id), str(before), str(after)))


async def fork(call: InProject, run_id: UUID) -> Response:
    """A new run that starts from a checkpoint of this one, which stays as it is."""
    body, _ = await read_body(call.request, ForkRun, call.services.settings.max_body_bytes)
    made = await call.services.fork.fork(
        call.actor,
        call.project,
        str(run_id),
        str(body.checkpoint_id),
        body.state,
        execute=body.execute,
        timing=timing_of(body),
    )
    return answer(await call.services.read.get(call.project, made.run_id), 201)


async def edit(call: InProject, run_id: UUID) -> Response:
    """Change a PAUSED run's state: a new checkpoint, from which the run goes on."""
    body, _ = await read_body(call.request, EditState, call.services.settings.max_body_bytes)
    return answer(await call.services.edit.edit(call.actor, call.project, str(run_id), body.values, body.as_node))


def routes() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(
        route_class=Route, prefix="/api/projects/{project_id}/workflows/runs/{run_id:uuid}", tags=["checkpoints"]
    )
    add = router.add_api_route
    add(
        "/checkpoints",
        list_checkpoints,
        **described(
            "GET",
            "List a run's checkpoints",
            example=examples.page(examples.CHECKPOINT),
            answers=CheckpointPage,
            errors=(400,),
        ),
    )
    add(
        "/checkpoints/diff",
        diff,
        **described(
            "GET",
            "Compare two checkpoints",
            answers=CheckpointDiff,
            example={
                "from": examples.EARLIER_ID,
                "to": examples.CHECKPOINT_ID,
                "changes": [{"path": "outputs.greet", "op": "added", "to": {"value": "Hello Ada"}}],
                "cut": False,
            },
        ),
    )
    add(
        "/checkpoints/{checkpoint_id:uuid}",
        get,
        **described(
            "GET",
            "Get a checkpoint",
            example={**examples.CHECKPOINT, "values": examples.STATE, "cut": False},
            answers=CheckpointState,
        ),
    )
    add(
        "/fork",
        fork,
        **described(
            "POST",
            "Fork a run",
            status=201,
            example={
                **examples.WHOLE_RUN,
                "run_id": examples.FORK_ID,
                "parent_run_id": examples.RUN_ID,
                "forked_from": examples.CHECKPOINT_ID,
            },
            answers=Run,
            body=ForkRun,
            body_example={"checkpoint_id": examples.CHECKPOINT_ID, "execute": True},
            errors=(400, 413),
        ),
    )
    add(
        "/state",
        edit,
        **described(
            "PATCH",
            "Edit a paused run's state",
            example={
                "checkpoint_id": examples.CHECKPOINT_ID,
                "step": 2,
                "next": ["done"],
                "values": {**examples.STATE, "variables": {"tone": "formal"}},
            },
            answers=EditedState,
            body=EditState,
            body_example={"values": {"variables": {"tone": "formal"}}},
            errors=(400, 409, 413),
        ),
    )
    return router
