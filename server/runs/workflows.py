"""Workflows and their immutable versions: stored, listed, archived, validated, drawn. Running them is elsewhere."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import orjson
from uuid_utils import uuid7

from milepost.checkpoints.diff import changes
from milepost.graphs.children import Children
from milepost.graphs.node_types import Registry
from milepost.graphs.problems import Report
from milepost.graphs.program import validate
from milepost.server.access.secrets import Secrets
from milepost.server.errors import GuardFailed, InvalidDefinition, NotFound, PythonWorkflow, RunLive, VersionConflict
from milepost.server.runs.concurrency import Concurrency, ConcurrencyRule
from milepost.server.runs.cursors import make_cursor, read_cursor
from milepost.server.runs.programs import ProgramSource, pins
from milepost.server.runs.python_graphs import PythonGraphs, graph_json
from milepost.server.runs.revisions import compare
from milepost.server.runs.summaries import Json, problems_json, workflow_json, workflow_summary
from milepost.server.store.rows import Project, Workflow, iso
from milepost.server.store.statements import statement
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

OLDER_RUNS_COUNTED = 10_000
OLDER_RUNS_SHOWN = 20
"""The oldest of the runs that stay on earlier versions; the run list has all."""


class Workflows:
    """The workflows of all projects; every call names the project that the caller acts in."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        programs: ProgramSource,
        python: PythonGraphs,
        concurrency: Concurrency,
        secrets: Secrets,
    ) -> None:
        self._store = store
        self._python = python
        self._registry = registry
        self._programs = programs
        self._concurrency = concurrency
        self._secrets = secrets

    async def create(
        self,
        project: Project,
        name: str,
        description: str,
        definition: Mapping[str, Any],
        concurrency: ConcurrencyRule | None = None,
    ) -> Json:
        """A new workflow with its version 1.

        Raises:
            InvalidDefinition: with every problem. InvalidRequest: the concurrency key is no expression over the input.
        """
        report, pinned = await self._checked(project, definition, None)
        workflow_id, now = str(uuid7()), self._store.clock()
        text = orjson.dumps(definition).decode()
        unit = Unit(
            [
                statement(
                    "insert_workflow",
                    1,
                    workflow_id=workflow_id,
                    project_id=project.project_id,
                    name=name,
                    description=description,
                    now=now,
                ),
                statement(
                    "insert_version", 1, workflow_id=workflow_id, version=1, definition=text, pins=pinned, now=now
                ),
            ]
        )
        if concurrency is not None:
            unit.extend(self._concurrency.unit(project.project_id, workflow_id, concurrency))
        await self._store.commit(unit)
        return workflow_json(await self._store.workflow(project.project_id, workflow_id), report.warnings)

    async def revise(
        self,
        project: Project,
        workflow_id: str,
        definition: Mapping[str, Any],
        *,
        name: str | None = None,
        description: str | None = None,
        expected_version: int | None = None,
        concurrency: ConcurrencyRule | None = None,
    ) -> Json:
        """A new version. Without ``expected_version`` it follows whatever is the latest.

        The answer has the runs that have not ended and stay on earlier versions as ``older_runs``.

        Raises:
            NotFound, PythonWorkflow, InvalidDefinition, InvalidRequest, VersionConflict.
        """
        report, pinned = await self._checked(project, definition, workflow_id)
        text = orjson.dumps(definition).decode()
        while True:
            before = await self._live(project, workflow_id)
            if before.kind != "definition":
                raise PythonWorkflow(f"workflow {workflow_id} is written in Python: change its code and restart")
            if expected_version is not None and before.latest_version != expected_version:
                raise VersionConflict(
                    f"the latest version is {before.latest_version}, not {expected_version}",
                    latest_version=before.latest_version,
                )
            now, version = self._store.clock(), before.latest_version + 1
            unit = Unit(
                [
                    statement(
                        "raise_version",
                        1,
                        workflow_id=workflow_id,
                        version=version,
                        name=before.name if name is None else name,
                        description=before.description if description is None else description,
                        now=now,
                    ),
                    statement(
                        "insert_version",
                        1,
                        workflow_id=workflow_id,
                        version=version,
                        definition=text,
                        pins=pinned,
                        now=now,
                    ),
                ]
            )
            if concurrency is not None:
                unit.extend(self._concurrency.unit(project.project_id, workflow_id, concurrency))
            try:
                await self._store.commit(unit)
            except GuardFailed:
                continue
            self._concurrency.changed(workflow_id)
            made = workflow_json(await self._store.workflow(project.project_id, workflow_id, version), report.warnings)
            return {**made, "older_runs": await self._older_runs(workflow_id, version)}

    async def _older_runs(self, workflow_id: str, version: int) -> Json:
        rows = await self._store.fetch(
            "older_runs", workflow_id=workflow_id, version=version, limit=OLDER_RUNS_COUNTED + 1
        )
        counted = sorted(rows[:OLDER_RUNS_COUNTED])
        counts = Counter((older, status) for _, older, status in counted)
        return {
            "total": len(counted),
            "counts": [
                {"version": older, "status": status, "count": count}
                for (older, status), count in sorted(counts.items())
            ],
            "runs": [
                {"run_id": run_id, "version": older, "status": status}
                for run_id, older, status in counted[:OLDER_RUNS_SHOWN]
            ],
            "cut": len(rows) > OLDER_RUNS_COUNTED,
        }

    async def diff(self, project: Project, workflow_id: str, before: int, after: int) -> Json:
        """What is different between two versions; ``before`` may be the newer one.

        Raises:
            NotFound: no such workflow or version.
        """
        old = await self._store.workflow(project.project_id, workflow_id, before)
        new = await self._store.workflow(project.project_id, workflow_id, after)
        found = await asyncio.to_thread(lambda: compare(orjson.loads(old.definition), orjson.loads(new.definition)))
        pinned = changes(orjson.loads(old.pins), orjson.loads(new.pins))
        return {
            "workflow_id": workflow_id,
            "from": before,
            "to": after,
            **found,
            "pins": [change.as_json() for change in pinned],
        }

    async def get(self, project: Project, workflow_id: str, version: int | None) -> Json:
        """A workflow with the definition of one version (None: the latest), archived or not.

        Raises:
            NotFound.
        """
        return workflow_json(await self._store.workflow(project.project_id, workflow_id, version))

    async def list(self, project: Project, q: str | None, limit: int, cursor: str | None) -> Json:
        """A page of the workflows that are not archived, newest first."""
        before = read_cursor(cursor, str)[0] if cursor else None
        rows = await self._store.fetch(
            "list_workflows", project_id=project.project_id, q=q, before=before, limit=limit + 1
        )
        found = [Workflow(*row) for row in rows]
        more = len(found) > limit
        return {
            "items": [workflow_summary(row) for row in found[:limit]],
            "next_cursor": make_cursor(found[limit - 1].workflow_id) if more else None,
        }

    async def versions(self, project: Project, workflow_id: str, limit: int, cursor: str | None) -> Json:
        """A page of a workflow's versions, newest first.

        Raises:
            NotFound.
        """
        await self._store.workflow(project.project_id, workflow_id)
        before = read_cursor(cursor, int)[0] if cursor else None
        rows = await self._store.fetch("list_versions", workflow_id=workflow_id, before=before, limit=limit + 1)
        more = len(rows) > limit
        return {
            "items": [{"version": version, "created_at": iso(created)} for version, created in rows[:limit]],
            "next_cursor": make_cursor(rows[limit - 1][0]) if more else None,
        }

    async def archive(self, project: Project, workflow_id: str) -> None:
        """Take a workflow out of use; its history stays.

        Raises:
            NotFound: there is none, or it is archived already.
            RunLive: a run of it is live.
        """
        await self._live(project, workflow_id)
        try:
            await self._store.commit(
                Unit([statement("archive_workflow", 1, workflow_id=workflow_id, now=self._store.clock())])
            )
        except GuardFailed as error:
            await self._live(project, workflow_id)
            raise RunLive(f"runs of workflow {workflow_id} are live; end them first") from error
        self._programs.forget(workflow_id)

    def python_graphs(self) -> Json:
        """The graphs of the langgraph.json: which workflow each is, or why it is not served."""
        return {"items": [graph_json(each) for each in self._python.listed], "next_cursor": None}

    async def validate(self, project: Project, definition: Any) -> Json:
        """Every error and warning of a definition; nothing is stored."""
        report = await self._report(project, definition, await self._children(project, definition, None))
        return {
            "valid": report.valid,
            "errors": problems_json(report.errors),
            "warnings": problems_json(report.warnings),
        }

    async def graph(
        self, project: Project, workflow_id: str, version: int | None, form: Literal["json", "mermaid"]
    ) -> Json | str:
        """The nodes and edges of a version: as JSON, or as a Mermaid flowchart.

        Raises:
            NotFound, NotRunnable (this release refuses the stored definition).
        """
        row = await self._store.workflow(project.project_id, workflow_id, version)
        program = await self._programs.get(row)
        if form == "mermaid":
            return program.mermaid()
        return {"workflow_id": row.workflow_id, "version": row.version, **program.drawing()}

    async def _live(self, project: Project, workflow_id: str) -> Workflow:
        row = await self._store.workflow(project.project_id, workflow_id)
        if row.archived_at is not None:
            raise NotFound(f"workflow {workflow_id} is archived")
        return row

    async def checked(self, project: Project, definition: Mapping[str, Any], workflow_id: str) -> dict[str, int]:
        """The versions of the workflows that a new definition of a workflow would be pinned to; nothing is stored.

        Raises:
            InvalidDefinition: with every problem.
        """
        _, pinned = await self._checked(project, definition, workflow_id)
        found: dict[str, int] = orjson.loads(pinned)
        return found

    async def _checked(
        self, project: Project, definition: Mapping[str, Any], workflow_id: str | None
    ) -> tuple[Report, str]:
        """What validation found, and the versions that are pinned with the definition, as JSON."""
        children = await self._children(project, definition, workflow_id)
        report = await self._report(project, definition, children)
        if not report.valid:
            count = len(report.errors)
            raise InvalidDefinition(
                f"the definition has {count} problem{'s' if count > 1 else ''}: {report.errors[0]}",
                errors=problems_json(report.errors),
            )
        return report, orjson.dumps(pins(children)).decode()

    async def _children(self, project: Project, definition: Any, workflow_id: str | None) -> Children:
        return await self._programs.children(project.project_id, definition, workflow_id)

    async def _report(self, project: Project, definition: Any, children: Children) -> Report:
        # A large definition takes a tenth of a second to check, longer than a loop may be held.
        report = await asyncio.to_thread(validate, definition, self._registry, children)
        missing = await self._secrets.unset(project.project_id, report.secrets)
        return replace(report, warnings=(*report.warnings, *missing)) if missing else report
