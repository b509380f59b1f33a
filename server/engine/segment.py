"""One attempt of one run: drives its graph from the claim to where it stops. What that means is in verdict.py."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson
import structlog
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from langgraph.types import Command

from milepost.checkpoints.saver import Saver
from milepost.graphs.context import RunContext
from milepost.graphs.executable import Executable
from milepost.graphs.outbound.interface import Outbound
from milepost.graphs.rehearsal import Rehearsal
from milepost.graphs.state_size import StateSize
from milepost.graphs.veil import Veil
from milepost.graphs.witness import Witness
from milepost.server.engine.drive import changed, drive_of, projection_of
from milepost.server.engine.durations import Durations
from milepost.server.engine.outbox import Outbox
from milepost.server.engine.parking import Parked
from milepost.server.engine.projection import Projection
from milepost.server.engine.recorder import Reached, Recorder
from milepost.server.engine.rehearsal import rehearsal_of, time_limit
from milepost.server.engine.revealing import Revealing
from milepost.server.engine.standing import standing
from milepost.server.engine.verdict import Verdict, judge, snapshot, write
from milepost.server.errors import GuardFailed, NotFound, Unavailable, WriteFailed
from milepost.server.states import Action, RunStatus
from milepost.server.store.rows import Run, iso
from milepost.server.store.statements import statement
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

Drain = Literal["pause", "release"]

RETRY_WRITE = 1.0
"""Seconds between tries to write where a run stopped while the disk refuses."""

REFUSALS = 5
"""So many refusals of a verdict for no reason that is left in the run's row: it is wrong itself."""

log = structlog.get_logger("milepost.engine")


@dataclass(frozen=True, slots=True)
class Tools:
    """What every segment of an engine shares."""

    store: Store
    outbox: Outbox
    load: Callable[[Run], Awaitable[Executable]]
    executor: Executor
    witness: Witness
    allowed_types: tuple[str, ...]
    durations: Durations
    secrets: Revealing
    http: Outbound | None


class Segment:
    """Drives one attempt. Every method runs on the engine's loop."""

    def __init__(self, tools: Tools, run: Run) -> None:
        self.run = run
        self.recorder: Recorder | None = None
        self._tools = tools
        self._control = RunControl()
        self._drain: Drain | None = None
        self._fenced = False
        self._began = time.monotonic()
        self._spent_before = run.spent_ms
        self._graph: asyncio.Task[None] | None = None
        self._program: Executable | None = None
        self._projection: Projection | None = None
        self._veil: Veil | None = None
        self._limit: float | None = None
        self._rehearsal: Rehearsal | None = None
        self._over = False
        self._checking: asyncio.Future[None] | None = None
        self._quiet = asyncio.Event()
        self.gone = asyncio.Event()
        """Set once the engine has nothing of this attempt any more."""
        self.moved = asyncio.Event()
        """Set once the attempt has a checkpoint of its own, or has ended."""
        self._on_idle: list[Callable[[], None]] = []
        self.named: list[str] = []
        """Nodes that somebody was told still execute, after the run had been taken from this attempt."""

    def when_idle(self, call: Callable[[], None]) -> None:
        """Call ``call`` as soon as no node's code executes, which may be now."""
        if self.executing:
            self._on_idle.append(call)
        else:
            call()

    async def quiet(self) -> None:
        """Wait until this attempt has ended and none of its nodes' code executes any more."""
        await self._quiet.wait()

    @property
    def executing(self) -> list[str]:
        """Nodes whose code is executing."""
        return sorted(set(self.recorder.executing.values())) if self.recorder else []

    def standing(self, checkpoint_id: str | None) -> str | None:
        """What the checkpoint holds, as a paused run's row shows it; None if the engine cannot tell."""
        program, recorder = self._program, self.recorder
        if program is None or recorder is None or recorder.reached is None or program.branched:
            # What branches have come to since is in their own checkpoints.
            return None
        return snapshot(program, recorder.reached) if recorder.reached.checkpoint_id == checkpoint_id else None

    def drain(self, why: Drain) -> None:
        """Stop at the next boundary of a step, to pause or to release the run."""
        if self._drain != "release":
            self._drain = why
        self._control.request_drain(why)

    def undrain(self) -> bool:
        """Take a pause back; False if the graph has already stopped for it."""
        if self._drain == "pause" and (self._graph is None or not self._graph.done()):
            self._drain = None
        return self._drain is None

    def fence(self) -> None:
        """The database has taken the run from this attempt: stop its nodes and write nothing more."""
        self._fenced = True
        if self.recorder is not None:
            self.recorder.close()
            # LangGraph would get there too, some turns of the loop later.
            for node in self.recorder.tasks.values():
                node.cancel()
        if self._graph is not None:
            self._graph.cancel()

    async def drive(self) -> Run | None:
        """Run the graph until it stops and commit what it came to.

        Returns:
            The run as it was left, or None if it was taken from this attempt.
        """
        try:
            return await self._drive()
        except Exception as error:
            log.exception("an attempt came to no end", run_id=self.run.run_id)
            return await self._settle(Verdict.broken(error), Unit())
        finally:
            self._over = True
            self.moved.set()
            self._left()

    async def _drive(self) -> Run | None:
        while not self._fenced:
            self._graph = asyncio.ensure_future(self._run_graph())
            await asyncio.wait([self._graph])
            error = _error_of(self._graph)
            if self._fenced:
                return None
            if isinstance(error, GraphDrained) and self._drain is None:
                # The pause was taken back, but a control that was drained stays drained.
                self._control = RunControl()
                if (fresh := await self._row()) is None:
                    return None
                self.run = fresh
                continue
            if isinstance(error, Unavailable):
                # Its nodes run again: not as often as a disk that takes only small writes would let them.
                await asyncio.sleep(RETRY_WRITE)
            await self._gather(error)
            await self._drop_answered()
            verdict = self._verdict(error)
            return await self._settle(verdict, self._pending(verdict))
        return None

    async def _gather(self, error: BaseException | None) -> None:
        """Learn what the branches of a run that stops on its way have come to."""
        program, recorder = self._program, self.recorder
        if program is None or recorder is None or recorder.reached is None or not program.branched:
            return
        if not isinstance(error, GraphDrained) and not (error is None and recorder.parked):
            return
        reached = recorder.reached
        with suppress(GuardFailed, WriteFailed, Unavailable):
            await recorder.flush()
            here = await standing(
                self._tools.store.reader, program, self.run.run_id, reached.checkpoint_id, branches=True
            )
            recorder.reached = replace(reached, next=here.next, values=here.values)

    async def _drop_answered(self) -> None:
        """What was answered while the rest of the run executed is not asked any more."""
        recorder = self.recorder
        if recorder is not None and recorder.asked:
            with suppress(Unavailable):
                recorder.answered(await self._tools.store.interrupts(self.run.run_id))

    def _verdict(self, error: BaseException | None) -> Verdict:
        try:
            verdict = judge(error, self._program, self.recorder, pausing=self._drain == "pause", limit=self._limit)
        except Exception as broken:  # noqa: BLE001 - whatever is wrong, the run must not stand RUNNING
            verdict = Verdict.broken(broken)
        # The graph's own failures may hold what a node's code raised.
        return verdict if self._veil is None else replace(verdict, error=self._veil.value(verdict.error))

    async def _run_graph(self) -> None:
        run, tools = self.run, self._tools
        self._program = program = await tools.load(run)
        count = self._projection.count if self._projection else 0
        expected = await tools.durations.expectation(run, program)
        self._projection = projection_of(program)(run, program, expected, count=count)
        parked = Parked() if run.checkpoint_id is None else await self._parked()
        answers = parked.answers
        recorder = Recorder(tools.outbox, tools.store.clock, self._projection, frozenset(answers))
        if (other_code := changed(program, run.version)) is not None:
            self._projection.tell("run.code_changed", tools.store.clock(), other_code)
        recorder.on_left = self._left
        recorder.on_checkpoint = self.moved.set
        recorder.unsent.on_lost = self._perhaps_lost
        recorder.unsent.spent = self.spent
        drive = drive_of(program, recorder, self._projection, tools.store.clock)
        saver = Saver(
            tools.store.reader,
            drive.sink,
            allowed_types=tools.allowed_types,
            next_nodes=program.next_nodes,
            fresh=run.checkpoint_id is None,
        )
        config: RunnableConfig = {"configurable": {"thread_id": run.run_id}}
        if run.resume_from is not None:
            config["configurable"]["checkpoint_id"] = run.resume_from
        taken = await self._restore(program, recorder, saver, config, parked) if run.checkpoint_id is not None else 0
        config["recursion_limit"] = max(1, program.recursion_limit - taken)
        self._rehearsal = await rehearsal_of(tools.store, tools.load, run, program) if run.dry_run is not None else None
        context = await tools.secrets.keeping(run.project_id, program, self._context(recorder, parked))
        self._veil = context.veil
        self.recorder = recorder
        if self._fenced:
            raise asyncio.CancelledError
        async with asyncio.timeout(self._time_left(program)):
            given = _graph_input(run, program, answers)
            async for _ in drive.steps(saver, given, config, context, self._control):
                pass

    async def _parked(self) -> Parked:
        """What the run's nodes wait for. What is too late is so for good: a clock that steps back changes nothing."""
        store, run_id = self._tools.store, self.run.run_id
        parked = Parked(await store.interrupts(run_id), store.clock())
        if parked.too_late:
            await store.commit(Unit([statement("expire_interrupts", run_id=run_id, now=parked.now)]))
            parked = Parked(await store.interrupts(run_id), parked.now)
        return parked

    async def _restore(
        self, program: Executable, recorder: Recorder, saver: Saver, config: RunnableConfig, parked: Parked
    ) -> int:
        store, run_id = self._tools.store, self.run.run_id
        states, waiting = await store.node_states(run_id), await store.waiting_executions(run_id)
        recorder.restore(states, waiting, await store.node_work(run_id), parked)
        saved = await saver.aget_tuple(config)
        if saved is None:
            return 0
        checkpoint, step = saved.checkpoint, saved.metadata.get("step", 0)
        following: Sequence[str] = program.next_nodes(checkpoint)
        values: Mapping[str, Any] = checkpoint["channel_values"]
        if program.branched and self.run.resume_from is None:
            here = await standing(store.reader, program, run_id, checkpoint["id"], branches=True)
            following, values = here.next, here.values
        recorder.resume_at(Reached(checkpoint["id"], step, following, values))
        return max(0, step)

    def _time_left(self, program: Executable) -> float | None:
        self._limit = time_limit(program, self.run)
        return None if self._limit is None else max(0.001, self._limit - self.spent() / 1000)

    def spent(self) -> int:
        """Milliseconds that the run has executed, in earlier attempts and in this one. From any thread."""
        return self._spent_before + round((time.monotonic() - self._began) * 1000)

    def _perhaps_lost(self) -> None:
        self._checking = asyncio.ensure_future(self._stop_if_lost())

    async def _stop_if_lost(self) -> None:
        """A guard failed: if the run is no longer this attempt's, its nodes have nothing to work for."""
        if await self._row() is None:
            self.fence()

    async def _row(self) -> Run | None:
        """The run as it is now, however often the disk refuses; None if it was taken from this attempt."""
        while not self._fenced:
            try:
                fresh = await self._tools.store.run(self.run.run_id)
            except NotFound:
                return None
            except Unavailable:
                await asyncio.sleep(RETRY_WRITE)
            else:
                return None if self._lost(fresh) else fresh
        return None

    def _context(self, recorder: Recorder, parked: Parked) -> RunContext:
        run, size = self.run, StateSize()
        if recorder.reached is not None:
            size.restore(recorder.reached.values)
        return RunContext(
            run={
                "id": run.run_id,
                "workflow_id": run.workflow_id,
                "version": run.version,
                "project_id": run.project_id,
                "started_at": iso(run.started_at),
            },
            reporter=recorder,
            executor=self._tools.executor,
            witness=self._tools.witness,
            parked=parked.values,
            now=self._tools.store.clock,
            state_size=size,
            http=self._tools.http,
            test_mode=run.dry_run is not None,
            rehearsal=self._rehearsal,
        )

    def _left(self) -> None:
        if self.recorder and self.recorder.executing:
            return
        while self._on_idle:
            self._on_idle.pop()()
        if self._over:
            self._quiet.set()

    async def _settle(self, verdict: Verdict, pending: Unit) -> Run | None:
        """Commit a verdict, however often the disk refuses, unless the run was taken from this attempt."""
        store, spent = self._tools.store, self.spent()
        if verdict.action is Action.PAUSE:
            # Whoever asked for the pause may have taken it back after the graph had stopped for it.
            if (fresh := await self._row()) is None:
                return None
            self.run, verdict = fresh, verdict.reconsidered(fresh)
        refused = 0
        while not self._fenced:
            after, unit = write(verdict, self.run, pending, spent, store.clock())
            try:
                await store.commit(unit)
            except GuardFailed as error:
                if (fresh := await self._row()) is None:
                    return None
                # A pause that was asked for and taken back again leaves no trace.
                refused += fresh.pause_requested == self.run.pause_requested
                if refused == REFUSALS:
                    verdict, pending = Verdict.broken(error), Unit()
                self.run = fresh
                verdict = verdict.reconsidered(fresh)
            except WriteFailed:
                await asyncio.sleep(RETRY_WRITE)
            except Unavailable:
                return None
            else:
                return after
        return None

    def _pending(self, verdict: Verdict) -> Unit:
        """What is still to be written, and what a completed run adds to the history of its workflow."""
        pending = self.recorder.pending() if self.recorder else Unit()
        run = self.run
        whole = verdict.action is Action.FINISH and run.forked_from is None and run.dry_run is None
        if whole and self._program is not None and self._projection is not None:
            counted = self._tools.durations.completed(run, self._program, self._projection.forecast.work)
            pending.statements.append(counted)
        return pending

    def _lost(self, fresh: Run) -> bool:
        """Whether the row says that the run is no longer this attempt's."""
        return fresh.run_attempt != self.run.run_attempt or fresh.status is not RunStatus.RUNNING


def _error_of(graph: asyncio.Task[None]) -> BaseException | None:
    """Why a graph stopped that nobody stopped; None: it came to its end."""
    if graph.cancelled():
        return RuntimeError("a node's code cancelled the task that it was executed in")
    return graph.exception()


def _graph_input(run: Run, program: Executable, answers: Mapping[str, Any]) -> Any:
    if run.checkpoint_id is None:
        return program.graph_input(orjson.loads(run.input))
    if answers and run.resume_from is None:
        return Command(resume=dict(answers))
    return None
