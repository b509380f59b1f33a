"""Checkpoints, and what is different between two."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from milepost.server.api.shapes.values import Id, Object, Page, Time

Change = TypedDict(
    "Change",
    {
        "path": str,
        "op": Literal["added", "removed", "changed"],
        "from": NotRequired[Any],
        "to": NotRequired[Any],
    },
)


class Checkpoint(TypedDict):
    """Where a run stood after a step. Those that time travel left behind are `superseded`."""

    checkpoint_id: Id
    parent_id: Id | None
    step: int
    source: Literal["input", "loop", "update", "fork"]
    next: list[str]
    created_at: Time
    size: int
    superseded: bool
    ordinal: int


class CheckpointPage(Page):
    """A page of checkpoints, newest first."""

    items: list[Checkpoint]


class CheckpointState(Checkpoint):
    """A checkpoint with its state; `cut` says that some of it was too long."""

    values: Object
    cut: bool


class EditedState(TypedDict):
    """The checkpoint that an edit made."""

    checkpoint_id: Id
    step: int
    next: list[str]
    values: Object


CheckpointDiff = TypedDict("CheckpointDiff", {"from": Id, "to": Id, "changes": list[Change], "cut": bool})
