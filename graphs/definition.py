"""The shape of a definition: its keys and their types. What the keys mean together is checked in `validation`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from milepost.graphs.problems import Problem, step_into

MAX_NODES = 2_000
MAX_EDGES = 10_000
MAX_VARIABLES = 2_000

NodeId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
Seconds = Annotated[float, Field(gt=0, le=31_536_000, allow_inf_nan=False)]


class Strict(BaseModel):
    """Keys that are not declared and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Retry(Strict):
    """How often a failed node is tried again, and how long it waits in between (seconds)."""

    max_attempts: int = Field(default=3, ge=1, le=100, description="How often it is tried in all.")
    initial_interval: float = Field(
        default=0.5, ge=0, le=86_400, allow_inf_nan=False, description="Seconds before the second attempt."
    )
    backoff_factor: float = Field(
        default=2.0, ge=1, le=100, allow_inf_nan=False, description="How much longer each further delay is."
    )
    max_interval: float = Field(
        default=30.0, ge=0, le=86_400, allow_inf_nan=False, description="Seconds that no delay is longer than."
    )
    jitter: bool = Field(default=True, description="Up to half of each delay is taken away at random.")

    def delay(self, attempt: int, random: float) -> float:
        """Seconds to wait after `attempt` failed; `random` in 0..1 takes away up to half of it where jitter is on."""
        try:
            delay = min(self.max_interval, self.initial_interval * self.backoff_factor ** (attempt - 1))
        except OverflowError:
            delay = self.max_interval
        return delay * (1 - random / 2) if self.jitter else delay


class NodeSpec(Strict):
    """One node as its author wrote it."""

    id: NodeId
    type: str
    name: str | None = None
    config: dict[str, Any] = Field(default_factory=dict)
    timeout: Seconds | None = None
    retry: Retry | None = None
    on_error: Literal["stop", "continue", "retry"] = "stop"
    set: dict[VariableName, Any] = Field(default_factory=dict)


class EdgeSpec(Strict):
    """One edge as its author wrote it. `conditional` tells a `when` of null from none."""

    source: str
    target: str
    when: Any = None

    @property
    def conditional(self) -> bool:
        """True when the edge says `when`."""
        return "when" in self.model_fields_set


class Frame(Strict):
    """A definition without its nodes and edges."""

    name: str | None = Field(default=None, max_length=200)
    description: str | None = Field(default=None, max_length=10_000)
    input_schema: dict[str, Any] | bool | None = None
    timeout: Seconds | None = None
    max_iterations: int = Field(default=100, ge=1, le=100_000)
    max_state_bytes: int = Field(default=16 * 1024 * 1024, ge=1024, le=1024 * 1024 * 1024)


Part = TypeVar("Part", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Placed(Generic[Part]):
    """A part of the definition and the path where it stands."""

    path: str
    spec: Part


@dataclass(slots=True)
class Draft:
    """A definition as far as its parts have the right shape, and the problems of those that have not."""

    frame: Frame = field(default_factory=Frame)
    nodes: list[Placed[NodeSpec]] = field(default_factory=list)
    edges: list[Placed[EdgeSpec]] = field(default_factory=list)
    declared: set[str] = field(default_factory=set)
    steps: bool = False
    whole: bool = False
    """False when a node is missing because its id or its type is."""
    written_edges: int = 0
    problems: list[Problem] = field(default_factory=list)


def read_draft(definition: Any) -> Draft:
    """The parts of a definition that have the right shape. Never raises: what is wrong stands in `problems`."""
    draft = Draft()
    if not isinstance(definition, Mapping):
        draft.problems.append(Problem("", "invalid_value", "a definition is a JSON object"))
        return draft
    rest = {key: value for key, value in definition.items() if key not in ("nodes", "edges", "steps")}
    draft.frame = _read_part(Frame, rest, "", draft.problems) or Frame()
    draft.steps = "steps" in definition
    _read_nodes(draft, definition)
    if not draft.steps:
        _read_edges(draft, definition.get("edges", []))
    return draft


def _read_nodes(draft: Draft, definition: Mapping[Any, Any]) -> None:
    key = "steps" if draft.steps else "nodes"
    if draft.steps:
        draft.problems.extend(
            Problem(other, "unknown_key", "a definition has either steps, or nodes and edges")
            for other in ("nodes", "edges")
            if other in definition
        )
    items = definition.get(key)
    draft.whole = isinstance(items, list) and 0 < len(items) <= MAX_NODES
    if not isinstance(items, list) or not items:
        draft.problems.append(
            Problem(key, "missing_key" if items is None else "invalid_value", "needs at least 1 node")
        )
        return
    if len(items) > MAX_NODES:
        draft.problems.append(Problem(key, "too_many", f"{len(items)} nodes; at most {MAX_NODES} are allowed"))
        return
    for index, item in enumerate(items):
        path = step_into(key, index)
        if isinstance(item, Mapping) and isinstance(item.get("id"), str):
            draft.declared.add(item["id"])
        node = _read_part(NodeSpec, item, path, draft.problems)
        if node is None:
            draft.whole = False
        else:
            draft.nodes.append(Placed(path, node))
    if draft.steps:
        pairs = zip(draft.nodes, draft.nodes[1:], strict=False)
        draft.edges = [
            Placed(after.path, EdgeSpec(source=before.spec.id, target=after.spec.id)) for before, after in pairs
        ]
        draft.written_edges = len(draft.edges)


def _read_edges(draft: Draft, items: Any) -> None:
    if not isinstance(items, list):
        draft.problems.append(Problem("edges", "invalid_value", "edges are a list"))
        return
    if len(items) > MAX_EDGES:
        draft.problems.append(Problem("edges", "too_many", f"{len(items)} edges; at most {MAX_EDGES} are allowed"))
        return
    draft.written_edges = len(items)
    for index, item in enumerate(items):
        path = step_into("edges", index)
        edge = _read_part(EdgeSpec, item, path, draft.problems)
        if edge is not None:
            draft.edges.append(Placed(path, edge))


def _read_part(model: type[Part], item: Any, path: str, problems: list[Problem]) -> Part | None:
    """The part, without the keys that are wrong; None when a required key is among those."""
    try:
        return model.model_validate(item)
    except ValidationError as error:
        problems.extend(problems_of(error, path))
        wrong = {str(detail["loc"][0]) for detail in error.errors(include_url=False) if detail["loc"]}
    if not isinstance(item, Mapping) or not wrong:
        return None
    try:
        return model.model_validate({key: value for key, value in item.items() if str(key) not in wrong})
    except ValidationError:
        return None


CODES = {"missing": "missing_key", "extra_forbidden": "unknown_key", "string_pattern_mismatch": "bad_id"}


def problems_of(error: ValidationError, path: str) -> list[Problem]:
    """Pydantic's errors as problems under `path`."""
    found = []
    for detail in error.errors(include_url=False, include_context=False):
        message = "unknown key" if detail["type"] == "extra_forbidden" else detail["msg"]
        code = CODES.get(detail["type"], "invalid_value")
        if code == "bad_id" and detail["loc"][-1] != "id":
            code = "bad_name"
        found.append(Problem(_path_of(path, detail["loc"]), code, message))
    return found


def _path_of(path: str, location: Sequence[str | int]) -> str:
    for key in location:
        if key != "[key]":
            path = step_into(path, key)
    return path
