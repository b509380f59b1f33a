"""The node type `approval`: asks a person and goes on with the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from milepost.graphs.context import NodeContext
from milepost.graphs.failures import NodeError
from milepost.graphs.node_types.base import Config, NodeType
from milepost.graphs.node_types.wait import LONGEST_WAIT
from milepost.graphs.problems import Problem
from milepost.graphs.schemas import schema_problems

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^|\x00-\x1f\x7f]+$")]


class ApprovalConfig(Config):
    """`schema`: of the answer; `assignees`: who is asked; `timeout`: seconds until the node gives up."""

    question: str = Field(min_length=1, description="What people are asked.")
    answer_schema: dict[str, Any] | bool | None = Field(
        default=None, alias="schema", description="A JSON Schema that an answer must fit."
    )
    assignees: list[Name] = Field(
        default_factory=list, max_length=100, description="Names of who is asked, for the inbox."
    )
    timeout: float | None = Field(
        default=None,
        gt=0,
        le=LONGEST_WAIT,
        allow_inf_nan=False,
        description='Seconds after which it gives up and takes the edges with `when: "timeout"`.',
    )


class Approval(NodeType[ApprovalConfig]):
    """Parks the run with a question. Nothing that it does before the answer has effects."""

    name = "approval"
    title = "Ask a person"
    description = "Asks a person and parks the run until there is an answer."
    output = 'the answer if it is an object, otherwise `{"answer": …}`'
    config_model = ApprovalConfig
    times_out = True

    async def run(self, ctx: NodeContext[ApprovalConfig]) -> Mapping[str, Any]:
        """The answer if it is an object, otherwise `{"answer": …}`."""
        config = ctx.config
        if config.answer_schema is not None and (problems := schema_problems(config.answer_schema, "schema")):
            raise NodeError("invalid_config", "; ".join(map(str, problems)), retryable=False)
        answer = ctx.interrupt(
            config.question, config.answer_schema, timeout=config.timeout, assignees=list(config.assignees)
        )
        return answer if isinstance(answer, dict) else {"answer": answer}

    def check(self, config: Mapping[str, Any], path: str) -> Iterable[Problem]:
        """Whether the schema is one."""
        schema = config.get("schema")
        if isinstance(schema, (dict, bool)):
            yield from schema_problems(schema, f"{path}.schema")
