"""Reading runs: one, many, their status, node executions and events. Why one does not advance is in ``why``."""

import time
from collections.abc import Sequence
from dataclasses import replace

from milepost.server.engine.dispatcher import Dispatcher
from milepost.server.engine.durations import stored_expectation
from milepost.server.engine.forecast import Forecast
from milepost.server.errors import NotRunnable
from milepost.server.hub.hub import Hub
from milepost.server.runs.cursors import make_cursor, read_cursor, refused_cursor
from milepost.server.runs.limits import Limits
from milepost.server.runs.programs import ProgramSource
from milepost.server.runs.summaries import (
    Json,
    dry_run_json,
    execution_json,
    item_json,
    metrics_json,
    run_json,
    run_summary,
    status_json,
)
from milepost.server.runs.why import Queue, explain
from milepost.server.states import NodeStatus, RunStatus
from milepost.server.store.listings import RunFilter, last_retry, list_runs, node_totals, runs_by_id
from milepost.server.store.rows import Project, Run, Told
from milepost.server.store.store import Store

CAME_TO_REST = frozenset({"run.completed", "run.failed", "run.cancelled", "run.paused", "run.waiting"})

ENDED = frozenset({"run.completed", "run.failed", "run.cancelled"})

MAX_LOGS = 1_000


class Read:
    """Reads of one project's runs. What is another project's does not exist."""

    def __init__(self, store: Store, hub: Hub, dispatcher: Dispatcher, programs: ProgramSource, limits: Limits) -> None:
        self._store = store
        self._hub = hub
        self._dispatcher = dispatcher
        self._programs = programs
        self._limits = limits

    async def run(self, project: Project, run_id: str) -> Run:
        """The row of a run.

        Raises:
            NotFound.
        """
        return await self._store.run_of(project.project_id, run_id)

    async def get(
        self, project: Project, run_id: str, *, include_logs: bool = False, include_metrics: bool = False
    ) -> Json:
        """The whole run, on request with its first ``MAX_LOGS`` node executions and its figures.

        Raises:
            NotFound.
        """
        run = await self._foreseen(await self.run(project, run_id))
        body = {**run_json(run), "last_seq": run.last_seq}
        if run.dry_run is not None:
            body["dry_run"] = dry_run_json(run)
        if include_logs:
            body["logs"] = [execution_json(row) for row in await self._store.executions(run_id, limit=MAX_LOGS)]
        if include_metrics:
            body["metrics"] = metrics_json(run, await node_totals(self._store, run_id), self._store.clock())
        return body

    async def page(self, project: Project, chosen: RunFilter, limit: int, cursor: str | None) -> Json:
        """A page of the project's runs.

        Raises:
            BadRequest: the cursor belongs to another list or order.
        """
        key = None
        if cursor:
            sort, order, value, run_id = read_cursor(cursor, str, str, int, str)
            if (sort, order) != (chosen.sort, chosen.order):
                raise refused_cursor()
            key = (value, run_id)
        runs = await list_runs(self._store, project.project_id, chosen, limit + 1, key)
        last = runs[limit - 1] if len(runs) > limit else None
        mark = make_cursor(chosen.sort, chosen.order, getattr(last, chosen.sort) or 0, last.run_id) if last else None
        return {"items": [run_summary(run) for run in runs[:limit]], "next_cursor": mark}

    async def summaries(self, project: Project, run_ids: Sequence[str]) -> list[Json]:
        """What the run list shows of these runs, newest first; those that were deleted are left out."""
        return [run_summary(run) for run in await runs_by_id(self._store, project.project_id, run_ids)]

    async def status(self, project: Project, run_id: str, wait: float) -> Json:
        """A run's status; with ``wait`` (seconds) as soon as the run ends, pauses or waits.

        Raises:
            NotFound.
        """
        until = time.monotonic() + wait
        stands = await self._store.stands(project.project_id, run_id)
        while not stands.at_rest and (left := until - time.monotonic()) > 0:
            await self._hub.wait_for(run_id, CAME_TO_REST, left, after=stands.run.last_seq)
            stands = await self._store.stands(project.project_id, run_id)
        run = await self._foreseen(stands.run)
        still = [] if run.status is RunStatus.RUNNING else self._dispatcher.executing(run_id)
        shown = status_json(run, await self._nodes(run), stands.states, stands.interrupts, self._store.clock())
        return {**shown, "still_running": still}

    async def logs(
        self,
        project: Project,
        run_id: str,
        *,
        node_id: str | None,
        node_type: str | None,
        failed: bool | None,
        limit: int,
        after: str,
    ) -> Json:
        """A page of the run's node executions, in order.

        Raises:
            NotFound.
        """
        await self.run(project, run_id)
        rows = await self._store.executions(
            run_id, after=after, limit=limit + 1, node_id=node_id, node_type=node_type, failed=failed
        )
        return {
            "items": [execution_json(row) for row in rows[:limit]],
            "next_cursor": rows[limit - 1].execution_id if len(rows) > limit else None,
        }

    async def items(
        self, project: Project, run_id: str, node_id: str, *, failed: bool | None, limit: int, after: int
    ) -> Json:
        """A page of the items of a `map` that have ended, in the order of its list.

        Raises:
            NotFound.
        """
        await self.run(project, run_id)
        rows = await self._store.fetch(
            "items",
            run_id=run_id,
            node_id=node_id,
            failed=failed if failed is None else int(failed),
            limit=limit + 1,
            after=after,
        )
        return {
            "items": [item_json(node_id, *row) for row in rows[:limit]],
            "next_cursor": str(rows[limit - 1][0]) if len(rows) > limit else None,
        }

    async def events(self, project: Project, run_id: str, after: int, limit: int) -> tuple[Run, list[Told]]:
        """A run and a page of its events with ``seq > after``.

        Raises:
            NotFound.
        """
        run = await self.run(project, run_id)
        return run, await self._store.told(run_id, after, limit)

    async def why(self, project: Project, run_id: str) -> Json:
        """Why the run does not advance right now: ``{run_id, status, code, sentence, …}``.

        Raises:
            NotFound.
        """
        stands = await self._store.stands(project.project_id, run_id)
        run = stands.run
        return explain(
            run,
            states=stands.states,
            interrupts=stands.interrupts,
            retry=await last_retry(self._store, run_id) if run.status is RunStatus.RUNNING else None,
            queue=await self._queue(run),
            held_by=self._dispatcher.executing(run_id),
            held=self._dispatcher.active(run_id),
            now=self._store.clock(),
        )

    async def reachable(self) -> None:
        """Read next to nothing, to see that the database can be read."""
        await self._store.fetch("next_wake")

    async def _queue(self, run: Run) -> Queue:
        if run.status is not RunStatus.QUEUED:
            return Queue()
        row = await self._store.fetch_one("queued_ahead", run_id=run.run_id) or (0, 0)
        places = await self._limits.places(run) if await self._limits.limits_running(run) else None
        return Queue(int(row[0]), int(row[1]), places)

    async def _foreseen(self, run: Run) -> Run:
        """A QUEUED run with when it would end if it began now, or at its time to start: no attempt says so yet."""
        row = None
        if run.status is RunStatus.QUEUED and run.dry_run is None:
            row = await self._store.fetch_one("node_durations", workflow_id=run.workflow_id)
        if row is None:
            return run
        try:
            program = await self._programs.of_run(run)
        except NotRunnable:
            return run
        states = {state.node_id: state for state in await self._store.node_states(run.run_id)}
        forecast = Forecast(stored_expectation(row[0], program), program.below)
        forecast.restore(states, ())
        forecast.go_on(node_id for node_id, state in states.items() if state.status is NodeStatus.WAITING)
        forecast.completion_at(max(self._store.clock(), run.held_until or 0))
        return replace(run, estimated_completion=forecast.completion)

    async def counts(self) -> dict[str, int]:
        """How many runs there are of each status, 0 included."""
        counts = dict.fromkeys(map(str, RunStatus), 0)
        counts.update(await self._store.fetch("count_by_status"))
        return counts

    async def _nodes(self, run: Run) -> list[str]:
        try:
            program = await self._programs.of_run(run)
        except NotRunnable:
            # The run is of a definition that this release refuses: what its nodes did is all that is known.
            return []
        return [node.id for node in program.everything]
