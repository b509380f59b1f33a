"""Values to bytes and back, each as itself or not at all: msgpack with extensions for what is not JSON. No pickle.

Which types may be constructed is in `types.py`, how their instances are taken apart in `parts.py`.
"""

from typing import Any

import ormsgpack

from milepost.checkpoints import parts
from milepost.checkpoints.errors import StoredError, UnreadableType, UnstorableType
from milepost.checkpoints.types import AllowedTypes, Unlisted, class_of, dotted

TUPLE, BIG_INT, PAIRS, SURROGATES, BYTES_LIKE, CLASS, OBJECT, ERROR = range(8)

# More than the 254 levels of what nodes may return as JSON.
_MAX_DEPTH = 300
# Everything that msgpack would quietly write as something else goes through `_extension` instead.
_STRICT = (
    ormsgpack.OPT_PASSTHROUGH_BIG_INT
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_TUPLE
    | ormsgpack.OPT_PASSTHROUGH_UUID
)
# The three headers of binary data. A bytearray is written as bytes without a word, so where one of these bytes turns up
# (in a string or a number as well, which costs only time) the value is walked to see what it was.
_BIN8, _BIN16, _BIN32 = 0xC4, 0xC5, 0xC6


class Codec:
    """Encodes and decodes values; which classes it constructs is said by `allowed`. Immutable, shared by threads."""

    def __init__(self, allowed: AllowedTypes) -> None:
        self.allowed = allowed

    def encode(self, value: Any) -> bytes:
        """Return `value` as bytes. Raises UnstorableType for what could not be read back as itself."""
        try:
            packed = ormsgpack.packb(value, default=self._extension, option=_STRICT)
        except TypeError:  # swallows what `_extension` raised; the walk raises it again, with its name
            return self._encode_slowly(value)
        if _BIN8 in packed or _BIN16 in packed or _BIN32 in packed:
            return self._encode_slowly(value)
        return packed

    def encode_error(self, error: BaseException) -> bytes:
        """Return an exception as bytes: the name of its type and its message, whatever its type is."""
        message = str(error).encode("utf-8", "replace").decode()
        return ormsgpack.packb(ormsgpack.Ext(ERROR, ormsgpack.packb([dotted(type(error)), message])))

    def decode(self, data: bytes) -> Any:
        """Return the value. Raises UnreadableType where a class is not allowed (any more) or cannot be imported."""
        return _Decoding(self.allowed, strict=True).value(data)

    def view(self, data: bytes) -> Any:
        """Return the value for reading only: instances of classes that are not allowed become `Unlisted`."""
        return _Decoding(self.allowed, strict=False).value(data)

    def _encode_slowly(self, value: Any) -> bytes:
        try:
            return ormsgpack.packb(self._walk(value, 0), option=_STRICT)
        except (RecursionError, TypeError) as error:
            if isinstance(error, UnstorableType):
                raise
            raise UnstorableType(dotted(type(value)), f"it is nested deeper than {_MAX_DEPTH} levels") from error

    def _extension(self, value: Any) -> ormsgpack.Ext:
        """Return what stands for a value that plain msgpack has no type for."""
        kind = type(value)
        if kind is tuple:
            return ormsgpack.Ext(TUPLE, self.encode(list(value)))
        if kind is int:
            return ormsgpack.Ext(BIG_INT, hex(value).encode())
        if isinstance(value, type):
            return ormsgpack.Ext(CLASS, parts.plain_class_name(value).encode())
        return ormsgpack.Ext(OBJECT, self.encode(parts.take_apart(value, self.allowed)))

    def _walk(self, value: Any, depth: int) -> Any:
        """Return `value` with extensions in the place of all that msgpack would refuse or change."""
        if depth > _MAX_DEPTH:
            raise RecursionError
        kind = type(value)
        if kind is str:
            return _text(value)
        if kind in (int, float, bool, bytes, type(None)):
            return value if kind is not int or -(2**63) <= value < 2**64 else self._extension(value)
        if kind is list:
            return [self._walk(item, depth + 1) for item in value]
        if kind is dict:
            return self._walk_dict(value, depth)
        if kind is tuple:
            return ormsgpack.Ext(TUPLE, ormsgpack.packb(self._walk(list(value), depth + 1), option=_STRICT))
        if kind is bytearray:
            return ormsgpack.Ext(BYTES_LIKE, bytes(value))
        if isinstance(value, type):
            return self._extension(value)
        taken = parts.take_apart(value, self.allowed)
        return ormsgpack.Ext(OBJECT, ormsgpack.packb(self._walk(taken, depth + 1), option=_STRICT))

    def _walk_dict(self, value: dict[Any, Any], depth: int) -> Any:
        if all(type(key) is str and _text(key) is key for key in value):
            return {key: self._walk(item, depth + 1) for key, item in value.items()}
        pairs = [[key, item] for key, item in value.items()]
        return ormsgpack.Ext(PAIRS, ormsgpack.packb(self._walk(pairs, depth + 1), option=_STRICT))


def _text(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        return ormsgpack.Ext(SURROGATES, value.encode("utf-8", "surrogatepass"))
    return value


class _Decoding:
    """One decoding: remembers what went wrong inside, because msgpack replaces exceptions of its hook by its own."""

    def __init__(self, allowed: AllowedTypes, *, strict: bool) -> None:
        self._allowed = allowed
        self._strict = strict
        self._error: Exception | None = None

    def value(self, data: bytes) -> Any:
        try:
            return ormsgpack.unpackb(data, ext_hook=self._hook)
        except ValueError as error:
            raise self._error or error from None

    def _hook(self, code: int, data: bytes) -> Any:
        try:
            return self._extension(code, data)
        except Exception as error:
            self._error = self._error or error
            raise

    def _extension(self, code: int, data: bytes) -> Any:
        if code == SURROGATES:
            return data.decode("utf-8", "surrogatepass")
        if code == BIG_INT:
            return int(data, 16)
        if code == BYTES_LIKE:
            return bytearray(data)
        if code == CLASS:
            return parts.plain_class(data.decode())
        inner = ormsgpack.unpackb(data, ext_hook=self._hook)
        if code == TUPLE:
            return tuple(inner)
        if code == PAIRS:
            return {key: value for key, value in inner}  # noqa: C416 - dict() takes a list of lists, mypy does not
        if code == ERROR:
            return StoredError(*inner)
        return self._object(inner)

    def _object(self, taken: list[Any]) -> Any:
        kind, module, name, *rest = taken
        try:
            cls = class_of(module, name, self._allowed)
            return parts.put_together(kind, cls, rest)
        except UnreadableType:
            if self._strict:
                raise
        except Exception as error:
            if self._strict:
                raise UnreadableType(f"{module}.{name}", f"it cannot be constructed any more: {error!r}") from error
        return Unlisted(f"{module}.{name}", parts.readable(kind, rest))
