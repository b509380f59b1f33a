"""Takes instances apart into plain parts and puts them together again. Bytes are the codec's matter.

The parts of an instance are `[kind, module, qualified name, …]`; which classes are allowed is asked of `types.py`.
"""

import copyreg
import dataclasses
import re
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from milepost.checkpoints.errors import UnstorableType
from milepost.checkpoints.types import AllowedTypes, dotted

_PLAIN_CLASSES = {cls.__name__: cls for cls in (bool, bytes, dict, float, frozenset, int, list, set, str, tuple)}
_REDUCE_PROTOCOL = 3


def plain_class_name(cls: type) -> str:
    """Return the name of a class that may itself be a value (a defaultdict's factory). Raises UnstorableType."""
    if _PLAIN_CLASSES.get(cls.__name__) is not cls:
        raise UnstorableType("type", f"the class {dotted(cls)} is not data")
    return cls.__name__


def plain_class(name: str) -> type:
    """Return the class that `plain_class_name` named."""
    return _PLAIN_CLASSES[name]


def take_apart(value: Any, allowed: AllowedTypes) -> list[Any]:
    """Return the parts of an instance. Raises UnstorableType unless its class is allowed and can be put together."""
    cls = type(value)
    allowed.check(cls)
    head = [cls.__module__, cls.__qualname__]
    if isinstance(value, Enum):
        return ["enum", *head, value.value]
    if isinstance(value, BaseModel):
        fields = {**value.__dict__, **(value.__pydantic_extra__ or {})}
        return ["model", *head, fields, sorted(value.__pydantic_fields_set__)]
    if isinstance(value, ZoneInfo):
        return ["call", *head, [value.key], None, None, None]
    if isinstance(value, re.Pattern):
        return ["pattern", *head, value.pattern, value.flags]
    if dataclasses.is_dataclass(value):
        return ["record", *head, {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}]
    return _reduced(value, cls, head)


def _reduced(value: Any, cls: type, head: list[str]) -> list[Any]:
    """Take apart by the protocol of copy and pickle, but only where the class itself makes the new instance."""
    try:
        reduced = value.__reduce_ex__(_REDUCE_PROTOCOL)
    except TypeError:
        reduced = ""
    if isinstance(reduced, str):
        raise UnstorableType(dotted(cls), "it is not data")
    make, args, state, items, pairs = (*reduced, None, None, None)[:5]
    how = "call" if make is cls else "new"
    if how == "new":
        if make is not copyreg.__newobj__ or args[0] is not cls:  # type: ignore[attr-defined]
            raise UnstorableType(dotted(cls), "it is not data")
        args = args[1:]
    lists = list(items) if items is not None else None
    return [how, *head, list(args), state, lists, [list(pair) for pair in pairs] if pairs is not None else None]


def put_together(kind: str, cls: type[Any], rest: list[Any]) -> Any:
    """Return the instance that `take_apart` took apart; `rest` is what follows the class's name."""
    if kind == "enum":
        return cls(rest[0])
    if kind == "model":
        return cls.model_construct(_fields_set=set(rest[1]), **rest[0])
    if kind == "pattern":
        return re.compile(rest[0], rest[1])
    if kind == "record":
        return _record(cls, rest[0])
    args, state, items, pairs = rest
    made: Any = cls(*args) if kind == "call" else _bare(cls, args)
    if state is not None:
        _set_state(made, state)
    if items is not None:
        made.extend(items)
    for key, value in pairs or ():
        made[key] = value
    return made


def _record(cls: type[Any], fields: dict[str, Any]) -> Any:
    """Return a dataclass instance with exactly these field values, whatever its constructor makes of them."""
    takes = {field.name for field in dataclasses.fields(cls) if field.init}
    try:
        made = cls(**{name: value for name, value in fields.items() if name in takes})
    except Exception:  # noqa: BLE001 - a constructor of its own may refuse anything; the fields are what counts
        made = _bare(cls, [])
    known = {field.name for field in dataclasses.fields(cls)}
    for name, value in fields.items():
        if name in known:
            object.__setattr__(made, name, value)
    return made


def _bare(cls: Any, args: list[Any]) -> Any:
    return cls.__new__(cls, *args)


def _set_state(made: Any, state: Any) -> None:
    if hasattr(made, "__setstate__"):
        made.__setstate__(state)
        return
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    for name, value in [*(attributes or {}).items(), *(slots or {}).items()]:
        object.__setattr__(made, name, value)


def readable(kind: str, rest: list[Any]) -> Any:
    """Return the parts of an instance as plain data that a person can read."""
    if kind in ("enum", "model", "record", "pattern"):
        return rest[0]
    args, state, items, pairs = rest
    if pairs:
        return {str(key): value for key, value in pairs}
    return items or state or args
