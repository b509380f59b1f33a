"""What one evaluation may cost: steps taken and bytes produced. Everything is charged before it is done."""

from __future__ import annotations

import math
import sys
from typing import Any

import orjson

MAX_STEPS = 100_000
MAX_SIZE = 16 * 1024 * 1024
MAX_BITS = 4096
ITEM_BYTES = 8
VALUE_BYTES = 64
NUMBER_BYTES = 40
CHUNK = 64 * 1024
SHOWN = 80


class ExpressionError(ValueError):
    """An expression that could not be computed. The message says why; the caller adds which and where."""


class Budget:
    """Steps and bytes that are left. Raises `ExpressionError` when either is used up.

    A step stands for about half a microsecond of work, so that all of them are well below 100 ms.
    """

    __slots__ = ("size", "steps")

    def __init__(self, steps: int = MAX_STEPS, size: int = MAX_SIZE) -> None:
        self.steps = steps
        self.size = size

    def step(self, count: int = 1) -> None:
        """Charge `count` steps."""
        self.steps -= count
        if self.steps < 0:
            raise ExpressionError(f"takes more than {MAX_STEPS} steps")

    def scan(self, length: int) -> None:
        """Charge the reading of `length` characters by something fast: a search, a comparison, a copy."""
        self.step(length >> 8)

    def allocate(self, size: int) -> None:
        """Charge `size` bytes."""
        self.size -= size
        if self.size < 0:
            raise ExpressionError(f"produces more than {MAX_SIZE} bytes")

    def listed(self, count: int) -> None:
        """Charge a list of `count` items that exist already."""
        self.allocate(ITEM_BYTES * count)

    def weigh(self, value: Any) -> None:
        """Charge a whole value as it would be written out; what occurs twice in it counts twice.

        Also refuses what JSON could not carry: numbers beyond 64 bits, infinity, characters that are half of one.
        """
        stack = [value]
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                self.allocate(VALUE_BYTES)
                self._write(item)
            elif isinstance(item, dict):
                self.step(6)
                keys = "".join(item)
                self.allocate(VALUE_BYTES * (1 + len(item)) + len(keys))
                self._write(keys)
                stack.extend(item.values())
            elif isinstance(item, list):
                self.step(2)
                self._weigh_list(item, stack)
            else:
                self.allocate(VALUE_BYTES)
                _check_number(item)

    def _weigh_list(self, items: list[Any], stack: list[Any]) -> None:
        """A list of whole numbers or of strings at once; the items of another are left to be weighed."""
        self.allocate(VALUE_BYTES + ITEM_BYTES * len(items))
        kinds = set(map(type, items))
        if kinds == {str}:
            self.allocate(VALUE_BYTES * len(items) + sum(map(len, items)))
            self._write("".join(items))
        elif kinds == {int}:
            self.allocate(NUMBER_BYTES * len(items))
            _check_number(min(items))
            _check_number(max(items))
        else:
            stack.extend(items)

    def _write(self, text: str) -> None:
        """Charge the bytes of a text as JSON, or a little less."""
        if len(text) < SHOWN and text.isprintable():
            self.allocate(bytes_of(text))
            return
        try:
            for start in range(0, len(text), CHUNK):
                self.allocate(len(orjson.dumps(text[start : start + CHUNK])))
        except TypeError as error:
            raise ExpressionError("the result has characters that are half of one") from error


def _check_number(value: Any) -> None:
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise ExpressionError("the result is a number beyond 64 bits")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ExpressionError("the result is not a finite number")


def char_bytes(text: str) -> int:
    """The bytes that one character of this text takes in memory."""
    return 1 if text.isascii() else min(4, sys.getsizeof(text) // len(text))


def bytes_of(text: str) -> int:
    """The bytes that this text takes in memory."""
    return len(text) * char_bytes(text)


def shown(value: Any) -> str:
    """A value in a message: short, whatever it is."""
    if isinstance(value, str):
        return repr(value if len(value) <= SHOWN else f"{value[:SHOWN]}…")
    if value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and value.bit_length() <= 64):
        return repr(value)
    return f"that {type(value).__name__}"
