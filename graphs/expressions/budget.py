"""What one evaluation may cost: steps taken and size produced. Everything is charged before it is done."""

from __future__ import annotations

from typing import Any

MAX_STEPS = 100_000
MAX_SIZE = 16 * 1024 * 1024
MAX_BITS = 4096


class ExpressionError(ValueError):
    """An expression that could not be computed. The message says why; the caller adds which and where."""


class Budget:
    """Steps and characters (or list items) that are left. Raises `ExpressionError` when either is used up."""

    __slots__ = ("size", "steps")

    def __init__(self, steps: int = MAX_STEPS, size: int = MAX_SIZE) -> None:
        self.steps = steps
        self.size = size

    def step(self, count: int = 1) -> None:
        """Charge `count` steps."""
        self.steps -= count
        if self.steps < 0:
            raise ExpressionError(f"takes more than {MAX_STEPS} steps")

    def allocate(self, size: int) -> None:
        """Charge `size` characters or items."""
        self.size -= size
        if self.size < 0:
            raise ExpressionError(f"produces more than {MAX_SIZE} characters")

    def weigh(self, value: Any) -> None:
        """Charge a whole value as it would be written out; what occurs twice in it counts twice.

        Also refuses what JSON could not carry: numbers beyond 64 bits and characters that are half of one.
        """
        stack = [value]
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                self.allocate(len(item) + 2)
                check_text(item)
            elif isinstance(item, dict):
                self.allocate(2 + sum(len(key) + 4 for key in item))
                check_text("".join(item))
                stack.extend(item.values())
            elif isinstance(item, list):
                self.allocate(2 + len(item))
                stack.extend(item)
            else:
                self.allocate(16)
                if isinstance(item, int) and not -(2**63) <= item < 2**64:
                    raise ExpressionError("the result is a number beyond 64 bits")


def check_text(text: str) -> None:
    """Raise `ExpressionError` for a text that has no UTF-8."""
    try:
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError as error:
        raise ExpressionError("the result has characters that are half of one") from error
