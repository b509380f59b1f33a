"""The examples of figures about many runs and of two runs compared."""

from typing import Any

from milepost.server.api.examples import (
    CHECKPOINT_ID,
    DEFINITION,
    FORK_ID,
    RUN_ID,
    RUN_SUMMARY,
    TIME,
    WORKFLOW_ID,
)
from milepost.server.runs.revisions import compare
from milepost.server.states import NodeStatus, RunStatus

FIGURES: dict[str, Any] = {
    "counts": {**{status.value: 0 for status in RunStatus}, "COMPLETED": 97, "FAILED": 3, "RUNNING": 1},
    "success_rate": 0.97,
    "duration": {"mean_ms": 2140, "p50_ms": 1830, "p95_ms": 5610},
}

NODE_FIGURES: dict[str, Any] = {
    "workflow_id": WORKFLOW_ID,
    "workflow_name": "Greeting",
    "node_id": "greet",
    "executions": 103,
    "failed": 3,
    "mean_ms": 1710,
    "max_ms": 6020,
    "total_ms": 176130,
}

STATISTICS: dict[str, Any] = {
    "since": "2026-03-04T09:00:00.000Z",
    "until": TIME,
    **FIGURES,
    "resolution": "hour",
    "series": [
        {
            "start": "2026-03-04T09:00:00.000Z",
            "counts": {"COMPLETED": 97, "FAILED": 3, "CANCELLED": 0},
            "p50_ms": 1830,
            "p95_ms": 5610,
        }
    ],
    "nodes_since": "2026-03-04T00:00:00.000Z",
    "slowest_nodes": [NODE_FIGURES],
    "failures_by_node": [NODE_FIGURES],
}

WORKFLOW_STATISTICS: dict[str, Any] = {"workflow_id": WORKFLOW_ID, "name": "Greeting", **STATISTICS}

PROJECT_STATISTICS: dict[str, Any] = {
    **STATISTICS,
    "workflows": [
        {
            "workflow_id": WORKFLOW_ID,
            "name": "Greeting",
            "kind": "definition",
            **FIGURES,
            "running": 1,
            "waiting": 0,
            "last_runs": [
                {
                    "run_id": RUN_ID,
                    "status": RunStatus.COMPLETED,
                    "started_at": TIME,
                    "finished_at": "2026-03-04T09:30:02.260Z",
                    "duration_ms": 2140,
                }
            ],
        }
    ],
    "next_cursor": None,
}

_STEP: dict[str, Any] = {
    "run_id": RUN_ID,
    "node_execution_id": "0001-00000001",
    "position": 0,
    "node_type": "process",
    "status": NodeStatus.COMPLETED,
    "attempt": 1,
    "started_at": TIME,
    "duration_ms": 12,
    "inherited": False,
}

_NODE: dict[str, Any] = {
    "status": NodeStatus.COMPLETED,
    "executions": 1,
    "failed": 0,
    "attempts": 1,
    "duration_ms": 12,
}

_COMPARED: dict[str, Any] = {**RUN_SUMMARY, "workflow_name": "Greeting", "duration_ms": 2140}

_DIFFERENCE: dict[str, Any] = {
    "equal": False,
    "changes": [{"path": "value", "op": "changed", "from": "Hello Ada", "to": "Hello Eve"}],
    "cut": False,
}

_EQUAL: dict[str, Any] = {"equal": True, "changes": [], "cut": False}

COMPARISON: dict[str, Any] = {
    "left": _COMPARED,
    "right": {**_COMPARED, "run_id": FORK_ID, "parent_run_id": RUN_ID, "forked_from": CHECKPOINT_ID},
    "common_ancestor": {"run_id": RUN_ID, "left_checkpoint_id": None, "right_checkpoint_id": CHECKPOINT_ID},
    "first_divergence": {
        "position": 0,
        "node_id": "greet",
        "because": "output",
        "left": _STEP,
        "right": {**_STEP, "run_id": FORK_ID},
        "input": _EQUAL,
        "output": _DIFFERENCE,
    },
    "path": [
        {
            "node_id": "greet",
            "execution": 1,
            "left": _STEP,
            "right": {**_STEP, "run_id": FORK_ID},
            "differs": ["output"],
        }
    ],
    "path_cut": False,
    "nodes": [{"node_id": "greet", "left": _NODE, "right": _NODE, "same": False}],
    "nodes_cut": False,
    "input": _EQUAL,
    "output": _DIFFERENCE,
    "definition": compare(DEFINITION, DEFINITION),
}
