"""The filters on text. Each charges for what it is about to read and to make."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Iterable
from typing import Any

from markupsafe import Markup, escape

from milepost.graphs.expressions.budget import Budget, ExpressionError, bytes_of, char_bytes
from milepost.graphs.expressions.operations import number, text, whole

MAX_WIDTH = 1000
MAX_TRIMMED = 100
CASE_BYTES = 12
"""What Python takes for each character while it changes the case of a text that is not ASCII."""

LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
WORD = re.compile(r"\w+")
WORD_START = re.compile(r"([-\s({\[<]+)")
PLACE = re.compile(r"%([-+ 0#]{0,5})([0-9]{0,2})(\.[0-9]{0,2})?([sdifeEgGxXo])")


def copied(budget: Budget, value: Any) -> str:
    """The value as text that the caller makes another of."""
    result = text(budget, value)
    budget.allocate(bytes_of(result))
    return result


def folded(budget: Budget, value: str) -> str:
    """The text in lower case."""
    _charge_case(budget, value)
    return value.lower()


def joined(budget: Budget, parts: Iterable[str], separator: str = "") -> str:
    """All parts in one text."""
    parts = list(parts)
    widest = max(map(char_bytes, (separator, *parts)))
    budget.allocate(widest * (sum(map(len, parts)) + len(separator) * len(parts)))
    return separator.join(parts)


def _charge_case(budget: Budget, source: str) -> None:
    budget.allocate(len(source) if source.isascii() else CASE_BYTES * len(source))


def _upper(budget: Budget, value: Any) -> str:
    source = text(budget, value)
    _charge_case(budget, source)
    return source.upper()


def _lower(budget: Budget, value: Any) -> str:
    return folded(budget, text(budget, value))


def _capitalize(budget: Budget, value: Any) -> str:
    source = text(budget, value)
    budget.allocate(CASE_BYTES * len(source))
    return source.capitalize()


def _title(budget: Budget, value: Any) -> str:
    source = text(budget, value)
    budget.step(len(source))
    return "".join(item[0].upper() + item[1:].lower() for item in WORD_START.split(source) if item)


def _replace(budget: Budget, value: Any, old: Any, new: Any, count: Any = None) -> str:
    source, old, new = (text(budget, part) for part in (value, old, new))
    budget.scan(len(source))
    times = source.count(old)
    if count is not None and (most := whole(count, -1, 10**6)) >= 0:
        times = min(times, most)
    budget.step(times >> 4)
    budget.allocate((len(source) + times * len(new)) * max(char_bytes(source), char_bytes(new)))
    return source.replace(old, new, times)


def _indent(budget: Budget, value: Any, width: Any = 4, first: Any = False, blank: Any = False) -> str:
    padding = width if isinstance(width, str) else " " * whole(width, 0, MAX_WIDTH)
    source = text(budget, value)
    budget.scan(10 * len(source))
    lines = 1 + sum(map(source.count, LINE_ENDS))
    budget.step(15 + lines)
    budget.allocate((2 * len(source) + lines * (1 + len(padding))) * max(map(char_bytes, (source, padding))))
    # As in Jinja, so that a line end at the end of the text is kept.
    ahead, *rest = f"{source}\n".splitlines()
    return "\n".join(
        [padding + ahead if first else ahead, *(padding + line if line or blank else line for line in rest)]
    )


def _center(budget: Budget, value: Any, width: Any = 80) -> str:
    source, columns = text(budget, value), whole(width, 0, MAX_WIDTH)
    budget.allocate(char_bytes(source) * (len(source) + columns))
    return source.center(columns)


def _truncate(
    budget: Budget, value: Any, length: Any = 255, killwords: Any = False, end: Any = "...", leeway: Any = 5
) -> str:
    source, end = text(budget, value), text(budget, end)
    limit = whole(length, len(end), 10**7)
    if len(source) <= limit + whole(5 if leeway is None else leeway, 0, 10**7):
        return source
    budget.allocate(3 * limit * max(char_bytes(source), char_bytes(end)))
    cut = source[: limit - len(end)]
    return f"{cut if killwords else cut.rsplit(' ', 1)[0]}{end}"


def _urlencode(budget: Budget, value: Any) -> str:
    pairs = value.items() if isinstance(value, dict) else value
    if not isinstance(pairs, str) and isinstance(value, (dict, list)):
        return "&".join(f"{_quoted(budget, key, '')}={_quoted(budget, item, '')}" for key, item in pairs)
    return _quoted(budget, value, "/")


def _quoted(budget: Budget, value: Any, safe: str) -> str:
    source = text(budget, value)
    size = len(source) if source.isascii() else 4 * len(source)
    budget.step(1 + (size >> 3))
    budget.allocate(3 * size)
    quoted = urllib.parse.quote(source, safe=safe)
    return quoted if safe else quoted.replace("%20", "+")


def _format_text(budget: Budget, value: Any, *arguments: Any) -> str:
    """`%` and one of `sdifeEgGxXo`, with flags, and a width and a precision of at most two digits each."""
    template = text(budget, value)
    budget.scan(len(template))
    budget.step(3 * template.count("%"))
    found, waiting, position = [], list(reversed(arguments)), 0
    while (start := template.find("%", position)) >= 0:
        found.append(template[position:start])
        position = start + 2
        if template.startswith("%%", start):
            found.append("%")
            continue
        place = PLACE.match(template, start)
        if place is None:
            raise ExpressionError(
                "format knows %s, %d, %f, %e, %g, %x and %o with a width and a precision of two digits"
            )
        if not waiting:
            raise ExpressionError("format has fewer arguments than places")
        found.append(_placed(budget, place, waiting.pop()))
        position = place.end()
    if waiting:
        raise ExpressionError("format has more arguments than places")
    found.append(template[position:])
    return joined(budget, found)


def _placed(budget: Budget, place: re.Match[str], value: Any) -> str:
    if place[4] == "s":
        value = text(budget, value)
        budget.allocate(bytes_of(value) + 100)
    else:
        value = number(value)
        # A float has up to 309 digits before the point.
        budget.allocate(1500)
    return str(place[0] % value)


def _trim(budget: Budget, value: Any, chars: Any = None) -> str:
    source = copied(budget, value)
    if chars is None:
        return source.strip()
    marks = text(budget, chars)
    if len(marks) > MAX_TRIMMED:
        raise ExpressionError(f"trim takes at most {MAX_TRIMMED} characters")
    budget.step(len(source) >> 4)
    return source.strip(marks)


def _split(budget: Budget, value: Any, separator: Any = None, most: Any = -1) -> list[str]:
    """Parts between separators, by default between white space."""
    source = copied(budget, value)
    budget.scan(len(source))
    mark = None if separator is None else text(budget, separator)
    # No more parts than there are steps to pay for are ever made.
    most = whole(most, -1, 10**6)
    parts = source.split(mark, budget.steps if most < 0 else min(most, budget.steps))
    budget.step(len(parts))
    return parts


def _wordcount(budget: Budget, value: Any) -> int:
    source = text(budget, value)
    budget.step(len(source) >> 3)
    return sum(1 for _ in WORD.finditer(source))


def _escaped(budget: Budget, value: Any) -> str:
    """HTML's five characters as entities. Nothing is marked as safe: what is escaped twice is escaped twice."""
    source = text(budget, value)
    budget.scan(5 * len(source))
    marks = sum(map(source.count, "&<>'\""))
    budget.allocate(2 * char_bytes(source) * (len(source) + 4 * marks))
    return str(escape(source))


def _striptags(budget: Budget, value: Any) -> str:
    """The text of HTML: tags and comments removed, white space as single spaces, entities as characters."""
    source = text(budget, value)
    budget.step((len(source) >> 3) + 10 * source.count("&"))
    budget.allocate(3 * bytes_of(source))
    # Markup is asked for nothing but to read tags: the source is not marked as safe anywhere.
    return Markup(source).striptags()  # noqa: S704


TEXT_FILTERS: dict[str, Callable[..., Any]] = {
    "capitalize": _capitalize,
    "center": _center,
    "e": _escaped,
    "escape": _escaped,
    "format": _format_text,
    "indent": _indent,
    "lower": _lower,
    "replace": _replace,
    "split": _split,
    "string": copied,
    "striptags": _striptags,
    "title": _title,
    "trim": _trim,
    "truncate": _truncate,
    "upper": _upper,
    "urlencode": _urlencode,
    "wordcount": _wordcount,
}
