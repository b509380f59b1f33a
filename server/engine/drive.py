"""How an attempt drives its graph: a definition's nodes report by themselves, a Python graph is watched."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import RunControl

from milepost.checkpoints.saver import Saver
from milepost.checkpoints.unit import Sink
from milepost.graphs.context import RunContext
from milepost.graphs.executable import Executable
from milepost.graphs.python.program import PythonProgram
from milepost.server.engine.projection import Projection
from milepost.server.engine.recorder import Recorder
from milepost.server.engine.watched import Watched, WatchedProjection


class Drive(Protocol):
    """One attempt's way of running a graph."""

    @property
    def sink(self) -> Sink:
        """What the saver's units go through."""
        ...

    def steps(
        self, saver: Saver, given: Any, config: RunnableConfig, context: RunContext, control: RunControl
    ) -> AsyncIterator[Any]:
        """Run the graph to where it stops. What it yields means nothing."""
        ...


class DefinitionDrive:
    """The recorder is told all by the nodes and by the saver."""

    def __init__(self, program: Executable, recorder: Recorder) -> None:
        self._program = program
        self.sink: Sink = recorder

    def steps(
        self, saver: Saver, given: Any, config: RunnableConfig, context: RunContext, control: RunControl
    ) -> AsyncIterator[Any]:
        """Run the graph to where it stops."""
        return self._program.with_saver(saver).astream(
            given, config, context=context, stream_mode=[], durability="sync", control=control
        )


def drive_of(program: Executable, recorder: Recorder, projection: Projection, clock: Callable[[], int]) -> Drive:
    """The way to run a program."""
    if isinstance(program, PythonProgram):
        return Watched(program, recorder, projection, clock)
    return DefinitionDrive(program, recorder)


def projection_of(program: Executable) -> Callable[..., Projection]:
    """The class of projection for a program."""
    return WatchedProjection if isinstance(program, PythonProgram) else Projection


def changed(program: Executable, version: int) -> Mapping[str, Any] | None:
    """What ``run.code_changed`` tells where a run of ``version`` goes on with other code."""
    if isinstance(program, PythonProgram) and program.version != version:
        return {"from": version, "to": program.version}
    return None
