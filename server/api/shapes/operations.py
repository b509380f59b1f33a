"""What the server says of itself."""

from typing import Literal

from typing_extensions import TypedDict


class Health(TypedDict):
    """The process answers."""

    status: Literal["ok"]


class Readiness(TypedDict):
    """Whether it can serve."""

    status: Literal["ready", "stopping"]


class Info(TypedDict):
    """What this server is."""

    name: str
    version: str
