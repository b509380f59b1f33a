"""How large a run's state is: the JSON of its outputs and variables, counted as each is written, never as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from milepost.graphs.json_values import NotJson, encode

COUNTED = ("output:", "var:")


class StateSize:
    """Bytes by channel, and their sum. Used in the loop's thread only."""

    __slots__ = ("_sizes", "total")

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self.total = 0

    def restore(self, values: Mapping[str, Any]) -> None:
        """Count what a checkpoint holds, once, where a run goes on from it."""
        self.put({name: _size(value) for name, value in values.items() if name.startswith(COUNTED)})

    def with_these(self, sizes: Mapping[str, int]) -> int:
        """What the sum would be with these channels written."""
        return self.total + sum(size - self._sizes.get(name, 0) for name, size in sizes.items())

    def put(self, sizes: Mapping[str, int]) -> None:
        """These channels are written."""
        self.total = self.with_these(sizes)
        self._sizes.update(sizes)


def _size(value: Any) -> int:
    try:
        return 0 if value is None else len(encode(value))
    except NotJson:
        return 0
