"""What an answer's bytes say: JSON, text, or neither."""

from __future__ import annotations

from base64 import b64encode
from codecs import BOM_UTF8
from email.message import Message
from typing import Any, Literal

import orjson

from milepost.graphs.outbound.interface import Reply

Kind = Literal["json", "text", "base64"]

CHARSETS = frozenset(
    [
        *("utf-8", "utf8", "us-ascii", "ascii", "utf-16", "utf-16le", "utf-16be", "latin-1", "latin1", "koi8-r"),
        *(f"iso-8859-{part}" for part in range(1, 17)),
        *(f"windows-{page}" for page in range(1250, 1259)),
        *("shift_jis", "euc-jp", "iso-2022-jp", "euc-kr", "gb2312", "gbk", "gb18030", "big5"),
    ]
)
"""Charsets that are read as they say; others as UTF-8. Some of Python's take quadratic time."""

BINARY = ("image/", "audio/", "video/", "font/")
PACKED = frozenset(
    f"application/{kind}" for kind in ("octet-stream", "pdf", "zip", "gzip", "x-gzip", "x-tar", "msgpack", "protobuf")
)


def content_of(reply: Reply) -> tuple[Kind, Any]:
    """The body: parsed where the answer says that it is JSON, as text where it is text, otherwise in base64."""
    media, charset = _media(reply.headers.get("content-type", ""))
    if media == "application/json" or media.endswith("+json"):
        try:
            return "json", orjson.loads(reply.body.removeprefix(BOM_UTF8))
        except ValueError:
            pass
    if not (media.startswith(BINARY) or media in PACKED):
        try:
            return "text", reply.body.decode(charset if charset in CHARSETS else "utf-8")
        except UnicodeError:
            pass
    return "base64", b64encode(reply.body).decode()


def _media(header: str) -> tuple[str, str]:
    """Type and charset, in lower case."""
    message = Message()
    message["content-type"] = "".join(character for character in header if character.isprintable())
    return message.get_content_type() if header else "", str(message.get_param("charset", "utf-8")).lower()
