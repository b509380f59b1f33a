"""LangGraph's own test suite for checkpointers, against a real SQLite file."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate

import milepost.checkpoints

DOCUMENTATION = Path(milepost.checkpoints.__file__).resolve().parent.parent / "docs" / "checkpoints.md"


async def test_the_saver_passes_the_conformance_suite_with_the_documented_capabilities(database: Any) -> None:
    @checkpointer_test(name="milepost")
    async def saver() -> AsyncGenerator[BaseCheckpointSaver[int], None]:
        yield database.saver()

    report = await validate(saver)

    assert {name: result.failures for name, result in report.results.items() if result.failures} == {}
    passed = {name for name, result in report.results.items() if result.passed}
    assert passed == {"put", "put_writes", "get_tuple", "list", "delete_thread", "copy_thread", "prune"}
    documented = DOCUMENTATION.read_text(encoding="utf-8")
    assert {name for name in passed if f"`{name}`" in documented} == passed
