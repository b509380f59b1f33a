"""Where in a graph something happens, by LangGraph's checkpoint namespaces: `outer:<task id>|inner:<task id>`."""

from __future__ import annotations


def node_of(ns: str) -> str:
    """The node that a namespace belongs to: `outer/inner`; '' for the root graph."""
    return "/".join(part.partition(":")[0] for part in ns.split("|") if part and not part.isdigit())


def task_of(ns: str) -> str:
    """The id of the task that a node's namespace belongs to."""
    parts = [part for part in ns.split("|") if not part.isdigit()]
    return parts[-1].partition(":")[2] if parts else ""
