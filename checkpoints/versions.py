"""Which version every channel is at, where its value is stored and what each node has seen: in memory and as a body.

A body is either a full copy or what changed against the parent checkpoint's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import ormsgpack
from langgraph.checkpoint.base import ChannelVersions, Checkpoint

# A 1,000-node chain has 2,000 channels: a full copy at each step would take 70 KB a step, and reading a checkpoint
# follows at most this many rows.
FULL_COPY_EVERY = 32


@dataclass(frozen=True, slots=True)
class Head:
    """The fields of a LangGraph checkpoint that are not versions or values."""

    v: int
    ts: str
    updated_channels: list[str] | None


@dataclass(slots=True)
class Versions:
    """The versions at one checkpoint; `places` has the ordinal of the checkpoint that stored a channel's value."""

    channels: dict[str, int] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    seen: dict[str, ChannelVersions] = field(default_factory=dict)
    depth: int = -1

    def advance(self, checkpoint: Checkpoint, new: Mapping[str, Any], ordinal: int) -> tuple[bytes, Iterable[str]]:
        """Become the versions at `checkpoint`, a child that is stored at `ordinal`.

        Returns its body and the channels whose values it has to store. `new` is LangGraph's hint of what changed;
        where it does not explain all, every channel is compared.
        """
        versions: dict[str, Any] = checkpoint["channel_versions"]
        changed, removed = self._advance_channels(versions, new)
        stored = [channel for channel in changed if channel in checkpoint["channel_values"]]
        for channel in changed:
            self.places.pop(channel, None)
        self.places.update(dict.fromkeys(stored, ordinal))
        seen, unseen = self._advance_seen(checkpoint["versions_seen"])
        self.depth = (self.depth + 1) % FULL_COPY_EVERY
        head = Head(checkpoint["v"], checkpoint["ts"], checkpoint.get("updated_channels"))
        if self.depth == 0:
            return self.body(head), stored
        places = {channel: [version, self.places.get(channel)] for channel, version in changed.items()}
        return _pack(head, places, removed, seen, unseen), stored

    def _advance_channels(
        self, versions: dict[str, Any], new: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], list[str]]:
        self.channels.update(new)
        if self.channels == versions:
            return new, []
        changed = {
            channel: version
            for channel, version in versions.items()
            if channel in new or self.channels.get(channel) != version
        }
        removed = [channel for channel in self.channels if channel not in versions]
        for channel in removed:
            self.places.pop(channel, None)
        self.channels = dict(versions)
        return changed, removed

    def _advance_seen(self, now: dict[str, ChannelVersions]) -> tuple[dict[str, ChannelVersions], list[str]]:
        before = self.seen
        changed = {node: dict(seen) for node, seen in now.items() if before.get(node) != seen}
        before.update(changed)
        if len(before) == len(now):
            return changed, []
        gone = [node for node in before if node not in now]
        for node in gone:
            del before[node]
        return changed, gone

    def body(self, head: Head) -> bytes:
        """Return a full copy."""
        places = {channel: [version, self.places.get(channel)] for channel, version in self.channels.items()}
        return _pack(head, places, [], self.seen, [])

    def apply(self, body: bytes) -> Head:
        """Become the versions at the checkpoint with that body; must be at its parent's, or new for a full copy."""
        v, ts, updated_channels, places, removed, seen, unseen = ormsgpack.unpackb(body)
        for channel, (version, place) in places.items():
            self.channels[channel] = version
            if place is None:
                self.places.pop(channel, None)
            else:
                self.places[channel] = place
        for channel in removed:
            self.channels.pop(channel, None)
            self.places.pop(channel, None)
        self.seen.update(seen)
        for node in unseen:
            self.seen.pop(node, None)
        return Head(v, ts, updated_channels)


def _pack(
    head: Head, places: dict[str, list[Any]], removed: list[str], seen: dict[str, ChannelVersions], unseen: list[str]
) -> bytes:
    return ormsgpack.packb([head.v, head.ts, head.updated_channels, places, removed, seen, unseen])
