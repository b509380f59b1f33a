"""The channels that a compiled definition adds to LangGraph's own: joins and last-write-wins values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from langgraph._internal._typing import MISSING
from langgraph.channels import LastValue
from langgraph.channels.base import BaseChannel
from langgraph.errors import EmptyChannelError

DEAD, LIVE, SPENT = 0, 1, 2
"""What is known of an incoming edge. SPENT is dead as well, and its branch ended there: nothing else carries it on."""
CLEAR = -1
"""Forget all that was collected: the cycle around the node starts over or was left."""


def token(slot: int, kind: int) -> int:
    """A join's token: `kind` for the predecessor number `slot`."""
    return slot * 4 + kind


def back_token(edge: int) -> int:
    """A token that starts a node at once, because the back edge number `edge` was taken."""
    return -2 - edge


class Barrier(BaseChannel[list[int], list[int], list[int]]):
    """Collects one token for each predecessor, and is available once all are decided or a back edge came in.

    An update is a list of tokens. Nothing but the node's own run (`consume`) or CLEAR empties it.
    """

    __slots__ = ("size", "tokens")

    def __init__(self, size: int) -> None:
        super().__init__(list)
        self.size = size
        self.tokens: list[int] = []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Barrier) and other.size == self.size

    __hash__ = None  # type: ignore[assignment]

    @property
    def ValueType(self) -> Any:  # noqa: N802
        """The type that `get` gives."""
        return list

    @property
    def UpdateType(self) -> Any:  # noqa: N802
        """The type that `update` takes, in a sequence."""
        return list

    def copy(self) -> Self:
        """An independent channel with the same tokens."""
        return self.from_checkpoint(self.tokens)

    def checkpoint(self) -> Any:
        """The tokens, or nothing when there are none."""
        return list(self.tokens) if self.tokens else MISSING

    def from_checkpoint(self, checkpoint: Any) -> Self:
        """A channel with a checkpoint's tokens."""
        channel = self.__class__(self.size)
        channel.key = self.key
        if checkpoint is not MISSING:
            channel.tokens = list(checkpoint)
        return channel

    def update(self, values: Sequence[list[int]]) -> bool:
        """Take tokens; CLEAR empties first, whatever order they came in. True when anything changed."""
        if not values:
            return False
        tokens = [item for value in values for item in value]
        if CLEAR in tokens:
            changed = bool(self.tokens)
            self.tokens = [item for item in tokens if item < CLEAR]
            return changed or bool(self.tokens)
        slots = {item >> 2 for item in tokens if item >= 0}
        self.tokens = [item for item in self.tokens if item < 0 or item >> 2 not in slots] + sorted(set(tokens))
        return True

    def is_available(self) -> bool:
        """True when the node has to run, or to be skipped."""
        return bool(self.tokens) and complete(self.tokens, self.size)

    def get(self) -> list[int]:
        """The tokens that decided it. Raises `EmptyChannelError` before that."""
        if not complete(self.tokens, self.size):
            raise EmptyChannelError
        return self.tokens

    def consume(self) -> bool:
        """Empty the channel, because its node ran."""
        if not complete(self.tokens, self.size):
            return False
        self.tokens = []
        return True


def complete(tokens: Sequence[int], size: int) -> bool:
    """True when tokens decide a join of `size` predecessors."""
    if not tokens:
        return False
    return len(tokens) >= size or any(item < CLEAR for item in tokens)


class LastWrite(LastValue[Any]):
    """Keeps the last value. Of several in one superstep the one of the node that comes last by name."""

    __slots__ = ()

    def update(self, values: Sequence[Any]) -> bool:
        """Take the last of `values`. True when there was one."""
        if not values:
            return False
        self.value = values[-1]
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LastWrite)

    __hash__ = None  # type: ignore[assignment]


def merged_letters(letters: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Updates for another graph put together: the tokens of a join add up, of anything else the last one holds."""
    merged = dict(letters)
    for channel, value in more.items():
        adds = channel.startswith("join:") and channel in merged
        merged[channel] = [*merged[channel], *value] if adds else value
    return merged


class Letters(BaseChannel[dict[str, Any], dict[str, Any], dict[str, Any]]):
    """Keeps updates for channels of another graph until a branch is started with them, or ends."""

    __slots__ = ("letters",)

    def __init__(self) -> None:
        super().__init__(dict)
        self.letters: dict[str, Any] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Letters)

    __hash__ = None  # type: ignore[assignment]

    @property
    def ValueType(self) -> Any:  # noqa: N802
        """The type that `get` gives."""
        return dict

    @property
    def UpdateType(self) -> Any:  # noqa: N802
        """The type that `update` takes, in a sequence."""
        return dict

    def copy(self) -> Self:
        """An independent channel with the same letters."""
        return self.from_checkpoint(self.letters)

    def checkpoint(self) -> Any:
        """The letters, or nothing when there are none."""
        return dict(self.letters) if self.letters else MISSING

    def from_checkpoint(self, checkpoint: Any) -> Self:
        """A channel with a checkpoint's letters."""
        channel = self.__class__()
        channel.key = self.key
        if checkpoint is not MISSING:
            channel.letters = dict(checkpoint)
        return channel

    def update(self, values: Sequence[dict[str, Any]]) -> bool:
        """Take letters. True when there were any."""
        for value in values:
            self.letters = merged_letters(self.letters, value)
        return bool(values)

    def is_available(self) -> bool:
        """True when there are letters."""
        return bool(self.letters)

    def get(self) -> dict[str, Any]:
        """The letters. Raises `EmptyChannelError` when there are none."""
        if not self.letters:
            raise EmptyChannelError
        return self.letters

    def consume(self) -> bool:
        """Empty the channel, because the branch was started."""
        had = bool(self.letters)
        self.letters = {}
        return had
