"""Who sends a request: a key in a header, or a browser's session cookie, which is only taken from our own pages."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.types import Scope

from milepost.server.access.keys import Identity, Keys
from milepost.server.access.one_time import OneTime
from milepost.server.access.sessions import Sessions, csrf_token
from milepost.server.errors import Forbidden, NotAuthenticated

COOKIE = "milepost_session"

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the server takes for an identity."""

    keys: Keys
    sessions: Sessions
    one_time: OneTime

    async def of_request(self, scope: Scope) -> Identity:
        """Who sends an HTTP request. A key wins over a cookie.

        Raises:
            NotAuthenticated: nobody who is known.
            Forbidden: with a cookie, and the request would change something but does not come from our own page.
        """
        headers: Headers = scope["headers"]
        key = _key(headers)
        if key is not None:
            return await self.keys.authenticate(key)
        secret = session_secret(headers)
        if secret is None:
            raise NotAuthenticated("send a key in X-API-Key or as Authorization: Bearer, or sign in")
        identity = await self.sessions.authenticate(secret)
        if scope["method"] not in SAFE:
            check_origin(headers, required=True)
            _check_csrf(headers, secret)
        return identity

    async def of_socket(self, headers: Headers, ticket: str | None) -> Identity:
        """Who opens a WebSocket: by a key, by a ticket, which is used up, or by the session's cookie.

        Raises:
            NotAuthenticated, Forbidden: as ``of_request``.
        """
        key, secret = _key(headers), session_secret(headers)
        with_cookie = key is None and ticket is None and secret is not None
        check_origin(headers, required=with_cookie)
        if key is not None:
            return await self.keys.authenticate(key)
        if ticket is not None:
            return await self.one_time.redeem(ticket)
        if secret is None:
            raise NotAuthenticated("send a key, a ticket from POST /api/auth/ticket, or sign in")
        return await self.sessions.authenticate(secret)


def session_secret(headers: Headers) -> str | None:
    """The session's secret among the cookies, in however many headers a proxy passes them on."""
    for header, cookies in headers:
        for part in cookies.decode("latin-1").split(";") if header == b"cookie" else ():
            name, _, value = part.strip().partition("=")
            if name == COOKIE and value:
                return value
    return None


def check_origin(headers: Headers, *, required: bool) -> None:
    """Let pass what one of our own pages sends, and, unless ``required``, what no page sends.

    What the browser says in ``Sec-Fetch-Site`` counts first: it holds whatever a proxy makes of ``Host``.

    Raises:
        Forbidden: it comes from a page of another origin, or nothing tells from where.
    """
    told = {name: value.decode("latin-1") for name, value in headers if name in _TELLING}
    site, origin = told.get(b"sec-fetch-site"), told.get(b"origin")
    if site == "same-origin":
        return
    if site in ("cross-site", "same-site") or (origin is not None and not _ours(origin, told.get(b"host", ""))):
        raise Forbidden("pages of another origin may not do this (behind a proxy: pass the Host header on)")
    if required and origin is None:
        raise Forbidden("a request with a session's cookie must say with Origin which page sends it")


def _check_csrf(headers: Headers, secret: str) -> None:
    sent = next((value for name, value in headers if name == b"x-csrf-token"), None)
    if sent is None:
        raise Forbidden("with a session's cookie, send the csrf_token of GET /api/me in X-CSRF-Token")
    if not hmac.compare_digest(sent, csrf_token(secret).encode()):
        raise Forbidden("X-CSRF-Token is not this session's: ask GET /api/me for it")


_TELLING = frozenset({b"host", b"origin", b"sec-fetch-site"})


def _ours(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def _key(headers: Headers) -> str | None:
    """The key that a request brings, in ``X-API-Key`` or as a bearer token."""
    bearer = None
    for name, value in headers:
        if name == b"x-api-key":
            return value.decode("latin-1").strip()
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            bearer = value[7:].decode("latin-1").strip()
    return bearer
