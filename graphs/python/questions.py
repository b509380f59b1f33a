"""What a Python graph asks with LangGraph's `interrupt`, which takes any value, in the form of a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from milepost.graphs.schemas import schema_problems

GIVEN = "given"
"""The key of the value as the graph gave it. No node of a definition asks with it."""


def question_of(value: Any, show: Callable[[Any], Any]) -> dict[str, Any]:
    """A question with the value that the graph asks with.

    A text is the question. An object may have a `question`, a `schema` for the answer and `assignees`; whatever else
    it has, and any other value, is shown as it is.
    """
    shown = show(value)
    asked: dict[str, Any] = {"kind": "answer", GIVEN: shown}
    if isinstance(shown, str):
        return {**asked, "question": shown}
    if not isinstance(shown, Mapping):
        return asked
    if isinstance(question := shown.get("question"), str):
        asked["question"] = question
    schema = value.get("schema") if isinstance(value, Mapping) else None
    if isinstance(schema, (dict, bool)) and not schema_problems(schema, "schema"):
        asked["schema"] = schema
    assignees = shown.get("assignees")
    if isinstance(assignees, list) and all(isinstance(name, str) for name in assignees):
        asked["assignees"] = assignees
    return asked
