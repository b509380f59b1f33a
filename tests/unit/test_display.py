"""What a person is shown of a run: lines where nobody looks, a table on a terminal."""

from io import StringIO
from typing import Any

from rich.console import Console

from milepost.server.cli.display import Lines, LiveTable, display_for


def event(type_: str, node_id: str | None = None, **data: Any) -> dict[str, Any]:
    """An event as the server sends it."""
    return {"seq": 1, "ts": "2026-11-21T02:22:13.903Z", "type": type_, "node_id": node_id, "data": data}


STORY = [
    event("run.created"),
    event("run.queued", why="execute", start_at="2026-11-21T03:00:00.000Z"),
    event("run.resumed", by="ada"),
    event("run.started"),
    event("checkpoint.saved", step=0),
    event("node.started", "fetch[0]"),
    event("node.progress", "fetch[0]", progress=0.4, message="page 2", run_progress=0.2),
    event("node.delta", "fetch[0]", text="never\nalone"),
    event("node.retrying", "fetch[0]", attempt=1, error={"message": "no route"}),
    event("node.failed", "fetch[0]", error={"message": "[red]gave up"}),
    event("run.failed", error={"message": "fetch[0] failed"}),
]


def test_lines_tell_what_matters_and_take_no_text_for_markup() -> None:
    shown = StringIO()
    lines = display_for(Console(file=shown))
    assert isinstance(lines, Lines)
    with lines:
        for each in STORY:
            lines.show(each)
    assert shown.getvalue().splitlines() == [
        "02:22:13.903  run created",
        "02:22:13.903  run queued until 2026-11-21T03:00:00.000Z",
        "02:22:13.903  run resumed by ada",
        "02:22:13.903  run started",
        "02:22:13.903  fetch[0] started",
        "02:22:13.903  fetch[0] progress 40% page 2",
        "02:22:13.903  fetch[0] retrying after try 1: no route",
        "02:22:13.903  fetch[0] failed [red]gave up",
        "02:22:13.903  run failed fetch[0] failed",
    ]


def test_the_table_ends_with_the_last_state_of_every_node() -> None:
    shown = StringIO()
    console = Console(file=shown, force_terminal=True, width=100, color_system=None)
    table = display_for(console)
    assert isinstance(table, LiveTable)
    with table:
        for each in STORY:
            table.show(each)
        for number in range(30):
            table.show(event("node.completed", f"n{number}", duration_ms=1500, progress=0.5))
    last = shown.getvalue().rpartition("nodes before")
    assert last[0].endswith("11 ")
    assert last[2].count("in 1.5 s") == 20
    assert "n29 " in last[2]
    assert "n9 " not in last[2]
    assert "run failed fetch[0] failed" in last[2]


def test_lines_say_what_is_asked_and_how_far_the_items_are() -> None:
    shown = StringIO()
    value = {"question": "Fine?"}
    asked = [{"path": f"each/{item}", "value": value} for item in range(7)]
    with display_for(Console(file=shown)) as lines:
        lines.show(event("node.progress", "each", progress=0.5, items={"total": 4, "completed": 1, "failed": 1}))
        lines.show(event("node.waiting", "each", **{"for": "answer", "item": 3, "path": "each/3/ask", "until": None}))
        lines.show(event("node.waiting", "nap", **{"for": "time", "until": "2027-01-01T00:00:00.000Z"}))
        lines.show(event("run.waiting", None, **{"for": "answer", "interrupts": asked}))
        lines.show(
            event("run.waiting", None, **{"for": "event", "interrupts": [{"path": "w", "value": {"event": "paid"}}]})
        )
    assert [line[14:] for line in shown.getvalue().splitlines()] == [
        "each progress 50% 2 of 4 items, 1 failed",
        "each waiting for an answer to each/3/ask",
        "nap waiting for a time until 2027-01-01T00:00:00.000Z",
        f"run waiting for an answer: {'; '.join(f'each/{item}: Fine?' for item in range(5))}; and 2 more",
        "run waiting for an event: w: paid",
    ]
