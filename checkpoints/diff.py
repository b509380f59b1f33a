"""What changed between two JSON states, path by path, in the style of the API's error paths: `nodes[2].config.url`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `before` is None where nothing was, `after` where nothing is any more."""

    path: str
    op: Literal["added", "removed", "changed"]
    before: Any
    after: Any

    def as_json(self) -> dict[str, Any]:
        """Return the change as the API shows it: `{path, op, from, to}`, without the side that does not exist."""
        shown: dict[str, Any] = {"path": self.path, "op": self.op}
        if self.op != "added":
            shown["from"] = self.before
        if self.op != "removed":
            shown["to"] = self.after
        return shown


@dataclass(frozen=True, slots=True)
class Diff:
    """The first changes in the order of their paths; `cut` says that there are more."""

    changes: list[Change]
    cut: bool


def diff(before: Any, after: Any, *, limit: int = 1000) -> Diff:
    """Return up to `limit` differences between two JSON values. Lists are compared position by position."""
    found = list(islice(changes(before, after), limit + 1))
    return Diff(found[:limit], cut=len(found) > limit)


def changes(before: Any, after: Any) -> Iterator[Change]:
    """Every difference between two JSON values, one after another as they are asked for."""
    return _changes("", before, after)


def _changes(path: str, before: Any, after: Any) -> Iterator[Change]:
    if type(before) is type(after) is dict:
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _changes(_member(path, key), before.get(key, _MISSING), after.get(key, _MISSING))
    elif type(before) is type(after) is list:
        for index in range(max(len(before), len(after))):
            old = before[index] if index < len(before) else _MISSING
            new = after[index] if index < len(after) else _MISSING
            yield from _changes(f"{path}[{index}]", old, new)
    elif before is _MISSING:
        yield Change(path, "added", None, after)
    elif after is _MISSING:
        yield Change(path, "removed", before, None)
    elif not _same(before, after):
        yield Change(path, "changed", before, after)


def _same(before: Any, after: Any) -> bool:
    """True and 1 differ in JSON, 1 and 1.0 do not; NaN is the same as NaN."""
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after
    return bool(before == after) or (before != before and after != after)  # noqa: PLR0124


def _member(path: str, key: str) -> str:
    if not key or not set('.[]"').isdisjoint(key):
        return f"{path}[{json.dumps(key, ensure_ascii=False)}]"
    return f"{path}.{key}" if path else key
