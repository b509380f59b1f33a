"""Definitions to begin with. They run offline and need no key."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import orjson


def examples() -> list[dict[str, Any]]:
    """The example definitions, by file name."""
    found = (file for file in files(__name__).iterdir() if file.name.endswith(".json"))
    return [orjson.loads(file.read_bytes()) for file in sorted(found, key=lambda file: file.name)]
