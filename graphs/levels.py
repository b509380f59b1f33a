"""What belongs to which LangGraph graph of a definition: the root's, or that of a branch. Says where updates go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from langgraph.checkpoint.base import Checkpoint

from milepost.graphs.channels import CLEAR, complete, merged_letters
from milepost.graphs.regions import Region
from milepost.graphs.topology import Topology, members

OUT = "out"
"""The channel of a branch that keeps what concerns nodes outside until the branch has ended."""


class Level:
    """One graph: the nodes in it, and the branches in it that are graphs of their own."""

    def __init__(self, region: Region, topology: Topology, ids: Sequence[str], name: str = "") -> None:
        self.region = region
        self.name = name
        self.topology = topology
        self.ids = ids
        self.inner = tuple(Level(inner, topology, ids, f"branch {ids[inner.entries[0]]}") for inner in region.inner)
        self.direct = [ids[node] for node in region.direct]
        self.entries = [ids[node] for node in region.entries]
        self.nodes = frozenset(ids[node] for node in members(region.nodes))
        self._branches = {node: level for level in self.inner for node in level.nodes}

    @property
    def flat(self) -> bool:
        """True for a definition without branches of their own: its nodes write to its channels as they are."""
        return not self.name and not self.inner

    @cached_property
    def starts(self) -> list[str]:
        """The names of the graph's nodes that listen to the run's input."""
        found = dict.fromkeys(
            self.node_of(self.ids[node]) for node in self.topology.starts if self.ids[node] in self.nodes
        )
        return list(found)

    @cached_property
    def joins(self) -> dict[str, int]:
        """The sizes of the joins that stand in this graph, by author's node."""
        starts = {self.ids[node] for node in self.topology.starts}
        entered = [level.entry for level in self.inner if level.entry is not None]
        numbers = {name: number for number, name in enumerate(self.ids)}
        return {
            name: len(self.topology.slots[numbers[name]]) for name in (*self.direct, *entered) if name not in starts
        }

    @property
    def entry(self) -> str | None:
        """The one node that a branch is entered at, if there is one."""
        alone = self.region.source is None and len(self.region.entries) == 1
        return self.ids[self.region.entries[0]] if alone else None

    def trigger(self, level: Level) -> str:
        """The channel that a branch in this graph listens to."""
        if level.name in self.starts:
            return "input"
        return f"join:{level.entry}" if level.entry is not None else f"enter:{level.name}"

    def node_of(self, node: str) -> str:
        """The graph's node that an author's node is, or is in."""
        level = self._branches.get(node)
        return level.name if level is not None else node

    def all(self) -> Iterable[Level]:
        """This level and all below it, from the outside in."""
        yield self
        for level in self.inner:
            yield from level.all()

    # Where updates go.

    def route(self, updates: Mapping[str, Any]) -> dict[str, Any]:
        """Updates of any channels of the definition as updates of this graph's."""
        found: dict[str, Any] = {}
        for channel, value in updates.items():
            kind, _, name = channel.partition(":")
            place = self._place(kind, name, value)
            if place is None:
                continue
            if place == channel:
                found[channel] = value
            else:
                found[place] = merged_letters(found.get(place, {}), {channel: value})
                if kind == "output":
                    found[channel] = value
        return found

    def _place(self, kind: str, name: str, value: Any) -> str | None:
        """The channel that an update goes to; None where nobody can need it."""
        if kind == "var":
            return f"var:{name}"
        if name not in self.nodes:
            return OUT
        level = self._branches.get(name)
        if kind == "output" or level is None or level.entry == name:
            return f"{kind}:{name}"
        # A branch starts with joins of its own that hold nothing: there is nothing to clear.
        return f"enter:{level.name}" if value != [CLEAR] else None

    # What comes next.

    def next_nodes(self, checkpoint: Checkpoint) -> list[str]:
        """The author's nodes that run next from a checkpoint of this graph. Looks at the channels updated last."""
        versions, seen = checkpoint["channel_versions"], checkpoint["versions_seen"]
        values = checkpoint["channel_values"]
        found: set[str] = set()
        for channel in checkpoint.get("updated_channels") or values:
            for node, named in self._triggered(channel, values.get(channel, ())):
                read = seen.get(node, {}).get(channel)
                if channel in versions and (read is None or versions[channel] > read):  # type: ignore[operator]
                    found.update(named)
        return [name for name in self.ids if name in found] if found else []

    def _triggered(self, channel: str, value: Any) -> list[tuple[str, list[str]]]:
        """The nodes of the graph that a channel starts, each with the author's nodes that this means."""
        kind, _, name = channel.partition(":")
        if kind == "input":
            starts = [self.ids[node] for node in self.topology.starts]
            return [(node, [start for start in starts if self.node_of(start) == node]) for node in self.starts]
        if kind == "enter":
            return [(name, self._entered(value))]
        size = self.joins.get(name, 0) if kind == "join" else 0
        return [(self.node_of(name), [name])] if size and complete(value, size) else []

    def _entered(self, letters: Any) -> list[str]:
        numbers = {name: number for number, name in enumerate(self.ids)}
        joins = {channel.partition(":")[2]: tokens for channel, tokens in dict(letters or {}).items()}
        return [name for name, tokens in joins.items() if complete(tokens, len(self.topology.slots[numbers[name]]))]
