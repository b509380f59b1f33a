"""Answers to a run's questions: which question is meant, whether an answer fits, and how it gets to the run."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from milepost.graphs.problems import Problem
from milepost.graphs.schemas import violations
from milepost.server.access.keys import Identity
from milepost.server.engine.dispatcher import Dispatcher
from milepost.server.errors import (
    AlreadyAnswered,
    BadRequest,
    GuardFailed,
    InvalidAnswer,
    InvalidState,
    NotFound,
    QuestionExpired,
)
from milepost.server.runs.start import Start, problems_json
from milepost.server.states import Action, RunStatus
from milepost.server.store.rows import OpenInterrupt, Run, iso, place
from milepost.server.store.statements import event, statement, to_json
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

SETTLING = 0.4
"""Seconds that an attempt which has just parked gets to leave its slot; longer only while a node blocks its loop."""


@dataclass(frozen=True, slots=True)
class Given:
    """Answers as a client sends them: by question, or one for the only question there is."""

    by_question: Mapping[str, Any]
    only: Any = None
    has_only: bool = False


class Answers:
    """Stores answers. The first one to a question wins, also between requests at the same moment."""

    def __init__(self, store: Store, dispatcher: Dispatcher, start: Start) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._start = start

    async def give(self, actor: Identity, run: Run, given: Given) -> Run:
        """Store the answers, and wake the run in the same unit if it is parked; one that executes uses them then.

        Raises:
            NotFound, AlreadyAnswered, QuestionExpired, InvalidAnswer, BadRequest, InvalidState (it asks nothing).
        """
        while True:
            unit = await self._unit(actor, run, given)
            try:
                if run.status is RunStatus.WAITING:
                    launch = await self._start.launch(run, Action.ANSWER)
                    unit.extend(launch.unit)
                    await self._start.commit(launch, unit)
                    return launch.run
                await self._store.commit(unit)
            except GuardFailed:
                run = await self._store.run(run.run_id)
                continue
            return await self.wake(run.run_id)

    async def wake(self, run_id: str) -> Run:
        """Queue a WAITING run that has what it waits for; one that still executes uses it when it parks."""
        while True:
            run = await self._store.run(run_id)
            if run.status is not RunStatus.WAITING:
                return run
            rows = await self._store.interrupts(run_id)
            if not any(row.answer is not None and not row.consumed for row in rows):
                return run
            await self._settled(run_id)
            launch = await self._start.launch(run, Action.ANSWER)
            try:
                await self._start.commit(launch, launch.unit)
            except GuardFailed:
                continue
            return launch.run

    async def _settled(self, run_id: str) -> None:
        if self._dispatcher.active(run_id):
            try:
                await asyncio.wait_for(asyncio.wrap_future(self._dispatcher.settled(run_id)), SETTLING)
            except TimeoutError:
                return

    async def _unit(self, actor: Identity, run: Run, given: Given) -> Unit:
        now = self._store.clock()
        rows = {row.interrupt_id: row for row in await self._store.interrupts(run.run_id)}
        answers = dict(given.by_question)
        if given.has_only:
            answers[_only_question(run, rows, now)] = given.only
        _check(run, rows, answers, now)
        unit = Unit(
            [
                statement(
                    "answer_interrupt",
                    1,
                    run_id=run.run_id,
                    interrupt_id=interrupt_id,
                    answer=to_json(answer),
                    answered_by=actor.name,
                    now=now,
                )
                for interrupt_id, answer in answers.items()
            ]
        )
        unit.events.append(event(run, "run.resumed", now, {"answered": sorted(answers), "by": actor.name}))
        return unit


def _only_question(run: Run, rows: Mapping[str, OpenInterrupt], now: int) -> str:
    """The id of the one open question, for an answer that names none; without one, what became of the last."""
    questions = [row for row in rows.values() if row.kind == "answer"]
    unanswered = [row for row in questions if row.open(now)]
    if len(unanswered) == 1:
        return unanswered[0].interrupt_id
    if unanswered:
        message = f"run {run.run_id} has {len(unanswered)} open questions; name them in `answers`"
        raise BadRequest(message, errors=questions_json(unanswered))
    if questions:
        _refuse_closed(run, max(questions, key=lambda row: row.answered_at or row.created_at), now)
    raise InvalidState(f"run {run.run_id} is {run.status} and asks nothing")


def questions_json(questions: Sequence[OpenInterrupt]) -> list[dict[str, str]]:
    """Open questions as an error answer lists them: by their ids, with who asks."""
    return [
        {
            "path": f"answers.{row.interrupt_id}",
            "code": "open",
            "message": f"{place(row.node_id, row.item)['path']} asks",
        }
        for row in questions
    ]


def _check(run: Run, rows: Mapping[str, OpenInterrupt], answers: Mapping[str, Any], now: int) -> None:
    """Refuse answers to questions that are not open, and then those that do not fit, naming every problem."""
    problems: list[Problem] = []
    for interrupt_id, answer in answers.items():
        row = rows.get(interrupt_id)
        if row is None or row.kind != "answer":
            raise NotFound(f"the run has no question {interrupt_id}")
        _refuse_closed(run, row, now)
        path = "answer" if len(answers) == 1 else f"answers.{interrupt_id}"
        problems += _problems(row, answer, path)
    if problems:
        raise InvalidAnswer("; ".join(problem.message for problem in problems), errors=problems_json(problems))


def _problems(row: OpenInterrupt, answer: Any, path: str) -> list[Problem]:
    value = orjson.loads(row.value)
    schema = value.get("schema") if isinstance(value, dict) else None
    return violations(schema, answer, path, "invalid_answer") if isinstance(schema, (dict, bool)) else []


def _refuse_closed(run: Run, row: OpenInterrupt, now: int) -> None:
    """Say why a question cannot be answered any more, if it cannot."""
    if row.answer is not None:
        raise AlreadyAnswered(
            f"{row.answered_by} answered this question at {iso(row.answered_at)}",
            answered_by=row.answered_by,
            answered_at=iso(row.answered_at),
        )
    if row.expired_at is not None or (row.unanswered and row.late(now)):
        raise QuestionExpired(f"this question could be answered until {iso(row.wake_at)}", expired_at=iso(row.wake_at))
    if run.ended or not row.unanswered:
        raise InvalidState(f"run {run.run_id} is {run.status}; the question is no longer asked")
