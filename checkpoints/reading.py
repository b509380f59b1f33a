"""Reads checkpoints back. Each read is a generator of queries, so that one text serves threads and event loops.

A read yields the queries that it needs next and is sent their rows; `now` and `soon` drive it. Nothing writes here.
"""

import json
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import ormsgpack
from langgraph.checkpoint.base import PendingWrite, writes_sort_key

from milepost.checkpoints import sql
from milepost.checkpoints.codec import Codec
from milepost.checkpoints.unit import Reader, Row
from milepost.checkpoints.versions import Head, Versions
from milepost.checkpoints.waiting import landed

SQL = sql.load(Path(__file__).with_name("statements.sql"))
LAST = 2**62  # above every ordinal and every limit

T = TypeVar("T")
Query = tuple[str, dict[str, Any]]
Read = Generator[list[Query], list[list[Row]], T]

_AT_ONCE = 512


def now(reader: Reader, read: Read[T]) -> T:
    """Run a read, blocking this thread, and return its result."""
    try:
        wanted = next(read)
        while True:
            futures = [reader.fetch(*query) for query in wanted]
            wanted = read.send([future.result() for future in futures])
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


async def soon(reader: Reader, read: Read[T]) -> T:
    """Run a read without blocking the event loop and return its result."""
    try:
        wanted = next(read)
        while True:
            futures = [reader.fetch(*query) for query in wanted]
            wanted = read.send([await landed(future) for future in futures])
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A checkpoint as it is listed; `created_at` is in milliseconds since 1970, `size` in bytes."""

    run_id: str
    checkpoint_id: str
    ns: str
    ordinal: int
    parent_id: str | None
    step: int
    source: str
    created_at: int
    size: int
    superseded: bool
    next: list[str]
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """A checkpoint with its versions, but not yet its values."""

    row: CheckpointRow
    head: Head
    versions: Versions
    high_version: int


def listed(row: Row) -> CheckpointRow:
    """Return the row of a list statement."""
    return CheckpointRow(
        run_id=row[0],
        checkpoint_id=row[1],
        ns=row[2],
        ordinal=row[3],
        parent_id=row[4],
        step=row[5],
        source=row[6],
        created_at=row[7],
        size=row[8],
        superseded=bool(row[9]),
        next=json.loads(row[10]),
        metadata=json.loads(row[11]),
    )


def one(run_id: str, ns: str, checkpoint_id: str | None) -> Read[Found | None]:
    """Find a checkpoint, the latest of its namespace if no id is given; None if there is none."""
    parameters = {"run_id": run_id, "ns": ns}
    if checkpoint_id is None:
        [rows] = yield [(SQL["chain_of_latest"], parameters)]
    else:
        [rows] = yield [(SQL["chain_of"], {**parameters, "checkpoint_id": checkpoint_id})]
    return found(rows) if rows else None


def found(chain: Sequence[Row]) -> Found:
    """Return the first of a chain's rows with the versions that the whole chain gives."""
    versions = Versions()
    head = Head(0, "", None)
    for row in reversed(chain):
        head = versions.apply(row[-1])
    *_, depth, high_version, _ = chain[0]
    versions.depth = depth
    return Found(listed(chain[0]), head, versions, high_version)


def values_query(run_id: str, ordinals: Sequence[int]) -> Query:
    """Return the query for the values that were stored at these checkpoints."""
    text, widened = sql.widen(SQL["values_at"], "ordinals", ordinals)
    return text, {"run_id": run_id, **widened}


def values_queries(run_id: str, versions: Versions) -> list[Query]:
    """Return the queries for all values of a state."""
    ordinals = sorted(set(versions.places.values()))
    return [values_query(run_id, ordinals[start : start + _AT_ONCE]) for start in range(0, len(ordinals), _AT_ONCE)]


def values_of(versions: Versions, results: Iterable[Sequence[Row]]) -> dict[str, bytes]:
    """Return each channel's encoded value from the results of `values_queries`."""
    stored = {ordinal: ormsgpack.unpackb(channels) for rows in results for ordinal, channels in rows}
    return {channel: stored[place][channel] for channel, place in versions.places.items()}


def writes_query(run_id: str, ns: str, checkpoint_ids: Sequence[str]) -> Query:
    """Return the query for what tasks wrote from these checkpoints."""
    text, widened = sql.widen(SQL["writes_of"], "checkpoint_ids", checkpoint_ids)
    return text, {"run_id": run_id, "ns": ns, **widened}


def pending(rows: Iterable[Row]) -> list[tuple[str, str, bytes]]:
    """Return task id, channel and encoded value of each write of one checkpoint, in the order of their application."""
    in_order = sorted(rows, key=lambda row: writes_sort_key(row[1], row[2], row[3]))
    return [
        (task_id, channel, value)
        for _, _, task_id, _, writes in in_order
        for channel, value in ormsgpack.unpackb(writes)
    ]


def writes_by_checkpoint(run_id: str, ns: str, ids: Sequence[str]) -> Read[dict[str, list[tuple[str, str, bytes]]]]:
    """Read what tasks wrote from each of these checkpoints, in the order of `pending`."""
    chunks = [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]
    results = yield [writes_query(run_id, ns, chunk) for chunk in chunks]
    by_checkpoint: dict[str, list[Row]] = {}
    for row in (row for rows in results for row in rows):
        by_checkpoint.setdefault(row[0], []).append(row)
    return {checkpoint_id: pending(rows) for checkpoint_id, rows in by_checkpoint.items()}


@dataclass(slots=True)
class Lineage:
    """The ancestors from which channels that store only their changes are rebuilt, newest first.

    `ids` has each checkpoint walked, `roads` how many of them a channel needs, `seeds` where its nearest value is.
    """

    ids: list[str]
    roads: dict[str, int]
    seeds: dict[str, int]


def lineage(target: Found, channels: Sequence[str]) -> Read[Lineage]:
    """Walk the parents of a checkpoint until each channel has met one that stored its value, or to the root."""
    run_id, ns = target.row.run_id, target.row.ns
    walk = Lineage([], {}, {})
    parent = target.row.parent_id
    while parent is not None and len(walk.seeds) < len(channels):
        [chain] = yield [(SQL["chain_of"], {"run_id": run_id, "ns": ns, "checkpoint_id": parent})]
        if not chain:
            break
        for checkpoint_id, places in _places(chain, channels):
            walk.ids.append(checkpoint_id)
            for channel, place in places.items():
                if channel not in walk.seeds:
                    walk.seeds[channel] = place
                    walk.roads[channel] = len(walk.ids)
            if len(walk.seeds) == len(channels):
                break
        parent = chain[-1][4]
    for channel in channels:
        walk.roads.setdefault(channel, len(walk.ids))
    return walk


def _places(chain: Sequence[Row], channels: Sequence[str]) -> list[tuple[str, dict[str, int]]]:
    """Return for each checkpoint of a chain, newest first, where the values of `channels` are."""
    versions = Versions()
    steps = []
    for row in reversed(chain):
        versions.apply(row[-1])
        steps.append((row[1], {name: versions.places[name] for name in channels if name in versions.places}))
    return steps[::-1]


def deltas_of(target: Found) -> list[str]:
    """Return the channels whose value is not stored here but rebuilt from ancestors (LangGraph's DeltaChannel)."""
    counted = target.row.metadata.get("counters_since_delta_snapshot") or {}
    return [name for name in counted if name in target.versions.channels and name not in target.versions.places]


def decoded(codec: Codec, writes: Iterable[tuple[str, str, bytes]]) -> list[PendingWrite]:
    """Return writes as LangGraph wants them. Raises UnreadableType."""
    return [(task_id, channel, codec.decode(value)) for task_id, channel, value in writes]
