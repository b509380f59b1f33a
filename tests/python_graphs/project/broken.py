"""A graph that fails to import."""

from a_package_that_nobody_has_installed import graph

__all__ = ["graph"]
