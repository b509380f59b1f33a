"""What answers say of runs with many nodes takes work that grows as the nodes do, not faster."""

from typing import ClassVar

from milepost.server.runs.summaries import node_states_json
from milepost.server.states import NodeStatus
from milepost.server.store.rows import NodeState, Project
from milepost.server.store.store import Store
from tests.api.seed import seed_run


class Counted(str):
    """A node's id that counts how often any is looked up."""

    __slots__ = ()
    looked: ClassVar[list[None]] = []

    def __hash__(self) -> int:
        self.looked.append(None)
        return super().__hash__()


async def test_each_node_of_a_run_is_shown_once_and_looked_up_a_few_times(
    store: Store, project: Project, workflow_id: str
) -> None:
    run = await seed_run(store, project, workflow_id)
    ids = [Counted(f"n{number}") for number in range(500)]
    states = [NodeState(node_id, NodeStatus.COMPLETED, 100.0, 1, 1, 1, 2) for node_id in ids]
    Counted.looked.clear()
    shown = node_states_json(run, [*ids[:400], "not reached"], states)
    assert len(Counted.looked) <= 5 * len(ids)
    assert [each["node_id"] for each in shown] == [*ids[:400], "not reached", *ids[400:]]
    assert [each["status"] for each in shown[399:402]] == ["COMPLETED", "PENDING", "COMPLETED"]
