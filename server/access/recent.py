"""What was looked up a moment ago, so that each request need not ask the store again."""

from typing import Generic, TypeVar

TTL_MS = 3_000
"""How long what was found is trusted: a revocation takes hold within this."""

_KEPT = 1_000

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """Values by key, each good for ``TTL_MS``."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, Value]] = {}

    def get(self, key: str, now: int) -> Value | None:
        """The value, unless it is too old. ``now``: epoch ms."""
        known = self._known.get(key)
        return known[1] if known is not None and 0 <= now - known[0] < TTL_MS else None

    def put(self, key: str, now: int, value: Value) -> None:
        """Keep a value that was found at ``now``."""
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[key] = (now, value)

    def forget(self, key: str) -> None:
        """Drop one."""
        self._known.pop(key, None)

    def clear(self) -> None:
        """Drop all."""
        self._known.clear()
