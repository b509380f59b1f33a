"""Routes of signing in: by a one-time link or a key, as a browser's session; and who somebody is."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from milepost.server.access.keys import Identity
from milepost.server.access.sessions import LONGEST_MS, NewSession, csrf_token
from milepost.server.api import examples
from milepost.server.api.answers import answer, described
from milepost.server.api.bodies import read_body
from milepost.server.api.credentials import COOKIE, check_origin, session_secret
from milepost.server.api.models import SignIn
from milepost.server.api.route import Route
from milepost.server.api.services import AnActor, AServer, Services, services_of
from milepost.server.api.shapes.access import Me, SignInLink, Ticket
from milepost.server.errors import BadRequest, Forbidden, LinkRefused, NotAuthenticated
from milepost.server.store.rows import iso

BODY_BYTES = 4096

MOST_PROJECTS = 1000
"""So many projects are told at most."""

VIEWER = "../../"
"""The viewer as seen from `/api/auth/link`: relative, so that it is right below a proxy's prefix too."""

_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}

Token = Annotated[str, Query(description="Of the link.", examples=["mp_link_…"])]


async def open_link(services: AServer, request: Request, token: Token = "") -> Response:
    """Sign the browser in that opens the link, once, and go on to the viewer. A link that does not work leads to the
    sign-in page, whose `reason` is `link_used`, `link_expired` or `link_unknown`."""
    if "prefetch" in request.headers.get("sec-purpose", request.headers.get("purpose", "")):
        raise BadRequest("a sign-in link is opened by a person, not ahead of time")
    try:
        identity = await services.credentials.one_time.open_link(token)
    except LinkRefused as refused:
        signed_in = await _signed_in(services, request)
        return _go(VIEWER if signed_in else f"{VIEWER}sign-in?reason={refused.reason}")
    response = _go(VIEWER)
    _set_cookie(request, response, await services.credentials.sessions.begin(identity))
    return response


async def look_at_link() -> Response:
    """What looks at a link before it is opened does not use it up."""
    return Response(status_code=204, headers=_PRIVATE)


async def make_link(services: AServer, actor: AnActor, request: Request) -> Response:
    """A link that signs one browser in as the owner; only for the owner."""
    if not actor.owner:
        raise Forbidden("only the owner may make sign-in links")
    token, expires_at = await services.credentials.one_time.link(actor)
    here = f"{request.url.scheme}://{request.url.netloc}{services.settings.root_path}"
    return answer({"url": f"{here}/api/auth/link?token={token}", "expires_at": iso(expires_at)}, 201)


async def sign_in(services: AServer, request: Request) -> Response:
    """Sign a browser in with a key: its cookie then stands for the key, as long as the key is valid."""
    check_origin(request.scope["headers"], required=False)
    address = request.client.host if request.client else ""
    services.attempts.check(address)
    given, _ = await read_body(request, SignIn, BODY_BYTES)
    try:
        identity = await services.keys.authenticate(given.key.strip())
    except NotAuthenticated:
        services.attempts.failed(address)
        raise
    session = await services.credentials.sessions.begin(identity)
    response = answer(await _me(services, session.identity, session.secret), 201)
    _set_cookie(request, response, session)
    return response


async def sign_out(services: AServer, actor: AnActor, request: Request) -> Response:
    """End the session of the cookie. A key has no session to end."""
    if actor.session_id is not None:
        await services.credentials.sessions.end(actor.session_id)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, **_cookie(request))
    return response


async def make_ticket(services: AServer, actor: AnActor) -> Response:
    """A ticket that opens one WebSocket, as `?ticket=`, within 30 seconds: for clients that can send it no header."""
    ticket, expires_at = await services.credentials.one_time.ticket(actor)
    return answer({"ticket": ticket, "expires_at": iso(expires_at)}, 201)


async def me(services: AServer, actor: AnActor, request: Request) -> Response:
    """Who asks, and what they may do where. `csrf_token` is for sessions, which send it back in `X-CSRF-Token`."""
    secret = session_secret(request.headers.raw) if actor.session_id is not None else None
    return answer(await _me(services, actor, secret))


async def _me(services: Services, actor: Identity, secret: str | None) -> dict[str, Any]:
    projects = await services.projects.list(actor, MOST_PROJECTS, None)
    return {
        "user": {"name": actor.name},
        "kind": "key" if secret is None else "session",
        "owner": actor.owner,
        "csrf_token": None if secret is None else csrf_token(secret),
        "permissions": {"can_create_projects": actor.owner},
        "projects": [{**project, "permissions": actor.may} for project in projects["items"]],
        "expires_at": iso(actor.expires_at),
    }


async def _signed_in(services: Services, request: Request) -> bool:
    secret = session_secret(request.headers.raw)
    if secret is None:
        return False
    try:
        await services.credentials.sessions.authenticate(secret)
    except NotAuthenticated:
        return False
    return True


def _go(place: str) -> Response:
    return Response(status_code=303, headers={"Location": place, **_PRIVATE})


def _set_cookie(request: Request, response: Response, session: NewSession) -> None:
    response.headers.update(_PRIVATE)
    response.set_cookie(COOKIE, session.secret, max_age=LONGEST_MS // 1000, **_cookie(request))


def _cookie(request: Request) -> dict[str, Any]:
    # Strict suffices: the viewer's page itself is served to everybody, and it is the page that sends the cookie.
    secure = request.url.scheme == "https"
    return {
        "path": services_of(request).settings.root_path or "/",
        "secure": secure,
        "httponly": True,
        "samesite": "strict",
    }


def routes() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(route_class=Route, prefix="/api", tags=["sign-in"])
    add = router.add_api_route
    add("/auth/link", open_link, **described("GET", "Open a sign-in link", status=303, errors=(400,)))
    add("/auth/link", look_at_link, include_in_schema=False, **described("HEAD", "Look at a sign-in link", status=204))
    add(
        "/auth/link",
        make_link,
        **described(
            "POST",
            "Make a sign-in link",
            status=201,
            example={"url": "https://api.example.com/api/auth/link?token=mp_link_…", "expires_at": examples.TIME},
            answers=SignInLink,
            errors=(403,),
        ),
    )
    add(
        "/auth/session",
        sign_in,
        **described(
            "POST",
            "Sign in with a key",
            status=201,
            example=examples.ME,
            answers=Me,
            body=SignIn,
            body_example={"key": "mp_…"},
            errors=(400, 403, 413, 429),
        ),
    )
    add("/auth/session", sign_out, **described("DELETE", "Sign out", status=204, errors=(403,)))
    add(
        "/auth/ticket",
        make_ticket,
        **described(
            "POST",
            "Make a ticket for a WebSocket",
            status=201,
            example={"ticket": "mp_ticket_…", "expires_at": examples.TIME},
            answers=Ticket,
            errors=(403,),
        ),
    )
    add("/me", me, **described("GET", "Who asks", example=examples.ME, answers=Me))
    return router
