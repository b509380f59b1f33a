"""Who somebody is, and how they sign in."""

from typing import Literal

from typing_extensions import TypedDict

from milepost.server.api.shapes.projects import Project
from milepost.server.api.shapes.values import Time


class User(TypedDict):
    """Whoever asks."""

    name: str


class ServerPermissions(TypedDict):
    """What somebody may do beside what they may do in projects."""

    can_create_projects: bool


class Membership(Project):
    """A project, and what somebody may do in it."""

    permissions: list[Literal["can_view", "can_execute", "can_edit", "can_manage"]]


class Me(TypedDict):
    """Who asks, and what they may do. `csrf_token` is null for keys."""

    user: User
    kind: Literal["session", "key"]
    owner: bool
    csrf_token: str | None
    permissions: ServerPermissions
    projects: list[Membership]
    expires_at: Time | None


class SignInLink(TypedDict):
    """An address that signs one browser in, once."""

    url: str
    expires_at: Time


class Ticket(TypedDict):
    """What opens one WebSocket."""

    ticket: str
    expires_at: Time
