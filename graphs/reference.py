"""The part of docs/definitions.md about node types, from their classes and config models. `make docs` writes it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from milepost.graphs.node_types import Registry
from milepost.graphs.node_types.registry import BUILT_IN

BEGIN = "<!-- node types: `make docs` writes what follows -->"
END = "<!-- node types: end -->"
PAGE = "definitions.md"
EXAMPLES = "examples/nodes"

Schema = Mapping[str, Any]

WORDS = {"string": "text", "integer": "whole number", "boolean": "true or false", "array": "list"}
FORMATS = {"date-time": "time", "expression": "expression"}


def render(described: Sequence[Mapping[str, Any]], examples: Mapping[str, str]) -> str:
    """Markdown: a section for each type as `Registry.describe` gives it, with its example's text."""
    return "\n".join(line for each in described for line in _section(each, examples.get(each["type"])))


def _section(described: Mapping[str, Any], example: str | None) -> Iterator[str]:
    yield f"### `{described['type']}`"
    yield ""
    yield described["description"]
    if described["side_effects"]:
        yield "It has effects outside: a dry run only simulates it."
    yield ""
    yield f"Output: {described['output']}."
    yield ""
    yield "| key | | |"
    yield "|---|---|---|"
    for key, kind, meaning in keys(described["config_schema"]):
        yield f"| `{key}` | {_cell(kind)} | {_cell(meaning)} |"
    if example is not None:
        yield from ("", "```json", example.rstrip("\n"), "```")
    yield ""


def keys(schema: Schema) -> Iterator[tuple[str, str, str]]:
    """Every key of a config, those of its parts below it: where it stands, what it is, what it means."""
    yield from _keys(schema, schema.get("$defs", {}), "", ())


def _keys(model: Schema, models: Schema, prefix: str, around: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    required = model.get("required", ())
    for name, field in model.get("properties", {}).items():
        yield f"{prefix}{name}", _described(field, models, needed=name in required), field.get("description", "")
        for inner, many in _inner(field):
            if inner not in around:
                yield from _keys(models[inner], models, f"{prefix}{name}{'[]' * many}.", (*around, inner))


def _inner(field: Schema, many: int = 0) -> Iterator[tuple[str, int]]:
    """The models that a field may hold, and in how many lists."""
    if "$ref" in field:
        yield field["$ref"].rpartition("/")[2], many
    for each in (*field.get("anyOf", ()), *field.get("oneOf", ())):
        yield from _inner(each, many)
    if isinstance(field.get("items"), dict):
        yield from _inner(field["items"], many + 1)


def _described(field: Schema, models: Schema, *, needed: bool) -> str:
    parts = [_kind(field, models)]
    if needed:
        parts.append("**required**")
    elif field.get("default") not in (None, [], {}):
        parts.append(f"default `{json.dumps(field['default'])}`")
    return ", ".join(parts)


def _kind(field: Schema, models: Schema) -> str:
    if "$ref" in field:
        inner = models[field["$ref"].rpartition("/")[2]]
        return _kind(inner, models)
    either = [each for each in (*field.get("anyOf", ()), *field.get("oneOf", ())) if each.get("type") != "null"]
    if either:
        return _one_of(dict.fromkeys(_kind(each, models) for each in either))
    if "enum" in field or "const" in field:
        return _one_of(f"`{json.dumps(value)}`" for value in field.get("enum", [field.get("const")]))
    kind: str = field.get("type", "")
    if not kind:
        return "any value"
    if kind == "array" and field.get("items"):
        return f"list of {_kind(field['items'], models)}"
    return FORMATS.get(field.get("format", ""), WORDS.get(kind, kind)) + _bounds(field)


def _one_of(ways: Iterable[str]) -> str:
    *most, last = ways
    return f"{', '.join(most)} or {last}" if most else last


def _bounds(field: Schema) -> str:
    low, above = field.get("minimum"), field.get("exclusiveMinimum")
    high = field.get("maximum", field.get("exclusiveMaximum"))
    lower = f"from {low:,}" if low is not None else f"above {above:,}" if above is not None else ""
    upper = f"to {high:,}" if high is not None else ""
    return f" {lower} {upper}".rstrip().replace("  ", " ")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def rewritten(text: str, examples: Path) -> str:
    """The page with its part about the built-in node types as it should be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    described = {each["type"]: each for each in Registry().describe()}
    shown = {path.stem: path.read_text(encoding="utf-8") for path in examples.glob("*.json")}
    return f"{before}{BEGIN}\n\n{render([described[each.name] for each in BUILT_IN], shown)}{END}{after}"


def main(docs: Path) -> None:
    """Write the part anew."""
    path = docs / PAGE
    path.write_text(rewritten(path.read_text(encoding="utf-8"), docs / EXAMPLES), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
