"""Definitions of stored workflow versions, compiled once. Compiling is done off the event loop."""

import asyncio

import orjson

from milepost.graphs.problems import InvalidDefinition
from milepost.graphs.program import Program
from milepost.graphs.programs import Programs
from milepost.server.errors import NotFound, NotRunnable
from milepost.server.store.rows import Run
from milepost.server.store.store import Store


class ProgramSource:
    """Programs by workflow and version; used by the API's and the engine's event loops."""

    def __init__(self, store: Store, programs: Programs) -> None:
        self._store = store
        self._programs = programs

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
