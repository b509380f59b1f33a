"""What runs: definitions, their validation, their compilation to LangGraph, and node types. Knows no server."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from milepost.graphs.context import NodeContext, RunContext
    from milepost.graphs.failures import NodeError, NodeFailure, TimedOut
    from milepost.graphs.node_types import Config, NodeType, Registry
    from milepost.graphs.problems import InvalidDefinition, Problem, Report
    from milepost.graphs.program import Program, ProgramEdge, ProgramNode, load, validate
    from milepost.graphs.reporter import Outcome, Reporter

__all__ = [
    "Config",
    "InvalidDefinition",
    "NodeContext",
    "NodeError",
    "NodeFailure",
    "NodeType",
    "Outcome",
    "Problem",
    "Program",
    "ProgramEdge",
    "ProgramNode",
    "Registry",
    "Report",
    "Reporter",
    "RunContext",
    "TimedOut",
    "load",
    "validate",
]

_EXPORTS = {
    "context": ("NodeContext", "RunContext"),
    "failures": ("NodeError", "NodeFailure", "TimedOut"),
    "node_types": ("Config", "NodeType", "Registry"),
    "problems": ("InvalidDefinition", "Problem", "Report"),
    "program": ("Program", "ProgramEdge", "ProgramNode", "load", "validate"),
    "reporter": ("Outcome", "Reporter"),
}
_HOME = {name: f"{__name__}.{module}" for module, names in _EXPORTS.items() for name in names}


def __getattr__(name: str) -> Any:
    """The public names, loaded when first used: a command that needs one module here does not import LangGraph."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
