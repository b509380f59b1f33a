"""Answers to a run's questions: which question is meant, and whether an answer fits. ``control`` stores them."""

from collections.abc import Mapping
from typing import Any

import orjson
from jsonschema import Draft202012Validator

from milepost.server.errors import AlreadyAnswered, BadRequest, InvalidAnswer, InvalidState, NotFound
from milepost.server.store.rows import OpenInterrupt, Run, iso


def only_question(run: Run, rows: Mapping[str, OpenInterrupt]) -> str:
    """The id of the one open question, for an answer that names none.

    Raises:
        BadRequest (there are several), AlreadyAnswered, InvalidState (nothing is asked).
    """
    questions = [row for row in rows.values() if row.kind == "answer" and not row.consumed]
    unanswered = [row for row in questions if row.answer is None]
    if len(unanswered) == 1:
        return unanswered[0].interrupt_id
    if unanswered:
        raise BadRequest(f"run {run.run_id} has {len(unanswered)} open questions; name them in `answers`")
    if questions:
        raise _already(questions[-1])
    raise InvalidState(f"run {run.run_id} is {run.status} and asks nothing")


def check_answer(row: OpenInterrupt | None, interrupt_id: str, answer: Any) -> None:
    """Refuse an answer to a question that is not there, is answered, or has another schema.

    Raises:
        NotFound, AlreadyAnswered, InvalidAnswer.
    """
    if row is None or row.kind != "answer":
        raise NotFound(f"the run has no question {interrupt_id}")
    if row.answer is not None:
        raise _already(row)
    value = orjson.loads(row.value)
    schema = value.get("schema") if isinstance(value, dict) else None
    if not isinstance(schema, (dict, bool)):
        return
    problems = [
        {"path": "answer" + problem.json_path[1:], "code": str(problem.validator), "message": problem.message}
        for problem in Draft202012Validator(schema).iter_errors(answer)
    ]
    if problems:
        raise InvalidAnswer("; ".join(problem["message"] for problem in problems), errors=problems)


def _already(row: OpenInterrupt) -> AlreadyAnswered:
    return AlreadyAnswered(
        f"{row.answered_by} answered this question at {iso(row.answered_at)}",
        answered_by=row.answered_by,
        answered_at=iso(row.answered_at),
    )
