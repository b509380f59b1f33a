"""Statements that drop the checkpoints of a run but the latest, and keep all that those need to be read."""

from collections.abc import Sequence

from milepost.checkpoints import reading, sql
from milepost.checkpoints.fork import delete, self_contained
from milepost.checkpoints.reading import SQL, Read
from milepost.checkpoints.unit import Statement


def prune(run_id: str, strategy: str) -> Read[Sequence[Statement]]:
    """Read what is latest in each namespace and return the statements that remove the rest, or (`delete`) everything.

    A channel that stores only its changes keeps the ancestors and writes from which it is rebuilt. Raises ValueError
    for another strategy than `keep_latest` and `delete`.
    """
    if strategy == "delete":
        return delete(run_id)
    if strategy != "keep_latest":
        raise ValueError(f"prune knows keep_latest and delete, not {strategy!r}")
    [rows] = yield [(SQL["heads"], {"run_id": run_id})]
    statements: list[Statement] = []
    ids: list[str] = []
    ordinals: list[int] = []
    places: set[int] = set()
    for head in map(reading.listed, rows):
        target = yield from reading.one(run_id, head.ns, head.checkpoint_id)
        if target is None:
            continue
        kept = yield from self_contained(target)
        ids += [each.row.checkpoint_id for each in kept]
        ordinals += [each.row.ordinal for each in kept]
        places.update(place for each in kept for place in each.versions.places.values())
        last = kept[-1]
        address = {"run_id": run_id, "checkpoint_id": last.row.checkpoint_id, "ns": head.ns}
        statements.append(Statement(SQL["make_root"], {**address, "body": last.versions.body(last.head)}, 1))
    if not ids:
        return []
    return [
        *statements,
        _delete("delete_other_writes", run_id, "checkpoint_ids", ids),
        _delete("delete_other_values", run_id, "ordinals", sorted(places)),
        _delete("delete_other_checkpoints", run_id, "ordinals", ordinals),
    ]


def _delete(name: str, run_id: str, parameter: str, kept: Sequence[str | int]) -> Statement:
    # An empty list would be `NOT IN (NULL)`, which is true of nothing; no checkpoint has the ordinal -1.
    text, widened = sql.widen(SQL[name], parameter, kept or [-1])
    return Statement(text, {"run_id": run_id, **widened})
