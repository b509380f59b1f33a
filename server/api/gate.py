"""The outermost ASGI layer: nobody gets to a route without an identity, and nothing gets out but an answer."""

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from milepost.server.api.credentials import Credentials
from milepost.server.api.problems import problem_response
from milepost.server.errors import MilepostError

OPEN_ROUTES = frozenset({("GET", "/api/auth/link"), ("HEAD", "/api/auth/link"), ("POST", "/api/auth/session")})
"""What somebody needs who has no identity yet."""

log = structlog.get_logger("milepost.api")


class Gate:
    """Asks every HTTP request who sends it and turns whatever goes wrong into a problem. WebSockets ask themselves,
    because they are accepted before they are refused."""

    def __init__(self, app: ASGIApp, credentials: Credentials) -> None:
        self._app = app
        self._credentials = credentials

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            if needs_identity(scope["method"], scope["path"]):
                scope["milepost.identity"] = await self._credentials.of_request(scope)
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            return
        except Exception as error:
            if started:
                log.error("answer cut short", path=scope["path"], exc_info=error)
                raise
            await problem_response(_foreseen(error, scope))(scope, receive, send)


def needs_identity(method: str, path: str) -> bool:
    """Whether nothing is served there without an identity."""
    return of_api(path) and (method, path) not in OPEN_ROUTES


def of_api(path: str) -> bool:
    """Whether the API or the measurements are there. All else is health, the API's description and the page's files,
    which are the same for everybody."""
    # Routes are found by patterns, whose end is also before a last line feed: `/metrics%0A` is `/metrics` to them.
    return path.removesuffix("\n") in ("/api", "/metrics") or path.startswith("/api/")


def _foreseen(error: Exception, scope: Scope) -> MilepostError:
    if isinstance(error, MilepostError):
        return error
    request_id = str(uuid7())
    log.error("unforeseen error", path=scope["path"], request_id=request_id, exc_info=error)
    return MilepostError(f"something went wrong; the server's log has it under {request_id}", request_id=request_id)
