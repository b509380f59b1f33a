"""How many runs of a workflow may run at once, as its author sets it. Starts are held to it in ``limits``."""

from dataclasses import dataclass
from typing import Literal

from milepost.server.engine.dispatcher import Dispatcher
from milepost.server.errors import GuardFailed, NotFound
from milepost.server.runs.limits import check_key
from milepost.server.runs.programs import ProgramSource
from milepost.server.store.rows import Project
from milepost.server.store.statements import statement
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

OnLimit = Literal["queue", "reject"]


@dataclass(frozen=True, slots=True)
class ConcurrencyRule:
    """At most so many runs RUNNING at once: of the workflow, or of each value of the key. All None: no limit."""

    max_concurrent_runs: int | None = None
    concurrency_key: str | None = None
    on_limit: OnLimit = "queue"

    @property
    def maximum(self) -> int | None:
        """A key alone means one run for each value."""
        return 1 if self.max_concurrent_runs is None and self.concurrency_key is not None else self.max_concurrent_runs


class Concurrency:
    """Sets the rules of workflows."""

    def __init__(self, store: Store, programs: ProgramSource, dispatcher: Dispatcher) -> None:
        self._store = store
        self._programs = programs
        self._dispatcher = dispatcher

    def unit(self, project_id: str, workflow_id: str, rule: ConcurrencyRule) -> Unit:
        """The unit that sets a workflow's rule. Call ``changed`` once it is committed.

        Raises:
            InvalidRequest: the key is no expression over ``input``.
        """
        if rule.concurrency_key is not None:
            check_key(rule.concurrency_key)
        unit = Unit(
            [
                statement(
                    "set_concurrency",
                    1,
                    workflow_id=workflow_id,
                    project_id=project_id,
                    max_concurrent_runs=rule.maximum,
                    concurrency_key=rule.concurrency_key,
                    on_limit=rule.on_limit,
                    now=self._store.clock(),
                )
            ]
        )
        if rule.maximum is not None and rule.concurrency_key is None:
            unit.statements.append(statement("share_lane", workflow_id=workflow_id))
        return unit

    def changed(self, workflow_id: str) -> None:
        """A workflow's rule may have changed: what is known of it no longer holds, and runs may start."""
        self._programs.forget(workflow_id)
        self._dispatcher.wake()

    async def set(self, project: Project, rules: dict[str, ConcurrencyRule]) -> None:
        """Set the rules of some workflows, all or none.

        Raises:
            NotFound: one of them is not there, or archived. InvalidRequest: a key is no expression over ``input``.
        """
        unit = Unit()
        for workflow_id, rule in rules.items():
            unit.extend(self.unit(project.project_id, workflow_id, rule))
        try:
            await self._store.commit(unit)
        except GuardFailed as error:
            raise NotFound(f"not all of these workflows are in this project: {', '.join(rules)}") from error
        for workflow_id in rules:
            self.changed(workflow_id)
