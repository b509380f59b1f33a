"""What runs ask and tell people, and what people are to do."""

from typing import Literal

from typing_extensions import TypedDict

from milepost.server.api.shapes.runs import Interrupt
from milepost.server.api.shapes.values import Id, Page, Time
from milepost.server.states import RunStatus


class Question(Interrupt):
    """An open question with the run that asks it."""

    run_id: Id
    run_status: RunStatus
    workflow_id: Id
    workflow_name: str


class QuestionPage(Page):
    """A page of open questions, those asked first first."""

    items: list[Question]


class Notification(TypedDict):
    """What a person was told."""

    notification_id: Id
    project_id: Id
    to: str
    title: str
    body: str
    run_id: Id | None
    node_id: str | None
    created_at: Time
    read_at: Time | None


class NotificationPage(Page):
    """A page of notifications, newest first."""

    items: list[Notification]


class ReadCount(TypedDict):
    """How many notifications were not read before."""

    read: int


class Task(TypedDict):
    """Something for a person to do. `run_id` is null where a person made it, and once its run is deleted."""

    task_id: Id
    project_id: Id
    title: str
    description: str
    assignee: str | None
    due: Time | None
    status: Literal["open", "done"]
    run_id: Id | None
    node_id: str | None
    created_by: str | None
    created_at: Time
    updated_at: Time
    done_by: str | None
    done_at: Time | None


class TaskPage(Page):
    """A page of tasks, newest first."""

    items: list[Task]
