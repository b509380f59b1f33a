"""Stored workflow versions, read once and compiled once. Compiling is done off the event loop."""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from milepost.graphs.children import Child, Children, Missing, Reference, chain_to
from milepost.graphs.executable import Executable
from milepost.graphs.problems import InvalidDefinition
from milepost.graphs.program import Program
from milepost.graphs.programs import Programs
from milepost.graphs.python.program import KIND, GoneProgram
from milepost.server.errors import NotFound, NotRunnable, VersionGone
from milepost.server.runs.python_graphs import VERSION_GONE, PythonGraphs
from milepost.server.store.rows import Run, Workflow
from milepost.server.store.store import Store

KEPT = 1_000
NAMES_WORKFLOW = '"workflow_id"'
"""Only a definition with this in its text can name other workflows: the rest need not be searched."""


class ProgramSource:
    """Programs by workflow and version; used by the API's and the engine's event loops."""

    def __init__(self, store: Store, programs: Programs, python: PythonGraphs) -> None:
        self._store = store
        self._python = python
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

    async def get(self, workflow: Workflow) -> Executable:
        """The compiled version of a workflow, from the cache or from its definition's JSON text.

        Raises:
            NotRunnable: this release no longer accepts the stored definition.
        """
        return await self._get(workflow.workflow_id, workflow.version, workflow.definition, workflow.pins)

    async def children(self, project_id: str, definition: Any, inside: str | None) -> Children:
        """The workflows of the project that a definition names; ``inside`` is the workflow that it is to be of."""
        wanted = await asyncio.to_thread(self._programs.references, definition)
        return {each.key: await self._child(project_id, each, inside) for each in wanted}

    async def _child(self, project_id: str, wanted: Reference, inside: str | None) -> Child | Missing:
        try:
            row = await self._store.workflow(project_id, wanted.workflow_id, None)
            if wanted.version is not None:
                row = await self._store.workflow(project_id, wanted.workflow_id, wanted.version)
        except NotFound as error:
            known = wanted.version is not None and f"version {wanted.version} of" in str(error)
            return (
                Missing("unknown_version", str(error), "version") if known else Missing("unknown_workflow", str(error))
            )
        if row.archived_at is not None:
            return Missing("workflow_archived", f"workflow {wanted.workflow_id} is archived")
        if row.workflow_id == inside:
            return Missing("recursion", f"a workflow cannot run inside itself: {inside} → {inside}")
        try:
            child = Child(row.workflow_id, row.version, _definition(await self.get(row)))
        except NotRunnable as error:
            return Missing("workflow_refused", str(error))
        if inside is not None and (way := chain_to(inside, [child])):
            return Missing("recursion", f"a workflow cannot run inside itself: {' → '.join([inside, *way])}")
        return child

    async def _pinned(self, definition: Any, pins: Mapping[str, int]) -> Children:
        """The workflows that a stored definition names, at the versions that were found when it was saved."""
        return {each.key: await self._stored(each, pins) for each in self._programs.references(definition)}

    async def _stored(self, wanted: Reference, pins: Mapping[str, int]) -> Child | Missing:
        version = wanted.version or pins.get(wanted.workflow_id)
        try:
            program = _definition(await self._version(wanted.workflow_id, version or 0))
            return Child(wanted.workflow_id, version or 0, program)
        except (NotFound, NotRunnable) as error:
            return Missing("workflow_refused", str(error))

    async def _get(self, workflow_id: str, version: int, definition: str, pins: str) -> Executable:
        key = f"{workflow_id}@{version}"
        if (program := self._programs.peek(key)) is not None:
            return program
        written = orjson.loads(definition)
        if written.get("kind") == KIND:
            return self._python.program(workflow_id, version, written)
        return await self._compiled(key, f"version {version} of workflow {workflow_id}", definition, pins)

    async def draft(self, workflow_id: str, definition: Mapping[str, Any], pinned: Mapping[str, int]) -> Program:
        """A definition of a workflow that is not stored, compiled.

        Raises:
            NotRunnable: this release does not accept it.
        """
        texts = [orjson.dumps(part, option=orjson.OPT_SORT_KEYS) for part in (definition, pinned)]
        name = hashlib.sha256(b"\0".join(texts)).hexdigest()
        return await self._compiled(f"draft:{name}", f"the draft of workflow {workflow_id}", *map(bytes.decode, texts))

    async def _compiled(self, key: str, told: str, definition: str, pins: str) -> Program:
        if isinstance(program := self._programs.peek(key), Program):
            return program
        try:
            written = orjson.loads(definition)
            children = await self._pinned(written, orjson.loads(pins)) if NAMES_WORKFLOW in definition else None
            return await asyncio.get_running_loop().run_in_executor(
                None, lambda: self._programs.get(key, written, children)
            )
        except InvalidDefinition as error:
            raise NotRunnable(
                f"{told} is no longer valid: {error}",
                errors=[{"path": each.path, "code": each.code, "message": each.message} for each in error.problems],
            ) from error

    async def of_run(self, run: Run) -> Executable:
        """The compiled version that a run is pinned to; of a dry run the definition that it tries."""
        if run.dry_run is not None and (draft := orjson.loads(run.dry_run).get("draft")) is not None:
            return await self.draft(run.workflow_id, **draft)
        return await self._version(run.workflow_id, run.version)

    async def to_drive(self, run: Run) -> Executable:
        """The same, for the engine.

        Raises:
            VersionGone, NotRunnable: its code is not here.
        """
        program = await self.of_run(run)
        if isinstance(program, GoneProgram):
            reason = program.not_runnable[0]
            if reason.code == VERSION_GONE:
                raise VersionGone(reason.message)
            raise NotRunnable(reason.message, errors=[{"path": reason.path, "code": reason.code, "message": ""}])
        return program

    async def refuse_gone(self, run: Run) -> None:
        """Raise what ``to_drive`` would, for a run that is to go on. Costs nothing for definitions."""
        if self._python.known(run.workflow_id):
            await self.to_drive(run)

    async def version_to_fork(self, run: Run) -> int:
        """The version that a fork of a run is of: its own, or the newest where the code of that is gone."""
        current = self._python.current(run.workflow_id)
        if current is None or not isinstance(await self.of_run(run), GoneProgram):
            return run.version
        return current.version

    async def _version(self, workflow_id: str, version: int) -> Executable:
        if (program := self._programs.peek(f"{workflow_id}@{version}")) is not None:
            return program
        row = await self._store.fetch_one("get_definition", workflow_id=workflow_id, version=version)
        if row is None:
            raise NotFound(f"there is no version {version} of workflow {workflow_id}")
        return await self._get(workflow_id, version, *row)


def _definition(program: Executable) -> Program:
    if not isinstance(program, Program):
        raise NotRunnable("a Python graph cannot be a part of a definition")
    return program


def pins(children: Children) -> dict[str, int]:
    """The versions that were found for the workflows that a definition names without one."""
    found: Iterable[tuple[str, int | None, Child | Missing]] = ((*key, child) for key, child in children.items())
    return {
        workflow_id: child.version
        for workflow_id, version, child in found
        if version is None and isinstance(child, Child)
    }
