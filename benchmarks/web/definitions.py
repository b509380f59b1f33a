"""The workflows that the viewer is shown."""

from typing import Any

from tests.acceptance.definitions import Definition, graph, trace

GATE: dict[str, Any] = {"id": "go", "type": "ask", "config": {"question": "Go?"}}


def pulse(node_id: str, count: int, every: float = 0.0, after: float = 0.0) -> dict[str, Any]:
    """A node that tells ``count`` things, one each ``every`` seconds."""
    return {"id": node_id, "type": "pulse", "config": {"count": count, "every": every, "after": after}}


def one_speaker(count: int, every: float = 0.0) -> Definition:
    """Asks whether to begin; then one node speaks."""
    return graph("speaker", [GATE, pulse("talk", count, every)], ("go", "talk"))


def many_speakers(nodes: int, rounds: int, seconds: float) -> Definition:
    """Asks whether to begin; then so many nodes at once, each speaking ``rounds`` times, evenly over ``seconds``."""
    every = seconds / rounds
    speakers = [pulse(f"n{at}", rounds, every, 1.5 + at * every / nodes) for at in range(nodes)]
    return graph("speakers", [GATE, *speakers], *(("go", each["id"]) for each in speakers))


def layered(nodes: int, wide: int) -> Definition:
    """Layers of ``wide`` nodes, each led to by two of the layer before."""
    made = [trace(f"step{at}") for at in range(nodes)]
    edges = [
        (f"step{from_at}", f"step{at}")
        for at in range(wide, nodes)
        for from_at in sorted({at - wide, at - at % wide - wide + (at % wide + 1) % wide})
    ]
    return graph(f"layers of {nodes}", made, *edges)
