"""Figures with their targets: how they are summed up, printed and written into README.md. Nothing is measured here."""

import math
import platform
import sqlite3
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

README = Path(__file__).with_name("README.md")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; ``spread`` says how far apart the rounds were, ``target`` what is promised."""

    name: str
    value: str
    spread: str = ""
    target: str = ""
    met: bool | None = None


def at_most(name: str, values: Sequence[float], unit: str, limit: float | None = None, digits: int = 1) -> Figure:
    """The median of ``values``, which are to stay at or below ``limit``."""
    middle = statistics.median(values)
    target, met = ("", None) if limit is None else (f"≤ {limit:g} {unit}", middle <= limit)
    return Figure(name, f"{middle:.{digits}f} {unit}", span(values, digits), target, met)


def at_least(name: str, values: Sequence[float], unit: str, limit: float | None = None, digits: int = 1) -> Figure:
    """The median of ``values``, which are to reach ``limit``."""
    middle = statistics.median(values)
    target, met = ("", None) if limit is None else (f"≥ {limit:g} {unit}", middle >= limit)
    return Figure(name, f"{middle:.{digits}f} {unit}", span(values, digits), target, met)


def p95_at_most(name: str, values: Sequence[float], unit: str, limit: float | None = None, digits: int = 1) -> Figure:
    """The 95th percentile of ``values``, which is to stay at or below ``limit``."""
    high = percentile(values, 95)
    target, met = ("", None) if limit is None else (f"≤ {limit:g} {unit}", high <= limit)
    return Figure(name, f"{high:.{digits}f} {unit}", span(values, digits), target, met)


def span(values: Sequence[float], digits: int = 1) -> str:
    """The smallest and the largest of several rounds."""
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}" if len(values) > 1 else ""


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def table(figures: Sequence[Figure]) -> str:
    """A Markdown table."""
    rows = ["| figure | value | rounds | target | |", "|---|---|---|---|---|"]
    marks = {None: "", True: "reached", False: "**missed**"}
    rows += [f"| {each.name} | {each.value} | {each.spread} | {each.target} | {marks[each.met]} |" for each in figures]
    return "\n".join(rows)


def write(name: str, title: str, figures: Sequence[Figure]) -> None:
    """Replace the section of one benchmark in README.md, or append it."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    section = f"{begin}\n## {title}\n\n{table(figures)}\n\n{_origin(name)}\n{end}"
    text = README.read_text(encoding="utf-8")
    if begin in text:
        head, _, rest = text.partition(begin)
        text = head + section + rest.partition(end)[2]
    else:
        text = f"{text.rstrip()}\n\n{section}\n"
    README.write_text(text, encoding="utf-8")


def _origin(name: str) -> str:
    commit = _output("git", "rev-parse", "--short", "HEAD") or "unknown"
    changed = " with changes" if _output("git", "status", "--porcelain", "--untracked-files=no") else ""
    today = datetime.now(UTC).date().isoformat()
    return f"`python -m benchmarks {name}`, {today}, commit {commit}{changed}; {_machine()}."


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = f"{len(models)} × {models[0]}" if models else platform.processor()
    python, langgraph = platform.python_version(), version("langgraph")
    return f"{processor}, Python {python}, SQLite {sqlite3.sqlite_version}, LangGraph {langgraph}"


def _output(*command: str) -> str:
    found = subprocess.run(command, cwd=README.parent, capture_output=True, text=True, check=False)
    return found.stdout.strip()
