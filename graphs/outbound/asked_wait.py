"""When a server wants to be asked again."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 86_400.0


def asked_wait(retry_after: str, now: int) -> float | None:
    """The seconds of a `Retry-After`, at most a day; None where it says none. `now` in milliseconds."""
    if re.fullmatch(r"[0-9]{1,10}", retry_after):
        return min(float(retry_after), LONGEST)
    try:
        moment = parsedate_to_datetime(retry_after)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.fromtimestamp(now / 1000, UTC)
    except (ValueError, OverflowError):
        return None
    return min(max(round(seconds.total_seconds(), 1), 0.0), LONGEST)
