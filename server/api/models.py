"""The form of request bodies. What a field means is said here and shown in the API's page."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from milepost.server.runs.dry_runs import MAX_TIMEOUT, TIMEOUT
from milepost.server.runs.start import MAX_PRIORITY

Id = Annotated[UUID, Field(strict=False)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, StringConstraints(max_length=10_000, pattern=r"^[^\x00]*$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
Person = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^|\x00-\x1f\x7f]+$")]
Moment = Annotated[str, StringConstraints(max_length=40)]
Version = Annotated[int, Field(ge=1, le=2**53)]
Object = dict[str, Any]
Priority = Annotated[int, Field(ge=-MAX_PRIORITY, le=MAX_PRIORITY)]


class Strict(BaseModel):
    """Unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SignIn(Strict):
    """A browser signs in."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(description="A key, `mp_…`.")


class ConcurrencyForm(Strict):
    """How many runs of a workflow may run at once."""

    max_concurrent_runs: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        None, description="At most so many; null: any number, or with a key one for each of its values."
    )
    concurrency_key: Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=r"^[^\x00]*$")] | None = (
        Field(None, description="An expression over `input`, without braces: the limit holds for each of its values.")
    )
    on_limit: Literal["queue", "reject"] = Field(
        "queue", description="What becomes of a start beyond it: it waits, or is refused with `concurrency_limit`."
    )


class NewWorkflow(Strict):
    """A workflow to be made."""

    name: Line = Field(description="What people call it.")
    description: Text = Field("", description="What it is for.")
    definition: Object = Field(description="The definition (docs/definitions.md).")
    concurrency: ConcurrencyForm | None = Field(None, description="Its limit; null: it has none.")


class NewVersion(Strict):
    """A new version of a workflow."""

    definition: Object = Field(description="The whole new definition.")
    name: Line | None = Field(None, description="A new name; null keeps it.")
    description: Text | None = Field(None, description="A new description; null keeps it.")
    expected_version: Version | None = Field(
        None, description="Refuse (409 version_conflict) unless this is the latest version."
    )
    concurrency: ConcurrencyForm | None = Field(None, description="A new limit; left out, the old one stays.")


class LimitsForm(Strict):
    """Limits to be set: those that are not in the body stay, null takes one away."""

    live_runs: Annotated[int, Field(ge=0, le=2**53)] | None = Field(
        None, description="Runs that are QUEUED, RUNNING, WAITING or PAUSED. Beyond it a start is refused."
    )
    running_runs: Annotated[int, Field(ge=1, le=2**53)] | None = Field(
        None, description="Runs that are RUNNING. Beyond it they queue."
    )
    sockets: Annotated[int, Field(ge=0, le=2**53)] | None = Field(
        None, description="WebSockets and event streams. Beyond it a new one is refused."
    )
    stored_bytes: Annotated[int, Field(ge=0, le=2**53)] | None = Field(
        None, description="What its runs have stored, measured once a minute. Beyond it a start is refused."
    )
    workflows: dict[str, ConcurrencyForm | None] = Field(
        default_factory=dict, description="By `workflow_id`; null takes the workflow's limit away.", max_length=1_000
    )


class Draft(Strict):
    """A definition to be checked."""

    definition: Any = Field(description="What is to be checked; nothing is stored.")


class StartForm(Strict):
    """When a run starts."""

    priority: Priority | None = Field(
        None, description="The queue takes it ten minutes earlier for each level. Null: as before, otherwise 0."
    )
    start_at: Annotated[str, StringConstraints(max_length=40)] | None = Field(
        None, description="ISO 8601: not before this time. Null: at once, or as the run was created."
    )


class CreateRun(StartForm):
    """A run to be made."""

    workflow_id: Id = Field(description="The workflow to run.")
    version: Version | None = Field(None, description="Its version; null takes the latest.")
    input_data: Object | None = Field(None, description="What the run is started with; checked when it is executed.")
    metadata: Object = Field(default_factory=dict, description="Labels of yours; the server only keeps them.")
    execute: bool = Field(False, description="Start it at once.")


class Execute(StartForm):
    """How to start a run."""

    input_data: Object | None = Field(None, description="Replaces what the run was created with.")


class Rerun(StartForm):
    """A run of the same version once more."""

    input_data: Object | None = Field(None, description="Another input; null takes the same.")
    execute: bool = Field(False, description="Start it at once.")


class DryRunForm(Strict):
    """A dry run."""

    input_data: Object | None = Field(
        None, description="What it is started with; null: nothing, or as the replayed run."
    )
    version: Version | None = Field(None, description="The version to try; null takes the latest.")
    definition: Object | None = Field(None, description="A definition to try that is not stored.")
    answers: Object = Field(
        default_factory=dict, description="Answers and events by node id, or by `id#n` for its n-th question."
    )
    timeout_seconds: float = Field(
        TIMEOUT,
        gt=0,
        le=MAX_TIMEOUT,
        allow_inf_nan=False,
        description="Past it the run is cancelled, and the answer 504.",
    )
    replay_run_id: Id | None = Field(
        None, description="A run of this workflow whose results stand in for the nodes that have not changed."
    )


class Pause(Strict):
    """How to pause."""

    mode: Literal["step", "now"] = Field(
        "step", description="step: the nodes that are executing end first; now: they are stopped and run again."
    )
    wait_seconds: float = Field(
        10, ge=0, le=60, allow_inf_nan=False, description="How long to wait for the step's end before answering 202."
    )


class ResumeRun(Strict):
    """How to go on."""

    checkpoint_id: Id | None = Field(None, description="Where to go on; null, or the run's own, is where it stands.")
    answer: Any = Field(None, description="The answer to the one open question.")
    answers: Object | None = Field(None, description="Answers by interrupt_id.")
    state: Object | None = Field(None, description="Values to be merged into the state first.")


class ForkRun(StartForm):
    """Where a new run starts."""

    checkpoint_id: Id = Field(description="The checkpoint of this run that the new one starts from.")
    state: Object | None = Field(None, description="Values to be merged into the state; the step then starts anew.")
    execute: bool = Field(False, description="Start it at once.")


class EditState(Strict):
    """An edit of a paused run's state."""

    values: Object = Field(description='`{"variables": {…}, "outputs": {…}}`; `{"$replace": value}` replaces.')
    as_node: Line | None = Field(None, description="The node that the edit counts as written by.")


class NewTask(Strict):
    """A task to be made."""

    title: Line = Field(description="What is to be done.")
    description: Text = Field("", description="What it is about.")
    assignee: Person | None = Field(None, description="Who is to do it.")
    due: Moment | None = Field(None, description="ISO 8601: until when.")


class ChangeTask(Strict):
    """What is new about a task; what is not in the body stays as it is."""

    title: Line = Field("", description="What is to be done.")
    description: Text = Field("", description="What it is about.")
    assignee: Person | None = Field(None, description="Who is to do it; null: nobody in particular.")
    due: Moment | None = Field(None, description="ISO 8601: until when; null: whenever.")
    status: Literal["open", "done"] = Field("open", description="Whether it is done.")


class ReadNotifications(Strict):
    """What was read: some, by their ids, or all."""

    ids: Annotated[list[Id], Field(min_length=1, max_length=1_000)] | None = Field(
        None, description="Those with these ids."
    )
    all: Literal[True] | None = Field(None, description="All that are not read.")
    to: Person | None = Field(None, description="With `all`: only those to this recipient.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.ids is None) == (self.all is None) or (self.to is not None and self.all is None):
            raise ValueError("either ids, or all and perhaps to")
        return self


class NewProject(Strict):
    """A project to be made."""

    slug: Slug = Field(description="Its name in addresses: a-z, 0-9 and hyphens.")
    name: Line = Field(description="What people call it.")


class SecretForm(Strict):
    """A secret's value."""

    value: str = Field(
        repr=False, description="6 characters to 64 KiB. It is stored encrypted, and nobody is ever given it back."
    )


class NewKey(Strict):
    """An API key to be made."""

    name: Line = Field(description="Whose it is or what it is for.")
    expires_at: Annotated[str, StringConstraints(max_length=40)] | None = Field(
        None, description="ISO 8601 with an offset; null: it does not expire."
    )
