"""Serves the live viewer: one HTML page for every path that is not the API's, and the files that it is built of."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from milepost.server.api.gate import of_api
from milepost.server.api.page_files import INDEX, Build, File, read_build, stamp_of

STATIC = Path(__file__).parents[1] / "static"
"""Where `npm run build` writes."""

ASSETS = "assets/"

FOR_EVER = "public, max-age=31536000, immutable"
"""For names that hold a hash of what is behind them."""

NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width"><title>Milepost</title>
<h1>The live viewer is not built</h1>
<p>The server runs, and its API is whole: see <a href="{base}docs">{base}docs</a>.
<p>To build the viewer, with Node 20.19 or newer, in the folder <code>web</code> of Milepost's source:
<pre>npm ci &amp;&amp; npm run build</pre>
<p>Then load this page again; the server need not start again."""

POLICY = (
    "default-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""The page loads what this server has and nothing else. The nonce is for sheets that the editor writes into the page;
no script has one."""

_POLICY_NOT_BUILT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Page:
    """The ASGI application for what no route takes. ``other`` gets what is not the page's either."""

    def __init__(self, other: ASGIApp, folder: Path, root_path: str) -> None:
        self._other = other
        self._folder = folder
        self._base = f"{root_path}/"
        self._build: Build | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or of_api(scope["path"]):
            await self._other(scope, receive, send)
            return
        request = Request(scope)
        if request.method not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        await self._answer(request)(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        build = self._current()
        if build is None:
            headers = {**_SAFE, "Cache-Control": "no-store", "Content-Security-Policy": _POLICY_NOT_BUILT}
            return Response(NOT_BUILT.format(base=self._base), 200, headers, "text/html")
        name = request.scope["path"].removeprefix("/")
        hashed = name.startswith(ASSETS)
        if hashed and name not in build.files:
            raise HTTPException(404)
        headers = {**_SAFE, "Cache-Control": FOR_EVER if hashed else "no-cache"}
        if name in build.files and name != INDEX:
            return _sent(request, build.files[name], headers)
        policy = POLICY.format(nonce=build.nonce)
        return _sent(request, build.files[INDEX], {**headers, "Content-Security-Policy": policy})

    def _current(self) -> Build | None:
        """What is built now. While it is built anew, what was there before."""
        stamp = stamp_of(self._folder)
        if stamp is not None and (self._build is None or self._build.stamp != stamp):
            self._build = read_build(self._folder, self._base)
        return self._build


def _sent(request: Request, file: File, headers: dict[str, str]) -> Response:
    coding = chosen(request.headers.get("accept-encoding", ""), file.forms)
    headers["ETag"] = f'"{file.etag}"' if coding == "identity" else f'"{file.etag}-{coding}"'
    if len(file.forms) > 1:
        headers["Vary"] = "Accept-Encoding"
    if _has(request.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(None, 304, headers)
    headers["Content-Type"] = file.media_type
    if coding != "identity":
        headers["Content-Encoding"] = coding
    body = file.forms[coding]
    if request.method == "HEAD":
        return Response(None, 200, {**headers, "Content-Length": str(len(body))})
    return Response(body, 200, headers)


def _has(wanted: str, etag: str) -> bool:
    named = [each.strip().removeprefix("W/") for each in wanted.split(",")]
    return "*" in named or etag in named


def chosen(accepted: str, forms: Mapping[str, bytes]) -> str:
    """The content coding for an ``Accept-Encoding`` header: what weighs most, and of those the first of ``forms``.

    ``identity`` where nothing else is acceptable, even where it was refused: an answer is better than none.
    """
    weights = dict(_weights(accepted))
    every = weights.get("*", 0.0)
    weighed = {coding: weights.get(coding, every) for coding in forms if coding != "identity"}
    best = max(weighed, key=lambda coding: weighed[coding], default="identity")
    weight = weighed.get(best, 0.0)
    return best if weight > 0 and weight >= weights.get("identity", 0.0) else "identity"


def _weights(accepted: str) -> Iterator[tuple[str, float]]:
    for each in accepted.lower().split(","):
        coding, _, parameter = each.partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            yield coding.strip(), float(value) if name.strip() == "q" else 1.0
        except ValueError:
            yield coding.strip(), 0.0
