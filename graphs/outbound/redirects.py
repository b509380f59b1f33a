"""Where an answer sends a request on to, and what of the request goes along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import httpx

from milepost.graphs.failures import NodeError
from milepost.graphs.outbound.addresses import MAX_PORT

MOST = 5
"""Redirects that a request follows."""

FOLLOWED = frozenset({301, 302, 303, 307, 308})
SCHEMES = ("http", "https")

OF_THE_BODY = frozenset({"content-type", "content-encoding", "content-language", "content-location"})
HARMLESS = OF_THE_BODY | {"accept", "accept-encoding", "accept-language", "user-agent", "idempotency-key"}
"""Headers that another origin is sent too. All others may hold what was meant for the first one only."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request on the way to an answer. Header names are in lower case."""

    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes | None


def checked_url(text: str) -> httpx.URL:
    """The URL that a request can be sent to. Raises `NodeError` `request_failed` or `address_refused`."""
    try:
        url = httpx.URL(text).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError) as error:
        raise NodeError("request_failed", f"this is no URL: {error}", retryable=False) from error
    _check_scheme(url)
    if not url.host or not 0 < (url.port or 80) <= MAX_PORT:
        raise NodeError("request_failed", "the URL names no host, or no port that there is", retryable=False)
    return url


def onward(step: Step, status: int, location: str) -> Step:
    """The request that follows a redirect. Raises `NodeError` where it may not be followed."""
    try:
        joined = str(step.url.join(location))
    except (httpx.InvalidURL, ValueError) as error:
        message = f"{step.url.host} redirects to what is no URL: {error}"
        raise NodeError("request_failed", message, retryable=False) from error
    url = checked_url(joined).copy_with(userinfo=b"")
    if step.url.scheme == "https" and url.scheme == "http":
        message = f"{step.url.host} redirects from https to http ({url.host}), which would send the rest in the open"
        raise NodeError("address_refused", message, retryable=False)
    headers = step.headers
    if not _same(step.url, url):
        headers = {name: value for name, value in headers.items() if name in HARMLESS}
    onward = Step(step.method, url, headers, step.content)
    becomes_get = (status == 303 and step.method != "HEAD") or (status in (301, 302) and step.method == "POST")
    return _as_get(onward) if becomes_get else onward


def _as_get(step: Step) -> Step:
    headers = {name: value for name, value in step.headers.items() if name not in OF_THE_BODY}
    return replace(step, method="GET", headers=headers, content=None)


def _check_scheme(url: httpx.URL) -> None:
    if url.scheme not in SCHEMES:
        message = f"requests go over http and https only, not {url.scheme or 'nothing'}"
        raise NodeError("address_refused", message, retryable=False)


def _same(before: httpx.URL, after: httpx.URL) -> bool:
    """Whether what was meant for the one may be sent to the other: one origin, or its upgrade to https."""
    if before.host != after.host:
        return False
    upgraded = before.scheme == "http" and after.scheme == "https" and before.port is None and after.port is None
    return upgraded or (before.scheme == after.scheme and before.port == after.port)
