"""WebSockets: one run's events with commands, and a project's list of runs."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import structlog
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.utils import ClientDisconnected

from milepost.server.access.keys import Identity
from milepost.server.api.bodies import check, parse_json
from milepost.server.api.following import HEARTBEAT, STUCK, Follower, first_of
from milepost.server.api.models import Pause, ResumeRun, Strict
from milepost.server.api.outcomes import cancelled, paused, resumed
from milepost.server.api.parameters import MAX_SEQ
from milepost.server.api.peer import Peer
from milepost.server.api.problems import problem
from milepost.server.api.run_control import resume_of
from milepost.server.api.services import Services
from milepost.server.errors import BadRequest, MilepostError, NotFound, ViewerTooSlow
from milepost.server.hub.frame import Frame
from milepost.server.hub.subscription import ProjectSubscription, Subscription
from milepost.server.store.rows import Project, iso

MAX_COMMANDS = 8
"""Commands of one socket that may be under way."""

CHUNK = 100
"""Runs that a project's viewer is told of with one look at the store."""

log = structlog.get_logger("milepost.api")


@dataclass(frozen=True, slots=True)
class Entry:
    """An accepted socket: what it may call, who is there, in which project."""

    services: Services
    actor: Identity
    project: Project
    websocket: WebSocket
    peer: Peer


class Session(ABC):
    """What both kinds of socket share: messages, supervision, the end."""

    def __init__(self, entry: Entry) -> None:
        self.services = entry.services
        self.actor = entry.actor
        self.project = entry.project
        self.peer = entry.peer
        self._websocket = entry.websocket

    @abstractmethod
    async def serve(self) -> None:
        """Serve until there is nothing left to send, or raise why the socket is to be closed."""

    async def check(self) -> None:
        """Look whether the viewer may still be there: a socket outlives a request by far.

        Raises:
            NotAuthenticated: its key was revoked, or its session has ended.
        """
        await self.services.credentials.sessions.check(self.actor)

    async def finish(self) -> None:
        """Let what was begun end; the socket is closed."""
        return

    async def receive(self) -> dict[str, Any]:
        """The next message of the client: a JSON object.

        Raises:
            BadRequest: it is none.
        """
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text = message.get("text")
        if text is None:
            raise BadRequest("messages are JSON texts")
        value = parse_json(text)
        if not isinstance(value, dict):
            raise BadRequest("a message is a JSON object with a `type`")
        return value

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send a message."""
        await self.peer.send(orjson.dumps(message))

    def check_reads(self) -> None:
        """Refuse to wait longer for a viewer that does not read.

        Raises:
            ViewerTooSlow.
        """
        if self.peer.blocked_for() > STUCK:
            raise ViewerTooSlow(f"nothing was read for {STUCK:.0f} s")


class RunSession(Session):
    """A viewer of one run."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry)
        self._run_id = _run_id(entry.websocket)
        self._commands: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Send the run's events and obey commands until the run has ended or the client leaves."""
        # Before anything else: whether there is such a run in this project.
        await self.services.read.run(self.project, self._run_id)
        after = _after(self._websocket)
        async with self.services.hub.subscribe(self._run_id, after) as subscription:
            run = await self.services.read.run(self.project, self._run_id)
            if after > run.last_seq:
                raise BadRequest(f"after is {after}, but the last event is {run.last_seq}")
            now = iso(self.services.clock())
            await self.send({"type": "hello", "run": run.status, "last_seq": run.last_seq, "server_time": now})
            follower = Follower(subscription, run, self.services.dispatcher, self)
            await first_of(
                asyncio.create_task(self._follow(follower)),
                asyncio.create_task(self._obey()),
                asyncio.create_task(failure(subscription)),
                tick=lambda: self._tick(follower),
            )

    async def finish(self) -> None:
        """Wait for the commands under way: one that is cut in the middle would leave the engine untold."""
        while self._commands:
            await asyncio.wait(self._commands)

    async def events(self, frame: Frame) -> None:
        """Send a batch, encoded once for all viewers."""
        await self.peer.send_encoded(frame.encoded(self.peer.encode))

    async def heartbeat(self, last_seq: int) -> None:
        """Send a sign of life to who may still be there."""
        await self.check()
        await self.send({"type": "heartbeat", "last_seq": last_seq})

    def _tick(self, follower: Follower) -> None:
        self.check_reads()
        follower.beat()

    async def _follow(self, follower: Follower) -> None:
        last_seq = await follower.follow()
        while self._commands:
            # A command may be what ended the run: its result comes before the end.
            await asyncio.wait(self._commands)
        await self.send({"type": "end", "last_seq": last_seq})

    async def _obey(self) -> None:
        while True:
            message = await self.receive()
            kind = message.get("type")
            if kind == "command":
                await self.check()
                self._begin(message)
            elif kind != "ping":
                raise BadRequest("the type of a message is ping or command")

    def _begin(self, message: dict[str, Any]) -> None:
        if len(self._commands) >= MAX_COMMANDS:
            raise BadRequest(f"more than {MAX_COMMANDS} commands are under way")
        command = asyncio.create_task(self._execute(message))
        self._commands.add(command)
        command.add_done_callback(self._commands.discard)

    async def _execute(self, message: dict[str, Any]) -> None:
        result: dict[str, Any] = {"type": "result", "id": message.get("id"), "command": message.get("command")}
        try:
            status, body = await self._command(message)
            result |= {"ok": True, "status": status, "body": body}
        except MilepostError as error:
            result |= {"ok": False, "status": error.status, "error": problem(error)}
        except Exception as error:
            log.error("command failed", run_id=self._run_id, exc_info=error)
            result |= {"ok": False, "status": 500, "error": problem(MilepostError())}
        with suppress(ClientDisconnected, WebSocketDisconnect):
            await self.peer.send(orjson.dumps(result, default=str))

    async def _command(self, message: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        form = {key: value for key, value in message.items() if key not in ("type", "id", "command")}
        control, known = self.services.control, (self.actor, self.project, self._run_id)
        match message.get("command"):
            case "pause":
                how = check(Pause, form)
                return paused(await control.pause(*known, how.mode, how.wait_seconds))
            case "resume":
                return resumed(await control.resume(*known, resume_of(check(ResumeRun, form))), self.services.clock())
            case "cancel":
                check(Strict, form)
                return cancelled(await control.cancel(*known))
        raise BadRequest("the command is pause, resume or cancel")


class ProjectSession(Session):
    """A viewer of a project's list of runs."""

    async def serve(self) -> None:
        """Tell of every run that changes, until the client leaves."""
        async with self.services.hub.subscribe_project(self.project.project_id) as subscription:
            now = iso(self.services.clock())
            await self.send({"type": "hello", "project_id": self.project.project_id, "server_time": now})
            await first_of(
                asyncio.create_task(self._tell(subscription.next)),
                asyncio.create_task(self._listen()),
                asyncio.create_task(self._beat()),
                asyncio.create_task(failure(subscription)),
                tick=self.check_reads,
            )

    async def _tell(self, changed: Callable[[], Awaitable[list[str]]]) -> None:
        while True:
            run_ids = await changed()
            for start in range(0, len(run_ids), CHUNK):
                for summary in await self.services.read.summaries(self.project, run_ids[start : start + CHUNK]):
                    await self.send({"type": "run", **summary})

    async def _listen(self) -> None:
        while True:
            if (await self.receive()).get("type") != "ping":
                raise BadRequest("the type of a message is ping")

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            await self.check()
            await self.send({"type": "heartbeat"})


async def failure(subscription: Subscription | ProjectSubscription) -> None:
    """Wait until the hub ends a subscription, and raise why."""
    await subscription.failed.wait()
    if subscription.error is not None:
        raise subscription.error


async def run_socket(websocket: WebSocket) -> None:
    """A run's events, live."""
    await _admit(websocket, RunSession)


async def project_socket(websocket: WebSocket) -> None:
    """A project's list of runs, live."""
    await _admit(websocket, ProjectSession)


async def _admit(websocket: WebSocket, kind: type[Session]) -> None:
    """Accept, so that a browser can read why it is closed; then ask who is there, serve, and close with a code."""
    services: Services = websocket.app.state.services
    await websocket.accept()
    peer = Peer(websocket)
    session: Session | None = None
    services.metrics.socket(1)
    try:
        session = await _enter(websocket, peer, services, kind)
        async with services.quotas.socket(session.project):
            await session.serve()
        await peer.close(1000)
    except (WebSocketDisconnect, ClientDisconnected):
        return
    except MilepostError as error:
        if isinstance(error, ViewerTooSlow):
            services.metrics.viewer_dropped()
        await peer.close(error.close_code, error.detail)
    except Exception as error:
        log.error("socket failed", path=websocket.url.path, exc_info=error)
        await peer.close(1011, "something went wrong")
    finally:
        services.metrics.socket(-1)
        if session is not None:
            await session.finish()


async def _enter(websocket: WebSocket, peer: Peer, services: Services, kind: type[Session]) -> Session:
    ticket = websocket.query_params.get("ticket")
    actor = await services.credentials.of_socket(websocket.scope["headers"], ticket)
    project = await services.projects.open(actor, websocket.path_params["project_id"])
    return kind(Entry(services, actor, project, websocket, peer))


def _run_id(websocket: WebSocket) -> str:
    text = str(websocket.path_params["run_id"])
    try:
        return str(UUID(text))
    except ValueError as error:
        raise NotFound(f"there is no run {text}") from error


def _after(websocket: WebSocket) -> int:
    text = websocket.query_params.get("after", "0")
    if not (text.isascii() and text.isdecimal()) or len(text) > 16 or int(text) > MAX_SEQ:
        raise BadRequest("after is the number of the last event that was seen")
    return int(text)


def routes() -> list[WebSocketRoute]:
    """The WebSocket routes."""
    base = "/api/projects/{project_id}/workflows/runs"
    return [
        WebSocketRoute(f"{base}/ws", project_socket, name="project_socket"),
        WebSocketRoute(f"{base}/{{run_id}}/ws", run_socket, name="run_socket"),
    ]
