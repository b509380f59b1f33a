"""A project's limits as they are shown and set, with what is used of each."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from milepost.server.access.keys import Identity
from milepost.server.engine.dispatcher import Dispatcher
from milepost.server.errors import Forbidden
from milepost.server.runs.concurrency import Concurrency, ConcurrencyRule
from milepost.server.runs.limits import Limits, over
from milepost.server.runs.summaries import Json, concurrency_json
from milepost.server.store.rows import Project
from milepost.server.store.store import Store


class Quotas:
    """On the API's loop, which also counts the sockets here."""

    def __init__(self, store: Store, limits: Limits, concurrency: Concurrency, dispatcher: Dispatcher) -> None:
        self._store = store
        self._limits = limits
        self._concurrency = concurrency
        self._dispatcher = dispatcher
        self._sockets: Counter[str] = Counter()

    async def show(self, project: Project) -> Json:
        """Every limit (None: there is none) with what is used of it, and the workflows that have a rule."""
        limits = await self._limits.of(project.project_id)
        live: dict[str, int] = dict(await self._store.fetch("live_counts", project_id=project.project_id))
        used = {
            "live_runs": sum(live.values()),
            "running_runs": live.get("RUNNING", 0),
            "sockets": self._sockets[project.project_id],
            "stored_bytes": await self._limits.measure(project.project_id),
        }
        rows = await self._store.fetch("limited_workflows", project_id=project.project_id)
        return {
            "project_id": project.project_id,
            **{name: {"limit": getattr(limits, name), "used": count} for name, count in used.items()},
            "workflows": [workflow_json(*row) for row in rows],
        }

    async def change(
        self,
        actor: Identity,
        project: Project,
        limits: Mapping[str, int | None],
        rules: Mapping[str, ConcurrencyRule],
    ) -> Json:
        """Set some limits of the project, and the rules of some of its workflows.

        Raises:
            Forbidden: the actor is not the owner. NotFound, InvalidRequest: a rule cannot be set.
        """
        if not actor.owner:
            raise Forbidden("only the owner's key may change limits")
        if rules:
            await self._concurrency.set(project, dict(rules))
        if limits:
            await self._limits.change(project.project_id, **limits)
            self._dispatcher.wake()
        return await self.show(project)

    @asynccontextmanager
    async def socket(self, project: Project) -> AsyncIterator[None]:
        """Count one more socket or event stream of the project for as long as it is open.

        Raises:
            ProjectLimit: there are as many as there may be.
        """
        limits = await self._limits.of(project.project_id)
        used = self._sockets[project.project_id]
        if limits.sockets is not None and used >= limits.sockets:
            raise over("sockets", limits.sockets, used, "{used} of {maximum} sockets and event streams are open")
        self._sockets[project.project_id] += 1
        try:
            yield
        finally:
            self._sockets[project.project_id] -= 1
            if not self._sockets[project.project_id]:
                del self._sockets[project.project_id]


def workflow_json(
    workflow_id: str, name: str, maximum: int, key: str | None, on_limit: str, running: int, queued: int
) -> dict[str, Any]:
    """A workflow that has a rule."""
    rule = concurrency_json(maximum, key, on_limit) or {}
    return {"workflow_id": workflow_id, "name": name, **rule, "running": running, "queued": queued}
