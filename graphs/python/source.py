"""The source of a Python graph: its module and the project's own modules that it imports."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType


def source_hash(module: ModuleType, roots: Sequence[Path]) -> str:
    """A hash of the texts of a module and of what it imports from below the project's directories."""
    found: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        each = waiting.pop()
        file = _own_file(each, roots)
        if file is None or each.__name__ in found:
            continue
        found[each.__name__] = text = file.read_bytes()
        waiting += [sys.modules[name] for name in _imports(each, text) if name in sys.modules]
    digest = hashlib.sha256()
    for name, text in sorted(found.items()):
        digest.update(f"{name}\0{len(text)}\0".encode() + text)
    return digest.hexdigest()


def _own_file(module: ModuleType, roots: Iterable[Path]) -> Path | None:
    """The file of a module of the project; None for one that was installed."""
    name = getattr(module, "__file__", None)
    if not name or not name.endswith(".py"):
        return None
    file = Path(name).resolve()
    below = [file.relative_to(root) for root in roots if file.is_relative_to(root)]
    if not below or any("site-packages" in path.parts for path in below):
        return None
    return file if file.is_file() else None


def _imports(module: ModuleType, text: bytes) -> Iterator[str]:
    """The names of modules that a text may import, with the packages around them."""
    with suppress(SyntaxError, ValueError, ImportError):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield from _with_packages(alias.name)
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    base = resolve_name("." * node.level + base, module.__package__ or "")
                yield from _with_packages(base)
                yield from (f"{base}.{alias.name}" for alias in node.names)


def _with_packages(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition(".")[0]
