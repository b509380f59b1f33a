"""What the rest of the server may ask of the engine. Embedded it is a thread; it could be a queue of tasks."""

from concurrent.futures import Future
from typing import Literal, Protocol

from milepost.server.store.rows import Run

PauseMode = Literal["step", "now"]


class Dispatcher(Protocol):
    """Callable from any thread. The database decides first; these calls make the engine follow it."""

    def wake(self) -> None:
        """Something was queued: look for it."""
        ...

    def reserve(self, run: Run) -> bool:
        """Take a slot for a run that the caller is about to claim. False: queue it instead."""
        ...

    def unreserve(self, run: Run) -> None:
        """Give the slot back of a run whose claim was not committed."""
        ...

    def start_run(self, run: Run) -> None:
        """Drive a run that was claimed with a reserved slot."""
        ...

    def pause(self, run: Run, mode: PauseMode) -> "Future[list[str]]":
        """Stop the attempt that ``run`` tells of: ``step`` at the next boundary, ``now`` at once, resolving like
        ``cancel``. A later attempt goes on."""
        ...

    def unpause(self, run_id: str) -> "Future[bool]":
        """Take back a pause at the next boundary. False: the run has stopped for it already."""
        ...

    def cancel(self, run_id: str) -> "Future[list[str]]":
        """Stop a run's nodes. Resolves within 200 ms with the ids of nodes whose code is still executing."""
        ...

    def settled(self, run_id: str) -> "Future[list[str]]":
        """Resolves when nothing of an earlier attempt is left, within 200 ms, with what still executes then."""
        ...

    def executing(self, run_id: str) -> list[str]:
        """Nodes whose code is executing, or whose end is still to be told of by ``run.stopped``."""
        ...

    def standing(self, run: Run) -> str | None:
        """What the checkpoint holds that ``run`` tells of, as a paused run's row shows it; None if its attempt stands
        at another, or is not known here."""
        ...

    def spent(self, run: Run) -> int:
        """Milliseconds that the run has executed up to now, all its attempts together."""
        ...

    def active(self, run_id: str) -> bool:
        """Whether an attempt of the run, even a stopped one, still has something to end."""
        ...

    def watch_wake(self, wake_at: int) -> None:
        """A parked run is to be woken, or a queued one to start, at ``wake_at`` (epoch milliseconds)."""
        ...

    def boot_id(self) -> str:
        """Who claims: the owner column of the runs that this engine drives."""
        ...
