"""How many runs execute at once, and whose turn it is: the project with the fewest, then the longest not served."""

import threading
from collections import Counter
from collections.abc import Iterable

from milepost.server.store.rows import Run


class Slots:
    """Counted under a lock, because the API reserves from its own thread."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._taken = 0
        self._closed = False
        self._running: Counter[str] = Counter()
        self._served: dict[str, int] = {}
        self._turn = 0
        self.backlog = True
        """Whether runs may be queued: then nobody passes them. Known to be false once a look found none."""

    @property
    def taken(self) -> int:
        """Slots in use."""
        return self._taken

    @property
    def free(self) -> int:
        """Slots that may be taken now."""
        return 0 if self._closed else self._limit - self._taken

    def reserve(self, *, passing: bool = False) -> bool:
        """Take a slot. Fails while runs are queued, except for the claimer itself (``passing``).

        Whoever is refused queues the run.
        """
        with self._lock:
            if self.free <= 0 or (self.backlog and not passing):
                self.backlog = True
                return False
            self._taken += 1
            return True

    def release(self) -> None:
        """Give a slot back."""
        with self._lock:
            self._taken -= 1

    def close(self) -> None:
        """No slot is given out any more."""
        with self._lock:
            self._closed = True

    @property
    def closed(self) -> bool:
        """Whether the server stops."""
        return self._closed

    def began(self, run: Run) -> None:
        """A run of its project executes."""
        with self._lock:
            self._turn += 1
            self._running[run.project_id] += 1
            self._served[run.project_id] = self._turn

    def ended(self, run: Run) -> None:
        """It does not any more."""
        with self._lock:
            self._running[run.project_id] -= 1
            if self._running[run.project_id] <= 0:
                del self._running[run.project_id]

    def fairest(self, projects: Iterable[str]) -> list[str]:
        """Projects in the order in which they are to be served."""
        with self._lock:
            return sorted(projects, key=lambda project: (self._running[project], self._served.get(project, 0)))
