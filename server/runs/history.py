"""A run's checkpoints: the list, one with its state, and what changed between two."""

from typing import Any

from milepost.checkpoints.diff import diff
from milepost.checkpoints.history import CheckpointRow, Snapshot, history
from milepost.checkpoints.plain import to_json
from milepost.server.runs.programs import ProgramSource
from milepost.server.runs.travel import Travel
from milepost.server.store.rows import Project, iso
from milepost.server.store.store import Store

SHOWN = 4 << 20
"""Bytes of one checkpoint's state in an answer; what is beyond is cut and says so."""

COMPARED = 2_000


class History:
    """Reads checkpoints for people and programs."""

    def __init__(self, store: Store, programs: ProgramSource, travel: Travel) -> None:
        self._store = store
        self._programs = programs
        self._travel = travel

    async def checkpoints(
        self, project: Project, run_id: str, limit: int, before: int | None = None
    ) -> list[CheckpointRow]:
        """Up to ``limit`` checkpoints, newest first, those with an ordinal below ``before``.

        Raises:
            NotFound: no such run.
        """
        run = await self._store.run_of(project.project_id, run_id)
        return await history(self._store.reader, run.run_id, limit=limit, before_ordinal=before)

    async def checkpoint(self, project: Project, run_id: str, checkpoint_id: str) -> dict[str, Any]:
        """One checkpoint with its state as JSON.

        Raises:
            NotFound: no such run or checkpoint.
        """
        point, state = await self._state(project, run_id, checkpoint_id)
        shown = to_json(state, SHOWN)
        return {**checkpoint_summary(point.row), "values": shown.data, "cut": shown.cut}

    async def diff(self, project: Project, run_id: str, before: str, after: str) -> dict[str, Any]:
        """What changed from one checkpoint to another, path by path.

        Raises:
            NotFound: no such run or checkpoint.
        """
        (_, old), (_, new) = (
            await self._state(project, run_id, before),
            await self._state(project, run_id, after),
        )
        found = diff(to_json(old, SHOWN).data, to_json(new, SHOWN).data, limit=COMPARED)
        return {
            "from": before,
            "to": after,
            "changes": [change.as_json() for change in found.changes],
            "cut": found.cut,
        }

    async def _state(self, project: Project, run_id: str, checkpoint_id: str) -> tuple[Snapshot, dict[str, Any]]:
        run = await self._store.run_of(project.project_id, run_id)
        stands = await self._travel.standing(run, checkpoint_id)
        program = await self._programs.of_run(run)
        return stands.point, program.state(stands.values)


def checkpoint_summary(row: CheckpointRow) -> dict[str, Any]:
    """A checkpoint as lists show it."""
    return {
        "checkpoint_id": row.checkpoint_id,
        "parent_id": row.parent_id,
        "step": row.step,
        "source": row.source,
        "next": list(row.next),
        "created_at": iso(row.created_at),
        "size": row.size,
        "superseded": bool(row.superseded),
        "ordinal": row.ordinal,
    }
