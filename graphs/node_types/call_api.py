"""The node type `call_api`: one HTTP request, its answer as data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import httpx
import orjson
from pydantic import BeforeValidator, Field

from milepost.graphs.context import NodeContext
from milepost.graphs.failures import NodeError
from milepost.graphs.node_types.base import Config, NodeType
from milepost.graphs.outbound.addresses import SETTING, odd_number, why_not_public, written_address
from milepost.graphs.outbound.asked_wait import asked_wait
from milepost.graphs.outbound.content import content_of
from milepost.graphs.outbound.gate import OURS, basic
from milepost.graphs.outbound.interface import Reply
from milepost.graphs.outbound.redirects import checked_url
from milepost.graphs.problems import Problem, step_into
from milepost.graphs.veil import MASK, Veil

WITHIN = 300.0
"""Seconds for a request with all its redirects and its whole answer; the node's `timeout` may say less."""

TRY_AGAIN = frozenset({408, 425, 429})
"""Statuses below 500 that may be others the next time."""

TOLD = 2000
"""Characters of an answer that a failure is made from."""

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BROKEN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_PASSWORD = re.compile(r"(://[^/@:]*:)[^/@]*@")

Scalar = str | int | float | bool
Status = Annotated[int, Field(ge=100, le=599)] | Annotated[str, Field(pattern=r"^[1-5]xx$")]


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


class Auth(Config):
    """`basic` with `username` and `password`, or `bearer` with `token`."""

    type: Literal["basic", "bearer"] = Field(description="How the other side is told who asks.")
    username: str = Field(default="", description="With `basic`.")
    password: str = Field(default="", description="With `basic`.")
    token: str = Field(default="", description="With `bearer`.")


class CallApiConfig(Config):
    """A request: `json` or `body`, not both."""

    method: Annotated[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"], BeforeValidator(_upper)] = (
        Field(default="GET", description="The HTTP method.")
    )
    url: str = Field(max_length=16_384, description="Where the request goes: http or https.")
    headers: dict[str, Scalar] = Field(default_factory=dict, description="Headers by name.")
    query: dict[str, Scalar | list[Scalar] | None] = Field(
        default_factory=dict, description="Added to the URL's own; a list repeats its name, null leaves it out."
    )
    json_body: Any = Field(default=None, alias="json", description="Sent as JSON.")
    body: str | None = Field(default=None, description="Sent as UTF-8 text.")
    auth: Auth | None = Field(default=None, description="Who asks.")
    expect_status: Status | list[Status] = Field(
        default="2xx", description="Statuses that are no failure: a number, a class like `2xx`, or a list of them."
    )
    max_bytes: int = Field(default=1_048_576, ge=1, le=16_777_216, description="The longest answer.")


class CallApi(NodeType[CallApiConfig]):
    """Sends a request with the execution's idempotency key and reads the whole answer."""

    name = "call_api"
    title = "API call"
    description = "Sends an HTTP request and gives the answer."
    output = '`{"status", "url", "headers", "body_type", "body"}`'
    config_model = CallApiConfig
    side_effects = True
    reads_secrets = True

    async def run(self, ctx: NodeContext[CallApiConfig]) -> Mapping[str, Any]:
        """`{"status", "url", "headers", "body_type", "body"}`. Raises `NodeError` for a status that is not expected."""
        config = ctx.config
        headers, content = _request(config, ctx.idempotency_key)
        reply = await ctx.http.fetch(
            config.method,
            _with_query(config.url, config.query),
            headers=headers,
            content=content,
            within=WITHIN,
            max_bytes=config.max_bytes,
        )
        kind, body = content_of(reply)
        if not _expected(reply.status, config.expect_status):
            raise _unexpected(config.method, reply, "" if kind == "base64" else body, ctx.now, ctx.veil)
        return {
            "status": reply.status,
            "url": reply.url,
            "headers": dict(reply.headers),
            "body_type": kind,
            "body": body,
        }

    def simulate(self, ctx: NodeContext[CallApiConfig]) -> Mapping[str, Any]:
        """An empty answer with a status that is expected; nothing is sent, not even a GET."""
        wanted = ctx.config.expect_status
        first = wanted if not isinstance(wanted, list) else (wanted or ["2xx"])[0]
        status = first if isinstance(first, int) else int(first[0]) * 100
        url = _with_query(ctx.config.url, ctx.config.query)
        return {"simulated": True, "status": status, "url": url, "headers": {}, "body_type": "text", "body": ""}

    def shown(self, config: Any) -> Any:
        """The config without passwords, tokens and cookies."""
        if not isinstance(config, Mapping):
            return config
        seen = dict(config)
        if isinstance(seen.get("auth"), Mapping):
            hidden = {"password", "token"}
            seen["auth"] = {key: MASK if key in hidden else value for key, value in seen["auth"].items()}
        if isinstance(seen.get("headers"), Mapping):
            seen["headers"] = {
                name: MASK if name.lower() in _SECRET_HEADERS else value for name, value in seen["headers"].items()
            }
        if isinstance(seen.get("url"), str):
            seen["url"] = _PASSWORD.sub(rf"\1{MASK}@", seen["url"])
        return seen

    def check(self, config: Mapping[str, Any], path: str) -> Iterable[Problem]:
        """A URL that a request can go to, headers that can be sent, one body, whole credentials."""
        yield from _url_problems(config["url"], step_into(path, "url"))
        written = config.get("headers")
        headers: Mapping[str, Any] = written if isinstance(written, Mapping) else {}
        yield from _header_problems(headers, step_into(path, "headers"))
        if "json" in config and config.get("body") is not None:
            yield Problem(step_into(path, "body"), "invalid_value", "call_api takes json or body, not both")
        if isinstance(config.get("auth"), Mapping):
            yield from _auth_problems(config["auth"], headers, step_into(path, "auth"))

    def doubts(self, config: Mapping[str, Any], path: str) -> Iterable[Problem]:
        """A host that only a server which allows it would call."""
        url = config["url"]
        if not isinstance(url, str) or "{{" in url:
            return
        host = checked_url(url).host
        address = written_address(host)
        kind = why_not_public(address) if address is not None else None
        if host == "localhost" or host.endswith(".localhost"):
            kind = "a loopback address"
        elif odd_number(host):
            kind = "an odd way to write an address"
        if kind is not None:
            message = f"{host} is {kind}: refused where {SETTING} does not allow it"
            yield Problem(step_into(path, "url"), "address_refused", message)


def _request(config: CallApiConfig, idempotency_key: str) -> tuple[dict[str, str], bytes | None]:
    """The headers, the author's winning, and the body."""
    headers = {"idempotency-key": idempotency_key}
    content: bytes | None = None
    if "json_body" in config.model_fields_set:
        headers["content-type"] = "application/json"
        content = _json(config.json_body)
    elif config.body is not None:
        headers["content-type"] = "text/plain; charset=utf-8"
        content = config.body.encode("utf-8", "replace")
    if config.auth is not None:
        auth = config.auth
        bearer = auth.type == "bearer"
        headers["authorization"] = f"Bearer {auth.token}" if bearer else basic(auth.username, auth.password)
    return headers | {name.lower(): _text(value) for name, value in config.headers.items()}, content


def _json(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise NodeError("invalid_config", f"json cannot be sent: {error}", retryable=False) from error


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _with_query(url: str, query: Mapping[str, Scalar | list[Scalar] | None]) -> str:
    pairs = [
        (name, _text(item))
        for name, value in query.items()
        if value is not None
        for item in (value if isinstance(value, list) else [value])
    ]
    if not pairs:
        return url
    base = url.partition("#")[0]
    return f"{base}{'&' if '?' in base else '?'}{urlencode(pairs, errors='replace')}"


def _expected(status: int, wanted: Status | list[Status]) -> bool:
    return any(each in (status, f"{status // 100}xx") for each in (wanted if isinstance(wanted, list) else [wanted]))


def _unexpected(method: str, reply: Reply, body: Any, now: int, veil: Veil | None) -> NodeError:
    """The failure that a status means, with what the server says of it and of when to come again."""
    url = str(httpx.URL(reply.url).copy_with(query=None))
    said = body if isinstance(body, str) else orjson.dumps(body).decode()
    if veil is not None:
        # Before it is cut and its spaces are lost: what is left of a secret then would not be recognised.
        said = veil.beginning(said, TOLD)
    wait = asked_wait(reply.headers.get("retry-after", ""), now)
    later = "" if wait is None else f"; it asks to wait {wait:g} s"
    message = f"{method} {url} answered {reply.status}{later}: {' '.join(said[:TOLD].split())[:500]}"
    retryable = reply.status >= 500 or reply.status in TRY_AGAIN
    return NodeError("unexpected_status", message.removesuffix(": "), retryable=retryable, retry_after=wait)


def _url_problems(url: Any, path: str) -> Iterable[Problem]:
    known = url.partition("{{")[0]
    if known == url:
        try:
            checked_url(url)
        except NodeError as error:
            yield Problem(path, "invalid_value", str(error))
    elif _BROKEN_VALUE.search(known) or ("://" in known and not known.lower().startswith(("http://", "https://"))):
        yield Problem(path, "invalid_value", "a URL begins with http:// or https:// and is one line")


def _header_problems(headers: Mapping[str, Any], path: str) -> Iterable[Problem]:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            yield Problem(path, "invalid_value", f"{name!r} cannot be the name of a header")
        elif name.lower() in OURS:
            yield Problem(step_into(path, name), "invalid_value", f"the header {name} cannot be set")
        elif isinstance(value, str) and _BROKEN_VALUE.search(value):
            yield Problem(step_into(path, name), "invalid_value", "a header's value is one line")


def _auth_problems(auth: Mapping[str, Any], headers: Mapping[str, Any], path: str) -> Iterable[Problem]:
    needed = {"basic": ("username", "password"), "bearer": ("token",)}.get(auth["type"])
    if needed is not None:
        for key in needed:
            if key not in auth:
                yield Problem(step_into(path, key), "missing_key", f"{auth['type']} needs a {key}")
    if any(name.lower() == "authorization" for name in headers):
        yield Problem(path, "invalid_value", "auth and the header Authorization exclude each other")
