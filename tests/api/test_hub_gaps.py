"""A viewer that comes while an event is on its way to somebody else still sees every event, and the loop goes on."""

import asyncio

from milepost.server.hub.hub import Hub
from milepost.server.store.rows import Project
from milepost.server.store.statements import event
from milepost.server.store.store import Store
from milepost.server.store.unit import Unit
from tests.api.seed import seed_run


async def test_a_viewer_that_comes_between_two_commits_misses_neither(
    store: Store, project: Project, workflow_id: str
) -> None:
    hub = Hub(store, 4096)
    hub.attach(asyncio.get_running_loop())
    run = await seed_run(store, project, workflow_id)

    def commit(type_: str) -> None:
        # Without a turn of the loop: what the hub was told of stays on its way.
        store.submit(Unit([], [event(run, type_, store.clock())])).result()

    with hub.expecting(run.run_id, frozenset({"run.waiting"})):
        commit("run.waiting")
        commit("run.progress")
        async with asyncio.timeout(5), hub.subscribe(run.run_id, 0) as viewer:
            seen = [each.seq for each in await viewer.next()]
            commit("run.custom")
            while len(seen) < 4:
                seen += [each.seq for each in await viewer.next()]
            assert seen == [1, 2, 3, 4]
