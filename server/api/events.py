"""A run's events over HTTP: a page as JSON, or a stream of Server-Sent Events."""

import asyncio
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Header, Query
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from milepost.server.api import examples
from milepost.server.api.answers import NO_EXAMPLE, described
from milepost.server.api.following import STUCK, Follower, first_of
from milepost.server.api.parameters import MAX_SEQ, Limit
from milepost.server.api.route import Route
from milepost.server.api.services import Call, InProject
from milepost.server.api.shapes.events import EventPage
from milepost.server.api.sockets import failure
from milepost.server.errors import BadRequest, NotAuthenticated, Unavailable, ViewerTooSlow
from milepost.server.hub.frame import Frame

STREAM = "text/event-stream"

log = structlog.get_logger("milepost.api")


async def events(
    call: InProject,
    run_id: UUID,
    *,
    after: Annotated[int, Query(ge=0, le=MAX_SEQ, description="Events behind this `seq`.")] = 0,
    limit: Limit = 500,
    accept: Annotated[str, Header(description="`text/event-stream` for a stream.")] = "",
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", max_length=16, pattern=r"^\d+$", description="Wins over `after`.")
    ] = None,
) -> Response:
    """What happened, in order. As JSON a page; as Server-Sent Events everything, live, until the run has ended."""
    if STREAM not in accept:
        return await _page(call, str(run_id), after, limit)
    run = await call.services.read.run(call.project, str(run_id))
    start = min(int(last_event_id), MAX_SEQ) if last_event_id else after
    if start > run.last_seq:
        raise BadRequest(f"the last event is {run.last_seq}, not {start}")
    if last_event_id and run.ended and start == run.last_seq and not call.services.dispatcher.active(run.run_id):
        # The answer that keeps an EventSource from connecting again and again to a run that has ended.
        return Response(status_code=204)
    return EventStream(call, run.run_id, start)


async def _page(call: Call, run_id: str, after: int, limit: int) -> Response:
    run, found = await call.services.read.events(call.project, run_id, after, limit)
    last = found[-1].seq if found else after
    mark = b'"%d"' % last if last < run.last_seq else b"null"
    items = b",".join(event.wire for event in found)
    body = b'{"items":[%b],"next_cursor":%b,"last_seq":%d}' % (items, mark, run.last_seq)
    return Response(body, media_type="application/json")


class EventStream(Response):
    """The stream of one run to one client."""

    def __init__(self, call: Call, run_id: str, after: int) -> None:
        super().__init__(media_type=STREAM, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._services = call.services
        self._actor = call.actor
        self._project = call.project
        self._run_id = run_id
        self._after = after
        self._send: Send
        self._blocked_since: float | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the run has ended, the client leaves or does not read, or the server stops.

        Raises:
            ProjectLimit: the project has as many streams as it may; nothing was sent.
        """
        self._send = send
        async with self._services.quotas.socket(self._project):
            await self._serve(receive, send)

    async def _serve(self, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        self._services.metrics.socket(1)
        try:
            await self._stream(receive)
        except (ClientDisconnect, OSError):
            return
        except ViewerTooSlow:
            self._services.metrics.viewer_dropped()
            return
        except (Unavailable, NotAuthenticated) as ended:
            # Without a terminal event: the client comes back with its Last-Event-ID, and is told then who may not.
            log.debug("stream ended early", run_id=self._run_id, code=ended.code)
        finally:
            self._services.metrics.socket(-1)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def events(self, frame: Frame) -> None:
        """Send a batch."""
        lines = [
            b"id: %d\nevent: %b\ndata: %b\n\n" % (event.seq, event.type.encode(), event.wire) for event in frame.events
        ]
        await self._write(b"".join(lines))

    async def heartbeat(self, last_seq: int) -> None:
        """Send a comment to who may still be there."""
        await self._services.credentials.sessions.check(self._actor)
        await self._write(b": %d\n\n" % last_seq)

    async def _stream(self, receive: Receive) -> None:
        async with self._services.hub.subscribe(self._run_id, self._after) as subscription:
            run = await self._services.read.run(self._project, self._run_id)
            follower = Follower(subscription, run, self._services.dispatcher, self)

            def tick() -> None:
                if self._blocked_since is not None and asyncio.get_running_loop().time() - self._blocked_since > STUCK:
                    raise ViewerTooSlow
                follower.beat()

            await first_of(
                asyncio.create_task(_until_end(follower)),
                asyncio.create_task(_until_gone(receive)),
                asyncio.create_task(failure(subscription)),
                tick=tick,
            )

    async def _write(self, body: bytes) -> None:
        self._blocked_since = asyncio.get_running_loop().time()
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        self._blocked_since = None


async def _until_end(follower: Follower) -> None:
    await follower.follow()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise ClientDisconnect


def routes() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(
        route_class=Route, prefix="/api/projects/{project_id}/workflows/runs/{run_id:uuid}", tags=["events"]
    )
    router.add_api_route(
        "/events",
        events,
        **described(
            "GET",
            "A run's events",
            example={**examples.page(examples.EVENT), "last_seq": 5},
            answers=EventPage,
            also={204: NO_EXAMPLE},
            errors=(400, 429),
        ),
    )
    return router
