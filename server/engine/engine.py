"""The embedded engine: a thread with an event loop of its own, so that a node that blocks it stops no request."""

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import structlog
import uvloop

from milepost.checkpoints.unit import Statement
from milepost.graphs.executable import Executable
from milepost.graphs.outbound.interface import Outbound
from milepost.graphs.python.executing import NodeExecutor, make_task
from milepost.server.engine.black_box import BlackBox
from milepost.server.engine.claims import Claims
from milepost.server.engine.dispatcher import PauseMode
from milepost.server.engine.durations import Durations
from milepost.server.engine.lifespan import LEAVING, Lifespan
from milepost.server.engine.outbox import Outbox
from milepost.server.engine.recovery import recover, release
from milepost.server.engine.revealing import Revealing
from milepost.server.engine.segment import Segment, Tools
from milepost.server.engine.slots import Slots
from milepost.server.engine.starting import Starting
from milepost.server.engine.threads import NodeThreads
from milepost.server.engine.timer import Timer
from milepost.server.engine.watchdog import Watchdog
from milepost.server.states import RunStatus
from milepost.server.store.rows import Run
from milepost.server.store.statements import event
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit

HONEST = 0.2
"""Seconds after which a node that was told to stop and has not is named in ``still_running``."""

TICK = 1.0
"""Seconds between two looks at how far the runs are that execute."""

SWITCH_INTERVAL = 0.0005
"""Seconds a thread may hold the interpreter while another waits; with the default, 5 ms, requests are late."""

Told = TypeVar("Told")

log = structlog.get_logger("milepost.engine")


class Engine:
    """Implements ``Dispatcher``. ``start`` and ``stop`` are called once each, from the server's thread."""

    def __init__(
        self,
        store: Store,
        load: Callable[[Run], Awaitable[Executable]],
        *,
        boot_id: str,
        black_box: BlackBox,
        max_runs: int,
        sync_threads: int,
        allowed_types: tuple[str, ...] = (),
        http: Outbound | None = None,
        on_settled: Callable[[str], None] = lambda run_id: None,
        on_lag: Callable[[float], None] = lambda seconds: None,
        on_queue_wait: Callable[[float], None] = lambda seconds: None,
        note_pause: Callable[[Run], Awaitable[list[Statement]]],
        secrets: Revealing,
        around: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
        foreign_code: bool = False,
    ) -> None:
        """``around`` is open while the loop runs; ``foreign_code``: nodes may start tasks and threads themselves."""
        self._store = store
        self._boot_id = boot_id
        self._black_box = black_box
        self._slots = Slots(max_runs)
        self._starting = Starting()
        self._threads = NodeThreads(sync_threads)
        self._load = load
        self._around = around
        self._foreign_code = foreign_code
        self._lifespan: Lifespan
        self._allowed_types = allowed_types
        self._secrets = secrets
        self._http = http
        self._tools: Tools
        self._on_settled = on_settled
        self._loop = uvloop.new_event_loop()
        self._active: dict[str, Segment] = {}
        self._ending: dict[str, Segment] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._driving: set[asyncio.Task[Any]] = set()
        self._claims = Claims(
            store,
            self._slots,
            self._starting,
            boot_id,
            self._begin,
            self.active,
            self._first_step,
            on_queue_wait,
            note_pause,
        )
        self._timer = Timer(store, self._claims.wake, max_runs)
        self._watchdog = Watchdog(self._loop, store, self._attempt_of, on_lag)
        self._thread = threading.Thread(target=self._run_loop, name="milepost-engine", daemon=True)

    # Life.

    def start(self) -> None:
        """Recover what an earlier server left, then claim. Returns once recovery is committed."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        self._thread.start()
        self._call(self._open()).result()

    def stop(self, grace: float) -> None:
        """Claim nothing more, drain every run at its next step, release what is left after ``grace`` seconds."""
        with suppress(RuntimeError):
            self._call(self._close(grace)).result()
        self._watchdog.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=1.0)
        self._threads.shutdown()

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_default_executor(NodeExecutor(self._threads) if self._foreign_code else self._threads)
        if self._foreign_code:
            self._loop.set_task_factory(make_task)
        self._loop.run_forever()

    async def _open(self) -> None:
        store, durations = self._store, Durations(self._store)
        own = (self._load, self._threads, self._black_box, self._allowed_types)
        self._tools = Tools(store, Outbox(store), *own, durations, self._secrets, self._http)
        self._lifespan = Lifespan(self._around())
        await self._lifespan.enter()
        await recover(self._store, self._boot_id, self._black_box.open())
        self._spawn(self._claims.run())
        self._spawn(self._timer.run())
        self._loop.call_later(TICK, self._tick)
        self._watchdog.start(threading.get_ident())

    def _tick(self) -> None:
        for segment in self._active.values():
            if segment.recorder is not None:
                segment.recorder.tick()
        self._loop.call_later(TICK, self._tick)

    async def _close(self, grace: float) -> None:
        self._slots.close()
        for segment in self._active.values():
            segment.drain("release")
        await self._drives_end(grace)
        left_over = list(self._active.values())
        await release(self._store, [replace(segment.run, spent_ms=segment.spent()) for segment in left_over])
        for segment in left_over:
            segment.fence()
        await self._drives_end(HONEST)
        await self._lifespan.leave(LEAVING)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=HONEST)

    async def _drives_end(self, within: float) -> None:
        """Wait until every run has left its segment, at most ``within`` seconds."""
        if self._driving:
            await asyncio.wait(self._driving, timeout=within)

    # Dispatcher.

    def boot_id(self) -> str:
        """Who claims."""
        return self._boot_id

    def wake(self) -> None:
        """Something was queued."""
        self._threadsafe(self._claims.wake)

    def reserve(self, run: Run) -> bool:
        """Take a slot for a run about to be claimed."""
        reserved = not self.active(run.run_id) and self._slots.reserve()
        if reserved:
            self._starting.claim(run.run_id)
        return reserved

    def unreserve(self, run: Run) -> None:
        """The claim was not committed."""
        self._starting.over(run.run_id)
        self._slots.release()
        self.wake()

    def start_run(self, run: Run) -> None:
        """Drive a claimed run."""
        self._threadsafe(self._begin, run)

    def pause(self, run: Run, mode: PauseMode) -> "Future[list[str]]":
        """Stop an attempt at the next boundary, or at once."""
        told: Future[list[str]] = Future()
        if mode == "step":
            self._threadsafe(self._drain, run, told)
        else:
            self._threadsafe(partial(self._stop, run.run_id, run.run_attempt, told, final=False))
        return told

    def unpause(self, run_id: str) -> "Future[bool]":
        """Take a pause at the next boundary back."""
        told: Future[bool] = Future()
        self._threadsafe(self._undrain, run_id, told)
        return told

    def cancel(self, run_id: str) -> "Future[list[str]]":
        """Stop a run's nodes; who has not ended within 200 ms is named."""
        told: Future[list[str]] = Future()
        self._threadsafe(partial(self._stop, run_id, None, told, final=True))
        return told

    def settled(self, run_id: str) -> "Future[list[str]]":
        """Wait a moment for what an attempt leaves behind."""
        return self._call(self._settled(run_id))

    def executing(self, run_id: str) -> list[str]:
        """Nodes whose code is executing, or whose end is still to be told of by ``run.stopped``."""
        segment = self._active.get(run_id) or self._ending.get(run_id)
        return segment.executing or segment.named if segment else []

    def standing(self, run: Run) -> str | None:
        """What the run's checkpoint holds, if its attempt stands there."""
        segment = self._active.get(run.run_id)
        return segment.standing(run.checkpoint_id) if segment else None

    def spent(self, run: Run) -> int:
        """Milliseconds that the run has executed."""
        segment = self._active.get(run.run_id)
        return segment.spent() if segment and segment.run.run_attempt == run.run_attempt else run.spent_ms

    def _attempt_of(self, run_id: str) -> int:
        segment = self._active.get(run_id)
        return segment.run.run_attempt if segment else 0

    def active(self, run_id: str) -> bool:
        """Whether an attempt of the run has not wholly ended."""
        return run_id in self._active or run_id in self._ending

    def watch_wake(self, wake_at: int) -> None:
        """A parked run is to be woken."""
        self._threadsafe(self._timer.expect, wake_at)

    @property
    def live(self) -> int:
        """Slots in use."""
        return self._slots.taken

    # On the loop.

    def _begin(self, run: Run) -> None:
        segment = Segment(self._tools, run)
        self._active[run.run_id] = segment
        self._slots.began(run)
        self._timer.claimed()
        if self._slots.closed:
            # Claimed while the server began to stop: handed back before its first step.
            segment.drain("release")
        for order in self._starting.over(run.run_id):
            order(segment)
        task = self._spawn(self._drive(segment))
        task.set_name(f"run {run.run_id}")
        self._driving.add(task)
        task.add_done_callback(self._driving.discard)

    async def _first_step(self, run_id: str) -> None:
        """Wait until the run has a new checkpoint, or none is to be expected."""
        segment = self._active.get(run_id)
        if segment is not None:
            await segment.moved.wait()

    async def _drive(self, segment: Segment) -> None:
        try:
            after = await segment.drive()
        finally:
            self._leave(segment)
            self._spawn(self._end(segment))
        if after is None:
            return
        if after.status is RunStatus.WAITING:
            await self._timer.parked(after)
        elif after.status is RunStatus.QUEUED:
            self._claims.wake()

    def _leave(self, segment: Segment) -> None:
        """Free the slot, once, as soon as the run is no longer this attempt's."""
        if self._active.get(segment.run.run_id) is segment:
            del self._active[segment.run.run_id]
            self._ending[segment.run.run_id] = segment
            self._slots.ended(segment.run)
            self._slots.release()
            self._claims.slot_freed(segment.run)

    async def _end(self, segment: Segment) -> None:
        """Wait until none of the segment's code executes; tell viewers who saw it still executing."""
        run_id = segment.run.run_id
        await segment.quiet()
        if self._ending.get(run_id) is not segment:
            return
        if segment.named:
            stopped = event(segment.run, "run.stopped", self._store.clock(), {"nodes": segment.named})
            with suppress(Exception):
                await self._store.commit(Unit(events=[stopped]))
        del self._ending[run_id]
        segment.gone.set()
        self._on_settled(run_id)
        self._claims.attempt_ended(run_id)

    def _stop(self, run_id: str, attempt: int | None, told: "Future[list[str]]", *, final: bool) -> None:
        """Stop an attempt (None: whichever there is) and tell who still executes once nobody does, or in 200 ms.

        The loop may be full of other runs' work, so that each of its turns takes long: all is begun in this one.
        """
        segment = self._active.get(run_id) or self._ending.get(run_id)
        if segment is None or attempt not in (None, segment.run.run_attempt):
            self._starting.tell(run_id, partial(_fence, attempt))
            _answer(told, [])
            return
        asked_too_long = told.cancelled()
        if asked_too_long and final:
            # Whoever asked did not wait for a blocked loop and was told what executed: its end is told as well.
            segment.named = segment.executing
        segment.fence()
        self._leave(segment)
        if asked_too_long:
            return

        def tell() -> None:
            if not told.done():
                still = segment.executing
                segment.named = still if final else []
                _answer(told, still)

        segment.when_idle(tell)
        self._loop.call_later(HONEST, tell)

    async def _settled(self, run_id: str) -> list[str]:
        segment = self._active.get(run_id) or self._ending.get(run_id)
        if segment is None:
            return []
        with suppress(TimeoutError):
            await asyncio.wait_for(segment.gone.wait(), HONEST)
        return segment.executing

    def _drain(self, run: Run, told: "Future[list[str]]") -> None:
        """It holds though whoever asked has not waited for a blocked loop."""
        segment = self._active.get(run.run_id)
        if segment is not None:
            _pause(run.run_attempt, segment)
        else:
            self._starting.tell(run.run_id, partial(_pause, run.run_attempt))
        _answer(told, [])

    def _undrain(self, run_id: str, told: "Future[bool]") -> None:
        segment = self._active.get(run_id)
        _answer(told, segment.undrain() if segment else False)

    def _spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the engine's task failed", task=task.get_name(), exc_info=error)

    def _call(self, coroutine: Coroutine[Any, Any, Any]) -> "Future[Any]":
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def _threadsafe(self, call: Callable[..., Any], *args: Any) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, *args)


def _fence(attempt: int | None, segment: Segment) -> None:
    if attempt in (None, segment.run.run_attempt):
        segment.fence()


def _pause(attempt: int, segment: Segment) -> None:
    if attempt == segment.run.run_attempt:
        segment.drain("pause")


def _answer(told: "Future[Told]", answer: Told) -> None:
    if told.set_running_or_notify_cancel():
        told.set_result(answer)
