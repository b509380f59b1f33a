"""Which nodes of one program are not what they were in another, and what follows from a node."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import orjson

from milepost.graphs.program import Program


def changed(before: Program, now: Program, prefix: str = "") -> set[str]:
    """The nodes of `now`, those of nested workflows included, that are new or not as they were in `before`.

    What is inside a node that changed is not listed.
    """
    found: set[str] = set()
    for node_id in now.specs:
        place = prefix + node_id
        if node_id not in before.specs or _signature(before, node_id) != _signature(now, node_id):
            found.add(place)
        elif node_id in now.children:
            found |= changed(before.children[node_id].program, now.children[node_id].program, f"{place}/")
    return found


def entered(program: Program, prefix: str = "") -> set[str]:
    """The nodes that hold a workflow."""
    found = {prefix + node_id for node_id in program.children}
    return found.union(*(entered(child.program, f"{prefix}{node}/") for node, child in program.children.items()))


def writers(program: Program, prefix: str = "") -> dict[str, set[str]]:
    """The nodes that set each variable; its name stands behind the place of its workflow."""
    found: dict[str, set[str]] = {}
    for node_id, spec in program.specs.items():
        for name in spec.set:
            found.setdefault(prefix + name, set()).add(prefix + node_id)
    for node_id, child in program.children.items():
        found |= writers(child.program, f"{prefix}{node_id}/")
    return found


def followers(program: Program, places: Collection[str]) -> set[str]:
    """The places and all that can come after them. What is inside a node counts with it."""
    after: dict[str, set[str]] = {}
    for edge in program.drawing()["edges"]:
        after.setdefault(edge["source"], set()).add(edge["target"])
    found: set[str] = set()
    waiting = list(places)
    while waiting:
        place = waiting.pop()
        if place not in found:
            found.add(place)
            waiting += after.get(place, ())
            waiting += [place.rpartition("/")[0]] if "/" in place else []
    return found


def _signature(program: Program, node_id: str) -> bytes:
    """Everything about a node that bears on what it gives, but for what is inside it."""
    spec = program.specs[node_id]
    told = spec.model_dump(exclude={"id", "name"})
    if node_id in program.children:
        # Which version does not matter: its nodes are compared.
        told["config"] = {key: value for key, value in spec.config.items() if key != "version"}
    whens = [_text(edge.when) for edge in program.edges if edge.source == node_id and edge.conditional]
    sources = [_text([edge.source, edge.when, edge.conditional]) for edge in program.edges if edge.target == node_id]
    return _text([told, sorted(whens), sorted(sources), *_many(program, node_id)])


def _many(program: Program, node_id: str) -> Iterable[Any]:
    """The workflows that a node runs many times, for items or as tools: these are not compared node by node."""
    if node_id not in program.children:
        for child in program.named.get(node_id, ()):
            yield [child.workflow_id, *_whole(child.program)]


def _whole(program: Program) -> Iterable[Any]:
    yield [program.input_schema, program.timeout]
    for node_id in program.specs:
        yield [node_id, _signature(program, node_id)]
        if node_id in program.children:
            yield from _whole(program.children[node_id].program)


def _text(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=_plain)


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else str(value)
