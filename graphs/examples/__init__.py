"""Definitions to begin with. They run offline and need no key."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import orjson


def example_files() -> dict[str, bytes]:
    """The files as they are, in their order, by name: `research_brief`."""
    found = [file for file in files(__name__).iterdir() if file.name.endswith(".json")]
    numbered = sorted(found, key=lambda file: int(file.name.partition("_")[0]))
    return {file.name.partition("_")[2].removesuffix(".json"): file.read_bytes() for file in numbered}


def examples() -> list[dict[str, Any]]:
    """The example definitions, in their order."""
    return [orjson.loads(text) for text in example_files().values()]
