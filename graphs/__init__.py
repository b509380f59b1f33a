"""What runs: definitions, their validation, their compilation to LangGraph, and node types. Knows no server."""

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
