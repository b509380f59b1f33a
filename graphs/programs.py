"""Compiled definitions, kept while they are used. Where definitions are stored is not known here."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from milepost.graphs.children import Children, Reference
from milepost.graphs.node_types import Registry
from milepost.graphs.program import Program, load
from milepost.graphs.validation import references

KEPT = 256


class Programs:
    """The programs used last, by a key of the caller's. Safe to use from several threads."""

    def __init__(self, registry: Registry, kept: int = KEPT) -> None:
        self._registry = registry
        self._kept = kept
        self._lock = threading.Lock()
        self._programs: OrderedDict[str, Program] = OrderedDict()
        self._turns: dict[str, threading.Lock] = {}

    def peek(self, key: str) -> Program | None:
        """The program, if it is kept."""
        with self._lock:
            program = self._programs.get(key)
            if program is not None:
                self._programs.move_to_end(key)
            return program

    def references(self, definition: Any) -> list[Reference]:
        """The workflows that a definition names."""
        return references(definition, self._registry)

    def get(self, key: str, definition: Any, children: Children | None = None) -> Program:
        """The program, compiled from `definition` if it is not kept. Raises `InvalidDefinition`."""
        program = self.peek(key)
        if program is None:
            with self._lock:
                turn = self._turns.setdefault(key, threading.Lock())
            with turn:
                # All runs of a version that go on after a restart ask for it at once.
                program = self.peek(key) or self._load(key, definition, children)
        return program

    def _load(self, key: str, definition: Any, children: Children | None) -> Program:
        try:
            program = load(definition, self._registry, children)
            with self._lock:
                self._programs[key] = program
                while len(self._programs) > self._kept:
                    self._programs.popitem(last=False)
            return program
        finally:
            with self._lock:
                self._turns.pop(key, None)
