"""The node type `append_row`: adds a row to a CSV file, once."""

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from milepost.graphs import Config, NodeContext, NodeType


class AppendRowConfig(Config):
    """Where the row goes, and what is in it."""

    file: str = Field(min_length=1, description="The CSV file; it is made if there is none.")
    row: list[str | int | float] = Field(min_length=1, description="The row's cells.")


class AppendRow(NodeType[AppendRowConfig]):
    """The first cell is the execution's idempotency key: a row that is there already is not written again."""

    name = "append_row"
    title = "Append a row"
    description = "Adds a row to a CSV file, once however often its run is stopped."
    output = '`{"file", "row", "written"}`; `written` is false where the row was there already'
    config_model = AppendRowConfig
    side_effects = True

    def run(self, ctx: NodeContext[AppendRowConfig]) -> Mapping[str, Any]:
        """Runs in a thread: it may block."""
        path, row = Path(ctx.config.file), [ctx.idempotency_key, *map(str, ctx.config.row)]
        written = not self._is_there(path, ctx.idempotency_key)
        if written:
            ctx.progress(0.5, f"writing to {path.name}")
            with path.open("a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerow(row)
                file.flush()
                os.fsync(file.fileno())
        ctx.log("info", "row written" if written else "row was there", file=str(path))
        return {"file": str(path), "row": row, "written": written}

    def simulate(self, ctx: NodeContext[AppendRowConfig]) -> Mapping[str, Any]:
        """What a dry run gives: the row, not written."""
        row = [ctx.idempotency_key, *map(str, ctx.config.row)]
        return {"simulated": True, "file": ctx.config.file, "row": row, "written": True}

    def _is_there(self, path: Path, key: str) -> bool:
        if not path.exists():
            return False
        with path.open(newline="", encoding="utf-8") as file:
            return any(row and row[0] == key for row in csv.reader(file))
