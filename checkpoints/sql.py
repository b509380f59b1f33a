"""Loads named SQL statements from `.sql` files and widens `IN (:list)` parameters. Holds no SQL and runs none."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_NAME = re.compile(r"^--\s*name:\s*(\w+)\s*$", re.MULTILINE)


def load(package_file: str | Path) -> Mapping[str, str]:
    """Return the statements of a `.sql` file by name.

    Each starts with the line `-- name: insert_thing`; comment lines and the closing semicolon are dropped.
    Raises ValueError for a file without names, text before the first one, an empty statement or a name used twice.
    """
    path = Path(package_file)
    before, *parts = _NAME.split(path.read_text(encoding="utf-8"))
    if not parts or _statement(before):
        raise ValueError(f"{path.name}: every statement needs a `-- name:` line before it")
    statements: dict[str, str] = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        if name in statements:
            raise ValueError(f"{path.name}: {name} is there twice")
        statements[name] = _statement(text)
        if not statements[name]:
            raise ValueError(f"{path.name}: {name} is empty")
    return statements


def _statement(text: str) -> str:
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("--"))
    return "\n".join(lines).strip().removesuffix(";")


def widen(sql: str, name: str, values: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    """Return `sql` with `(:name)` replaced by a list of parameters for `values`, and these parameters.

    The list is padded by its first value (NULL, which no row equals, if it is empty) to a power of two, so that few
    distinct statements exist.
    """
    width = 1 << max(len(values) - 1, 0).bit_length()
    padded = [*values, *([values[0] if values else None] * (width - len(values)))]
    names = [f"{name}_{number}" for number in range(width)]
    listed = ", ".join(f":{each}" for each in names)
    return sql.replace(f"(:{name})", f"({listed})"), dict(zip(names, padded, strict=True))
