"""The command `milepost`, one module a command."""

from milepost.server.cli.entry import main

__all__ = ["main"]
