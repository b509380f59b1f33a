"""The hub alone: nothing is missed, nothing comes twice, nobody waits for a slow one."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from milepost.server.errors import Unavailable, ViewerTooSlow
from milepost.server.hub.hub import Hub
from milepost.server.hub.subscription import Subscription
from milepost.server.states import Action
from milepost.server.store.rows import Project, Run
from milepost.server.store.statements import event
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit
from tests.api.seed import append, seed_run


@pytest.fixture
async def hub(store: Store) -> AsyncIterator[Hub]:
    opened = Hub(store, 100)
    opened.attach(asyncio.get_running_loop())
    yield opened
    opened.close()


@pytest.fixture
async def run(store: Store, project: Project, workflow_id: str) -> Run:
    return await seed_run(store, project, workflow_id, Action.EXECUTE, Action.CLAIM)


async def collect(hub: Hub, run: Run, after: int, until: int) -> list[int]:
    seen: list[int] = []
    async with hub.subscribe(run.run_id, after) as subscription:
        while not seen or seen[-1] < until:
            seen += [event.seq for event in await subscription.next()]
    return seen


async def waiting_for_more(*readers: Subscription) -> None:
    """Return once each reader has all that there is, and waits."""
    while not all(reader.drained for reader in readers):
        await asyncio.sleep(0)


async def test_replay_and_live_meet_without_gap_or_repetition_while_events_are_written(
    hub: Hub, store: Store, run: Run
) -> None:
    async def write() -> None:
        for _ in range(60):
            await append(store, run, *["node.log"] * 20)

    writing = asyncio.create_task(write())
    readers = []
    for after in (0, 3, 1, 2, 0, 3) * 4:
        readers.append((after, asyncio.create_task(collect(hub, run, after, 1203))))
        await append(store, run)
    for after, reader in readers:
        assert await reader == list(range(after + 1, 1204))
    await writing


async def test_a_long_log_is_replayed_page_by_page(hub: Hub, store: Store, run: Run) -> None:
    for _ in range(13):
        await append(store, run, *["node.log"] * 100)
    async with hub.subscribe(run.run_id, 0) as subscription:
        sizes = [len(await subscription.next()) for _ in range(3)]
    assert sizes == [500, 500, 303]


async def test_what_is_committed_behind_a_page_that_was_read_ahead_is_not_missed(
    hub: Hub, store: Store, run: Run
) -> None:
    await append(store, run, *["node.log"] * 497)
    async with hub.subscribe(run.run_id, 0) as subscription:
        seen = [event.seq for event in await subscription.next()]
        assert seen[-1] == 500
        # More than the hub keeps for a reader that was not live yet.
        for _ in range(3):
            await append(store, run, *["node.log"] * 50)
        while seen[-1] < 650:
            seen += [event.seq for event in await subscription.next()]
    assert seen == list(range(1, 651))


@pytest.mark.parametrize("length", [3_000, 30_000])
async def test_frames_of_long_events_are_small(hub: Hub, store: Store, run: Run, length: int) -> None:
    await append(store, run, *["node.log"] * 200, message="x" * length)
    async with hub.subscribe(run.run_id, 3) as subscription:
        seen: list[int] = []
        while len(seen) < 200:
            frame = await subscription.next_frame()
            assert len(frame.encoded(bytes)) < 200_000
            seen += [event.seq for event in frame.events]
    assert seen == list(range(4, 204))


async def test_wait_for_finds_an_event_that_was_committed_before_the_call(hub: Hub, run: Run) -> None:
    found = await hub.wait_for(run.run_id, frozenset({"run.started"}), 5, after=0)
    assert found is not None
    assert found.seq == 3


async def test_wait_for_ignores_what_lies_before_after_and_gives_none_in_time(hub: Hub, run: Run) -> None:
    assert await hub.wait_for(run.run_id, frozenset({"run.started"}), 0.05, after=3) is None


@pytest.mark.timed
async def test_wait_for_returns_as_soon_as_the_event_is_committed(hub: Hub, store: Store, run: Run) -> None:
    waiting = asyncio.create_task(hub.wait_for(run.run_id, frozenset({"run.paused"}), 5, after=3))
    await append(store, run, "node.log")
    (committed,) = await append(store, run, "run.paused")
    started = time.perf_counter()
    assert await waiting == committed
    assert time.perf_counter() - started < 0.1


async def test_a_reader_that_does_not_come_back_is_dropped_and_the_others_are_not(
    hub: Hub, store: Store, run: Run
) -> None:
    async with hub.subscribe(run.run_id, 1) as slow, hub.subscribe(run.run_id, 1) as quick:
        assert len(await slow.next()) == 2
        seen = [event.seq for event in await quick.next()]
        for _ in range(9):
            await append(store, run, *["node.log"] * 10)
            seen += [event.seq for event in await quick.next()]
        assert not slow.failed.is_set()
        for _ in range(3):
            await append(store, run, *["node.log"] * 10)
            seen += [event.seq for event in await quick.next()]
        await slow.failed.wait()
        with pytest.raises(ViewerTooSlow):
            await slow.next()
        assert seen == list(range(2, seen[-1] + 1))


async def test_a_reader_of_a_long_log_may_take_its_time(hub: Hub, store: Store, run: Run) -> None:
    for _ in range(6):
        await append(store, run, *["node.log"] * 100)
    async with hub.subscribe(run.run_id, 0) as replaying:
        assert len(await replaying.next()) == 500
        for _ in range(3):
            await append(store, run, *["node.log"] * 100)
        assert [event.seq for event in await replaying.next()] == list(range(501, 904))
        assert not replaying.failed.is_set()


async def test_a_burst_larger_than_the_queue_drops_no_reader_that_was_waiting(hub: Hub, store: Store, run: Run) -> None:
    reading = asyncio.create_task(collect(hub, run, 3, 503))
    await append(store, run, *["node.log"] * 500)
    assert await reading == list(range(4, 504))


async def test_all_viewers_at_one_point_share_one_encoding(hub: Hub, store: Store, run: Run) -> None:
    async with hub.subscribe(run.run_id, 3) as one, hub.subscribe(run.run_id, 3) as two:
        waiting = [asyncio.create_task(each.next_frame()) for each in (one, two)]
        await waiting_for_more(one, two)
        await append(store, run, "node.log")
        first, second = await asyncio.gather(*waiting)
    assert first is second


async def test_live_bytes_equal_replayed_bytes(hub: Hub, store: Store, run: Run) -> None:
    async with hub.subscribe(run.run_id, 3) as live, hub.subscribe(run.run_id, 3) as warm:
        waiting = asyncio.create_task(live.next_frame())
        await waiting_for_more(live)
        await append(store, run, "node.log", message="é\u2028\\ud800", fields={"n": 1.5})
        shown = await waiting
        assert (await warm.next_frame()).events == shown.events
    async with hub.subscribe(run.run_id, 3) as replayed:
        again = await replayed.next_frame()
    assert again.encoded(bytes) == shown.encoded(bytes)


async def test_stored_events_are_told_as_committed_ones(store: Store, run: Run) -> None:
    times = [0, 7, 60, 999, 1_000, 951_782_400_010, 1_700_000_000_123, 4_102_444_799_999]
    nodes = [None, "a", "sub/a", "é\u2028😀", '"\\\b\f\n\r\t\x01\x1f\x7f', ""]
    data: list[dict[str, Any]] = [{}, {"text": '"\\ \ud7ff', "n": 1.5e300, "list": [None, True]}]
    said = [event(run, "node.log", ts, each, node_id=node) for ts in times for node in nodes for each in data]
    committed = await store.commit(Unit([], said))
    assert [each.told() for each in committed] == await store.told(run.run_id, run.last_seq, 500)


async def test_closing_the_hub_ends_every_subscription(hub: Hub, store: Store, run: Run) -> None:
    async with hub.subscribe(run.run_id, 3) as one, hub.subscribe_project(run.project_id) as two:
        waiting = [asyncio.create_task(one.next()), asyncio.create_task(two.next())]
        await store.events(run.run_id, 0, 1)
        hub.close()
        for task in waiting:
            with pytest.raises(Unavailable):
                await task
    async with hub.subscribe(run.run_id, 3) as late:
        with pytest.raises(Unavailable):
            await late.next()


async def test_settle_wakes_a_viewer_that_waits_for_the_last_node(hub: Hub, run: Run) -> None:
    async with hub.subscribe(run.run_id, 3) as subscription:
        waiting = asyncio.create_task(subscription.next_frame())
        while not subscription.drained:
            await asyncio.sleep(0)
        subscription.nudge()
        assert not (await waiting).events
        await asyncio.to_thread(hub.settle, run.run_id)
        while not subscription.settled:
            await asyncio.sleep(0)


async def test_a_changing_run_is_told_to_a_project_viewer_at_most_twice_a_second(
    hub: Hub, store: Store, run: Run
) -> None:
    told: list[float] = []

    async def watch() -> None:
        async with hub.subscribe_project(run.project_id) as subscription:
            while True:
                assert await subscription.next() == [run.run_id]
                told.append(time.perf_counter())

    watching = asyncio.create_task(watch())
    started = time.perf_counter()
    while time.perf_counter() - started < 1.2:
        await append(store, run, "node.progress")
    watching.cancel()
    assert len(told) == 3
    assert min(later - earlier for earlier, later in itertools.pairwise(told)) >= 0.49
