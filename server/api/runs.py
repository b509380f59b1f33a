"""Routes that make and read runs. Commands on them are in ``run_control``, their live events in ``events``."""

import hashlib
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from milepost.server.api import examples
from milepost.server.api.answers import answer, described
from milepost.server.api.bodies import read_body
from milepost.server.api.models import CreateRun
from milepost.server.api.parameters import Cursor, Limit, Search, Wait, timing_of, to_milliseconds
from milepost.server.api.route import Route
from milepost.server.api.services import InProject
from milepost.server.api.shapes.runs import (
    CreatedRun,
    MapItemPage,
    NodeExecutionPage,
    Run,
    RunPage,
    Status,
    Why,
)
from milepost.server.errors import InvalidRequest
from milepost.server.runs.start import NewRun
from milepost.server.runs.summaries import Json
from milepost.server.states import NodeStatus, RunStatus
from milepost.server.store.listings import Order, RunFilter, Sort

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="The same key and body give the first answer again, for 24 hours.",
    ),
]
Time = Annotated[str | None, Query(max_length=40, description="ISO 8601.", examples=[examples.TIME])]


async def create(call: InProject, wait: Wait = 0, idempotency_key: IdempotencyKey = None) -> Response:
    """Make a run, PENDING; with `execute` it starts at once, and with `wait` the answer comes when it has ended."""
    body, raw = await read_body(call.request, CreateRun, call.services.settings.max_body_bytes)
    timing = timing_of(body)
    new = NewRun(
        workflow_id=str(body.workflow_id),
        version=body.version,
        input=body.input_data,
        metadata=body.metadata,
        execute=body.execute,
        priority=timing.priority or 0,
        start_at=timing.start_at,
        idempotency_key=idempotency_key,
        body_hash=hashlib.sha256(raw).hexdigest() if idempotency_key else "",
    )
    if wait > 0 and body.execute:
        made = await call.services.start.create_and_wait(call.actor, call.project, new, wait)
    else:
        made = await call.services.start.create(call.actor, call.project, new)
    return Response(made, 201, media_type="application/json")


async def list_runs(
    call: InProject,
    *,
    workflow_id: Annotated[UUID | None, Query(description="Only runs of this workflow.")] = None,
    status: Annotated[list[RunStatus] | None, Query(max_length=8, description="Only these; may be repeated.")] = None,
    started_after: Time = None,
    started_before: Time = None,
    q: Search = None,
    test_mode: Annotated[bool | None, Query(description="Only dry runs, or only the others.")] = None,
    sort: Annotated[Sort, Query(description="What to order by.")] = "created_at",
    order: Annotated[Order, Query(description="Newest or oldest first.")] = "desc",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Execution history, newest first; ``q`` looks into metadata, errors and the beginning of ids."""
    chosen = RunFilter(
        workflow_id=str(workflow_id) if workflow_id else None,
        statuses=tuple(status or ()),
        started_after=to_milliseconds(started_after, "started_after") if started_after else None,
        started_before=to_milliseconds(started_before, "started_before") if started_before else None,
        q=q or None,
        test_mode=test_mode,
        sort=sort,
        order=order,
    )
    return answer(await call.services.read.page(call.project, chosen, limit, cursor))


async def get(
    call: InProject,
    run_id: UUID,
    include_logs: Annotated[bool, Query(description="With its node executions, at most 1,000.")] = False,
    include_metrics: Annotated[bool, Query(description="With durations and counts by node.")] = False,
) -> Response:
    """The whole run."""
    found = await call.services.read.get(
        call.project, str(run_id), include_logs=include_logs, include_metrics=include_metrics
    )
    return answer(found)


async def status(call: InProject, run_id: UUID, wait: Wait = 0) -> Response:
    """Where the run stands and what each node does; with `wait` as soon as it ends, pauses or waits."""
    return answer(await call.services.read.status(call.project, str(run_id), wait))


async def logs(
    call: InProject,
    run_id: UUID,
    *,
    node_id: Annotated[str | None, Query(max_length=600)] = None,
    node_type: Annotated[str | None, Query(max_length=200)] = None,
    failed: Annotated[bool | None, Query(description="Only those that failed, or only the others.")] = None,
    items: Annotated[bool, Query(description="The items of the `map` node `node_id` that have ended.")] = False,
    limit: Limit = 100,
    after: Annotated[str, Query(max_length=100, description="`next_cursor` of the page before.")] = "",
) -> Response:
    """One row for each time a node ran, in order; with `items` one for each item of a `map`."""
    if "\x00" in f"{node_id}{node_type}{after}":
        raise InvalidRequest("a parameter contains a NUL character")
    if items:
        return answer(await _items(call, str(run_id), node_id, failed, limit, after))
    found = await call.services.read.logs(
        call.project, str(run_id), node_id=node_id, node_type=node_type, failed=failed, limit=limit, after=after
    )
    return answer(found)


async def _items(
    call: InProject, run_id: str, node_id: str | None, failed: bool | None, limit: int, after: str
) -> Json:
    if node_id is None:
        raise InvalidRequest("items needs the node_id of a map")
    if after and not after.isdigit():
        raise InvalidRequest("after is the next_cursor of the page before")
    place = int(after[:18]) if after else -1
    return await call.services.read.items(call.project, run_id, node_id, failed=failed, limit=limit, after=place)


async def why(call: InProject, run_id: UUID) -> Response:
    """Why the run is not advancing right now, as one sentence and a code."""
    return answer(await call.services.read.why(call.project, str(run_id)))


def routes() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=Route, prefix="/api/projects/{project_id}/workflows/runs", tags=["runs"])
    add = router.add_api_route
    add(
        "",
        create,
        **described(
            "POST",
            "Create a run",
            status=201,
            example=examples.RUN,
            answers=CreatedRun,
            body=CreateRun,
            body_example={
                "workflow_id": examples.WORKFLOW_ID,
                "input_data": {"name": "Ada"},
                "metadata": {"ticket": "T-1"},
                "execute": True,
                "priority": 1,
                "start_at": examples.TIME,
            },
            errors=(400, 409, 413, 429),
        ),
    )
    add(
        "",
        list_runs,
        **described("GET", "List runs", example=examples.page(examples.RUN_SUMMARY), answers=RunPage, errors=(400,)),
    )
    add("/{run_id:uuid}", get, **described("GET", "Get a run", example=examples.WHOLE_RUN, answers=Run))
    add("/{run_id:uuid}/status", status, **described("GET", "A run's status", example=examples.STATUS, answers=Status))
    add(
        "/{run_id:uuid}/logs",
        logs,
        **described(
            "GET",
            "A run's node executions",
            example=examples.page(examples.EXECUTION),
            answers=(NodeExecutionPage, MapItemPage),
        ),
    )
    add(
        "/{run_id:uuid}/why",
        why,
        **described(
            "GET",
            "Why a run does not advance",
            answers=Why,
            example={
                "run_id": examples.RUN_ID,
                "status": RunStatus.RUNNING,
                "code": "node_running",
                "sentence": f"Node greet has been {NodeStatus.RUNNING.lower()} for 12.0 s.",
                "node_ids": ["greet"],
                "seconds": 12.0,
            },
        ),
    )
    return router
