"""Routes of a project's notifications."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from milepost.server.api import examples
from milepost.server.api.answers import answer, described
from milepost.server.api.bodies import read_body
from milepost.server.api.models import ReadNotifications
from milepost.server.api.parameters import Cursor, Limit, Somebody
from milepost.server.api.route import Route
from milepost.server.api.services import InProject
from milepost.server.api.shapes.people import NotificationPage, ReadCount
from milepost.server.runs.notifications import NotificationFilter

Unread = Annotated[bool, Query(description="Only those that nobody has read.")]


async def list_notifications(
    call: InProject, unread: Unread = False, to: Somebody = None, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """What `send_notification` nodes told people in the channel `in_app`, newest first."""
    return answer(await call.services.notifications.page(call.project, NotificationFilter(unread, to), limit, cursor))


async def read(call: InProject) -> Response:
    """Note that some were read, or all; ids that the project does not have are ignored."""
    form, _ = await read_body(call.request, ReadNotifications, call.services.settings.max_body_bytes)
    notifications = call.services.notifications
    if form.ids is None:
        count = await notifications.read_all(call.project, form.to)
    else:
        count = await notifications.read(call.project, [str(each) for each in form.ids])
    return answer({"read": count})


def routes() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=Route, prefix="/api/projects/{project_id}/notifications", tags=["inbox"])
    listed = examples.page(examples.NOTIFICATION)
    router.add_api_route(
        "",
        list_notifications,
        **described("GET", "List notifications", example=listed, answers=NotificationPage, errors=(400,)),
    )
    router.add_api_route(
        "",
        read,
        **described(
            "PATCH",
            "Mark notifications as read",
            example={"read": 1},
            answers=ReadCount,
            body=ReadNotifications,
            body_example={"ids": [examples.TASK_ID]},
            errors=(400, 413),
        ),
    )
    return router
