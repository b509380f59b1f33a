"""A run's checkpoints as lists and values, for people rather than for LangGraph. Constructs no class of a user's."""

from dataclasses import dataclass
from typing import Any

from milepost.checkpoints import reading
from milepost.checkpoints.codec import Codec
from milepost.checkpoints.errors import MissingCheckpoint
from milepost.checkpoints.reading import SQL, CheckpointRow, Read
from milepost.checkpoints.types import AllowedTypes
from milepost.checkpoints.unit import Reader

__all__ = ["CheckpointRow", "Snapshot", "Write", "history", "nested", "snapshot", "values"]

_SAFE = Codec(AllowedTypes())


@dataclass(frozen=True, slots=True)
class Write:
    """What a task wrote to a channel before the next checkpoint existed."""

    task_id: str
    channel: str
    value: Any


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One checkpoint: its row, the values of its channels, and what its tasks have written since, in LangGraph's order.

    Instances of classes that are not safe to construct are `types.Unlisted`. `rebuilt` names channels without a value
    here, because they store only their changes and LangGraph rebuilds them with the graph's reducer.
    """

    row: CheckpointRow
    values: dict[str, Any]
    writes: list[Write]
    rebuilt: list[str]


async def history(
    reader: Reader, run_id: str, *, ns: str = "", limit: int = 100, before_ordinal: int | None = None
) -> list[CheckpointRow]:
    """Return up to `limit` checkpoints of a namespace, newest first, those before an ordinal if one is given."""
    before = reading.LAST if before_ordinal is None else before_ordinal
    return await reading.soon(reader, _page(run_id, ns, before, limit))


def _page(run_id: str, ns: str, before: int, limit: int) -> Read[list[CheckpointRow]]:
    [rows] = yield [(SQL["list_namespace"], {"run_id": run_id, "ns": ns, "before": before, "limit": limit})]
    return [reading.listed(row) for row in rows]


async def values(reader: Reader, run_id: str, checkpoint_id: str, *, ns: str = "") -> dict[str, Any]:
    """Return the value of each channel at a checkpoint. Raises MissingCheckpoint."""
    return (await snapshot(reader, run_id, checkpoint_id, ns=ns)).values


async def snapshot(reader: Reader, run_id: str, checkpoint_id: str | None, *, ns: str = "") -> Snapshot:
    """Return a checkpoint, the latest of the namespace for the id None. Raises MissingCheckpoint."""
    return await reading.soon(reader, _snapshot(run_id, checkpoint_id, ns))


async def nested(reader: Reader, root: CheckpointRow) -> list[Snapshot]:
    """Return where the subgraphs stand that run from a checkpoint of the root graph, those around others first."""
    return await reading.soon(reader, _nested(root))


def _nested(root: CheckpointRow) -> Read[list[Snapshot]]:
    [rows] = yield [(SQL["nested_heads"], {"run_id": root.run_id, "after": root.ordinal})]
    heads = {row.ns: row for row in map(reading.listed, rows)}
    standing = sorted((row for row in heads.values() if _stands(row, root, heads)), key=lambda row: row.ns.count("|"))
    found: list[Snapshot] = []
    for row in standing:
        inner = yield from _snapshot(row.run_id, row.checkpoint_id, row.ns)
        found.append(inner)
    return found


def _stands(row: CheckpointRow, root: CheckpointRow, heads: dict[str, CheckpointRow]) -> bool:
    """Return whether every graph around a subgraph still is where it started that."""
    parents: dict[str, str] = row.metadata.get("parents", {})
    around = {"": root, **heads}
    return "" in parents and all(ns in around and around[ns].checkpoint_id == at for ns, at in parents.items())


def _snapshot(run_id: str, checkpoint_id: str | None, ns: str) -> Read[Snapshot]:
    target = yield from reading.one(run_id, ns, checkpoint_id)
    if target is None:
        raise MissingCheckpoint(run_id, checkpoint_id or "at all")
    *value_rows, write_rows = yield [
        *reading.values_queries(run_id, target.versions),
        reading.writes_query(run_id, ns, [target.row.checkpoint_id]),
    ]
    stored = reading.values_of(target.versions, value_rows)
    return Snapshot(
        row=target.row,
        values={channel: _SAFE.view(value) for channel, value in stored.items()},
        writes=[Write(task, channel, _SAFE.view(value)) for task, channel, value in reading.pending(write_rows)],
        rebuilt=reading.deltas_of(target),
    )
