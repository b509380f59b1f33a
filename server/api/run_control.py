"""Routes that act on a run."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from starlette.responses import Response

from milepost.graphs.node_types.wait import EVENT_NAME
from milepost.server.api import examples
from milepost.server.api.answers import answer, described
from milepost.server.api.bodies import read_body, read_json
from milepost.server.api.models import Execute, Pause, Rerun, ResumeRun
from milepost.server.api.outcomes import cancelled, executed, paused, resumed, retried
from milepost.server.api.parameters import timing_of
from milepost.server.api.route import Route
from milepost.server.api.services import Call, InProject
from milepost.server.api.shapes.control import Cancelled, EventAccepted, Executed, Paused, Pausing, Resumed, Retried
from milepost.server.api.shapes.runs import Run
from milepost.server.runs.control import Resume

EVENT_BYTES = 65_536
"""Largest payload of an event for a ``wait_event`` node."""

EventName = Annotated[str, Path(pattern=EVENT_NAME, description="What the node waits for.", examples=["paid"])]


def resume_of(body: ResumeRun) -> Resume:
    """A resume as the use case takes it; an answer of null is an answer."""
    return Resume(
        checkpoint_id=str(body.checkpoint_id) if body.checkpoint_id else None,
        answer=body.answer,
        has_answer="answer" in body.model_fields_set,
        answers=body.answers,
        state=body.state,
    )


def _limit(call: Call) -> int:
    return call.services.settings.max_body_bytes


async def execute(call: InProject, run_id: UUID) -> Response:
    """Start a PENDING run. QUEUED in the answer means that a slot, a limit or its time holds it back; it
    starts by itself."""
    body, _ = await read_body(call.request, Execute, _limit(call))
    started = await call.services.start.execute(call.actor, call.project, str(run_id), body.input_data, timing_of(body))
    status, told = executed(started)
    return answer(told, status)


async def cancel(call: InProject, run_id: UUID) -> Response:
    """End a run for good, whatever it does. `still_running` names nodes whose code Python cannot stop."""
    status, told = cancelled(await call.services.control.cancel(call.actor, call.project, str(run_id)))
    return answer(told, status)


async def pause(call: InProject, run_id: UUID) -> Response:
    """Stop at the next checkpoint (`step`), or at once (`now`)."""
    body, _ = await read_body(call.request, Pause, _limit(call))
    outcome = await call.services.control.pause(call.actor, call.project, str(run_id), body.mode, body.wait_seconds)
    status, told = paused(outcome)
    return answer(told, status)


async def resume(call: InProject, run_id: UUID) -> Response:
    """Go on where the run stands, from an earlier checkpoint, or with the answer that it waits for."""
    body, _ = await read_body(call.request, ResumeRun, _limit(call))
    run = await call.services.control.resume(call.actor, call.project, str(run_id), resume_of(body))
    status, told = resumed(run, call.services.clock())
    return answer(told, status)


async def retry(call: InProject, run_id: UUID) -> Response:
    """Let a FAILED run go on from its last checkpoint; completed nodes do not run again."""
    status, told = retried(
        await call.services.control.retry(call.actor, call.project, str(run_id)), call.services.clock()
    )
    return answer(told, status)


async def rerun(call: InProject, run_id: UUID) -> Response:
    """A new run of the same version, with the same input unless another is given."""
    body, _ = await read_body(call.request, Rerun, _limit(call))
    run = await call.services.start.rerun(
        call.actor, call.project, str(run_id), body.input_data, execute=body.execute, timing=timing_of(body)
    )
    return answer(await call.services.read.get(call.project, run.run_id), 201)


async def send_event(call: InProject, run_id: UUID, event: EventName) -> Response:
    """An event for a `wait_event` node, kept until a node consumes it. The body is its payload: any JSON."""
    payload = await read_json(call.request, min(EVENT_BYTES, _limit(call)))
    await call.services.signals.send(call.actor, call.project, str(run_id), event, payload)
    return answer({"run_id": str(run_id), "event": event, "message": "Event accepted"}, 202)


async def delete(call: InProject, run_id: UUID) -> Response:
    """Delete a run that is not live, and everything that it stored."""
    await call.services.control.delete(call.actor, call.project, str(run_id))
    return Response(status_code=204)


def routes() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(
        route_class=Route, prefix="/api/projects/{project_id}/workflows/runs/{run_id:uuid}", tags=["control"]
    )
    add = router.add_api_route
    running = {"run_id": examples.RUN_ID, "status": "RUNNING"}
    add(
        "/execute",
        execute,
        **described(
            "POST",
            "Execute a run",
            status=202,
            example={**running, "started_at": examples.TIME, "message": "Workflow execution started", "ahead": 0},
            answers=Executed,
            body=Execute,
            body_example={"input_data": {"name": "Ada"}, "priority": 1, "start_at": examples.TIME},
            errors=(400, 409, 413, 429),
        ),
    )
    add(
        "/cancel",
        cancel,
        **described(
            "POST",
            "Cancel a run",
            example={
                "run_id": examples.RUN_ID,
                "status": "CANCELLED",
                "cancelled_at": examples.TIME,
                "message": "Workflow execution cancelled",
                "still_running": [],
            },
            answers=Cancelled,
            errors=(400,),
        ),
    )
    add(
        "/pause",
        pause,
        **described(
            "POST",
            "Pause a run",
            example={
                "run_id": examples.RUN_ID,
                "status": "PAUSED",
                "paused_at": examples.TIME,
                "checkpoint_id": examples.CHECKPOINT_ID,
                "message": "Workflow paused at checkpoint",
                "still_running": [],
            },
            answers=Paused,
            also={202: {**running, "pausing": True, "message": "Workflow pauses when its nodes have ended"}},
            also_answers={202: Pausing},
            body=Pause,
            body_example={"mode": "step", "wait_seconds": 10},
            errors=(400, 409, 413),
        ),
    )
    add(
        "/resume",
        resume,
        **described(
            "POST",
            "Resume a run or answer it",
            status=202,
            example={**running, "resumed_at": examples.TIME, "message": "Workflow resumed from checkpoint"},
            answers=Resumed,
            body=ResumeRun,
            body_example={"checkpoint_id": examples.CHECKPOINT_ID},
            errors=(400, 409, 413),
        ),
    )
    add(
        "/retry",
        retry,
        **described(
            "POST",
            "Retry a failed run",
            status=202,
            example={**running, "retried_at": examples.TIME, "message": "Workflow goes on from its last checkpoint"},
            answers=Retried,
            errors=(400, 409, 429),
        ),
    )
    add(
        "/rerun",
        rerun,
        **described(
            "POST",
            "Run it again",
            status=201,
            example=examples.WHOLE_RUN,
            answers=Run,
            body=Rerun,
            body_example={"execute": True},
            errors=(400, 409, 413, 429),
        ),
    )
    add(
        "/events/{event}",
        send_event,
        **described(
            "POST",
            "Send a run an event",
            status=202,
            example={"run_id": examples.RUN_ID, "event": "paid", "message": "Event accepted"},
            answers=EventAccepted,
            body_example={"amount": 12},
            errors=(400, 413),
        ),
    )
    add("", delete, **described("DELETE", "Delete a run", status=204, errors=(409,)))
    return router
