"""`milepost diff`: what is different between two definition files."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from milepost.graphs.node_types import Registry
from milepost.graphs.program import validate
from milepost.server.cli.definitions import read_definition
from milepost.server.cli.mistake import Mistake
from milepost.server.runs.revisions import compare


def diff(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="A definition in JSON or YAML.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="Another one, or a later state of the same.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print what the API answers instead of lines.")] = False,
) -> int:
    """Compare two definitions: nodes, edges and keys. Exits 0 where they are equal and 1 where they are not."""
    registry = Registry.installed()
    found = compare(_read(before, registry), _read(after, registry))
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    else:
        for line in _lines(found):
            typer.echo(line)
    return 0 if found["equal"] else 1


def _read(path: Path, registry: Registry) -> Mapping[str, Any]:
    file = read_definition(path)
    problems = [each for each in validate(file.value, registry).errors if each.code != "needs_server"]
    if problems:
        raise Mistake("\n".join(f"{file.place(each.path)}: {each.message}" for each in problems))
    value: Mapping[str, Any] = file.value
    return value


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    """A line for each difference, `+` for what came, `-` for what went, `~` for what is another way."""
    nodes, edges = found["nodes"], found["edges"]
    for sign, side in (("-", "removed"), ("+", "added")):
        for node in nodes[side]:
            yield f"{sign} node {node['id']} ({node['type']})"
    for node in nodes["changed"]:
        for change in node["changes"]:
            yield f"~ node {node['id']}: {_changed(change)}"
    for sign, side in (("-", "removed"), ("+", "added")):
        for edge in edges[side]:
            when = f" when {_shown(edge['when'])}" if "when" in edge else ""
            yield f"{sign} edge {edge['source']} → {edge['target']}{when}"
    for change in found["keys"]:
        yield f"~ {_changed(change)}"
    for what in found["reordered"]:
        yield f"~ {what}: in another order"
    if found["cut"]:
        yield "… and more"


def _changed(change: Mapping[str, Any]) -> str:
    if change["op"] == "added":
        return f"{change['path']}: {_shown(change['to'])} added"
    if change["op"] == "removed":
        return f"{change['path']}: {_shown(change['from'])} removed"
    return f"{change['path']}: {_shown(change['from'])} → {_shown(change['to'])}"


def _shown(value: Any) -> str:
    return orjson.dumps(value).decode()
