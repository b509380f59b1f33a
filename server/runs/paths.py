"""Two runs side by side, execution by execution: which answer to one another, and where the runs part. No I/O."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from milepost.server.runs.summaries import Json
from milepost.server.states import NodeStatus
from milepost.server.store.rows import iso

OPEN = frozenset({NodeStatus.RUNNING, NodeStatus.WAITING})

UNFINISHED = "unfinished"
"""A difference that may still go away: one side is at it, or has not got there."""


@dataclass(frozen=True, slots=True)
class Step:
    """One time that a node executed. ``run_id`` is an ancestor's for what a fork inherited."""

    run_id: str
    execution_id: str
    node_id: str
    node_type: str
    status: NodeStatus
    attempt: int
    started_at: int
    completed_at: int | None
    duration_ms: int | None

    @property
    def place(self) -> tuple[str, str]:
        """What no other execution has."""
        return self.run_id, self.execution_id

    def as_json(self, run_id: str, position: int) -> Json:
        """The step as the path of ``run_id`` shows it."""
        return {
            "run_id": self.run_id,
            "node_execution_id": self.execution_id,
            "position": position,
            "node_type": self.node_type,
            "status": self.status,
            "attempt": self.attempt,
            "started_at": iso(self.started_at),
            "duration_ms": self.duration_ms,
            "inherited": self.run_id != run_id,
        }


@dataclass(frozen=True, slots=True)
class Path:
    """What a run executed, in order; ``ended``: nothing follows."""

    run_id: str
    steps: Sequence[Step]
    ended: bool

    def numbered(self) -> dict[tuple[str, int], int]:
        """The position of each node's first, second, … execution."""
        seen = Counter[str]()
        places = {}
        for position, step in enumerate(self.steps):
            seen[step.node_id] += 1
            places[step.node_id, seen[step.node_id]] = position
        return places


@dataclass(slots=True)
class Pair:
    """The ``execution``-th time that a node executed, by its position on either side; None where it did not."""

    node_id: str
    execution: int
    left: int | None
    right: int | None
    differs: list[str] = field(default_factory=list)

    @property
    def parts(self) -> bool:
        """Whether the runs differ here for good."""
        return any(each != UNFINISHED for each in self.differs)


def align(left: Path, right: Path) -> list[Pair]:
    """Every execution of both, in the left one's order; what only the right one has stands before what follows there.

    Executions answer to one another by their node and how often it had executed before, not by their position: what
    runs in parallel starts in another order each time.
    """
    lefts, rights = left.numbered(), right.numbered()
    only_right = {position: key for key, position in rights.items() if key not in lefts}
    pairs, reached = list[Pair](), 0
    for key, position in lefts.items():
        counterpart = rights.get(key)
        if counterpart is not None and counterpart >= reached:
            pairs += _alone(only_right, range(reached, counterpart))
            reached = counterpart + 1
        pairs.append(Pair(*key, position, counterpart))
    pairs += _alone(only_right, range(reached, len(right.steps)))
    for pair in pairs:
        pair.differs += _standing(pair, left, right)
    return pairs


def _alone(only_right: dict[int, tuple[str, int]], positions: range) -> Iterable[Pair]:
    return (Pair(*only_right[position], None, position) for position in positions if position in only_right)


def _standing(pair: Pair, left: Path, right: Path) -> list[str]:
    if pair.left is None or pair.right is None:
        other, side = (right, "only_left") if pair.right is None else (left, "only_right")
        return [side] if other.ended else [UNFINISHED]
    statuses = left.steps[pair.left].status, right.steps[pair.right].status
    if OPEN.intersection(statuses):
        return [UNFINISHED]
    return ["status"] if statuses[0] != statuses[1] else []


def first_divergence(pairs: Sequence[Pair]) -> int | None:
    """The index of the first pair in which the runs differ; what is unfinished is no difference."""
    return next((index for index, pair in enumerate(pairs) if pair.parts), None)


def because(pair: Pair) -> str:
    """The one of its differences that explains the others."""
    order = ("only_left", "only_right", "input", "status", "output", "error")
    return next(each for each in order if each in pair.differs)
