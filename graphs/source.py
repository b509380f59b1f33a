"""Reads a definition's file, JSON or YAML, with the line of every part. What the parts mean is not known here."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import yaml

from milepost.graphs.problems import step_into

MAX_DEPTH = 64
BLANK = " \t\n\r"
MARKS = '{}[]:,"'


class SourceError(ValueError):
    """A text that cannot be read. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class Lines:
    """The line of each path, counted from 1."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {"": 1}

    def put(self, path: str, line: int) -> None:
        """Remember where a path stands."""
        self._lines[path] = line

    def __call__(self, path: str) -> int:
        """The line of a path; of the nearest part around it where it does not stand in the text."""
        while path not in self._lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self._lines[path]


def read(text: str, name: str = "") -> tuple[Any, Lines]:
    """The data in a text and the lines of its paths. JSON or YAML by the file's name, otherwise by how it begins.

    Raises `SourceError`.
    """
    if name.endswith(".json") or (not name.endswith((".yaml", ".yml")) and text.lstrip(BLANK).startswith(("{", "["))):
        return _Json(text).read()
    return _read_yaml(text)


class _Json:
    """A scanner that follows JSON's grammar as Python's own does, and keeps the lines."""

    def __init__(self, text: str) -> None:
        self.text = text.removeprefix("\ufeff")
        self.place = 0
        self.line = 1
        self.lines = Lines()

    def read(self) -> tuple[Any, Lines]:
        """The data and the lines."""
        data = self._value("", 0)
        if self._peek():
            raise SourceError(self.line, "there is something after the end")
        return data, self.lines

    def _peek(self) -> str:
        while self.place < len(self.text) and self.text[self.place] in BLANK:
            self.line += self.text[self.place] == "\n"
            self.place += 1
        return self.text[self.place : self.place + 1]

    def _expect(self, wanted: str) -> str:
        found = self._peek()
        if not found or found not in wanted:
            raise SourceError(self.line, f"expected {' or '.join(wanted)}, found {found or 'the end'}")
        self.place += 1
        return found

    def _value(self, path: str, depth: int) -> Any:
        mark = self._peek()
        self.lines.put(path, self.line)
        if depth > MAX_DEPTH:
            raise SourceError(self.line, f"nested more than {MAX_DEPTH} levels")
        if mark == "{":
            return dict(self._members(path, depth))
        if mark == "[":
            return list(self._items(path, depth))
        return self._string() if mark == '"' else self._word()

    def _members(self, path: str, depth: int) -> Iterator[tuple[str, Any]]:
        self.place += 1
        seen: set[str] = set()
        if self._peek() == "}":
            self.place += 1
            return
        while True:
            if self._peek() != '"':
                raise SourceError(self.line, "expected a key in double quotes")
            line, key = self.line, self._string()
            if key in seen:
                raise SourceError(line, f"the key {key!r} stands here twice")
            seen.add(key)
            self._expect(":")
            inner = step_into(path, key)
            value = self._value(inner, depth + 1)
            self.lines.put(inner, line)
            yield key, value
            if self._expect(",}") == "}":
                return

    def _items(self, path: str, depth: int) -> Iterator[Any]:
        self.place += 1
        if self._peek() == "]":
            self.place += 1
            return
        index = 0
        while True:
            yield self._value(step_into(path, index), depth + 1)
            if self._expect(",]") == "]":
                return
            index += 1

    def _string(self) -> str:
        try:
            value, self.place = json.JSONDecoder().raw_decode(self.text, self.place)
        except json.JSONDecodeError as error:
            raise SourceError(error.lineno, error.msg) from error
        return str(value)

    def _word(self) -> Any:
        start = self.place
        while self.place < len(self.text) and self.text[self.place] not in BLANK + MARKS:
            self.place += 1
        word = self.text[start : self.place]
        try:
            return json.loads(word, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise SourceError(self.line, f"{word[:40] or 'nothing'!r} is not JSON") from error


def _refuse(word: str) -> Any:
    raise ValueError(word)


def _read_yaml(text: str) -> tuple[Any, Lines]:
    lines = Lines()
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return (None if node is None else _Yaml(lines).value(node, "", 0)), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SourceError(mark.line + 1 if mark else 1, error.problem or "not YAML") from error
    except yaml.reader.ReaderError as error:
        raise SourceError(text.count("\n", 0, error.position) + 1, error.reason) from error
    except RecursionError as error:
        raise SourceError(1, "nested too deeply") from error


class _Yaml:
    """YAML's nodes as JSON's types: dates, `yes` and `1:30` stay the strings that they look like."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.seen: set[int] = set()

    def value(self, node: yaml.Node, path: str, depth: int) -> Any:
        """The data of a node. Raises `SourceError`."""
        line = node.start_mark.line + 1
        self.lines.put(path, line)
        if depth > MAX_DEPTH:
            raise SourceError(line, f"nested more than {MAX_DEPTH} levels")
        # A few lines of aliases of aliases can stand for gigabytes.
        if id(node) in self.seen:
            raise SourceError(line, "aliases are not supported")
        self.seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, step_into(path, index), depth + 1) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        return _scalar(node, line)

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line, key = key_node.start_mark.line + 1, key_node.value
            if not isinstance(key, str):
                raise SourceError(line, "a key is a word")
            if key in found:
                raise SourceError(line, f"the key {key!r} stands here twice")
            inner = step_into(path, key)
            found[key] = self.value(value_node, inner, depth + 1)
            self.lines.put(inner, line)
        return found


def _scalar(node: yaml.Node, line: int) -> Any:
    kind, text = node.tag.removeprefix("tag:yaml.org,2002:"), str(node.value)
    if kind == "null":
        return None
    if kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind in ("int", "float"):
        with contextlib.suppress(ValueError):
            return json.loads(text, parse_constant=_refuse)
    if kind not in ("str", "bool", "int", "float", "timestamp", "value", "merge"):
        raise SourceError(line, f"the tag {node.tag} is not known")
    return text
