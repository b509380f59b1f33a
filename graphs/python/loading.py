"""Imports the graphs of a `langgraph.json` and builds them. One that cannot be had does not keep the others back."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from milepost.graphs.failures import author_traceback
from milepost.graphs.python.config import GraphsConfig
from milepost.graphs.python.unkept import let_unkept_graphs_run

BUILDING = 120.0
"""Seconds that the import and the factory of a graph may take together."""


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """Why a graph cannot be served: the error's class, its message, and its traceback without our frames."""

    type: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class LoadedGraph:
    """A graph of a `langgraph.json`, compiled, or why there is none."""

    name: str
    place: str
    graph: Pregel[Any, Any, Any, Any] | None = None
    module: ModuleType | None = None
    failure: LoadFailure | None = None


class NotAGraph(Exception):
    """What stands at the place is no graph and gives none."""


def prepare_environment(config: GraphsConfig) -> None:
    """Put the project's directories first on the import path, and set the variables that the environment lacks."""
    let_unkept_graphs_run()
    for root in reversed(config.roots):
        text = str(root)
        if sys.path[:1] != [text]:
            sys.path[:] = [text, *(entry for entry in sys.path if entry != text)]
    for name, value in config.env.items():
        os.environ.setdefault(name, value)
    importlib.invalidate_caches()


def failure_to_load(error: BaseException) -> LoadFailure:
    """What an error at the import of a graph, or while it was built or described, tells its author."""
    return LoadFailure(type(error).__name__, str(error) or type(error).__name__, author_traceback(error))


async def load_graph(
    config: GraphsConfig, name: str, place: str, stack: contextlib.AsyncExitStack | None = None
) -> LoadedGraph:
    """Import one graph, on the event loop that it will run on. What its factory opens stays open with ``stack``."""
    try:
        source, _, attribute = place.rpartition(":")
        async with asyncio.timeout(BUILDING):
            module = await _in_thread(_imported, config, name, source)
            found = getattr(module, attribute, None)
            if found is None:
                raise NotAGraph(f"{source} has no {attribute!r}")
            graph = await _built(found, place, stack or contextlib.AsyncExitStack())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's module may raise anything at its import
        return LoadedGraph(name, place, failure=failure_to_load(error))
    return LoadedGraph(name, place, graph, module)


async def _in_thread(call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call gives in a thread, where a user's module may run an event loop of its own. Raises what it raises."""

    def caught() -> tuple[Any, BaseException | None]:
        # An error that passes through a future brings frames along that are nobody's.
        try:
            return call(*arguments), None
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            return None, error

    found, error = await asyncio.to_thread(caught)
    if error is not None:
        raise error
    return found


def _imported(config: GraphsConfig, name: str, source: str) -> ModuleType:
    if not source.endswith(".py") and "/" not in source:
        return importlib.import_module(source)
    file = (config.path.parent / source).resolve()
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {source} beside {config.path.name}")
    dotted = _dotted(file, config.roots)
    if dotted is not None and _finds(dotted, file):
        return importlib.import_module(dotted)
    return _from_file(f"milepost_graph_{name}".replace("-", "_").replace(".", "_"), file)


def _dotted(file: Path, roots: Sequence[Path]) -> str | None:
    """The name by which the file can be imported from the closest directory on the import path."""
    around = [root for root in roots if file.is_relative_to(root)]
    if not around:
        return None
    parts = file.relative_to(max(around, key=lambda root: len(root.parts))).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else None


def _finds(dotted: str, file: Path) -> bool:
    """False where an import by that name would give another module, such as one of Python's own."""
    known = sys.modules.get(dotted)
    if known is not None:
        return getattr(known, "__file__", None) is not None and Path(str(known.__file__)).resolve() == file
    parent = dotted.rpartition(".")[0]
    if parent and parent not in sys.modules:
        importlib.import_module(parent)
    spec = importlib.util.find_spec(dotted)
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve() == file


def _from_file(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


async def _built(found: Any, place: str, stack: contextlib.AsyncExitStack) -> Pregel[Any, Any, Any, Any]:
    """The compiled graph that an attribute is or gives: compiled or not, or a factory of one."""
    for _ in range(4):
        if isinstance(found, Pregel):
            return found
        if isinstance(found, StateGraph):
            found = found.compile()
        elif inspect.isawaitable(found):
            found = await found
        elif isinstance(found, contextlib.AbstractAsyncContextManager):
            found = await stack.enter_async_context(found)
        elif isinstance(found, contextlib.AbstractContextManager):
            found = stack.enter_context(found)
        elif callable(found):
            found = await _in_thread(found, *_arguments(found))
        else:
            break
    raise NotAGraph(f"{place} is {type(found).__name__}, neither a graph nor a function that gives one")


def _arguments(factory: Callable[..., Any]) -> list[Mapping[str, Any]]:
    """The config, for a factory that takes one."""
    required = [
        parameter
        for parameter in inspect.signature(factory).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    return [{"configurable": {}}] if required else []
