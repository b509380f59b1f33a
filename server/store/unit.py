"""A unit of work: statements and events that are committed together or not at all."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from milepost.checkpoints.plain import to_json
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
class Returned:
    """For a `Returning` without events: keeps the rows. A unit may be applied more than once; the last time counts."""

    rows: Sequence[Row] = ()

    def __call__(self, rows: Sequence[Row]) -> Iterable[NewEvent]:
        self.rows = rows
        return ()


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
    """``data`` as JSON of at most ``limit`` bytes; what is longer is cut with ``…``, and ``cut`` is then true."""
    try:
        encoded = orjson.dumps(data, default=str)
    except TypeError:
        # Text that has no encoding, or a number that JSON's readers cannot hold.
        encoded = orjson.dumps(to_json(dict(data), limit).data)
    budget = limit
    while len(encoded) > limit:
        budget //= 2
        encoded = orjson.dumps({**to_json(dict(data), budget).data, "cut": True})
    return encoded.decode()
