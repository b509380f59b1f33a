"""Finds the values of secrets in texts and JSON, in the forms in which they usually turn up, and covers them."""

from __future__ import annotations

import base64
import html
import json
import re
import string
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import orjson

from milepost.graphs.json_values import encode

MASK = "•••"
"""What stands in the place of a secret."""

SHORTEST = 6
"""Characters that a secret has at least. A shorter one would be found in texts that have nothing to do with it, and
what is covered there would tell what it is."""

SUB_DELIMITERS = "!$&'()*+,;=:@/?"
"""What URLs may have unquoted in their query."""

IN_QUERY = string.punctuation.translate({ord(character): None for character in '"#<>'})
IN_PATH = IN_QUERY.translate({ord(character): None for character in "?`{}"})
"""What httpx leaves as it is: `reply.url` and its messages write a secret that stands in a URL so."""

SHORTEST_PATH = 16
"""Characters of a URL's path that is covered by itself. Shorter ones, like `/api/v1`, are no secrets."""


class Veil:
    """Covers the values of one run's secrets. Immutable; safe to use from any thread."""

    __slots__ = ("__weakref__", "_encoded", "forms")

    def __init__(self, values: Iterable[str]) -> None:
        found = {form for value in values for form in forms(value) if len(form) >= SHORTEST}
        self.forms = tuple(sorted(found, key=lambda form: (-len(form), form)))
        """The longest first: one form may hold another."""
        self._encoded = tuple(orjson.dumps(form)[1:-1] for form in self.forms)

    def text(self, text: str) -> str:
        """A text with its secrets covered."""
        for form in self.forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def value(self, value: Any) -> Any:
        """A JSON value with its secrets covered, in keys and numbers too; what is no JSON as its covered text."""
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return value if self.text(str(value)) == str(value) else MASK
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return self.text(str(value))

    def own_copy(self, value: Any) -> tuple[Any, int]:
        """As `json_values.own_copy`, with the secrets covered."""
        encoded = encode(value)
        copy = orjson.loads(encoded)
        if any(form in encoded for form in self._encoded):
            copy = self.value(copy)
            encoded = encode(copy)
        return copy, len(encoded)

    def beginning(self, text: str, length: int) -> str:
        """At most so many characters of a text, covered. Where the cut goes through a secret, it ends before it."""
        head = text[:length]
        return self.text(text) if head == text else self.text(head[: self.safe_until(head)])

    def safe_until(self, text: str) -> int:
        """The place in a text that goes on behind which a secret may have begun; before it none is cut in two."""
        safe = min((_beginning(form, text) for form in self.forms), default=len(text))
        while (earlier := min((_crossing(form, text, safe) for form in self.forms), default=safe)) < safe:
            safe = earlier
        return safe


def _beginning(form: str, text: str) -> int:
    """Where a beginning of `form` stands at the end of `text`; the text's length where none does."""
    place = text.find(form[0], max(0, len(text) - len(form) + 1))
    while place >= 0 and not form.startswith(text[place:]):
        place = text.find(form[0], place + 1)
    return place if place >= 0 else len(text)


def _crossing(form: str, text: str, place: int) -> int:
    """Where an occurrence of `form` begins that goes on behind `place`; `place` where there is none."""
    found = text.find(form, max(0, place - len(form) + 1), place + len(form) - 1)
    return found if 0 <= found < place else place


def forms(value: str) -> Iterator[str]:
    """A secret as it is, and as URLs, JSON, Python, HTML and base64 write it."""
    for plain in dict.fromkeys((value, value.strip())):
        yield from _written(plain)
        yield from _base64(plain.encode())
        yield from _as_url(plain)


def _as_url(value: str) -> Iterator[str]:
    """Of a secret that is a URL, as webhooks have: how requests write it, and what its server sees of it."""
    try:
        url = httpx.URL(value).copy_with(fragment=None, userinfo=b"")
    except (httpx.InvalidURL, ValueError):
        return
    if url.scheme not in ("http", "https"):
        return
    yield from _written(str(url))
    for seen in (url.raw_path.decode(), url.raw_path.decode().partition("?")[0], url.path):
        if len(seen) >= SHORTEST_PATH:
            yield from _written(seen)


def _written(value: str) -> Iterator[str]:
    # A host or a header's name is written in small letters, and UTF-8 is read as Latin-1 by some.
    yield from (value, value.lower(), value.encode().decode("latin-1"))
    safe = ("", "/", SUB_DELIMITERS, IN_QUERY, IN_PATH)
    for quoted in (quote_plus(value), *(quote(value, safe=each) for each in safe)):
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quoted)
    for escaped in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield escaped
        yield escaped.replace("/", "\\/")
        yield json.dumps(escaped, ensure_ascii=False)[1:-1]
    yield from (repr(value)[1:-1], ascii(value)[1:-1], repr(value.encode())[2:-1])
    yield from (html.escape(value), html.escape(value, quote=False), html.escape(value).replace("&#x27;", "&#39;"))


def _base64(value: bytes) -> Iterator[str]:
    """The whole value, and what of it stands in the base64 of a longer text, such as `user:value`."""
    for alphabet in (b"+/", b"-_"):
        whole = base64.b64encode(value, alphabet).decode()
        yield from (whole, whole.rstrip("="), quote(whole, safe=""))
        for before in range(3):
            longer = base64.b64encode(b"\0" * before + value, alphabet).decode()
            # A character has six bits: those that hold bits of the neighbours may be any.
            certain = longer[(8 * before + 5) // 6 : 8 * (before + len(value)) // 6]
            yield from (certain, quote(certain, safe=""))
