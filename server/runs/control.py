"""Act on runs: cancel, pause, resume, answer, retry, delete. The database decides first, the engine follows."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal

from milepost.checkpoints.fork import delete as delete_checkpoints
from milepost.server.access.keys import Identity
from milepost.server.engine.dispatcher import Dispatcher
from milepost.server.engine.verdict import stop_nodes, stopped_nodes
from milepost.server.errors import (
    AnswerRequired,
    BadRequest,
    GuardFailed,
    IllegalTransition,
    InvalidState,
    PauseOvertaken,
    RunFinished,
    RunLive,
)
from milepost.server.hub.hub import Hub
from milepost.server.runs.answers import Answers, Given, questions_json
from milepost.server.runs.edit import Edit
from milepost.server.runs.start import Start
from milepost.server.runs.travel import Travel
from milepost.server.states import Action, RunStatus
from milepost.server.store.rows import Project, Run, iso
from milepost.server.store.statements import event, rollup, statement, transition
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

PauseMode = Literal["step", "now"]

ENGINE_ANSWERS = 0.4
"""Seconds within which the engine says who still executes; longer only while a node blocks its loop."""

STOPPED = frozenset({"run.paused", "run.completed", "run.failed", "run.cancelled"})


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A cancelled run and the nodes whose code still executes."""

    run: Run
    still_running: list[str]


@dataclass(frozen=True, slots=True)
class Paused:
    """A paused run and, after ``now``, the nodes whose code still executes."""

    run: Run
    still_running: list[str]


@dataclass(frozen=True, slots=True)
class Pausing:
    """The pause will take hold at the next boundary."""

    run: Run


@dataclass(frozen=True, slots=True)
class Resume:
    """What a client resumes with."""

    checkpoint_id: str | None = None
    answer: Any = None
    has_answer: bool = False
    answers: Mapping[str, Any] | None = None
    state: Mapping[str, Any] | None = None

    @property
    def answers_something(self) -> bool:
        """Whether questions are answered with it."""
        return self.has_answer or bool(self.answers)


class Control:
    """Commands on runs. A command that lost a race reads, decides and writes again."""

    def __init__(
        self,
        store: Store,
        dispatcher: Dispatcher,
        hub: Hub,
        start: Start,
        answers: Answers,
        travel: Travel,
        edit: Edit,
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._hub = hub
        self._start = start
        self._answers = answers
        self._travel = travel
        self._edit = edit

    async def cancel(self, actor: Identity, project: Project, run_id: str) -> Cancelled:
        """End a run for good. Final in the database first; then its nodes are stopped.

        Raises:
            NotFound, InvalidState (it has ended).
        """
        while True:
            run = await self._store.run_of(project.project_id, run_id)
            now = self._store.clock()
            try:
                after, change = transition(run, Action.CANCEL, now, spent_ms=self._dispatcher.spent(run))
            except IllegalTransition as error:
                raise InvalidState(f"run {run_id} is {run.status}; it cannot be cancelled") from error
            unit = Unit([change, *stop_nodes(after, now), *rollup(after)])
            unit.events.append(event(after, "run.cancelled", now, {"by": actor.name}))
            if await self._committed(unit):
                still = await self._told(run_id, self._dispatcher.cancel(run_id))
                return Cancelled(after, still)

    async def pause(
        self, actor: Identity, project: Project, run_id: str, mode: PauseMode = "step", wait_seconds: float = 10.0
    ) -> Paused | Pausing:
        """Pause a run; ``step`` waits up to ``wait_seconds`` for the nodes that are executing.

        Raises:
            NotFound, InvalidState (PENDING, PAUSED or ended), PauseOvertaken (it ended first).
        """
        met = RunStatus.PENDING
        while True:
            run = await self._store.run_of(project.project_id, run_id)
            if run.ended and met is not RunStatus.PENDING:
                raise _overtaken(run)
            met = run.status
            if run.status is RunStatus.RUNNING and mode == "step":
                if (outcome := await self._pause_at_step(actor, run, wait_seconds)) is not None:
                    return outcome
                continue
            now = self._store.clock()
            try:
                after, change = transition(run, Action.PAUSE, now, spent_ms=self._dispatcher.spent(run))
            except IllegalTransition as error:
                raise InvalidState(f"run {run_id} is {run.status}; it cannot be paused") from error
            unit = Unit([change])
            if run.status is RunStatus.RUNNING:
                unit.statements += stopped_nodes(after, now)
            if (held := self._dispatcher.standing(run)) is not None:
                unit.statements.append(statement("set_checkpoint_json", run_id=run_id, checkpoint_json=held))
            data = {"mode": mode, "checkpoint_id": run.checkpoint_id, "by": actor.name}
            unit.events.append(event(after, "run.paused", now, data))
            if await self._committed(unit):
                stopping = self._told(run_id, self._dispatcher.pause(run, "now"))
                still, fresh = await asyncio.gather(stopping, self._store.run(run_id))
                if held is None or fresh.checkpoint_id != run.checkpoint_id:
                    await self._travel.note_checkpoint(fresh)
                return Paused(fresh, still)

    async def _pause_at_step(self, actor: Identity, run: Run, wait_seconds: float) -> Paused | Pausing | None:
        now = self._store.clock()
        asked = statement("request_pause", 1, run_id=run.run_id, run_attempt=run.run_attempt, mode="step")
        told = event(run, "run.pausing", now, {"mode": "step", "by": actor.name})
        after_seq = run.last_seq
        if run.pause_requested is None:
            try:
                stored = await self._store.commit(Unit([asked], [told]))
            except GuardFailed:
                return None
            after_seq = stored[-1].seq
        await self._told(run.run_id, self._dispatcher.pause(run, "step"))
        seen = await self._hub.wait_for(run.run_id, STOPPED, wait_seconds, after=after_seq)
        fresh = await self._store.run(run.run_id)
        if fresh.status is RunStatus.PAUSED:
            return Paused(fresh, [])
        if fresh.ended:
            raise _overtaken(fresh)
        return Pausing(fresh) if seen is None or fresh.pause_requested else None

    async def resume(self, actor: Identity, project: Project, run_id: str, how: Resume) -> Run:
        """Let a PAUSED run go on, from an earlier checkpoint if one is given, or answer a run's questions.

        Raises:
            NotFound (run, checkpoint or question), InvalidState, AnswerRequired, AlreadyAnswered, QuestionExpired,
            InvalidAnswer, InvalidEdit, HasOpenQuestions.
        """
        run = await self._store.run_of(project.project_id, run_id)
        if run.status is RunStatus.RUNNING and run.pause_requested and not how.answers_something:
            return await self._withdraw_pause(run)
        if (run.ended and not how.answers_something) or run.status is RunStatus.PENDING:
            what = "it goes on, and asks, once it is executed" if not run.ended else "it cannot be resumed"
            raise InvalidState(f"run {run_id} is {run.status}; {what}")
        if how.answers_something:
            if how.has_answer and how.answers:
                raise BadRequest("give `answer` or `answers`, not both")
            if how.state is not None or how.checkpoint_id not in (None, run.checkpoint_id):
                raise BadRequest("answers cannot come with a state or an earlier checkpoint: resume from there first")
            run = await self._answers.give(actor, run, Given(how.answers or {}, how.answer, how.has_answer))
        elif run.status is RunStatus.WAITING:
            await self._refuse_without_answer(run)
        elif run.status is not RunStatus.PAUSED:
            raise InvalidState(f"run {run_id} is {run.status}; only a PAUSED run can be resumed")
        if run.status is RunStatus.PAUSED:
            if how.state is not None:
                await self._edit_at(actor, run, how.checkpoint_id, how.state)
                return await self._go_on(actor, run_id, None)
            return await self._go_on(actor, run_id, how.checkpoint_id)
        return run

    async def _refuse_without_answer(self, run: Run) -> None:
        rows = await self._store.interrupts(run.run_id)
        questions = [row for row in rows if row.kind == "answer" and row.unanswered]
        if questions:
            message = f"run {run.run_id} waits for an answer: give `answer` or `answers`"
            raise AnswerRequired(message, errors=questions_json(questions))
        what = "for an event" if run.wake_at is None else f"until {iso(run.wake_at)}"
        raise InvalidState(f"run {run.run_id} waits {what}; it is not paused")

    async def _withdraw_pause(self, run: Run) -> Run:
        now = self._store.clock()
        back = statement("withdraw_pause", 1, run_id=run.run_id, run_attempt=run.run_attempt)
        # It goes on from no checkpoint: it never stopped, and may be further by now than ``run`` tells.
        told = event(run, "run.resumed", now, {"checkpoint_id": None})
        if await self._committed(Unit([back], [told])):
            # Where a node blocks the engine's loop it learns of it later; the row says already that the run goes on.
            await asyncio.wait([asyncio.wrap_future(self._dispatcher.unpause(run.run_id))], timeout=ENGINE_ANSWERS)
        fresh = await self._store.run(run.run_id)
        if fresh.status is RunStatus.PAUSED:
            return await self._go_on(None, run.run_id, None)
        return fresh

    async def _go_on(self, actor: Identity | None, run_id: str, checkpoint_id: str | None) -> Run:
        while True:
            await self._settled(run_id)
            run = await self._store.run(run_id)
            back = await self._travel.to(run, checkpoint_id)
            try:
                changes: dict[str, Any] = {}
                if back is not None:
                    # The attempt counts on from the run's progress, which only this takes back.
                    changes = {"resume_from": back.checkpoint_id, "progress": back.progress}
                launch = await self._start.launch(run, Action.RESUME, **changes)
            except IllegalTransition as error:
                raise InvalidState(f"run {run_id} is {run.status}; it cannot be resumed") from error
            unit = Unit(list(back.statements) if back else [])
            told = {"checkpoint_id": checkpoint_id or run.checkpoint_id, "by": actor.name if actor else None}
            unit.events.append(event(run, "run.resumed", self._store.clock(), told))
            unit.extend(launch.unit)
            try:
                await self._start.commit(launch, unit)
            except GuardFailed:
                continue
            return launch.run

    async def _edit_at(self, actor: Identity, run: Run, checkpoint_id: str | None, values: Mapping[str, Any]) -> None:
        """Merge ``values`` where the run is to go on from: an edit makes a checkpoint, so it travels first."""
        if (back := await self._travel.to(run, checkpoint_id)) is not None:
            await self._edit.prepare(run, back.checkpoint_id, values, None)
            if not await self._committed(Unit([*back.statements])):
                raise InvalidState(f"run {run.run_id} is no longer paused")
            run = await self._store.run(run.run_id)
        await self._edit.apply(actor, run, values, None)

    async def retry(self, actor: Identity, project: Project, run_id: str) -> Run:
        """Let a FAILED run go on from its last checkpoint.

        Raises:
            NotFound, InvalidState, RunFinished, WorkflowArchived, ProjectLimit, ConcurrencyLimit.
        """
        await self._settled(run_id)
        while True:
            run = await self._store.run_of(project.project_id, run_id)
            if run.status is RunStatus.COMPLETED:
                raise RunFinished(f"run {run_id} has completed; there is nothing to retry")
            try:
                # The time that it spent counts no more: a run that timed out would do so again at once.
                launch = await self._start.begin(run, Action.RETRY, spent_ms=0)
            except IllegalTransition as error:
                raise InvalidState(f"run {run_id} is {run.status}; only a FAILED run can be retried") from error
            unit = Unit([statement(name, run_id=run_id) for name in ("reset_failed_nodes", "count_no_further_back")])
            unit.extend(launch.unit)
            try:
                await self._start.commit(launch, unit)
            except GuardFailed:
                continue
            return launch.run

    async def delete(self, actor: Identity, project: Project, run_id: str) -> None:
        """Delete a run that is not live, and all that it stored.

        Raises:
            NotFound, RunLive.
        """
        run = await self._store.run_of(project.project_id, run_id)
        if run.live or self._dispatcher.active(run_id):
            raise RunLive(f"run {run_id} is {run.status}; cancel it first")
        names = ("events", "node_states", "node_executions", "node_items", "interrupts", "signals")
        unit = Unit([statement(f"delete_{name}", run_id=run_id) for name in names])
        unit.statements += delete_checkpoints(run_id)
        # What people were told, and are to do, outlives the run.
        unit.statements += [statement(f"unlink_{name}", run_id=run_id) for name in ("tasks", "notifications")]
        unit.statements.append(statement("delete_run", 1, run_id=run_id))
        if not await self._committed(unit):
            raise RunLive(f"run {run_id} was started meanwhile")
        self._hub.deleted(run_id)

    async def _told(self, run_id: str, answer: "Future[list[str]]") -> list[str]:
        """What the engine answers, or what executes where a node blocks its loop: the command holds all the same."""
        try:
            return await asyncio.wait_for(asyncio.wrap_future(answer), ENGINE_ANSWERS)
        except TimeoutError:
            return self._dispatcher.executing(run_id)

    async def _settled(self, run_id: str) -> None:
        """Give an attempt that has just stopped a moment to leave its slot: the next one can then start at once."""
        if self._dispatcher.active(run_id):
            await self._told(run_id, self._dispatcher.settled(run_id))

    async def _committed(self, unit: Unit) -> bool:
        try:
            await self._store.commit(unit)
        except GuardFailed:
            return False
        return True


def _overtaken(run: Run) -> PauseOvertaken:
    return PauseOvertaken(f"run {run.run_id} is {run.status}: it ended before it could pause", run=run)
