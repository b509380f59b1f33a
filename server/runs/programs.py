"""Stored workflow versions, read once and compiled once. Compiling is done off the event loop."""

import asyncio

import orjson

from milepost.graphs.problems import InvalidDefinition
from milepost.graphs.program import Program
from milepost.graphs.programs import Programs
from milepost.server.errors import NotFound, NotRunnable
from milepost.server.store.rows import Run, Workflow
from milepost.server.store.store import Store

KEPT = 1_000


class ProgramSource:
    """Programs by workflow and version; used by the API's and the engine's event loops."""

    def __init__(self, store: Store, programs: Programs) -> None:
        self._store = store
        self._programs = programs
        self._workflows: dict[tuple[str, str, int | None], Workflow] = {}
        self._forgotten = 0

    async def workflow(self, project_id: str, workflow_id: str, version: int | None) -> Workflow:
        """A workflow of a project at a version (None: the latest), remembered until it changes. On the API's loop.

        Raises:
            NotFound: no such workflow or version.
        """
        key = (project_id, workflow_id, version)
        known = self._workflows.get(key)
        if known is None:
            before = self._forgotten
            known = await self._store.workflow(project_id, workflow_id, version)
            if before == self._forgotten:
                if len(self._workflows) >= KEPT:
                    self._workflows.clear()
                self._workflows[key] = known
        return known

    def forget(self, workflow_id: str) -> None:
        """The workflow has changed: what is known of it, or was being read meanwhile, no longer holds."""
        self._forgotten += 1
        for key in [key for key in self._workflows if key[1] == workflow_id]:
            del self._workflows[key]

    async def get(self, workflow_id: str, version: int, definition: str) -> Program:
        """The compiled version of a workflow, from the cache or from its definition's JSON text.

        Raises:
            NotRunnable: this release no longer accepts the stored definition.
        """
        key = f"{workflow_id}@{version}"
        if (program := self._programs.peek(key)) is not None:
            return program
        try:
            return await asyncio.get_running_loop().run_in_executor(
                None, lambda: self._programs.get(key, orjson.loads(definition))
            )
        except InvalidDefinition as error:
            raise NotRunnable(
                f"version {version} of workflow {workflow_id} is no longer valid: {error}",
                errors=[{"path": each.path, "code": each.code, "message": each.message} for each in error.problems],
            ) from error

    async def of_run(self, run: Run) -> Program:
        """The compiled version that a run is pinned to."""
        key = f"{run.workflow_id}@{run.version}"
        if (program := self._programs.peek(key)) is not None:
            return program
        row = await self._store.fetch_one("get_definition", workflow_id=run.workflow_id, version=run.version)
        if row is None:
            raise NotFound(f"there is no version {run.version} of workflow {run.workflow_id}")
        return await self.get(run.workflow_id, run.version, row[0])
