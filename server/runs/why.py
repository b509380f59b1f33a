"""Why a run does not advance right now, as one sentence and a code. A pure function of what was read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from milepost.server.runs.limits import Places
from milepost.server.runs.summaries import Json, waiting_for
from milepost.server.states import NodeStatus, RunStatus
from milepost.server.store.rows import NodeState, OpenInterrupt, Run, iso

CODES = (
    "pending",
    "slot",
    "start_at",
    "workflow_limit",
    "concurrency_key",
    "project_limit",
    "old_attempt_still_running",
    "starting",
    "node_running",
    "retry",
    "pausing",
    "paused",
    "answer",
    "event",
    "time",
    "ended",
)
"""Every code there is."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What stands before a QUEUED run: runs of its project, of these those of its lane, and limits (None: there is
    none)."""

    ahead: int = 0
    ahead_in_lane: int = 0
    places: Places | None = None


def explain(
    run: Run,
    *,
    states: Sequence[NodeState],
    interrupts: Sequence[OpenInterrupt],
    retry: tuple[str, str] | None,
    queue: Queue,
    held_by: Sequence[str],
    held: bool,
    now: int,
) -> Json:
    """The answer of the ``why`` route.

    Args:
        run: the run.
        states: of its nodes.
        interrupts: what its nodes asked for.
        retry: node and data of the newest announcement of another try.
        queue: what is ahead of it while it is QUEUED.
        held_by: nodes whose code is executing.
        held: whether an attempt of the run, even a stopped one, still has something to end.
        now: epoch milliseconds.
    """
    if run.status is RunStatus.QUEUED:
        found = _queued(run, queue, held_by, held=held)
    elif run.status is RunStatus.RUNNING:
        found = _running(run, states, retry, now)
    elif run.status is RunStatus.WAITING:
        found = _waiting(run, interrupts)
    else:
        found = _standing(run)
    return {"run_id": run.run_id, "status": run.status, **found}


def _standing(run: Run) -> Json:
    if run.status is RunStatus.PENDING:
        return _because("pending", "The run was created and nobody has executed it yet.")
    if run.status is RunStatus.PAUSED:
        since = iso(run.paused_at)
        return _because("paused", f"The run was paused at {since}; it goes on when it is resumed.", since=since)
    since = iso(run.finished_at)
    return _because("ended", f"The run ended {run.status} at {since}.", since=since)


def _queued(run: Run, queue: Queue, held_by: Sequence[str], *, held: bool) -> Json:
    if held:
        names = ", ".join(held_by) or "a node"
        return _because(
            "old_attempt_still_running",
            f"Code of an earlier attempt still executes ({names}); the run starts when it has ended.",
            node_ids=list(held_by),
        )
    if run.held_until is not None:
        until = iso(run.held_until)
        return _because("start_at", f"The run starts at {until}, as it was asked to.", until=until)
    return _limited(run, queue) or _slot(queue.ahead)


def _limited(run: Run, queue: Queue) -> Json | None:
    places = queue.places
    if places is None:
        return None
    if run.lane is not None and places.lane_max is not None and places.lane_running >= places.lane_max:
        key = run.lane.removeprefix(run.workflow_id).removeprefix(":")
        of = f"with the key {key} " if key else ""
        sentence = (
            f"The workflow's runs {of}are at their limit: {places.lane_running} of at most {places.lane_max} running, "
            f"{queue.ahead_in_lane} ahead of this one."
        )
        counts = {"ahead": queue.ahead_in_lane, "running": places.lane_running, "maximum": places.lane_max}
        return (
            _because("concurrency_key", sentence, key=key, **counts)
            if key
            else _because("workflow_limit", sentence, **counts)
        )
    if places.project_max is not None and places.project_running >= places.project_max:
        sentence = (
            f"The project's runs are at their limit: {places.project_running} of at most {places.project_max} running, "
            f"{queue.ahead} ahead of this one."
        )
        counts = {"ahead": queue.ahead, "running": places.project_running, "maximum": places.project_max}
        return _because("project_limit", sentence, **counts)
    return None


def _slot(ahead: int) -> Json:
    place = "it is the next of its project" if ahead == 0 else f"{ahead} of its project are ahead of it"
    return _because("slot", f"The run waits for a free slot; {place}.", ahead=ahead)


def _running(run: Run, states: Sequence[NodeState], retry: tuple[str, str] | None, now: int) -> Json:
    open_nodes = [state for state in states if state.status is NodeStatus.RUNNING]
    if run.pause_requested is not None and open_nodes:
        names = ", ".join(state.node_id for state in open_nodes)
        return _because(
            "pausing", f"The run pauses as soon as {names} ended.", node_ids=[s.node_id for s in open_nodes]
        )
    if retry is not None:
        node_id, due = retry[0], orjson.loads(retry[1]).get("next_attempt_at")
        if isinstance(due, str) and due > str(iso(now)) and any(state.node_id == node_id for state in open_nodes):
            return _because(
                "retry", f"Node {node_id} failed and is tried again at {due}.", node_ids=[node_id], until=due
            )
    if not open_nodes:
        return _because("starting", "The run is between two nodes; the next one is about to start.")
    oldest = min(open_nodes, key=lambda state: state.started_at or now)
    seconds = max(0.0, (now - (oldest.started_at or now)) / 1000)
    have = f" and {len(open_nodes) - 1} more have" if len(open_nodes) > 1 else " has"
    return _because(
        "node_running",
        f"Node {oldest.node_id}{have} been running for {seconds:.1f} s.",
        node_ids=[state.node_id for state in open_nodes],
        seconds=round(seconds, 3),
    )


def _waiting(run: Run, interrupts: Sequence[OpenInterrupt]) -> Json:
    retries = [row for row in interrupts if row.kind == "retry" and row.unanswered]
    wanted = waiting_for(run, interrupts)
    if wanted is None:
        return _because("starting", "What the run waited for is there; it is about to go on.")
    if retries and wanted["for"] == "time":
        first = min(retries, key=lambda row: row.wake_at or 0)
        due = iso(first.wake_at)
        sentence = f"Node {first.node_id} failed and is tried again at {due}."
        return _because("retry", sentence, node_ids=sorted({row.node_id for row in retries}), until=due)
    names = ", ".join(wanted["node_ids"]) or "a node"
    sentence = {
        "answer": f"The run waits for a person's answer to {names}.",
        "event": f"The run waits for an event at {names}.",
        "time": f"The run waits at {names} until {wanted['until']}.",
    }[wanted["for"]]
    return _because(wanted["for"], sentence, node_ids=wanted["node_ids"], until=wanted["until"])


def _because(code: str, sentence: str, **more: Any) -> Json:
    return {"code": code, "sentence": sentence, **more}
