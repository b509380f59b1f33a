"""What commands on runs answer, over HTTP and over a socket."""

from typing import Literal

from typing_extensions import TypedDict

from milepost.server.api.shapes.values import Id, Time
from milepost.server.states import RunStatus


class Outcome(TypedDict):
    """What every command answers."""

    run_id: Id
    status: RunStatus
    message: str


class Executed(Outcome):
    """RUNNING, or QUEUED with how many are ahead."""

    started_at: Time | None
    ahead: int


class Cancelled(Outcome):
    """CANCELLED, with the nodes whose code still executes."""

    cancelled_at: Time | None
    still_running: list[str]


class Paused(Outcome):
    """PAUSED, with the nodes whose code still executes."""

    paused_at: Time | None
    checkpoint_id: Id | None
    still_running: list[str]


class Pausing(Outcome):
    """The pause is still to take hold."""

    pausing: Literal[True]


class Resumed(Outcome):
    """RUNNING, or QUEUED where every slot is taken; WAITING or PAUSED where an answer was one of several."""

    resumed_at: Time


class Retried(Outcome):
    """RUNNING, or QUEUED where every slot is taken."""

    retried_at: Time


class EventAccepted(TypedDict):
    """An event is kept until a node takes it."""

    run_id: Id
    event: str
    message: str
