"""Projects, their keys, secrets and limits."""

from typing import Literal

from typing_extensions import TypedDict

from milepost.server.api.shapes.values import Id, Page, Time


class Project(TypedDict):
    """What workflows, runs and keys belong to."""

    project_id: Id
    slug: str
    name: str
    created_at: Time


class ProjectPage(Page):
    """A page of projects."""

    items: list[Project]


class Key(TypedDict):
    """An API key without its secret."""

    key_id: Id
    project_id: Id
    name: str
    created_at: Time
    expires_at: Time | None
    revoked_at: Time | None


class KeyPage(Page):
    """The keys of a project."""

    items: list[Key]


class CreatedKey(Key):
    """A key with its secret, which is shown this once."""

    secret: str


class Secret(TypedDict):
    """A secret without its value."""

    name: str
    created_at: Time
    updated_at: Time


class SecretPage(Page):
    """A page of secrets, by name."""

    items: list[Secret]


class Limit(TypedDict):
    """A limit, null where there is none, and what is used of it."""

    limit: int | None
    used: int


class LimitedWorkflow(TypedDict):
    """A workflow with a limit of its own, and its runs."""

    workflow_id: Id
    name: str
    max_concurrent_runs: int
    concurrency_key: str | None
    on_limit: Literal["queue", "reject"]
    running: int
    queued: int


class Limits(TypedDict):
    """A project's limits, and the workflows that have one of their own."""

    project_id: Id
    live_runs: Limit
    running_runs: Limit
    sockets: Limit
    stored_bytes: Limit
    workflows: list[LimitedWorkflow]
