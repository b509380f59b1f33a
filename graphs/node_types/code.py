"""The node type `code`: a function that the author wrote, in a process of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field

from milepost.graphs.context import NodeContext
from milepost.graphs.failures import NodeError
from milepost.graphs.node_types.base import Config, NodeType
from milepost.graphs.problems import Problem, step_into
from milepost.graphs.sandbox.sandbox import Sandbox

MAX_SOURCE = 65_536
OFF = "code nodes are off on this server; MILEPOST_ENABLE_CODE_NODES=true switches them on"


class CodeConfig(Config):
    """`source` defines `main(input)`, which returns an object; `input` is what it is given."""

    language: Literal["python"] = Field(default="python", description="What the source is written in.")
    source: str = Field(min_length=1, max_length=MAX_SOURCE, description="Python that defines `main(input)`.")
    input: Any = Field(default_factory=dict, description="What `main` is given.")


class Code(NodeType[CodeConfig]):
    """Runs the author's `main(input)` under limits. Expressions are for `input`; the source stays as it is."""

    name = "code"
    title = "Code"
    description = "Runs a Python function in a process of its own, with limits on time and memory."
    output = "the object that `main` returns"
    config_model = CodeConfig
    unresolved = frozenset({"source"})
    side_effects = True

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        """Without a sandbox nothing runs."""
        self._sandbox = sandbox

    async def run(self, ctx: NodeContext[CodeConfig]) -> Mapping[str, Any]:
        """What `main` returns. What it prints goes to the run's log."""
        if self._sandbox is None:
            raise NodeError("not_runnable", OFF, retryable=False)
        return await self._sandbox.run(ctx.config.source, ctx.config.input, lambda line: ctx.log("info", line))

    def simulate(self, ctx: NodeContext[CodeConfig]) -> Mapping[str, Any]:
        """What `main` would be given."""
        return {"simulated": True, "input": ctx.config.input}

    def shown(self, config: Any) -> Any:
        """Without the source, which stands in the definition."""
        return {key: value for key, value in config.items() if key != "source"}

    def check(self, config: Mapping[str, Any], path: str) -> Iterable[Problem]:
        """Whether the source is Python that defines `main`."""
        place = step_into(path, "source")
        try:
            module = ast.parse(config["source"])
        except SyntaxError as error:
            yield Problem(place, "invalid_value", f"line {error.lineno or 1}: {error.msg}")
        except (ValueError, RecursionError, MemoryError) as error:
            yield Problem(
                place, "invalid_value", f"this cannot be read as Python: {error or 'it is nested too deeply'}"
            )
        else:
            if not any(isinstance(part, ast.FunctionDef) and part.name == "main" for part in module.body):
                yield Problem(place, "invalid_value", "the source needs a function main(input)")

    def not_runnable(self, config: Mapping[str, Any], path: str) -> Iterable[Problem]:
        """Every code node, where the server does not allow them."""
        if self._sandbox is None:
            yield Problem(path, "not_runnable", OFF)
