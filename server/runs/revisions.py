"""What is different between two definitions: by node and key, by edge, by key. Where they come from is elsewhere."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import orjson

from milepost.checkpoints.diff import changes
from milepost.server.runs.summaries import Json

SHOWN = 1_000
"""Keys that a comparison shows."""

PATHS = 1 << 20
"""Characters that their paths have together: a short definition can have long keys many times."""


class Shown:
    """Counts what a comparison shows, and stops it where it would become longer than anybody reads."""

    def __init__(self) -> None:
        self._keys = SHOWN
        self._characters = PATHS
        self.cut = False

    def changes(self, before: Any, after: Any) -> list[Json]:
        """The differences of two values, as long as there is room."""
        return list(self._changes(before, after))

    def _changes(self, before: Any, after: Any) -> Iterator[Json]:
        for change in changes(before, after):
            if not self._keys or len(change.path) > self._characters:
                self.cut = True
                return
            self._keys -= 1
            self._characters -= len(change.path)
            yield change.as_json()


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Json:
    """Two definitions as `{equal, nodes: {added, removed, changed}, edges: {added, removed}, keys, reordered, cut}`.

    `equal` is about what is written: a default that is spelled out is a difference. A node is the same as another
    with its id, wherever it stands; `reordered` says which lists have the same members in another order. `steps` are
    compared as the nodes and edges that they stand for.
    """
    shown = Shown()
    old, new = _nodes(before), _nodes(after)
    kept = [name for name in old if name in new]
    changed = ((name, shown.changes(old[name], new[name])) for name in kept)
    nodes = {
        "added": [_named(new[name]) for name in new if name not in old],
        "removed": [_named(old[name]) for name in old if name not in new],
        "changed": [{"id": name, "changes": found} for name, found in changed if found],
    }
    left, right = _edges(before), _edges(after)
    edges = {"added": _more(right, left), "removed": _more(left, right)}
    return {
        "equal": _text(before) == _text(after),
        "nodes": nodes,
        "edges": edges,
        "keys": shown.changes(_rest(before), _rest(after)),
        "reordered": [
            *(["nodes"] if kept != [name for name in new if name in old] else []),
            *(["edges"] if left != right and Counter(map(_text, left)) == Counter(map(_text, right)) else []),
        ],
        "cut": shown.cut,
    }


def _nodes(definition: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {node["id"]: node for node in definition.get("steps", definition.get("nodes", []))}


def _edges(definition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "steps" in definition:
        return [{"source": source, "target": target} for source, target in pairwise(_nodes(definition))]
    return list(definition.get("edges", []))


def _rest(definition: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in definition.items() if key not in ("nodes", "edges", "steps")}


def _named(node: Mapping[str, Any]) -> Json:
    return {key: node[key] for key in ("id", "type", "name") if key in node}


def _more(edges: Iterable[Mapping[str, Any]], than: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The edges that are not, or not so often, among the others; in their order."""
    left = Counter(map(_text, than))
    more = []
    for edge in edges:
        text = _text(edge)
        if left[text]:
            left[text] -= 1
        else:
            more.append(edge)
    return more


def _text(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
