"""What the engine and the use cases need of a program, compiled from a definition or written in Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint
from langgraph.pregel import Pregel

from milepost.graphs.problems import Problem
from milepost.graphs.program import ProgramEdge, ProgramNode

Parts = Iterable[tuple[str, Mapping[str, Any]]]
"""Channel values by checkpoint namespace."""


class Executable(Protocol):
    """A graph that runs can be of. Immutable, and safe to share between runs and threads."""

    @property
    def recursion_limit(self) -> int:
        """Steps that a run may take."""
        ...

    @property
    def timeout(self) -> float | None:
        """Seconds that a run may execute; None: any number."""
        ...

    @property
    def warnings(self) -> Sequence[Problem]:
        """What an author should know."""
        ...

    @property
    def not_runnable(self) -> Sequence[Problem]:
        """Why it cannot be executed on this server; empty where it can."""
        ...

    @property
    def secrets(self) -> Mapping[str, str]:
        """The secrets that its nodes read, each with a path that does."""
        ...

    @property
    def nodes(self) -> Sequence[ProgramNode]:
        """The author's nodes."""
        ...

    @property
    def edges(self) -> Sequence[ProgramEdge]:
        """The edges between them."""
        ...

    def all_edges(self) -> Iterable[ProgramEdge]:
        """The same with those between the nodes inside nodes."""
        ...

    @property
    def everything(self) -> Sequence[ProgramNode]:
        """Each node followed by those inside it, which are called `parent/child`."""
        ...

    @property
    def below(self) -> Mapping[str, tuple[str, ...]]:
        """The nodes inside each node that holds a graph."""
        ...

    @property
    def maps(self) -> Sequence[str]:
        """The nodes that run something for each item of a list."""
        ...

    @property
    def branched(self) -> bool:
        """True when a run may stand in several checkpoint namespaces."""
        ...

    def holds(self, node_id: str) -> bool:
        """True for a node that runs a graph of its own and asks nothing itself."""
        ...

    def with_saver(self, saver: BaseCheckpointSaver[Any]) -> Pregel[Any, Any, Any, Any]:
        """The graph with a checkpointer of its own."""
        ...

    def graph_input(self, run_input: Mapping[str, Any]) -> Any:
        """What to start the graph with."""
        ...

    def check_input(self, run_input: Any) -> list[Problem]:
        """Every reason why an input is refused. Empty when it is not."""
        ...

    def output(self, values: Mapping[str, Any]) -> Any:
        """The run's output as JSON, from the graph's final channel values."""
        ...

    def state(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A checkpoint's values as users see them."""
        ...

    def next_nodes(self, checkpoint: Checkpoint, ns: str = "") -> list[str]:
        """The nodes that run next from a checkpoint of a namespace."""
        ...

    def gathered(self, values: Mapping[str, Any], parts: Parts) -> dict[str, Any]:
        """Channel values of the root graph with what the graphs inside have come to."""
        ...

    def following(self, nodes: Iterable[str], parts: Iterable[tuple[str, Iterable[str]]]) -> list[str]:
        """The nodes that run next, from those of the root graph and those of the graphs inside, by namespace."""
        ...

    def finished(self, values: Mapping[str, Any], parts: Parts = ()) -> set[str] | None:
        """The nodes that have ended by these values; None where values do not tell."""
        ...

    def edit(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A user's edit as channel updates. Raises `InvalidDefinition` with every problem."""
        ...

    def editor(self, node_id: str | None, *, begun: bool) -> str | None:
        """LangGraph's name of the node that an edit is made as; ``begun`` says whether a node has run."""
        ...

    def drawing(self) -> dict[str, Any]:
        """The author's nodes and edges as JSON."""
        ...

    def mermaid(self) -> str:
        """The same as a Mermaid flowchart."""
        ...
