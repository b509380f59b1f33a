"""Where a run stands: a checkpoint of the root graph, and what the branches that run from it have come to since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from milepost.checkpoints.history import Snapshot, Write, nested, snapshot
from milepost.checkpoints.unit import Reader
from milepost.graphs.executable import Executable

INTERRUPT_CHANNEL = "__interrupt__"


@dataclass(frozen=True, slots=True)
class Standing:
    """A checkpoint of the root graph with its branches; `values` and `next` are of all of them together."""

    point: Snapshot
    branches: Sequence[Snapshot]
    values: Mapping[str, Any]
    next: Sequence[str]

    @property
    def writes(self) -> list[Write]:
        """What tasks have written since, those of branches included."""
        return [write for each in (self.point, *self.branches) for write in each.writes]

    @property
    def interrupt_ids(self) -> list[str]:
        """The questions that were asked since."""
        found: dict[str, None] = {}
        for write in self.writes:
            if write.channel == INTERRUPT_CHANNEL:
                several = write.value if isinstance(write.value, (list, tuple)) else [write.value]
                found |= dict.fromkeys(interrupt.id for interrupt in several)
        return list(found)

    def finished(self, program: Executable) -> set[str] | None:
        """Nodes whose output is known here, those that finished in the step after the checkpoint included.

        None where outputs do not tell.
        """
        return program.finished({**self.values, **_written(self.point)}, self.parts)

    @property
    def parts(self) -> list[tuple[str, Mapping[str, Any]]]:
        """What graphs inside have come to, by namespace."""
        values: list[tuple[str, Mapping[str, Any]]] = [(each.row.ns, each.values) for each in self.branches]
        return values + [(each.row.ns, _written(each)) for each in self.branches]


async def standing(reader: Reader, program: Executable, run_id: str, checkpoint_id: str, *, branches: bool) -> Standing:
    """Read a checkpoint, with ``branches`` also what runs from it. Raises MissingCheckpoint."""
    point = await snapshot(reader, run_id, checkpoint_id)
    if not branches or not program.branched:
        return Standing(point, [], point.values, point.row.next)
    inner = await nested(reader, point.row)
    parts = [("", _written(point))]
    for each in inner:
        parts += [(each.row.ns, each.values), (each.row.ns, _written(each))]
    values = program.gathered(point.values, parts)
    return Standing(
        point, inner, values, program.following(point.row.next, [(each.row.ns, each.row.next) for each in inner])
    )


def _written(point: Snapshot) -> dict[str, Any]:
    return {write.channel: write.value for write in point.writes}
