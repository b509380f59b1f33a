"""Opaque page marks. A client hands one back as it got it; anything else is refused."""

import base64
import binascii
from typing import Any

import orjson

from milepost.server.errors import BadRequest

LAST: tuple[int, str] = (2**62, "")
"""Behind all times: where a list that is newest first begins."""


def make_cursor(*parts: Any) -> str:
    """A mark that ``read_cursor`` gives ``parts`` back from."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).rstrip(b"=").decode()


def read_cursor(text: str, *kinds: type) -> list[Any]:
    """The parts of a mark, each of its kind.

    Raises:
        BadRequest: with the code ``invalid_cursor``, if the mark was not made for this list.
    """
    try:
        parts = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error) as error:
        raise refused_cursor() from error
    if not isinstance(parts, list) or [type(part) for part in parts] != [*kinds]:
        raise refused_cursor()
    return parts


def refused_cursor() -> BadRequest:
    """The error for a mark of another list or order."""
    return BadRequest("the cursor is not one of this list's; start without one", code="invalid_cursor")
