"""What the other shapes are made of: ids, times, objects, errors."""

from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Object = dict[str, Any]


class Page(TypedDict):
    """What every list has beside its `items`: the `cursor` of its next page, null on the last one."""

    next_cursor: str | None


class ProblemItem(TypedDict):
    """What is wrong at one place of a definition, an input or an edit."""

    path: str
    code: str
    message: str


class Failure(TypedDict):
    """Why something failed."""

    code: str
    type: str
    message: str


class RunError(Failure):
    """Why a run or a node failed. Lists, the status and most events leave `traceback` out."""

    node_id: str | None
    traceback: NotRequired[str]
