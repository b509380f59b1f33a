"""The outermost ASGI layer: nobody gets to a route without a key, and nothing gets out but an answer."""

from collections.abc import Iterable

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from milepost.server.access.keys import Keys
from milepost.server.api.problems import problem_response
from milepost.server.errors import MilepostError, NotAuthenticated

log = structlog.get_logger("milepost.api")


class Gate:
    """Asks every HTTP request for its key and turns whatever goes wrong into a problem. WebSockets ask themselves,
    because they are accepted before they are refused."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys

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
            if needs_key(scope["path"]):
                scope["milepost.identity"] = await self._keys.authenticate(secret_of(scope["headers"]))
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            return
        except Exception as error:
            if started:
                log.error("answer cut short", path=scope["path"], exc_info=error)
                raise
            await problem_response(_foreseen(error, scope))(scope, receive, send)


def needs_key(path: str) -> bool:
    """Whether nothing is served at ``path`` without a key: the API and the measurements. All else is health, the
    API's description and the page's files, which are the same for everybody."""
    return path in ("/api", "/metrics") or path.startswith("/api/")


def secret_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The key that a request brings, in ``X-API-Key`` or as a bearer token.

    Raises:
        NotAuthenticated: it brings none.
    """
    bearer = None
    for name, value in headers:
        if name == b"x-api-key":
            return value.decode("latin-1").strip()
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            bearer = value[7:].decode("latin-1").strip()
    if bearer is None:
        raise NotAuthenticated("send a key in X-API-Key or as Authorization: Bearer")
    return bearer


def _foreseen(error: Exception, scope: Scope) -> MilepostError:
    if isinstance(error, MilepostError):
        return error
    request_id = str(uuid7())
    log.error("unforeseen error", path=scope["path"], request_id=request_id, exc_info=error)
    return MilepostError(f"something went wrong; the server's log has it under {request_id}", request_id=request_id)
