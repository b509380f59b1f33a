"""What an attempt has told and saved and not sent yet: it leaves in guarded units, and none follows one that failed."""

import asyncio
from collections.abc import Callable

from milepost.checkpoints.unit import Statement
from milepost.server.engine.outbox import Committed, Outbox
from milepost.server.engine.projection import Projection
from milepost.server.errors import GuardFailed
from milepost.server.store.statements import statement
from milepost.server.store.unit import Unit


class Unsent:
    """A sender of the outbox, on the engine's event loop."""

    def __init__(self, outbox: Outbox, projection: Projection) -> None:
        self._outbox = outbox
        self._projection = projection
        self._loop = asyncio.get_running_loop()
        self._statements: list[Statement] = []
        self._checkpoint_id: str | None = None
        self._next: Committed | None = None
        self._failure: BaseException | None = None
        self.on_lost: Callable[[], None] | None = None
        """Called once, when a guard says that the run may have been taken from this attempt."""
        self.spent: Callable[[], int] = lambda: projection.run.spent_ms
        """Milliseconds that the run has executed."""

    @property
    def failed(self) -> bool:
        """Whether nothing can leave any more."""
        return self._failure is not None

    def add(self, *statements: Statement) -> None:
        """Statements that go with the next unit, before what the projection has for it."""
        self._statements += statements

    def stands_at(self, checkpoint_id: str) -> None:
        """The next unit carries the run's way to this checkpoint of its root graph: earlier crashes no longer count."""
        self._checkpoint_id = checkpoint_id

    def soon(self) -> Committed:
        """Submit with the next checkpoint, or shortly."""
        if self._next is None or self._next.done():
            self._next = self._loop.create_future()
            self._next.add_done_callback(self._committed)
            if self._failure is not None:
                self._next.set_exception(self._failure)
            else:
                self._outbox.soon(self)
        return self._next

    def at_once(self) -> Committed:
        """Submit at the end of this turn of the loop."""
        waiting = self.soon()
        if self._failure is None:
            self._outbox.now(self)
        return waiting

    def leave(self) -> tuple[Unit, Committed] | None:
        """What is to be committed now, and the future that waits for it."""
        waiting, self._next = self._next, None
        if waiting is None or self._failure is not None:
            return None
        if waiting.done():
            # Whoever waited was cancelled; what happened has happened all the same.
            waiting = self._loop.create_future()
            waiting.add_done_callback(self._committed)
        try:
            return self._take(), waiting
        except Exception as error:  # noqa: BLE001 - it is this run's alone: those that leave with it are not held up
            waiting.set_exception(error)
            return None

    def rest(self) -> Unit:
        """All of it, guarded, for a unit that the caller completes and submits."""
        if self._next is not None and not self._next.done():
            self._next.set_result(())
        self._next = None
        return Unit() if self._failure is not None else self._take()

    def close(self) -> None:
        """Submit nothing more: the run has left this attempt. Whoever waits for a commit gets ``GuardFailed``."""
        self._fail(GuardFailed("the run was taken from this attempt"))

    def _fail(self, error: BaseException) -> None:
        """Nothing that follows a unit that is not on disk may get there."""
        if self._failure is None:
            self._failure = error
        if self._next is not None and not self._next.done():
            self._next.set_exception(self._failure)

    def _committed(self, done: Committed) -> None:
        # A completion that nobody awaits must not fail in silence: what comes next fails with it.
        if not done.cancelled() and (error := done.exception()) is not None:
            if isinstance(error, GuardFailed) and self._failure is None and self.on_lost is not None:
                self.on_lost()
            self._fail(error)

    def _take(self) -> Unit:
        unit = self._projection.drain()
        hold = self._hold()
        saved, self._statements = self._statements, []
        unit.statements[:0] = [hold, *saved]
        return unit

    def _hold(self) -> Statement:
        projection, checkpoint_id = self._projection, self._checkpoint_id
        self._checkpoint_id = None
        name = "hold_attempt_at_checkpoint" if checkpoint_id else "hold_attempt"
        more = {"checkpoint_id": checkpoint_id} if checkpoint_id else {}
        return statement(
            name,
            1,
            run_id=projection.run.run_id,
            run_attempt=projection.run.run_attempt,
            current_node=projection.current_node,
            progress=projection.progress,
            estimated_completion=projection.forecast.completion,
            spent_ms=self.spent(),
            **more,
        )
