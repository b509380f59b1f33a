"""What a dry run has in the place of the world: given answers, made up ones, and the results of an earlier run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from milepost.graphs.failures import NodeError, NodeFailure
from milepost.graphs.instances import NoInstance, instance
from milepost.graphs.schemas import violations

if TYPE_CHECKING:
    from milepost.graphs.plan import NodePlan

StandIn = Literal["simulated", "answered", "replayed"]
"""What stood in for the real thing: made up, given with the dry run, or the result of an earlier run."""

MADE_UP: Mapping[str, Any] = {"simulated": True}

TIMED_OUT: Mapping[str, Any] = {"$timed_out": True}
"""The answer that says that none came in time."""


class TooLate(Exception):
    """The answer is that none came in time."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """How an execution in an earlier run ended: with an output, or with a failure."""

    attempt: int
    input: Any
    output: Mapping[str, Any] | None
    failure: NodeFailure | None


@dataclass(slots=True)
class Recording:
    """An earlier run. Nodes are called by their places: those inside another one `parent/child`."""

    changed: Collection[str]
    """The nodes that are not what they were then."""
    entered: Collection[str]
    """The nodes that hold a workflow: what is inside decides for itself."""
    writers: Mapping[str, Collection[str]]
    """The nodes that set each variable, whose name stands behind the place of its workflow: `parent/name`."""
    steps: Mapping[str, Sequence[Any]]
    """What `fetch` knows each execution by, in order."""
    fetch: Callable[[str, Any], Awaitable[Recorded]]
    """Gives the execution of a node."""
    real: set[str] = field(default_factory=set)
    """The nodes that were executed, or left out, by something that did not stand in: what follows is real as well."""
    touched: set[str] = field(default_factory=set)
    """The nodes around those."""
    taken: Counter[str] = field(default_factory=Counter)

    def mark(self, places: Iterable[str]) -> None:
        """These, and what follows them, are real."""
        for place in places:
            self.real.add(place)
            around = place
            while "/" in around:
                around = around.rpartition("/")[0]
                self.touched.add(around)

    def follows(self, plan: NodePlan, prefix: str) -> bool:
        """True when something real has come before the node, or around it."""
        if prefix and prefix[:-1] in self.real:
            return True
        sources = (*plan.predecessors, *plan.back_sources.values(), *(name for name, _ in plan.reads_outputs))
        if any(prefix + source in self.real for source in sources):
            return True
        variables = (prefix + name for name, _ in plan.reads_variables)
        return any(not self.real.isdisjoint(self.writers.get(name, ())) for name in variables)


class Rehearsal:
    """A dry run, as the nodes of one of its workflows see it."""

    __slots__ = ("_asked", "_before", "_given", "_item", "_prefix", "_recording", "_told")

    def __init__(
        self,
        given: Mapping[str, Any] | None = None,
        told: Mapping[str, Sequence[Any]] | None = None,
        recording: Recording | None = None,
        before: Mapping[str, Any] | None = None,
    ) -> None:
        """`given`: answers by place, or by `place#n` for the n-th question there. `told`: those of an earlier run, in
        order; `before`: what that was given, if it was a dry run."""
        self._given = given or {}
        self._told = told or {}
        self._before = before or {}
        self._recording = recording
        self._asked: Counter[str] = Counter()
        self._prefix = ""
        self._item: str | None = None

    def place(self, node_id: str) -> str:
        """Where a node stands in the whole run; for the node of a `map`'s item `map/3`."""
        return self._item if self._item is not None else self._prefix + node_id

    def inside(self, node_id: str) -> Rehearsal:
        """The same for the workflow inside a node."""
        recording = self._recording if self._item is None else None
        inner = Rehearsal(self._given, self._told, recording, self._before)
        inner._asked, inner._prefix = self._asked, f"{self.place(node_id)}/"
        return inner

    def of_item(self, node_id: str, index: int) -> Rehearsal:
        """The same for an item of a `map`. An earlier run has recorded no items that could stand in."""
        inner = Rehearsal(self._given, self._told, None, self._before)
        inner._asked, inner._item = self._asked, f"{self.place(node_id)}/{index}"
        return inner

    # Questions.

    def answer(self, node_id: str, wanted: Mapping[str, Any]) -> tuple[Any, StandIn]:
        """What a node's question is answered with, or the event that it waits for, and whose answer that is.

        Raises `TooLate`, or `NodeError` `invalid_answer`, `no_answer`.
        """
        place, schema = self.place(node_id), wanted.get("schema")
        self._asked[place] += 1
        number = self._asked[place]
        for key in _keys(place, number):
            if key in self._given:
                return _fitting(self._given[key], schema, key), "answered"
        for earlier in self._earlier(place, number):
            if earlier == TIMED_OUT or schema is None or not violations(schema, earlier, "", ""):
                return _fitting(earlier, schema, place), "answered"
        return _made_up(wanted, place), "simulated"

    def _earlier(self, place: str, number: int) -> Iterable[Any]:
        """What the same question was answered with in an earlier run."""
        yield from self._told.get(place, ())[number - 1 : number]
        yield from (self._before[key] for key in _keys(place, number) if key in self._before)

    # An earlier run.

    async def recorded(self, plan: NodePlan) -> Recorded | None:
        """What stands in for the execution that begins. None: it is real, or what is inside decides."""
        recording = self._recording
        if recording is None or self._item is not None:
            return None
        place = self.place(plan.id)
        steps, number = recording.steps.get(place, ()), recording.taken[place]
        recording.taken[place] += 1
        affected = place in recording.real or place in recording.changed or recording.follows(plan, self._prefix)
        if affected or number >= len(steps):
            recording.mark([place])
            return None
        found = await recording.fetch(place, steps[number])
        if place in recording.entered and not (found.failure is not None and found.failure.node_id == plan.id):
            return None
        return found

    def ended(self, plan: NodePlan, skipped: Iterable[str]) -> StandIn | None:
        """An execution that was not replayed has ended and left out these nodes. Whether all inside it was."""
        recording, place = self._recording, self.place(plan.id)
        if recording is None or self._item is not None:
            return None
        if place in recording.touched:
            recording.mark([place])
        if place in recording.real:
            recording.mark(self._prefix + node_id for node_id in skipped)
            return None
        return "replayed"

    def left_out(self, plan: NodePlan, skipped: Iterable[str]) -> None:
        """A join was left out."""
        recording = self._recording
        if recording is not None and recording.follows(plan, self._prefix):
            recording.mark(self._prefix + node_id for node_id in (plan.id, *skipped))


def named(key: str) -> str:
    """The place that a key of given answers names, without the number of a question and without items of maps."""
    place = key.rpartition("#")[0] if key.rpartition("#")[2].isdigit() and "#" in key else key
    return "/".join(part for part in place.split("/") if not part.isdigit())


def _keys(place: str, number: int) -> list[str]:
    """What an answer may be given by, the most exact first."""
    anywhere = named(place)
    return [f"{place}#{number}", place, f"{anywhere}#{number}", anywhere]


def _fitting(value: Any, schema: Any, key: str) -> Any:
    if value == TIMED_OUT:
        raise TooLate
    problems = [] if schema is None else violations(schema, value, "", "invalid_answer")
    if problems:
        told = "; ".join(problem.message for problem in problems)
        raise NodeError(
            "invalid_answer", f"the answer given for {key!r} does not fit the schema: {told}", retryable=False
        )
    return value


def _made_up(wanted: Mapping[str, Any], place: str) -> Any:
    if wanted.get("kind") == "event":
        return dict(MADE_UP)
    schema = wanted.get("schema")
    try:
        return None if schema is None else instance(schema)
    except NoInstance as error:
        message = f"{error}: give an answer for {place!r}"
        raise NodeError("no_answer", message, retryable=False) from error
