"""Runs that are RUNNING for a server that is gone, and runs that this server hands back when it stops."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import structlog

from milepost.server.engine.projection import run_error
from milepost.server.engine.verdict import Verdict, stopped_nodes, write
from milepost.server.errors import GuardFailed, IllegalTransition, Unavailable
from milepost.server.states import Action
from milepost.server.store.rows import Run
from milepost.server.store.statements import event, transition
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

BLAMED_FATAL = 3
"""So many deaths of the process while a thread executed the run's own code, with no checkpoint in between, fail it."""

CRASHES_FATAL = 12
"""So many deaths at any moment do, too: a thread that a node started itself can be nobody's."""

log = structlog.get_logger("milepost.engine")


async def recover(store: Store, boot_id: str, executing: Mapping[str, str]) -> int:
    """Release every run of an earlier boot to QUEUED, or fail it if it keeps crashing the process.

    Args:
        store: the database.
        boot_id: this boot.
        executing: the node whose code had a thread when the process died, by run id.

    Returns:
        How many there were.
    """
    left = await store.runs("runs_of_other_boots", owner=boot_id)
    posted = [store.post(_recovered(run, executing.get(run.run_id), store.clock())) for run in left]
    for unit in posted:
        await unit
    if left:
        log.info("runs of an earlier server go on", runs=len(left))
    return len(left)


def _recovered(run: Run, node_id: str | None, now: int) -> Unit:
    crashes, blamed = run.crashes + 1, run.blamed + (node_id is not None)
    if blamed >= BLAMED_FATAL or crashes >= CRASHES_FATAL:
        message = f"the server's process died {crashes} times at this point of the run"
        error = run_error("crashed_process", "CrashedProcess", message, node_id=node_id or run.current_node)
        return write(Verdict.failed(error), run, Unit(), run.spent_ms, now)[1]
    after, change = transition(run, Action.RELEASE, now, crashes=crashes, blamed=blamed)
    data = {"checkpoint_id": run.checkpoint_id, "attempt": run.run_attempt, "crashes": crashes}
    return Unit([change, *stopped_nodes(after, now)], [event(after, "run.recovered", now, data)])


async def release(store: Store, runs: Sequence[Run]) -> None:
    """Hand runs back that did not drain in time, with the time that they spent. Not a crash; what cannot be written is
    recovered at the next start."""
    for run in runs:
        with suppress(GuardFailed, IllegalTransition, Unavailable):
            fresh = await store.run(run.run_id)
            if fresh.run_attempt != run.run_attempt:
                continue
            now = store.clock()
            after, change = transition(fresh, Action.RELEASE, now, spent_ms=max(fresh.spent_ms, run.spent_ms))
            unit = Unit([change, *stopped_nodes(after, now)], [event(after, "run.queued", now, {"why": "released"})])
            await store.commit(unit)
