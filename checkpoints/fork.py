"""Statements that copy, abandon or delete checkpoints, and the read that a fork needs. Submitting them is the caller's.

A copy keeps its checkpoint's id: LangGraph derives the ids of tasks and of subgraphs' namespaces from it.
"""

import json
from collections.abc import Sequence
from typing import Any

from milepost.checkpoints import reading
from milepost.checkpoints.errors import MissingCheckpoint
from milepost.checkpoints.reading import SQL, CheckpointRow, Found, Lineage, Read
from milepost.checkpoints.unit import Reader, Statement

# Stands in a namespace before the id of the task that opened it; LangGraph's NS_END.
_TASK_MARK = ":"


async def fork(
    reader: Reader, run_id: str, checkpoint_id: str, target_id: str, *, with_writes: bool
) -> list[Statement]:
    """Return the statements that let a new run start where a checkpoint of the root graph stands.

    They copy the checkpoint, the ancestors and values that its state needs, and the subgraphs' checkpoints. With
    `with_writes` they also copy what its tasks have written, subgraphs' included: finished siblings do not run again,
    and open questions stay open. For a checkpoint that the run has gone on from, these are the results of all its
    tasks; without them its `next` nodes run again. Raises MissingCheckpoint.
    """
    return await reading.soon(reader, _fork(run_id, checkpoint_id, target_id, with_writes))


def _fork(run_id: str, checkpoint_id: str, target_id: str, with_writes: bool) -> Read[list[Statement]]:
    root = yield from reading.one(run_id, "", checkpoint_id)
    if root is None:
        raise MissingCheckpoint(run_id, checkpoint_id)
    [rows] = yield [(SQL["list_run"], {"run_id": run_id, "before": reading.LAST, "limit": reading.LAST})]
    statements: list[Statement] = []
    places: set[int] = set()
    nested = _nested(map(reading.listed, rows), root.row, with_writes)
    for address in [root.row, *nested]:
        target = yield from reading.one(run_id, address.ns, address.checkpoint_id)
        if target is None:
            raise MissingCheckpoint(run_id, address.checkpoint_id)
        kept = yield from self_contained(target)
        statements += [_inserted(each, target_id, each is not kept[-1]) for each in kept]
        places.update(place for each in kept for place in each.versions.places.values())
        written = kept if with_writes else kept[1:]
        statements += [_copied_writes(each.row, target_id) for each in written]
    copy = [{"run_id": run_id, "target_id": target_id, "ordinal": place} for place in sorted(places)]
    return statements + [Statement(SQL["copy_values"], parameters, 1) for parameters in copy]


def _nested(rows: Any, root: CheckpointRow, with_writes: bool) -> list[CheckpointRow]:
    """Return the subgraphs' checkpoints that the root's tasks would find: the latest of each namespace.

    A namespace with a task's id in it belongs to one execution. It counts only if that execution is one of the root's
    tasks and their writes are wanted, otherwise the subgraph would go on in its middle. One without is a subgraph that
    keeps its state between executions, and counts as it was before the root's tasks.
    """
    latest: dict[str, CheckpointRow] = {}
    for row in rows:  # newest first
        below = row.metadata.get("parents", {}).get("") == root.checkpoint_id
        before = row.ordinal < root.ordinal and _TASK_MARK not in row.ns
        if row.ns and row.ns not in latest and (before or (below and with_writes)):
            latest[row.ns] = row
    return list(latest.values())


def self_contained(target: Found) -> Read[list[Found]]:
    """Read a checkpoint and the ancestors from which it rebuilds channels, newest first, the last with a full copy."""
    channels = reading.deltas_of(target)
    walk = (yield from reading.lineage(target, channels)) if channels else Lineage([], {}, {})
    kept = [target]
    for checkpoint_id in walk.ids:
        ancestor = yield from reading.one(target.row.run_id, target.row.ns, checkpoint_id)
        if ancestor is None:
            raise MissingCheckpoint(target.row.run_id, checkpoint_id)
        kept.append(ancestor)
    return kept


def _inserted(each: Found, target_id: str, has_parent: bool) -> Statement:
    row, versions = each.row, each.versions
    parameters = {
        "run_id": target_id,
        "checkpoint_id": row.checkpoint_id,
        "ns": row.ns,
        "ordinal": row.ordinal,
        "parent_id": row.parent_id if has_parent else None,
        "step": row.step,
        "source": row.source,
        "created_at": row.created_at,
        "size": row.size,
        "depth": 0,
        "high_version": each.high_version,
        "next": json.dumps(row.next),
        "metadata": json.dumps(row.metadata),
        "body": versions.body(each.head),
    }
    return Statement(SQL["insert_checkpoint"], parameters, 1)


def _copied_writes(row: CheckpointRow, target_id: str) -> Statement:
    parameters = {"run_id": row.run_id, "target_id": target_id, "checkpoint_id": row.checkpoint_id, "ns": row.ns}
    return Statement(SQL["copy_writes"], parameters)


def copy_all(run_id: str, target_id: str) -> Sequence[Statement]:
    """Return the statements that give a run without checkpoints a copy of all those of another."""
    parameters = {"run_id": run_id, "target_id": target_id}
    names = ("copy_all_checkpoints", "copy_all_values", "copy_all_writes")
    return [Statement(SQL[name], parameters) for name in names]


def supersede(run_id: str, checkpoint_id: str) -> Statement:
    """Return the statement that marks all that came after a checkpoint of the root graph as abandoned."""
    return Statement(SQL["supersede_after"], {"run_id": run_id, "checkpoint_id": checkpoint_id, "ns": ""})


def delete(run_id: str) -> list[Statement]:
    """Return the statements that remove all that is stored of a run here."""
    names = ("delete_writes", "delete_values", "delete_checkpoints")
    return [Statement(SQL[name], {"run_id": run_id}) for name in names]
