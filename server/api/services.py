"""What the routes call, built once by the application, and what one request asks with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request

from milepost.graphs.node_types import Registry
from milepost.server.access.attempts import Attempts
from milepost.server.access.keys import Identity, Keys
from milepost.server.access.secrets import Secrets
from milepost.server.api.credentials import Credentials
from milepost.server.config import Settings
from milepost.server.engine.dispatcher import Dispatcher
from milepost.server.hub.hub import Hub
from milepost.server.metrics import Metrics
from milepost.server.runs.compare import Compare
from milepost.server.runs.control import Control
from milepost.server.runs.dry_runs import DryRuns
from milepost.server.runs.edit import Edit
from milepost.server.runs.fork import Fork
from milepost.server.runs.history import History
from milepost.server.runs.inbox import Inbox
from milepost.server.runs.notifications import Notifications
from milepost.server.runs.projects import Projects
from milepost.server.runs.quotas import Quotas
from milepost.server.runs.read import Read
from milepost.server.runs.signals import Signals
from milepost.server.runs.start import Start
from milepost.server.runs.statistics import Statistics
from milepost.server.runs.tasks import Tasks
from milepost.server.runs.workflows import Workflows
from milepost.server.store.rows import Project


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that routes may call."""

    settings: Settings
    clock: Callable[[], int]
    hub: Hub
    keys: Keys
    credentials: Credentials
    attempts: Attempts
    secrets: Secrets
    workflows: Workflows
    read: Read
    quotas: Quotas
    projects: Projects
    start: Start
    control: Control
    signals: Signals
    statistics: Statistics
    compare: Compare
    inbox: Inbox
    tasks: Tasks
    notifications: Notifications
    history: History
    fork: Fork
    edit: Edit
    dry_runs: DryRuns
    dispatcher: Dispatcher
    registry: Registry
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Call:
    """A request inside a project that its caller may see."""

    services: Services
    actor: Identity
    project: Project
    request: Request


def services_of(request: Request) -> Services:
    """The services of the application that serves ``request``."""
    services: Services = request.app.state.services
    return services


def actor_of(request: Request) -> Identity:
    """Who sent ``request``; the gate has asked."""
    identity: Identity = request.scope["milepost.identity"]
    return identity


async def _enter(
    request: Request,
    project_id: Annotated[str, Path(description="The project's id or slug.", max_length=100, examples=["default"])],
) -> Call:
    services, actor = services_of(request), actor_of(request)
    return Call(services, actor, await services.projects.open(actor, project_id), request)


InProject = Annotated[Call, Depends(_enter)]
AServer = Annotated[Services, Depends(services_of)]
AnActor = Annotated[Identity, Depends(actor_of)]
