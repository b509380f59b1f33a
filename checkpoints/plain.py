"""Any channel value as JSON-safe data for people to read, within a limit of bytes. Never fails, never reads back."""

import base64
import dataclasses
import math
from collections import deque
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel, SecretBytes, SecretStr

from milepost.checkpoints.errors import StoredError
from milepost.checkpoints.types import Unlisted, dotted

CUT = "…"
MAX_BYTES = 64 * 1024
_MAX_DEPTH = 60
_SAFE_INTEGER = 2**53  # what a browser's numbers hold exactly
_PREVIEW = 4 * 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Plain:
    """A value as JSON-safe data; `cut` says that something was left out and `data` marks where, with `…`."""

    data: Any
    cut: bool


def to_json(value: Any, max_bytes: int = MAX_BYTES) -> Plain:
    """Return a value as data that any JSON writer takes, of at most about `max_bytes` bytes of JSON."""
    writer = _Plainer(max_bytes)
    data = writer.plain(value, 0)
    return Plain(data, writer.cut)


class _Plainer:
    """One conversion: counts what is left of the budget."""

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes
        self.cut = False

    def plain(self, value: Any, depth: int) -> Any:
        if self._left <= 0 or depth > _MAX_DEPTH:
            return self._cut()
        if value is None or isinstance(value, bool):
            return self._spend(value, 5)
        if isinstance(value, str) and not isinstance(value, Enum):
            return self._text(str(value))
        if type(value) in (int, float):
            return self._number(value)
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, (list, tuple, set, frozenset, deque)) and not hasattr(value, "_asdict"):
            return self._sequence(value, depth)
        return self._other(value, depth)

    def _cut(self) -> str:
        self.cut = True
        return CUT

    def _spend(self, data: Any, size: int) -> Any:
        self._left -= size
        return data

    def _text(self, text: str) -> str:
        # Escapes can make text six times as long as it is, so what is counted is what is written.
        clean = text.encode("utf-8", "replace").decode()
        size = len(orjson.dumps(clean[: self._left]))
        if len(clean) <= self._left and size <= self._left:
            return str(self._spend(clean, size))
        kept = clean[: max(self._left // 6, 0)]
        self._left = 0
        return kept + self._cut()

    def _number(self, number: float) -> Any:
        if isinstance(number, float) and not math.isfinite(number):
            return self._text(str(number))
        if isinstance(number, int) and abs(number) >= _SAFE_INTEGER:
            return self._text(_digits(number))
        return self._spend(number, 20)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        self._left -= 2
        for key, item in value.items():
            if self._left <= 0:
                shown[CUT] = self._cut()
                break
            name = self._text(key if isinstance(key, str) else repr(key)[:_PREVIEW])
            self._left -= 2
            shown[name] = self.plain(item, depth + 1)
        return shown

    def _sequence(self, value: Any, depth: int) -> list[Any]:
        shown: list[Any] = []
        self._left -= 2
        for item in value:
            if self._left <= 0:
                shown.append(self._cut())
                break
            self._left -= 1
            shown.append(self.plain(item, depth + 1))
        return shown

    def _other(self, value: Any, depth: int) -> Any:
        if isinstance(value, Enum):
            return self.plain(value.value, depth + 1)
        if isinstance(value, Unlisted):
            return self.plain({"type": value.type_name, "contents": value.contents}, depth + 1)
        if isinstance(value, StoredError):
            return self.plain({"type": value.type_name, "message": value.message}, depth + 1)
        if isinstance(value, (bytes, bytearray)):
            return self._text(base64.b64encode(value[:_PREVIEW]).decode() + (CUT if len(value) > _PREVIEW else ""))
        fields = _fields(value)
        if fields is not None:
            return self.plain(fields, depth + 1)
        return self._text(_scalar(value))


def _fields(value: Any) -> dict[str, Any] | None:
    """Return an instance's fields by name, or None for what is not made of fields."""
    if isinstance(value, BaseModel):
        return {**value.__dict__, **(value.__pydantic_extra__ or {})}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if hasattr(value, "_asdict"):
        return dict(value._asdict())
    if type(value).__module__.startswith("langgraph.") and hasattr(type(value), "__slots__"):
        return {name: getattr(value, name, None) for name in type(value).__slots__}
    return None


def _scalar(value: Any) -> str:
    if isinstance(value, (SecretStr, SecretBytes)):
        return "**********"
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value.total_seconds()} s"
    if isinstance(value, int):
        return _digits(value)
    if isinstance(value, (UUID, Decimal, PurePath)) or type(value).__module__ == "ipaddress":
        return str(value)
    try:
        return repr(value)[:_PREVIEW]
    except Exception:  # noqa: BLE001 - a user's __repr__ may do anything, and this must not fail
        return f"<{dotted(type(value))}>"


def _digits(number: int) -> str:
    try:
        return str(number)
    except ValueError:  # longer than Python prints
        return hex(number)
