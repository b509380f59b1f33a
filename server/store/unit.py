"""A unit of work: statements and events that are committed together or not at all."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from milepost.checkpoints.unit import Statement

MAX_DATA_BYTES = 4096
"""An event's data, encoded. What is longer is cut and says so."""

Row = tuple[Any, ...]


class NewEvent(NamedTuple):
    """An event that has no number yet: the writer numbers it in the transaction that stores it."""

    run_id: str
    type: str
    ts: int
    run_attempt: int
    data: str
    node_id: str | None = None


@dataclass(frozen=True, slots=True)
class Returning:
    """A statement whose returned rows decide which events there are (who knows only inside the transaction)."""

    statement: Statement
    events: Callable[[Sequence[Row]], Iterable[NewEvent]]


@dataclass(slots=True)
class Unit:
    """Statements in order, then events. Not reusable once it was submitted."""

    statements: list[Statement | Returning] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)

    def extend(self, other: "Unit") -> None:
        """Append everything of ``other``."""
        self.statements.extend(other.statements)
        self.events.extend(other.events)


def encode(data: Mapping[str, Any], *, limit: int = MAX_DATA_BYTES) -> str:
    """``data`` as JSON of at most ``limit`` bytes: the longest texts and values are cut, and ``cut`` names them."""
    encoded = orjson.dumps(data, default=str)
    if len(encoded) <= limit:
        return encoded.decode()
    shortened = dict(data)
    cut: list[str] = []
    while len(encoded) > limit and len(cut) < len(data):
        longest = max((key for key in data if key not in cut), key=lambda key: _size(data[key]))
        cut.append(longest)
        shortened[longest] = _shorten(data[longest])
        encoded = orjson.dumps({**shortened, "cut": cut}, default=str)
    return encoded.decode()


def _size(value: Any) -> int:
    return len(orjson.dumps(value, default=str))


def _shorten(value: Any) -> Any:
    if isinstance(value, str):
        # Cut in bytes: escapes and non-ASCII text may take six bytes a character.
        return value[:200] + "…"
    if isinstance(value, Mapping):
        return {key: _shorten(item) if _size(item) > 100 else item for key, item in list(value.items())[:8]}
    return None
