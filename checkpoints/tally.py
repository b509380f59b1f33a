"""What a saver remembers of its runs between calls: ordinals, versions, and the versions at recent checkpoints."""

import threading
from collections.abc import Mapping
from typing import Any

from milepost.checkpoints.versions import Versions

Address = tuple[str, str, str]  # run, namespace, checkpoint

# One entry for each namespace at work. A child whose parent has fallen out is stored with a full copy and all values.
_REMEMBERED = 1024


class Tally:
    """Shared by a saver and its copies, from any thread."""

    def __init__(self, *, fresh: bool) -> None:
        self._fresh = fresh
        self._lock = threading.Lock()
        self._ordinals: dict[str, int] = {}
        self._version = 0
        self._versions: dict[Address, Versions] = {}
        self._used: set[tuple[str, str]] = set()

    def knows_empty(self, run_id: str, ns: str) -> bool:
        """Return whether a namespace is known to hold no checkpoint. Begins the count of a fresh run."""
        if not self._fresh:
            return False
        self._ordinals.setdefault(run_id, 0)
        return (run_id, ns) not in self._used

    def knows(self, run_id: str) -> bool:
        """Return whether the next ordinal of a run is known."""
        return run_id in self._ordinals

    def learn(self, run_id: str, ordinal: int, version: int) -> None:
        """Take over the last ordinal (-1 for none) and the highest version of a run as they are stored."""
        with self._lock:
            self._ordinals[run_id] = max(self._ordinals.get(run_id, 0), ordinal + 1)
            self._version = max(self._version, version)

    def next_ordinal(self, run_id: str) -> int:
        """Return an ordinal that no checkpoint of the run has had."""
        with self._lock:
            ordinal = self._ordinals.get(run_id, 0)
            self._ordinals[run_id] = ordinal + 1
            return ordinal

    def next_version(self, current: int | None) -> int:
        """Return a version above `current` and above every one that was given before."""
        with self._lock:
            self._version = max(self._version, current or 0) + 1
            return self._version

    def high_version(self, new: Mapping[str, Any]) -> int:
        """Return the highest version so far, counting those in `new`, which a caller may have made itself."""
        with self._lock:
            self._version = max(self._version, *new.values(), 0)
            return self._version

    def remember(self, address: Address, versions: Versions) -> None:
        """Keep the versions at a checkpoint for its child."""
        with self._lock:
            if self._fresh:
                self._used.add(address[:2])
            self._versions.pop(address, None)
            self._versions[address] = versions
            if len(self._versions) > _REMEMBERED:
                del self._versions[next(iter(self._versions))]

    def take(self, address: Address) -> Versions | None:
        """Hand over the versions at a checkpoint, to be advanced to its child's; a second child finds none."""
        with self._lock:
            return self._versions.pop(address, None)

    def forget(self, address: Address) -> None:
        """Drop the versions at a checkpoint that was not stored."""
        with self._lock:
            self._versions.pop(address, None)

    def forget_run(self, run_id: str) -> None:
        """Drop all that is known of a run, because it was changed behind this tally."""
        with self._lock:
            self._ordinals.pop(run_id, None)
            self._versions = {key: value for key, value in self._versions.items() if key[0] != run_id}
