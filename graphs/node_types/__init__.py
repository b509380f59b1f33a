"""The kinds of nodes, and the class that a new kind derives from."""

from milepost.graphs.node_types.base import Config, NodeType
from milepost.graphs.node_types.registry import Registry

__all__ = ["Config", "NodeType", "Registry"]
