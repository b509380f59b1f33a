"""A run's events for a person: plain lines, or a live table on a terminal. Always on stderr; stdout is for results."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

Event = Mapping[str, Any]

ASKED_SHOWN = 5
"""Questions of a parked run that are shown."""


class Display:
    """Shows nothing. What derives from it shows events as they come."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def show(self, event: Event) -> None:
        """Show one event."""

    def say(self, message: str) -> None:
        """Show something that is no event."""

    def close(self) -> None:
        """Leave the last state standing."""


def display_for(console: Console) -> Display:
    """A live table where ``console`` is a terminal, plain lines otherwise."""
    return LiveTable(console) if console.is_terminal else Lines(console)


class Lines(Display):
    """One line for each event that a person wants to know of."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, event: Event) -> None:
        """Its line."""
        line = sentence(event)
        if line is not None:
            self._print(f"{str(event['ts'])[11:23]}  {line}")

    def say(self, message: str) -> None:
        """The message as a line."""
        self._print(message)

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


@dataclass(slots=True)
class Row:
    """What the table knows of a node."""

    status: str = "running"
    note: str = ""
    times: int = 0


class LiveTable(Display):
    """The nodes as they come, their state and the text that they stream, over one bar."""

    SHOWN = 20
    STYLES: Mapping[str, str] = {
        "running": "yellow",
        "completed": "green",
        "failed": "red",
        "skipped": "dim",
        "cancelled": "red",
        "waiting": "cyan",
        "retrying": "yellow",
    }

    def __init__(self, console: Console) -> None:
        self._rows: dict[str, Row] = {}
        self._progress = 0.0
        self._state = "starting"
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=10, transient=False)
        self._live.start()

    def show(self, event: Event) -> None:
        """Change the table; it is drawn ten times a second."""
        data, kind = event["data"], str(event["type"])
        self._progress = max(self._progress, float(data.get("run_progress") or self._of_run(kind, data)))
        if event["node_id"] is not None:
            self._show_node(str(event["node_id"]), kind.removeprefix("node."), event)
        elif kind.startswith("run.") and kind not in ("run.progress", "run.custom"):
            self._state = sentence(event) or self._state

    @staticmethod
    def _of_run(kind: str, data: Mapping[str, Any]) -> float:
        return 0.0 if kind == "node.progress" else data.get("progress") or 0.0

    def _show_node(self, node_id: str, what: str, event: Event) -> None:
        row = self._rows.setdefault(node_id, Row())
        if what == "delta":
            row.note = (row.note + str(event["data"].get("text", ""))).replace("\n", " ")[-60:]
        elif what in ("progress", "log"):
            row.note = _detail(event)
        else:
            row.times += what == "started"
            row.status = "running" if what == "started" else what
            row.note = _detail(event) or ("" if what == "started" else row.note)

    def say(self, message: str) -> None:
        """The message under the table."""
        self._state = message

    def close(self) -> None:
        """Leave the last table standing."""
        self._live.stop()

    def _table(self) -> Group:
        table = Table.grid(padding=(0, 2))
        hidden = len(self._rows) - self.SHOWN
        if hidden > 0:
            table.add_row("", f"… {hidden} nodes before", "")
        for node_id, row in list(self._rows.items())[-self.SHOWN :]:
            again = f" ×{row.times}" if row.times > 1 else ""
            style = self.STYLES.get(row.status, "")
            table.add_row(Text(row.status, style), escape(node_id) + again, Text(row.note, "dim", overflow="ellipsis"))
        bar = ProgressBar(total=1.0, completed=self._progress, width=40)
        return Group(table, bar, Text(self._state))


def _detail(event: Event) -> str:
    """What an event says beside its type."""
    data, kind = event["data"], event["type"]
    return DETAILS[kind](data) if kind in DETAILS else ""


def _took(data: Mapping[str, Any]) -> str:
    milliseconds = data.get("duration_ms")
    if milliseconds is None:
        return ""
    return f"in {milliseconds} ms" if milliseconds < 1000 else f"in {milliseconds / 1000:.1f} s"


def _error(data: Mapping[str, Any]) -> str:
    error = data.get("error") or {}
    return str(error.get("message") or error.get("code") or "")


def _waits(data: Mapping[str, Any]) -> str:
    wanted = {"answer": "for an answer", "event": "for an event", "time": "for a time"}
    words = [wanted.get(str(data.get("for")), "")]
    if data.get("item") is not None:
        words.append(f"to {data.get('path')}")
    if data.get("until"):
        words.append(f"until {data['until']}")
    return " ".join(words) + _asked(data.get("interrupts") or [])


def _asked(interrupts: Sequence[Mapping[str, Any]]) -> str:
    """What is asked, and by whom; the first few of it."""
    shown = []
    for each in interrupts[:ASKED_SHOWN]:
        value = each.get("value")
        said = value.get("question") or value.get("event") if isinstance(value, Mapping) else value
        shown.append(f"{each.get('path')}: {said}")
    more = len(interrupts) - ASKED_SHOWN
    return "".join([": " if shown else "", "; ".join(shown), f"; and {more} more" if more > 0 else ""])


def _moved(data: Mapping[str, Any]) -> str:
    words = [f"{float(data.get('progress') or 0):.0%}", str(data.get("message") or "")]
    if items := data.get("items"):
        failed = f", {items['failed']} failed" if items["failed"] else ""
        words.append(f"{items['completed'] + items['failed']} of {items['total']} items{failed}")
    return " ".join(filter(None, words))


def _again(data: Mapping[str, Any]) -> str:
    return f"after try {data.get('attempt')}: {_error(data)}"


def _said(data: Mapping[str, Any]) -> str:
    return f"[{data.get('level')}] {data.get('message')}"


def _by(data: Mapping[str, Any]) -> str:
    return f"by {data['by']}" if data.get("by") else ""


def _until(data: Mapping[str, Any]) -> str:
    return f"until {data['start_at']}" if data.get("start_at") else ""


DETAILS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "node.completed": _took,
    "node.failed": _error,
    "node.retrying": _again,
    "node.waiting": _waits,
    "node.progress": _moved,
    "node.log": _said,
    "run.queued": _until,
    "run.paused": _by,
    "run.resumed": _by,
    "run.cancelled": _by,
    "run.failed": _error,
    "run.waiting": _waits,
}

SILENT = frozenset({"checkpoint.saved", "run.progress", "run.custom", "node.delta"})


def sentence(event: Event) -> str | None:
    """An event as one line without its time; None for what is of no interest to a person."""
    kind = str(event["type"])
    if kind in SILENT:
        return None
    subject, _, verb = kind.partition(".")
    name = "run" if subject == "run" else str(event["node_id"] or subject)
    return f"{name} {verb} {_detail(event)}".rstrip()
