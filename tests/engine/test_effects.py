"""What has an effect outside begins once everything that led to it is on disk: a repetition then has the same key."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel

from milepost.graphs.context import NodeContext
from milepost.graphs.node_types import NodeType
from milepost.server.app import build, prepare
from milepost.server.config import load_settings
from milepost.server.store.statements import statement
from milepost.server.store.unit import NewEvent, Returning, Row, Unit
from milepost.server.store.writer import Commit
from tests.engine.conftest import Bench
from tests.probes import registry

TURNS = 50
"""Turns of the engine's loop in which a node that did not wait would long have begun."""


class Nothing(BaseModel):
    """No config."""


async def test_a_node_with_effects_begins_after_its_checkpoint_is_on_disk(tmp_path: Path) -> None:
    free, seen = threading.Event(), list[bool]()

    class Sends(NodeType[Nothing]):
        name: ClassVar[str] = "sends"
        config_model = Nothing
        side_effects: ClassVar[bool] = True

        async def run(self, ctx: NodeContext[Nothing]) -> Mapping[str, Any]:
            seen.append(free.is_set())
            return {}

    types = registry()
    types.register(Sends)
    app = build(load_settings(data=tmp_path / "data", examples=False), types)

    def hold(_: Sequence[Row]) -> Sequence[NewEvent]:
        free.wait(20)
        return ()

    def hold_what_follows(commit: Commit) -> None:
        if any(event.type == "run.started" for event in commit.events):
            app.store.submit(Unit([Returning(statement("get_run", run_id=""), hold)]))

    await asyncio.to_thread(app.open)
    app.hub.attach(asyncio.get_running_loop())
    await prepare(app)
    app.store.on_commit(hold_what_follows)
    try:
        bench = Bench(app, await app.store.project("default"))
        run_id = await bench.start({"name": "effect", "nodes": [{"id": "a", "type": "sends", "config": {}}]})
        while not (seen or app.engine.executing(run_id)):
            await asyncio.sleep(0)
        for _ in range(TURNS):
            await asyncio.wrap_future(app.engine.settled("no run"))
        free.set()
        assert (await bench.ended(run_id)).status == "COMPLETED"
        assert seen == [True]
    finally:
        free.set()
        app.hub.close()
        await asyncio.to_thread(app.close)
