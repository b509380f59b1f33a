"""Which classes a checkpoint may hold: LangGraph's own safe list, a few of Python's, and what the operator allows."""

import importlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.serde._msgpack import SAFE_MSGPACK_TYPES

from milepost.checkpoints.errors import SETTING, UnreadableType, UnstorableType

_PYTHON = {
    "builtins.bytearray",
    "builtins.complex",
    "builtins.range",
    "builtins.slice",
    "collections.Counter",
    "collections.OrderedDict",
    "collections.defaultdict",
    "langgraph.checkpoint.serde.types._DeltaSnapshot",
    "pathlib.PurePath",
    "pathlib.PurePosixPath",
    "pathlib.PureWindowsPath",
    "re.Pattern",
}
_SAFE = frozenset(".".join(key) for key in SAFE_MSGPACK_TYPES) | _PYTHON


@dataclass(frozen=True, slots=True)
class Unlisted:
    """The contents of an instance whose class may not be constructed here, for reading only."""

    type_name: str
    contents: Any


class AllowedTypes:
    """A set of classes by dotted name, on top of the safe ones. Immutable but for what it remembers of its answers."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(names)
        self._storable: set[type] = set()

    def __contains__(self, name: str) -> bool:
        return name in _SAFE or name in self._names

    def extended(self, extra: Collection[Any]) -> "AllowedTypes":
        """Return this set with LangGraph's allowlist (classes or tuples of module and name), itself if all are in."""
        new = frozenset(dotted(each) if isinstance(each, type) else ".".join(each) for each in extra)
        return self if new <= self._names else AllowedTypes(self._names | new)

    def check(self, cls: type) -> None:
        """Raise UnstorableType unless instances of `cls` could be read back by `class_of`."""
        if cls in self._storable:
            return
        name = dotted(cls)
        if _find(cls.__module__, cls.__qualname__) is not cls:
            raise UnstorableType(name, "it cannot be imported by this name (only classes at the top of a module can)")
        if name not in self and f"{cls.__module__}.{cls.__name__}" not in self:
            raise UnstorableType(name, f"if it is safe to construct from stored data, add {name} to {SETTING}")
        self._storable.add(cls)


def dotted(cls: type) -> str:
    """Return the name by which a class is allowed, such as `shop.models.Order`."""
    return f"{cls.__module__}.{cls.__qualname__}"


def class_of(module: str, name: str, allowed: AllowedTypes) -> type[Any]:
    """Return the class with that module and qualified name. Imports nothing that is not allowed."""
    full = f"{module}.{name}"
    if full not in allowed and f"{module}.{name.rpartition('.')[2]}" not in allowed:
        raise UnreadableType(full, f"it is not listed in {SETTING}")
    cls = _find(module, name)
    if not isinstance(cls, type):
        raise UnreadableType(full, "there is no such class any more")
    return cls


def _find(module: str, name: str) -> Any:
    try:
        found: Any = importlib.import_module(module)
    except ImportError:
        return None
    for part in name.split("."):
        found = getattr(found, part, None)
    return found
