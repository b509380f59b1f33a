"""Workflows that acceptance tests run. Trace nodes write ``<run id> <node id>`` when they end."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

Definition = dict[str, Any]


def node(node_id: str, type_: str, file: Path | None = None, seconds: float = 0.0, **more: Any) -> dict[str, Any]:
    """One node of a probe's type."""
    config = {"text": "{{ run.id }} " + node_id, "seconds": seconds, **more}
    return {"id": node_id, "type": type_, "config": config | ({"file": str(file)} if file else {})}


def trace(node_id: str, file: Path | None = None, seconds: float = 0.0, **more: Any) -> dict[str, Any]:
    """A well-behaved asynchronous node."""
    return node(node_id, "trace", file, seconds, **more)


def chain(count: int, file: Path | None = None, seconds: float = 0.0) -> Definition:
    """So many trace nodes in sequence: n0, n1, …"""
    return {"name": "chain", "steps": [trace(f"n{number}", file, seconds) for number in range(count)]}


def noops(count: int) -> Definition:
    """A chain of nodes that do nothing."""
    return {"name": "no-ops", "steps": [{"id": f"n{i}", "type": "process", "config": {}} for i in range(count)]}


def graph(name: str, nodes: Iterable[dict[str, Any]], *edges: tuple[str, str]) -> Definition:
    """Nodes and edges."""
    return {
        "name": name,
        "nodes": list(nodes),
        "edges": [{"source": source, "target": target} for source, target in edges],
    }


def ladder(stages: int, file: Path, quick: float, slow: float) -> Definition:
    """Stages of two parallel nodes, a quick and a slow one, each stage between two single nodes: s0, a0, b0, s1, …"""
    nodes, edges = [trace("s0", file)], []
    for stage in range(stages):
        nodes += [trace(f"a{stage}", file, quick), trace(f"b{stage}", file, slow), trace(f"s{stage + 1}", file)]
        for branch in (f"a{stage}", f"b{stage}"):
            edges += [(f"s{stage}", branch), (branch, f"s{stage + 1}")]
    return graph("ladder", nodes, *edges)
