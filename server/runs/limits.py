"""How many runs there may be: a project's limits, and those that a workflow sets for the runs of one lane.

What is checked here is checked once more by a guard in the unit that starts a run: two at once cannot both pass.
"""

from typing import Any, NamedTuple

import orjson

from milepost.checkpoints.unit import Statement
from milepost.graphs.concurrency import ConcurrencyKey, ExpressionError
from milepost.graphs.problems import InvalidDefinition
from milepost.server.errors import (
    ConcurrencyLimit,
    InvalidInput,
    InvalidRequest,
    NotFound,
    ProjectLimit,
    WorkflowArchived,
)
from milepost.server.runs.new import seen_limits
from milepost.server.store.rows import ProjectLimits, Run, Workflow
from milepost.server.store.statements import statement
from milepost.server.store.store import Store
from milepost.server.store.unit import Returning, Unit

MEASURED_MS = 60_000
"""Milliseconds that a measurement of what a project has stored is good for."""

KEPT = 1_000


class Places(NamedTuple):
    """What limits a start, as the store has it now. Runs with a time to start at do not count before it."""

    archived_at: int | None
    lane_max: int | None
    on_limit: str
    lane_running: int
    lane_queued: int
    project_max: int | None
    live_max: int | None
    project_running: int
    project_queued: int
    live: int

    @property
    def lane_full(self) -> bool:
        """Whether as many runs of the lane are RUNNING, or about to be, as may be."""
        return self.lane_max is not None and self.lane_running + self.lane_queued >= self.lane_max

    @property
    def project_full(self) -> bool:
        """The same of the project."""
        return self.project_max is not None and self.project_running + self.project_queued >= self.project_max


class Limits:
    """On the API's loop. Projects without limits and workflows without one cost no query."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._projects: dict[str, ProjectLimits] | None = None
        self._changes = 0
        self._keys: dict[str, ConcurrencyKey] = {}
        self._measured: dict[str, tuple[int, int]] = {}

    async def of(self, project_id: str) -> ProjectLimits:
        """A project's limits; remembered until they change."""
        while self._projects is None:
            before = self._changes
            rows = await self._store.fetch("limited_projects")
            if before == self._changes:
                self._projects = {row[0]: ProjectLimits(*row[1:]) for row in rows}
        return self._projects.get(project_id, _NONE)

    async def change(self, project_id: str, **changes: int | None) -> None:
        """Set some of a project's limits; None takes one away."""
        new = {name: changes.get(name) for name in ProjectLimits.__dataclass_fields__}
        named = f"|{'|'.join(changes)}|"
        await self._store.commit(Unit([statement("set_limits", 1, project_id=project_id, changed=named, **new)]))
        self._changes += 1
        self._projects = None

    def lane(self, workflow: Workflow, run_input: str) -> str | None:
        """What a run with this input (JSON text) shares its workflow's limit with; None: there is no limit.

        Raises:
            InvalidInput: the workflow's concurrency key cannot be computed from it.
        """
        if workflow.max_concurrent_runs is None:
            return None
        if workflow.concurrency_key is None:
            return workflow.workflow_id
        try:
            value = self._key(workflow.concurrency_key).value(orjson.loads(run_input))
        except ExpressionError as error:
            message = f"the workflow's concurrency key cannot be computed: {error}"
            problem = {"path": "input_data", "code": "concurrency_key", "message": message}
            raise InvalidInput(message, errors=[problem]) from error
        return f"{workflow.workflow_id}:{value}"

    def _key(self, source: str) -> ConcurrencyKey:
        if (key := self._keys.get(source)) is None:
            if len(self._keys) >= KEPT:
                self._keys.clear()
            key = self._keys[source] = ConcurrencyKey(source)
        return key

    async def admit(self, run: Run, workflow: Workflow, *, inserted: bool) -> list[Statement | Returning]:
        """The guards of a start; ``inserted`` where the run is stored in the same unit, which guards the workflow.

        Raises:
            WorkflowArchived, ProjectLimit, ConcurrencyLimit.
        """
        if workflow.archived_at is not None:
            raise _archived(workflow.workflow_id)
        limits = await self.of(run.project_id)
        rejecting = run.lane is not None and workflow.on_limit == "reject"
        if limits.live_runs is not None or rejecting:
            _refuse(await self.places(run), run)
        elif inserted and limits.stored_bytes is None:
            return []
        await self._refuse_full(run.project_id, limits)
        guard = statement(
            "admit",
            1,
            workflow_id=run.workflow_id,
            lane=run.lane,
            held=int(run.held_until is not None),
            **seen_limits(workflow),
        )
        return [Returning(guard, lambda rows: ())]

    async def has_place(self, run: Run) -> bool:
        """Whether no limit holds ``run`` back. Runs of its lane that were queued before it come first."""
        if not await self.limits_running(run):
            return True
        places = await self.places(run)
        return not places.lane_full and not places.project_full

    async def limits_running(self, run: Run) -> bool:
        """Whether there is a limit of what may be RUNNING at once that ``run`` counts for."""
        return run.lane is not None or (await self.of(run.project_id)).running_runs is not None

    async def places(self, run: Run) -> Places:
        """What limits the start of ``run``."""
        row = await self._store.fetch_one("places", workflow_id=run.workflow_id, lane=run.lane)
        if row is None:
            raise NotFound(f"there is no workflow {run.workflow_id}")
        return Places(*row)

    async def stored_bytes(self, project_id: str) -> int:
        """What the project's runs have stored, as measured at most a minute ago."""
        now = self._store.clock()
        known = self._measured.get(project_id)
        if known is not None and 0 <= now - known[0] < MEASURED_MS:
            return known[1]
        return await self.measure(project_id)

    async def measure(self, project_id: str) -> int:
        """What the project's runs have stored, as of now. Reads all of it."""
        (row,) = await self._store.fetch("stored_bytes", project_id=project_id)
        if len(self._measured) >= KEPT:
            self._measured.clear()
        self._measured[project_id] = (self._store.clock(), int(row[0]))
        return int(row[0])

    async def _refuse_full(self, project_id: str, limits: ProjectLimits) -> None:
        if limits.stored_bytes is None:
            return
        used = await self.stored_bytes(project_id)
        if used >= limits.stored_bytes:
            raise over("stored_bytes", limits.stored_bytes, used, "its runs have stored {used} of {maximum} bytes")


_NONE = ProjectLimits()


def check_key(source: str) -> None:
    """Refuse a concurrency key that is no expression over ``input``.

    Raises:
        InvalidRequest.
    """
    try:
        ConcurrencyKey(source)
    except InvalidDefinition as error:
        problems: list[dict[str, Any]] = [
            {"path": each.path, "code": each.code, "message": each.message} for each in error.problems
        ]
        raise InvalidRequest(f"concurrency_key: {error}", errors=problems) from error


def over(limit: str, maximum: int, used: int, text: str) -> ProjectLimit:
    """The refusal of what would go beyond a project's limit."""
    detail = f"the project is at its limit: {text.format(used=used, maximum=maximum)}"
    return ProjectLimit(detail, limit=limit, maximum=maximum, used=used)


def _refuse(places: Places, run: Run) -> None:
    if places.archived_at is not None:
        raise _archived(run.workflow_id)
    if run.lane is not None and places.on_limit == "reject" and run.held_until is None and places.lane_full:
        assert places.lane_max is not None
        raise ConcurrencyLimit(
            f"the workflow has {places.lane_running + places.lane_queued} of at most {places.lane_max} runs at once",
            maximum=places.lane_max,
            running=places.lane_running + places.lane_queued,
        )
    if places.live_max is not None and places.live >= places.live_max:
        raise over("live_runs", places.live_max, places.live, "{used} of {maximum} runs are live")


def _archived(workflow_id: str) -> WorkflowArchived:
    return WorkflowArchived(f"workflow {workflow_id} is archived; no run of it can be started")
