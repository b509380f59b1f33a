"""Every error of the server, with its stable code, HTTP status and WebSocket close code.

MilepostError
├── BadRequest 400            bad_request · invalid_json · invalid_cursor
│   ├── InvalidState 400      invalid_state
│   └── AnswerRequired 400    answer_required
├── NotAuthenticated 401      not_authenticated
│   └── LinkRefused           (becomes a redirect to the sign-in page)
├── Forbidden 403             forbidden
├── NotFound 404              not_found
├── Conflict 409
│   ├── RunFinished           run_finished
│   ├── RunLive               run_live
│   ├── VersionConflict       version_conflict
│   ├── SlugTaken             slug_taken
│   ├── AlreadyAnswered       already_answered
│   ├── QuestionExpired       question_expired
│   ├── HasOpenQuestions      has_open_questions
│   ├── WorkflowArchived      workflow_archived
│   ├── VersionGone           version_gone
│   ├── PythonWorkflow        python_workflow
│   ├── ConcurrencyLimit      concurrency_limit
│   └── PauseOvertaken        pause_overtaken
├── TooLarge 413              too_large
├── Unprocessable 422
│   ├── InvalidRequest        invalid_request
│   ├── InvalidDefinition     invalid_definition
│   ├── InvalidInput          invalid_input
│   ├── InvalidAnswer         invalid_answer
│   ├── InvalidEdit           invalid_edit
│   ├── NotRunnable           not_runnable
│   ├── SecretUnreadable      secret_unreadable
│   └── IdempotencyMismatch   idempotency_mismatch
├── ProjectLimit 429          project_limit (WebSocket 4429)
├── TooManyAttempts 429       too_many_attempts
├── ViewerTooSlow             (WebSocket 4408)
├── ExecutionTimeout 504      execution_timeout
├── Unavailable 503           unavailable
│   └── WriteFailed           storage_unavailable
├── StartRefused              the data directory or database cannot be served; `milepost serve` exits 2
├── IllegalTransition         the state table has no such exit (callers translate it)
└── GuardFailed               a statement did not touch the rows it had to: the caller's view is stale
"""

from collections.abc import Mapping, Sequence
from typing import Any


class MilepostError(Exception):
    """Root of the tree. ``detail`` is for a person; ``code`` is what programs may rely on."""

    status = 500
    code = "internal_error"
    title = "Internal error"
    close_code = 1011

    def __init__(
        self, detail: str = "", *, code: str | None = None, errors: Sequence[Mapping[str, Any]] = (), **more: Any
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.code = code or self.code
        self.errors = list(errors)
        self.more = more


class BadRequest(MilepostError):
    status, code, title, close_code = 400, "bad_request", "Bad request", 4400


class InvalidState(BadRequest):
    """The run's status does not allow what was asked."""

    code, title = "invalid_state", "The run's status does not allow this"


class AnswerRequired(BadRequest):
    code, title = "answer_required", "The run waits for an answer"


class NotAuthenticated(MilepostError):
    status, code, title, close_code = 401, "not_authenticated", "Not authenticated", 4401


class LinkRefused(NotAuthenticated):
    """A sign-in link does not work; ``reason`` is what the sign-in page is told."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the sign-in link does not work: {reason}")
        self.reason = reason


class Forbidden(MilepostError):
    status, code, title, close_code = 403, "forbidden", "Forbidden", 4403


class NotFound(MilepostError):
    """Also what a caller may not see: its existence is not told."""

    status, code, title, close_code = 404, "not_found", "Not found", 4404


class Conflict(MilepostError):
    status, code, title, close_code = 409, "conflict", "Conflict", 4400


class RunFinished(Conflict):
    code, title = "run_finished", "The run has already completed"


class RunLive(Conflict):
    code, title = "run_live", "A run is still live"


class VersionConflict(Conflict):
    code, title = "version_conflict", "The workflow has another version than expected"


class SlugTaken(Conflict):
    code, title = "slug_taken", "A project with this slug exists"


class AlreadyAnswered(Conflict):
    code, title = "already_answered", "The question has already been answered"


class QuestionExpired(Conflict):
    code, title = "question_expired", "It is too late to answer the question"


class HasOpenQuestions(Conflict):
    code, title = "has_open_questions", "The run has open questions or half-saved steps; fork it first"


class WorkflowArchived(Conflict):
    code, title = "workflow_archived", "The workflow is archived"


class VersionGone(Conflict):
    code, title = "version_gone", "The code of this version is gone; fork the run"


class PythonWorkflow(Conflict):
    code, title = "python_workflow", "The workflow is written in Python; its code is its definition"


class ConcurrencyLimit(Conflict):
    """The workflow rejects starts beyond its limit; ``maximum`` and ``running`` say how many."""

    code, title = "concurrency_limit", "The workflow has as many runs as it may"


class PauseOvertaken(Conflict):
    """The run ended before the pause took hold."""

    code, title = "pause_overtaken", "The run ended before it could pause"


class TooLarge(MilepostError):
    status, code, title, close_code = 413, "too_large", "The body is too large", 4400


class Unprocessable(MilepostError):
    status, code, title, close_code = 422, "unprocessable", "Unprocessable", 4400


class InvalidRequest(Unprocessable):
    code, title = "invalid_request", "The request does not have the documented form"


class InvalidDefinition(Unprocessable):
    code, title = "invalid_definition", "The workflow definition is invalid"


class InvalidInput(Unprocessable):
    code, title = "invalid_input", "The input does not match the workflow's input_schema"


class InvalidAnswer(Unprocessable):
    code, title = "invalid_answer", "The answer does not match the question's schema"


class InvalidEdit(Unprocessable):
    code, title = "invalid_edit", "The state cannot be edited like this"


class NotRunnable(Unprocessable):
    code, title = "not_runnable", "The workflow cannot run on this server"


class SecretUnreadable(Unprocessable):
    code, title = "secret_unreadable", "A secret cannot be read with the server's key"


class IdempotencyMismatch(Unprocessable):
    code, title = "idempotency_mismatch", "The Idempotency-Key was used with another body"


class ProjectLimit(MilepostError):
    """``limit`` names what is used up, ``maximum`` and ``used`` say how far."""

    status, code, title, close_code = 429, "project_limit", "The project has as much as it may", 4429


class TooManyAttempts(MilepostError):
    """``retry_after_seconds`` says when to try again."""

    status, code, title, close_code = 429, "too_many_attempts", "Too many attempts", 4429


class ViewerTooSlow(MilepostError):
    status, code, title, close_code = 429, "too_slow", "The viewer reads too slowly", 4408


class ExecutionTimeout(MilepostError):
    """``run_id`` names the dry run, which was cancelled."""

    status, code, title = 504, "execution_timeout", "The dry run took too long"


class Unavailable(MilepostError):
    status, code, title, close_code = 503, "unavailable", "The server is stopping", 1012


class WriteFailed(Unavailable):
    """SQLite could not commit (disk full, I/O error). Nothing of the unit is stored."""

    code, title = "storage_unavailable", "The database cannot be written"


class StartRefused(MilepostError):
    """The server must not start on this data directory; the file was not touched."""

    code, title = "start_refused", "The server cannot start"


class IllegalTransition(MilepostError):
    """No such exit in the state table. ``from_status`` is the status that was really met."""

    code = "illegal_transition"

    def __init__(self, from_status: str, action: str) -> None:
        super().__init__(f"a {from_status} run cannot {action}")
        self.from_status = from_status
        self.action = action


class GuardFailed(MilepostError):
    """A guarded statement touched another number of rows than it had to; its unit was rolled back."""

    code = "guard_failed"
