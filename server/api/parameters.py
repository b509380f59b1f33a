"""Query parameters that several routes take. Every number has bounds, so that none can break a query."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path as PathParameter
from fastapi import Query

from milepost.server.api.models import StartForm
from milepost.server.errors import InvalidRequest
from milepost.server.runs.start import Timing

Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many items.")]
Cursor = Annotated[
    str | None, Query(max_length=500, description="`next_cursor` of the page before; opaque.", examples=[None])
]
Wait = Annotated[
    float, Query(ge=0, le=60, allow_inf_nan=False, description="Answer when it is so far, or after so many seconds.")
]
VersionParameter = Annotated[int | None, Query(ge=1, le=2**53, alias="version", description="Default: the latest.")]
VersionInPath = Annotated[int, PathParameter(ge=1, le=2**53, description="A version's number.")]
Search = Annotated[
    str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="Words that it contains, in any case.")
]
Somebody = Annotated[
    str | None, Query(max_length=200, pattern=r"^[^|\x00]+$", description="Only those of this person.")
]
MAX_SEQ = 2**53


def timing_of(body: StartForm) -> Timing:
    """When a run is to start, as the use cases take it.

    Raises:
        InvalidRequest: ``start_at`` is no time.
    """
    return Timing(body.priority, to_milliseconds(body.start_at, "start_at") if body.start_at is not None else None)


def to_milliseconds(text: str, name: str) -> int:
    """An ISO 8601 time as epoch milliseconds; without an offset it is UTC.

    Raises:
        InvalidRequest: it is no time, or out of range.
    """
    try:
        moment = datetime.fromisoformat(text)
        # In UTC it must have a year from 1 to 9999 as well: answers show it so.
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        message = f"{text!r} is not an ISO 8601 time"
        raise InvalidRequest(message, errors=[{"path": name, "code": "invalid_time", "message": message}]) from error
