"""Drives runs of random definitions: answers, lets time pass, pauses, stops, kills, forks, travels and cancels."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
from hypothesis import strategies as st

from milepost.server.app import DEFAULT_SLUG, App, build, prepare
from milepost.server.config import load_settings
from milepost.server.engine.recovery import BLAMED_FATAL
from milepost.server.errors import InvalidState, PauseOvertaken
from milepost.server.runs.control import Paused, Resume
from milepost.server.states import NodeStatus, RunStatus
from milepost.server.store.rows import OpenInterrupt, Run
from tests.engine.conftest import ACTOR, ENDED, Bench
from tests.engine.random_definitions import Drawn
from tests.engine.random_nodes import BREAKS, Planned, registry
from tests.engine.test_people import Clock
from tests.unit.graphs.token_game import LATE

MOMENTS = frozenset({"node.started", "node.completed", "node.failed", "node.waiting", "run.waiting", "run.paused"})
EXECUTED = (NodeStatus.COMPLETED, NodeStatus.FAILED)
KINDS = ("step", "now", "ask", "withdraw", "crash", "stop", "time", "fork", "travel", "travel")


Moments = Sequence[tuple[int, str]]


@dataclass
class Trouble:
    """What happens to a run, and after how many of its events since the last; how its questions are answered."""

    moments: Moments = ()
    eager: bool = False
    """Answers while other branches execute, not only once the run is parked."""
    events_first: bool = False
    """Events are sent before any node waits for them."""
    point: int = 0
    """Counts the checkpoint to fork from or to travel to, from the newest."""
    alike: bool = False
    """Every event says the same: time travel gives back some that were not used."""


@st.composite
def troubles(draw: st.DrawFn, most: int) -> Trouble:
    """At most ``most`` commands and ends of the server; the last may be a cancel.

    Crashes are fewer than may be blamed on a run that was there: the others are orderly ends.
    """
    moments = draw(st.lists(st.tuples(st.integers(0, 6), st.sampled_from(KINDS)), min_size=1, max_size=most))
    crashes = [place for place, (_, kind) in enumerate(moments) if kind == "crash"]
    for place in crashes[BLAMED_FATAL - 1 :]:
        moments[place] = (moments[place][0], "stop")
    if draw(st.integers(0, 4)) == 0:
        moments[-1] = (moments[-1][0], "cancel")
    alike = any(kind == "travel" for _, kind in moments)
    return Trouble(moments, draw(st.booleans()), draw(st.booleans()), draw(st.integers(0, 20)), alike)


@dataclass
class Server:
    """One server after the other on one directory."""

    data: Path
    clock: Clock = field(default_factory=Clock)
    bench: Bench = field(init=False)
    _app: App = field(init=False)

    def __post_init__(self) -> None:
        self._types = registry()

    @property
    def effects(self) -> Counter[str]:
        """How often what has an effect ran, by idempotency key."""
        kind = self._types.get("planned_effect")
        assert isinstance(kind, Planned)
        return kind.calls

    async def open(self) -> None:
        """Start a server."""
        settings = load_settings(data=self.data, examples=False, shutdown_grace=5.0)
        self._app = app = build(settings, self._types, self.clock)
        await asyncio.to_thread(app.open)
        app.hub.attach(asyncio.get_running_loop())
        await prepare(app)
        self.bench = Bench(app, await app.store.project(DEFAULT_SLUG))

    async def stop(self) -> None:
        """End it in order."""
        self._app.hub.close()
        await asyncio.to_thread(self._app.close)

    async def crash(self) -> None:
        """The writer ends first, as in a crash: what the engine does after that is lost, and nothing is handed back."""
        self._app.hub.close()
        await asyncio.to_thread(self._app.store.writer.close)
        await asyncio.to_thread(self._app.engine.stop, 0)
        await asyncio.to_thread(self._app.store.close)

    def pass_time(self, until: int) -> None:
        """Let the clock be at least at ``until``, and the engine see it."""
        self.clock.offset += max(0, until - self.clock())
        self._app.engine.watch_wake(0)


@asynccontextmanager
async def serving(data: Path) -> AsyncIterator[Server]:
    """A server that can be killed and started again."""
    server = Server(data)
    await server.open()
    try:
        yield server
    finally:
        await server.stop()


@dataclass(frozen=True)
class Point:
    """Where a run began to be what is looked at: itself, a fork, or where it travelled to."""

    run_id: str
    ended: Counter[str] = field(default_factory=Counter)
    """How often each node had ended there."""
    seq: int = 0
    attempt: int = 0


class Driver:
    """Drives one run to its end through its troubles."""

    def __init__(self, server: Server, start: Point, drawn: Drawn, trouble: Trouble) -> None:
        self.server = server
        self.start = start
        self.trouble = trouble
        self.forks: list[Point] = []
        self.failures = 0
        """How often the run failed."""
        self._drawn = drawn
        self._left = list(trouble.moments)
        self._since = 0
        self._said: dict[str, Any] = {}
        self._turns = Counter(start.ended)
        self._events_first = trouble.events_first

    @property
    def bench(self) -> Bench:
        return self.server.bench

    @property
    def run_id(self) -> str:
        return self.start.run_id

    async def _run(self) -> Run:
        return await self.bench.app.store.run(self.run_id)

    async def drive(self) -> Run:
        """The run at its end."""
        await self._learn_answers()
        if self._events_first:
            await self._send_all()
        seq = 0
        while True:
            event = await self.bench.until(self.run_id, *MOMENTS, *ENDED, after=seq, within=10)
            seq = event["seq"]
            if event["type"] in ENDED:
                if not await self._goes_on():
                    return await self._run()
                continue
            await self._trouble()
            run = await self._run()
            if run.status in (RunStatus.WAITING, RunStatus.PAUSED) or (self.trouble.eager and not run.ended):
                await self._answer()
            run = await self._run()
            if run.status is RunStatus.PAUSED:
                await self._resume()
            elif run.status is RunStatus.WAITING and run.wake_at is not None:
                await self._wait()

    async def _goes_on(self) -> bool:
        """Retry a failed run: what breaks once goes on, what fails for good fails again."""
        run = await self._run()
        if run.status is RunStatus.FAILED:
            self.failures += 1
            broke = orjson.loads(run.error or "")["message"].endswith(BREAKS)
            if broke or self.failures == 1:
                await self.bench.app.control.retry(ACTOR, self.bench.project, self.run_id)
                return True
        return False

    async def _send_all(self) -> None:
        for item in self._drawn.definition["nodes"]:
            turns = range(self._turns[item["id"]], self._drawn.ran[item["id"]])
            for turn in turns if item["type"] == "wait_event" and item["config"].get("timeout") != LATE else ():
                await self._send(item["id"], turn)

    async def _send(self, name: str, turn: int) -> None:
        payload = {"heard": "it" if self.trouble.alike else turn}
        await self.bench.app.signals.send(ACTOR, self.bench.project, self.run_id, name, payload)

    async def _answerable(self) -> list[OpenInterrupt]:
        rows = await self.bench.app.store.interrupts(self.run_id)
        return [row for row in rows if row.kind in ("answer", "event") and not _too_late(row)]

    async def _learn_answers(self) -> None:
        """What a fork's questions had been answered with already."""
        for row in await self._answerable():
            if row.answer is not None and not row.consumed:
                self._turn(row.interrupt_id, row.node_id)

    async def _answer(self) -> None:
        """Answer what is open; each question has one answer, however often it is seen."""
        for row in await self._answerable():
            if not row.unanswered:
                continue
            if row.kind == "event":
                if row.interrupt_id not in self._said and not self._events_first:
                    await self._send(row.node_id, self._turn(row.interrupt_id, row.node_id))
                continue
            said = {"said": self._turn(row.interrupt_id, row.node_id)}
            await self.bench.app.control.resume(
                ACTOR, self.bench.project, self.run_id, Resume(answers={row.interrupt_id: said})
            )

    def _turn(self, interrupt_id: str, node_id: str) -> int:
        if interrupt_id not in self._said:
            self._said[interrupt_id] = self._turns[node_id]
            self._turns[node_id] += 1
        turn: int = self._said[interrupt_id]
        return turn

    async def _wait(self) -> None:
        """Let the time come that the run waits for."""
        rows = await self.bench.app.store.interrupts(self.run_id)
        until = [
            row.wake_at or 0 for row in rows if row.unanswered and (row.kind in ("time", "retry") or _too_late(row))
        ]
        if until:
            self.server.pass_time(min(until))

    async def _resume(self, how: Resume = Resume()) -> None:  # noqa: B008 - frozen
        await self.bench.app.control.resume(ACTOR, self.bench.project, self.run_id, how)

    async def _trouble(self) -> None:
        if not self._left or self._since < self._left[0][0]:
            self._since += 1
            return
        self._since = 0
        _, kind = self._left.pop(0)
        if kind in ("crash", "stop"):
            await (self.server.crash() if kind == "crash" else self.server.stop())
            await self.server.open()
        elif kind == "time":
            self.server.pass_time(self.server.clock() + 1000 * LATE)
        elif kind == "cancel":
            with suppress(InvalidState):
                await self.bench.app.control.cancel(ACTOR, self.bench.project, self.run_id)
        elif kind == "fork":
            if (fork := await self._fork()) is not None:
                self.forks.append(fork)
        else:
            await self._stop(kind)

    async def _stop(self, kind: str) -> None:
        try:
            await self._pause(kind)
        except (InvalidState, PauseOvertaken):
            run = await self._run()
            assert run.ended or run.status is RunStatus.PAUSED, run

    async def _pause(self, kind: str) -> None:
        wait = 10.0 if kind in ("step", "travel") else 0.0
        pause = self.bench.app.control.pause
        paused = await pause(ACTOR, self.bench.project, self.run_id, "now" if kind == "now" else "step", wait)
        run = await self._run()
        if kind == "withdraw" and not run.ended and (run.pause_requested or run.status is RunStatus.PAUSED):
            await self._resume()
        if kind == "travel" and isinstance(paused, Paused):
            await self._travel(run)

    async def _fork(self) -> Point | None:
        """A fork, not yet executed, from a checkpoint; None where there is none.

        Not from the newest one while nodes may end: where they do so all the time, the fork's states may lack the last.
        """
        app, project = self.bench.app, self.bench.project
        rows = await app.history.checkpoints(project, self.run_id, 100)
        if (await self._run()).status is not RunStatus.PAUSED:
            rows = rows[1:]
        if not rows:
            return None
        checkpoint_id = rows[self.trouble.point % len(rows)].checkpoint_id
        fork = await app.fork.fork(ACTOR, project, self.run_id, checkpoint_id)
        return Point(fork.run_id, await self._ended(fork.run_id))

    async def _ended(self, run_id: str) -> Counter[str]:
        """How often each node of a run that has not begun had ended where it begins."""
        states = await self.bench.app.store.node_states(run_id)
        return +Counter(
            {
                state.node_id: state.iterations - (state.status not in EXECUTED and state.iterations > 0)
                for state in states
            }
        )

    async def _travel(self, run: Run) -> None:
        """Go back to a checkpoint; a fork from there tells how often each node had ended."""
        if (fork := await self._fork()) is None:
            return
        checkpoint_id = (await self.bench.app.store.run(fork.run_id)).forked_from
        if checkpoint_id == run.checkpoint_id:
            return
        self.start = replace(fork, run_id=self.run_id, seq=run.last_seq, attempt=run.run_attempt)
        self._said.clear()
        self._turns = Counter(fork.ended)
        self._events_first = False
        await self._resume(Resume(checkpoint_id=checkpoint_id))


def _too_late(row: OpenInterrupt) -> bool:
    """Whether it is a question that nobody answers."""
    value: Mapping[str, Any] = orjson.loads(row.value)
    until = value.get("until")
    return row.kind in ("answer", "event") and until is not None and until - row.created_at <= 2000 * LATE
