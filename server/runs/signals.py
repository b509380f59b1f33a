"""Events that are sent to runs from outside, for nodes that wait for one or will."""

from typing import Any

from milepost.server.access.keys import Identity
from milepost.server.engine.parking import deliver
from milepost.server.errors import GuardFailed, InvalidState
from milepost.server.runs.answers import Answers
from milepost.server.store.rows import Project
from milepost.server.store.statements import statement, to_json
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit


class Signals:
    """Keeps events for each run and name. Each is given to one wait, the oldest to the one that waited first."""

    def __init__(self, store: Store, answers: Answers) -> None:
        self._store = store
        self._answers = answers

    async def send(self, actor: Identity, project: Project, run_id: str, name: str, payload: Any) -> None:
        """Keep an event, give it to a node that waits for it, and wake the run if it is parked.

        Raises:
            NotFound, InvalidState (the run has ended).
        """
        while True:
            run = await self._store.run_of(project.project_id, run_id)
            if run.ended:
                raise InvalidState(f"run {run_id} is {run.status}; it takes no events")
            now, sender = self._store.clock(), actor.name
            keep = statement(
                "insert_signal", 1, run_id=run_id, event=name, payload=to_json(payload), sent_by=sender, now=now
            )
            try:
                await self._store.commit(Unit([keep, *deliver(run_id, name, now)]))
            except GuardFailed:
                continue
            await self._answers.wake(run_id)
            return
