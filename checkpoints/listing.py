"""What a list call of LangGraph's interface asks for. Reads rows only; states are loaded one by one by the saver."""

from typing import Any

from langchain_core.runnables import RunnableConfig

from milepost.checkpoints.reading import LAST, SQL, CheckpointRow, Read, listed


def address(config: RunnableConfig) -> tuple[str, str, str | None]:
    """Return the run, the namespace and the checkpoint (None for the latest) that a config names."""
    configurable = config["configurable"]
    return str(configurable["thread_id"]), configurable.get("checkpoint_ns") or "", configurable.get("checkpoint_id")


def matching(
    config: RunnableConfig | None,
    wanted: dict[str, Any] | None,
    before: RunnableConfig | None,
    limit: int | None,
) -> Read[list[CheckpointRow]]:
    """Find the checkpoints that a list call asks for, newest first."""
    rows = yield from _candidates(config, before, LAST if limit is None or wanted else limit)
    pairs = (wanted or {}).items()
    found = [row for row in rows if all(key in row.metadata and row.metadata[key] == value for key, value in pairs)]
    return found if limit is None else found[:limit]


def _candidates(config: RunnableConfig | None, before: RunnableConfig | None, limit: int) -> Read[list[CheckpointRow]]:
    if config is None:
        [rows] = yield [(SQL["list_all"], {})]
        return [listed(row) for row in rows]
    run_id, ns, checkpoint_id = address(config)
    bound = LAST
    before_id = before and before["configurable"].get("checkpoint_id")
    if before_id:
        [marks] = yield [(SQL["ordinal_of"], {"run_id": run_id, "checkpoint_id": before_id})]
        bound = -1 if marks[0][0] is None else marks[0][0]
    parameters = {"run_id": run_id, "before": bound, "limit": limit}
    if config["configurable"].get("checkpoint_ns") is None:
        [rows] = yield [(SQL["list_run"], parameters)]
    else:
        [rows] = yield [(SQL["list_namespace"], {**parameters, "ns": ns})]
    return [row for row in map(listed, rows) if checkpoint_id in (None, row.checkpoint_id)]
