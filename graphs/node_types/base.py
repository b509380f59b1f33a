"""What a node type is. The built-in ones stand beside this; third parties derive theirs from the same class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, ClassVar, Generic

from pydantic import BaseModel, ConfigDict

from milepost.graphs.children import Reference
from milepost.graphs.context import ConfigT, NodeContext
from milepost.graphs.definition import NodeSpec, Placed
from milepost.graphs.problems import Problem

Inner = tuple[Placed[NodeSpec], str, frozenset[str]]
"""A node inside a node's config, the path of its own config, and the names that only this sees."""


class Config(BaseModel):
    """The base of every config model: keys that it does not declare are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NodeType(ABC, Generic[ConfigT]):
    """One kind of node. An instance is shared by all nodes of the kind, so it keeps nothing between runs."""

    name: ClassVar[str]
    """What definitions write as `type`."""
    title: ClassVar[str] = ""
    description: ClassVar[str] = ""
    """What it does, in a sentence or a few."""
    output: ClassVar[str] = ""
    """What it gives, for people."""
    config_model: ClassVar[type[BaseModel]]
    expressions: ClassVar[frozenset[str]] = frozenset()
    """Config keys that are expressions without braces; `run` gets their values."""
    either: ClassVar[frozenset[str]] = frozenset()
    """Config keys that are expressions with braces or without, or plain values."""
    unresolved: ClassVar[frozenset[str]] = frozenset()
    """Config keys whose expressions are not the node's own: they are computed elsewhere."""
    branching: ClassVar[bool] = False
    """True: the output's `value` is what the `when` of outgoing edges is compared with."""
    times_out: ClassVar[bool] = False
    """True: it may raise `TimedOut`, which takes the edges with `when: "timeout"`."""
    reads_predecessors: ClassVar[bool] = False
    """True: `run` looks at the outputs of `ctx.live`, not only at what its config names."""
    reads_everything: ClassVar[bool] = False
    """True: `run` looks at outputs or variables that its config does not name."""
    reads_secrets: ClassVar[bool] = False
    """True: its config may have `{{ secrets.NAME }}`. For types that show a credential to whom it is meant for."""
    side_effects: ClassVar[bool] = False
    """True: a dry run calls `simulate` instead of `run`."""

    @abstractmethod
    def run(self, ctx: NodeContext[ConfigT]) -> Awaitable[Mapping[str, Any]] | Mapping[str, Any]:
        """Do the work and give a JSON object. `async def`, or plain `def`, which runs in a thread."""

    def simulate(self, ctx: NodeContext[ConfigT]) -> Mapping[str, Any]:
        """The output of a dry run, for types with side effects."""
        return {"simulated": True}

    def check(self, config: Mapping[str, Any], path: str) -> Iterable[Problem]:
        """Problems of a config beyond its schema. `config` is as written, expressions and all."""
        return ()

    def doubts(self, config: Mapping[str, Any], path: str) -> Iterable[Problem]:
        """What may be wrong with a correct config, or not: warnings. `config` is as written."""
        return ()

    def body(self, config: Mapping[str, Any], path: str) -> tuple[Placed[NodeSpec], str, frozenset[str]] | None:
        """What the node runs many times, the path of its config, and the names that only this sees; None: nothing.

        `config` is as written and has no problems.
        """
        return None

    def shown(self, config: Any) -> Any:
        """The resolved config as the execution's input shows it."""
        return config

    def uses(self, config: Mapping[str, Any], path: str) -> Iterable[Reference]:
        """The workflows that a config names; `config` is as written."""
        return ()

    def tools(self, config: Mapping[str, Any], path: str) -> Iterable[tuple[str, Inner]]:
        """What the node may run when it likes, by name. `config` is as written and has no problems."""
        return ()

    def holds(self, config: Mapping[str, Any], path: str) -> Iterable[tuple[str, Mapping[str, Any], str]]:
        """Type, config and its path of each node inside a config, as far as `config`, as written, is correct."""
        return ()

    def not_runnable(self, config: Mapping[str, Any], path: str) -> Iterable[Problem]:
        """What keeps a correct config from running on this machine, naming what to install or set."""
        return ()
