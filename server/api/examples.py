"""The examples of the API's page. Answers come from the renderers that the routes use, so they cannot drift."""

from typing import Any

import orjson

from milepost.graphs.problems import Problem
from milepost.server.runs.revisions import compare
from milepost.server.runs.summaries import asked_json, notification_json, problems_json, project_json, task_json
from milepost.server.states import NodeStatus, RunStatus
from milepost.server.store.rows import Asked, Notification, OpenInterrupt, Project, Task

PROJECT_ID = "01987a3e-5b1c-7000-8000-000000000001"
WORKFLOW_ID = "01987a3e-5b1c-7000-8000-000000000002"
RUN_ID = "01987a3e-5b1c-7000-8000-000000000003"
FORK_ID = "01987a3e-5b1c-7000-8000-000000000004"
TASK_ID = "01987a3e-5b1c-7000-8000-000000000006"
KEY_ID = "01987a3e-5b1c-7000-8000-000000000005"
CHECKPOINT_ID = "1f0b8a52-7c1e-6f00-8003-5d0c5f0e2a11"
EARLIER_ID = "1f0b8a52-7b80-6a00-8001-2b7f5b0e9c42"
TIME = "2026-03-04T09:30:00.120Z"
MILLISECONDS = 1_772_616_600_120

DEFINITION: dict[str, Any] = {
    "name": "Greeting",
    "nodes": [
        {"id": "greet", "type": "process", "config": {"operation": "template", "value": "Hello {{ input.name }}"}},
        {"id": "done", "type": "output", "config": {"value": "{{ outputs.greet.value }}"}},
    ],
    "edges": [{"source": "greet", "target": "done"}],
}

QUESTION = {"kind": "answer", "question": "Publish?", "schema": {"type": "object"}, "assignees": ["ada"]}

ASKED = asked_json(
    Asked(
        RUN_ID,
        OpenInterrupt(
            interrupt_id="5d0c5f0e2a110c1e6f001f0b8a527c1e",
            task_id="5d0c5f0e-2a11-0c1e-6f00-1f0b8a527c1e",
            node_id="approve",
            item=None,
            kind="answer",
            value=orjson.dumps(QUESTION).decode(),
            wake_at=None,
            answer=None,
            answered_by=None,
            answered_at=None,
            consumed=0,
            created_at=MILLISECONDS,
            event=None,
            expired_at=None,
        ),
        WORKFLOW_ID,
        RunStatus.WAITING,
        "Greeting",
    )
)

TASK = task_json(
    Task(
        TASK_ID,
        PROJECT_ID,
        "Call the customer",
        "About the invoice.",
        "ada",
        MILLISECONDS,
        "open",
        RUN_ID,
        "escalate",
        None,
        MILLISECONDS,
        MILLISECONDS,
        None,
        None,
    )
)

NOTIFICATION = notification_json(
    Notification(TASK_ID, PROJECT_ID, "ada", "The report is there", "12 pages.", RUN_ID, "tell", MILLISECONDS, None)
)

PROJECT = project_json(Project(PROJECT_ID, "default", "Default", MILLISECONDS))

ME: dict[str, Any] = {
    "user": {"name": "owner"},
    "kind": "session",
    "owner": True,
    "csrf_token": "bSV3l0p1…",
    "permissions": {"can_create_projects": True},
    "projects": [{**PROJECT, "permissions": ["can_view", "can_execute", "can_edit", "can_manage"]}],
    "expires_at": TIME,
}

RUN_SUMMARY: dict[str, Any] = {
    "run_id": RUN_ID,
    "project_id": PROJECT_ID,
    "workflow_id": WORKFLOW_ID,
    "version": 1,
    "status": RunStatus.PENDING,
    "progress": 0.0,
    "current_node": None,
    "error": None,
    "metadata": {"ticket": "T-1"},
    "run_attempt": 0,
    "pausing": False,
    "checkpoint_id": None,
    "parent_run_id": None,
    "forked_from": None,
    "wake_at": None,
    "priority": 0,
    "start_at": None,
    "test_mode": False,
    "created_at": TIME,
    "queued_at": None,
    "started_at": None,
    "paused_at": None,
    "cancelled_at": None,
    "finished_at": None,
    "estimated_completion": None,
}

RUN = {**RUN_SUMMARY, "input_data": {"name": "Ada"}, "output_data": None}

WHOLE_RUN = {**RUN, "last_seq": 1}

STATUS: dict[str, Any] = {
    "run_id": RUN_ID,
    "status": RunStatus.RUNNING,
    "progress": 0.5,
    "current_node": "done",
    "started_at": TIME,
    "estimated_completion": None,
    "error": None,
    "interrupts": [],
    "waiting_for": None,
    "node_states": [
        {
            "node_id": "greet",
            "status": NodeStatus.COMPLETED,
            "progress": 1.0,
            "started_at": TIME,
            "completed_at": TIME,
            "attempt": 1,
            "iterations": 1,
        }
    ],
    "pausing": False,
    "checkpoint_id": CHECKPOINT_ID,
    "paused_at": None,
    "finished_at": None,
    "last_seq": 9,
    "still_running": [],
}

EXECUTION: dict[str, Any] = {
    "node_execution_id": "0001-00000001",
    "task_id": "5d0c5f0e-2a11-0c1e-6f00-1f0b8a527c1e",
    "node_id": "greet",
    "node_type": "process",
    "run_attempt": 1,
    "attempt": 1,
    "status": NodeStatus.COMPLETED,
    "input": {"operation": "template", "value": "Hello Ada"},
    "output": {"value": "Hello Ada"},
    "error": None,
    "started_at": TIME,
    "completed_at": TIME,
    "duration_ms": 1,
    "stand_in": None,
}

TRACE: dict[str, Any] = {
    "run_id": RUN_ID,
    "execution_id": RUN_ID,
    "workflow_id": WORKFLOW_ID,
    "version": 1,
    "test_mode": True,
    "status": RunStatus.COMPLETED,
    "started_at": TIME,
    "finished_at": TIME,
    "execution_time_seconds": 0.012,
    "error": None,
    "trace": [
        {
            "node_execution_id": "0001-00000001",
            "node_id": "greet",
            "node_type": "process",
            "status": NodeStatus.COMPLETED,
            "attempt": 1,
            "duration_seconds": 0.001,
            "input": {"operation": "template", "value": "Hello Ada"},
            "output": {"value": "Hello Ada"},
            "logs": [],
            "error": None,
            "error_type": None,
            "error_code": None,
            "simulated": False,
            "answered": False,
            "replayed": False,
        }
    ],
    "final_variables": {},
    "final_output": "Hello Ada",
    "summary": {
        "nodes_executed": 1,
        "nodes_failed": 0,
        "executions": 1,
        "simulated": 0,
        "answered": 0,
        "replayed": 0,
        "total_duration": 0.012,
        "passed": True,
    },
    "cut": False,
}

EVENT: dict[str, Any] = {
    "seq": 5,
    "run_id": RUN_ID,
    "ts": TIME,
    "type": "node.completed",
    "node_id": "greet",
    "run_attempt": 1,
    "data": {"node_execution_id": "0001-00000001", "progress": 0.5, "attempt": 1, "duration_ms": 1},
}

CONCURRENCY: dict[str, Any] = {"max_concurrent_runs": 2, "concurrency_key": "input.name", "on_limit": "queue"}

WORKFLOW_SUMMARY: dict[str, Any] = {
    "workflow_id": WORKFLOW_ID,
    "project_id": PROJECT_ID,
    "kind": "definition",
    "name": "Greeting",
    "description": "Says hello.",
    "latest_version": 1,
    "created_at": TIME,
    "updated_at": TIME,
    "archived_at": None,
    "concurrency": CONCURRENCY,
}

WORKFLOW: dict[str, Any] = {
    **WORKFLOW_SUMMARY,
    "version": 1,
    "version_created_at": TIME,
    "definition": DEFINITION,
    "pins": {},
    "warnings": [],
}

OLDER_RUNS: dict[str, Any] = {
    "total": 1,
    "counts": [{"version": 1, "status": RunStatus.WAITING, "count": 1}],
    "runs": [{"run_id": RUN_ID, "version": 1, "status": RunStatus.WAITING}],
    "cut": False,
}

VERSION_DIFF: dict[str, Any] = {
    "workflow_id": WORKFLOW_ID,
    "from": 1,
    "to": 2,
    **compare(
        DEFINITION,
        {
            **DEFINITION,
            "timeout": 60,
            "nodes": [*DEFINITION["nodes"], {"id": "log", "type": "process"}],
            "edges": [*DEFINITION["edges"], {"source": "greet", "target": "log"}],
        },
    ),
    "pins": [],
}

PROBLEMS = problems_json([Problem("nodes[0].type", "unknown_type", "there is no node type 'proces'")])

LIMITS: dict[str, Any] = {
    "project_id": PROJECT_ID,
    "live_runs": {"limit": 1000, "used": 12},
    "running_runs": {"limit": 8, "used": 3},
    "sockets": {"limit": None, "used": 2},
    "stored_bytes": {"limit": None, "used": 48210},
    "workflows": [{"workflow_id": WORKFLOW_ID, "name": "Greeting", **CONCURRENCY, "running": 2, "queued": 1}],
}

CHECKPOINT: dict[str, Any] = {
    "checkpoint_id": CHECKPOINT_ID,
    "parent_id": EARLIER_ID,
    "step": 1,
    "source": "loop",
    "next": ["done"],
    "created_at": TIME,
    "size": 412,
    "superseded": False,
    "ordinal": 3,
}

STATE = {"input": {"name": "Ada"}, "variables": {}, "outputs": {"greet": {"value": "Hello Ada"}}}


def page(item: Any, cursor: str | None = None) -> dict[str, Any]:
    """A list's answer with one item."""
    return {"items": [item], "next_cursor": cursor}


NODE_TYPE: dict[str, Any] = {
    "type": "output",
    "title": "Output",
    "description": "What the run gives.",
    "output": "`value`: the value.",
    "branching": False,
    "side_effects": False,
    "config_schema": {"type": "object"},
}

PYTHON_GRAPH = {
    "name": "agent",
    "path": "./agent.py:graph",
    "served": True,
    "workflow_id": WORKFLOW_ID,
    "version": 1,
    "error": None,
}
