"""Reads a `langgraph.json`: which graphs there are, what goes on the import path, and variables for the environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv import dotenv_values


class InvalidConfig(Exception):
    """A `langgraph.json` that cannot be used; the message says why and names the file."""


@dataclass(frozen=True, slots=True)
class GraphsConfig:
    """What a `langgraph.json` says. `graphs` is name to where it is: `./file.py:name` or `package.module:name`."""

    path: Path
    graphs: Mapping[str, str]
    roots: tuple[Path, ...]
    """What goes on the import path: the directory of the file, and the dependencies that are local."""
    env: Mapping[str, str] = field(repr=False)
    """Variables for the environment. They may be secret."""


def read_config(path: Path) -> GraphsConfig:
    """What a `langgraph.json` says; a directory stands for the one in it. Raises `InvalidConfig`."""
    file = (path / "langgraph.json" if path.is_dir() else path).resolve()
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidConfig(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidConfig(f"{file} is not JSON: {error}") from error
    if not isinstance(written, dict):
        raise InvalidConfig(f"{file} is not a JSON object")
    graphs = {name: _place(file, name, entry) for name, entry in _mapping(file, written, "graphs").items()}
    if not graphs:
        raise InvalidConfig(f'{file} names no graph: it needs {{"graphs": {{"name": "./file.py:graph"}}}}')
    return GraphsConfig(file, graphs, _roots(file, written.get("dependencies", [])), _env(file, written.get("env")))


def _mapping(file: Path, written: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = written.get(key, {})
    if not isinstance(found, dict):
        raise InvalidConfig(f"{file}: `{key}` is not an object")
    return found


def _place(file: Path, name: str, entry: Any) -> str:
    place = entry.get("path") if isinstance(entry, dict) else entry
    source, _, attribute = place.rpartition(":") if isinstance(place, str) else ("", "", "")
    if not source or not attribute.isidentifier():
        raise InvalidConfig(f"{file}: `graphs.{name}` is not of the form ./file.py:name or package.module:name")
    return str(place)


def _roots(file: Path, dependencies: Any) -> tuple[Path, ...]:
    if not isinstance(dependencies, list):
        raise InvalidConfig(f"{file}: `dependencies` is not a list")
    local = [file.parent / each for each in dependencies if isinstance(each, str) and each.startswith(".")]
    return tuple(dict.fromkeys([file.parent, *(path.resolve() for path in local if path.is_dir())]))


def _env(file: Path, written: Any) -> Mapping[str, str]:
    if written is None or written == "":
        return {}
    if isinstance(written, dict):
        return {name: str(value) for name, value in written.items()}
    if not isinstance(written, str):
        raise InvalidConfig(f"{file}: `env` is neither the name of a file nor an object")
    source = file.parent / written
    if not source.is_file():
        raise InvalidConfig(f"{file}: `env` names {written}, and there is no such file")
    return {name: value for name, value in dotenv_values(source).items() if value is not None}
