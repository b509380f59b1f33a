"""Commands, crashes and clock steps in any order, against a model that is the table of states.py alone."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, ClassVar

import orjson
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from milepost.graphs.context import NodeContext
from milepost.graphs.node_types import Config, NodeType, Registry
from milepost.server.app import DEFAULT_SLUG, App, build, prepare
from milepost.server.config import load_settings
from milepost.server.errors import BadRequest, Conflict, MilepostError
from milepost.server.runs.control import Resume
from milepost.server.runs.start import NewRun
from milepost.server.states import TERMINAL, TRANSITIONS, Action, RunStatus
from milepost.server.store.rows import Project, Run
from milepost.server.store.store import wall_clock
from tests.engine.conftest import ACTOR, Bench, opened

HOUR = 3_600_000
ENDS = {"run.completed", "run.failed", "run.cancelled"}
STEPS: list[dict[str, Any]] = [{"id": node, "type": "gate", "config": {}} for node in ("first", "last")]


class Gates:
    """Nodes wait here until the test lets them end or fail."""

    def __init__(self) -> None:
        self._waiting: dict[str, Future[bool]] = {}

    def arrive(self, run_id: str) -> Future[bool]:
        return self._waiting.setdefault(run_id, Future())

    def let(self, run_id: str, *, succeed: bool) -> None:
        future = self._waiting.pop(run_id)
        future.set_running_or_notify_cancel()
        future.set_result(succeed)

    def forget(self) -> None:
        self._waiting.clear()


def gate_type(gates: Gates) -> type[NodeType[Config]]:
    class Gate(NodeType[Config]):
        name: ClassVar[str] = "gate"
        config_model = Config

        async def run(self, ctx: NodeContext[Config]) -> Mapping[str, Any]:
            if not await asyncio.shield(asyncio.wrap_future(gates.arrive(ctx.run["id"]))):
                raise RuntimeError("told to fail")
            return {}

    return Gate


class Races(RuleBasedStateMachine):
    """One server at a time on one data directory; the loop of the API runs in a thread that ``Driver`` owns."""

    runs = Bundle("runs")

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.data = Path(tempfile.mkdtemp())
        self.gates = Gates()
        self.offset = 0
        self.model: dict[str, RunStatus] = {}
        self.attempts: dict[str, int] = {}
        self.open()
        created = self.do(self.app.workflows.create(self.project, "g", "", {"name": "g", "steps": STEPS}))
        self.workflow_id = str(created["workflow_id"])

    def open(self) -> None:
        registry = Registry()
        registry.register(gate_type(self.gates))
        self.app: App = build(
            load_settings(data=self.data, examples=False, shutdown_grace=0.0),
            registry,
            lambda: wall_clock() + self.offset,
        )
        self.app.open()
        self.do(self._attach())

    async def _attach(self) -> None:
        self.app.hub.attach(asyncio.get_running_loop())
        await prepare(self.app)
        self.project: Project = await self.app.store.project(DEFAULT_SLUG)

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(work, 20))

    def run_of(self, run_id: str) -> Run:
        found: Run = self.do(self.app.store.run(run_id))
        return found

    def arrived(self, run_id: str) -> None:
        """Wait until the run stands at a gate, so that what the model says is settled."""

        async def at_gate() -> None:
            run = await self.app.store.run(run_id)
            states = {each.node_id: each.status for each in await self.app.store.node_states(run_id)}
            if "RUNNING" not in states.values() or run.status != "RUNNING":
                found = await self.app.hub.wait_for(run_id, frozenset({"node.started"}), 15, after=run.last_seq)
                assert found is not None

        self.do(at_gate())

    def at_a_gate(self, run_id: str) -> bool:
        """Whether the run executes, or is about to."""
        return self.model[run_id] is RunStatus.RUNNING

    def attempt(self, run_id: str, action: Action, command: Coroutine[Any, Any, Any]) -> bool:
        """Send a command; whether it was taken must be what the table says."""
        status = self.model[run_id]
        allowed = action in TRANSITIONS[status] and not (action is Action.RESUME and status is not RunStatus.PAUSED)
        try:
            self.do(command)
        except (BadRequest, Conflict):
            assert not allowed, f"{action} refused for {status}"
            return False
        assert allowed, f"{action} taken for {status}"
        return True

    @rule(target=runs)
    def create(self) -> str:
        body = self.do(self.app.start.create(ACTOR, self.project, NewRun(self.workflow_id)))
        run_id = str(orjson.loads(body)["run_id"])
        self.model[run_id] = RunStatus.PENDING
        return run_id

    @rule(run_id=runs)
    def execute(self, run_id: str) -> None:
        if self.attempt(run_id, Action.EXECUTE, self.app.start.execute(ACTOR, self.project, run_id)):
            self.model[run_id] = RunStatus.RUNNING
            self.arrived(run_id)

    @rule(run_id=runs)
    def pause(self, run_id: str) -> None:
        if self.attempt(run_id, Action.PAUSE, self.app.control.pause(ACTOR, self.project, run_id, "now")):
            self.model[run_id] = RunStatus.PAUSED

    @rule(run_id=runs)
    def resume(self, run_id: str) -> None:
        if self.attempt(run_id, Action.RESUME, self.app.control.resume(ACTOR, self.project, run_id, Resume())):
            self.model[run_id] = RunStatus.RUNNING
            self.arrived(run_id)

    @rule(run_id=runs)
    def cancel(self, run_id: str) -> None:
        if self.attempt(run_id, Action.CANCEL, self.app.control.cancel(ACTOR, self.project, run_id)):
            self.model[run_id] = RunStatus.CANCELLED

    @rule(run_id=runs)
    def retry(self, run_id: str) -> None:
        if self.attempt(run_id, Action.RETRY, self.app.control.retry(ACTOR, self.project, run_id)):
            self.model[run_id] = RunStatus.RUNNING
            self.arrived(run_id)

    @rule(run_id=runs, succeed=st.booleans())
    def let_the_node_end(self, run_id: str, succeed: bool) -> None:
        if not self.at_a_gate(run_id):
            return
        before = self.run_of(run_id)
        self.gates.let(run_id, succeed=succeed)
        types = frozenset(ENDS | {"node.started"})
        event = self.do(self.app.hub.wait_for(run_id, types, 15, after=before.last_seq))
        assert event is not None
        if event.type == "run.completed":
            self.model[run_id] = RunStatus.COMPLETED
        elif event.type == "run.failed":
            self.model[run_id] = RunStatus.FAILED
        assert (event.type == "run.failed") is not succeed

    @rule(run_id=runs)
    def cancel_while_the_node_ends(self, run_id: str) -> None:
        """Whoever wins, there is one end."""
        if not self.at_a_gate(run_id):
            return

        async def both() -> None:
            cancel = asyncio.ensure_future(self.app.control.cancel(ACTOR, self.project, run_id))
            self.gates.let(run_id, succeed=True)
            await asyncio.wait([cancel])
            if cancel.exception() is not None:
                assert isinstance(cancel.exception(), MilepostError)

        self.do(both())
        status = self.run_of(run_id).status
        assert status in (RunStatus.CANCELLED, RunStatus.COMPLETED)
        self.model[run_id] = status

    @rule()
    def crash(self) -> None:
        """The writer ends first, as in a crash: what the engine does after that is lost, and nothing is handed back."""
        self.app.hub.close()
        self.app.store.writer.close()
        self.app.engine.stop(0)
        self.app.store.close()
        self.gates.forget()
        self.open()
        for run_id, status in self.model.items():
            if status is not RunStatus.RUNNING:
                continue
            if self.run_of(run_id).status is RunStatus.FAILED:
                # Its crashes count against it while it makes no new checkpoint; here every crash hits every run.
                error = orjson.loads(self.run_of(run_id).error or "{}")
                assert error["code"] == "crashed_process"
                self.model[run_id] = RunStatus.FAILED
            else:
                self.arrived(run_id)

    @rule(hours=st.integers(-2, 2))
    def step_the_clock(self, hours: int) -> None:
        self.offset += hours * HOUR

    @invariant()
    def the_rows_agree_with_the_model(self) -> None:
        for run_id, status in getattr(self, "model", {}).items():
            run = self.run_of(run_id)
            assert run.status is status
            assert run.run_attempt >= self.attempts.get(run_id, 0)
            self.attempts[run_id] = run.run_attempt
            events = self.do(self.app.store.events(run_id, 0, 100_000))
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            ends = [event.type for event in events if event.type in ENDS]
            retried = sum(event.type == "run.queued" and "retry" in event.data for event in events)
            assert len(ends) == retried + (run.status in TERMINAL), ends

    def teardown(self) -> None:
        if hasattr(self, "app"):
            self.app.hub.close()
            self.app.close()
            self.loop.close()
            shutil.rmtree(self.data)


Races.TestCase.settings = settings(max_examples=20, stateful_step_count=20, suppress_health_check=list(HealthCheck))
TestRaces = Races.TestCase


async def test_cancel_and_completion_at_once_leave_one_end(tmp_path: Path) -> None:
    steps = [{"id": "a", "type": "process", "config": {"operation": "passthrough"}}]
    async with opened(tmp_path / "data", shutdown_grace=1.0) as bench:
        created = await bench.app.workflows.create(bench.project, "one", "", {"name": "one", "steps": steps})
        runs = [await bench.start_again(created["workflow_id"]) for _ in range(60)]
        cancels = [bench.app.control.cancel(ACTOR, bench.project, run_id) for run_id in runs]
        await asyncio.gather(*cancels, return_exceptions=True)
        await asyncio.gather(*(_one_end(bench, run_id) for run_id in runs))


async def _one_end(bench: Bench, run_id: str) -> None:
    run = await bench.ended(run_id)
    events = await bench.events(run_id)
    ends = [event["type"] for event in events if event["type"] in ENDS]
    assert ends == [f"run.{run.status.lower()}"]
    assert events[-1]["type"] == ends[0]
