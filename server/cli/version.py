"""`milepost version`."""

import platform
from importlib.metadata import version as installed

import typer


def version() -> None:
    """Print the versions of Milepost, LangGraph and Python."""
    typer.echo(f"milepost {installed('milepost')}")
    typer.echo(f"langgraph {installed('langgraph')}")
    typer.echo(f"python {platform.python_version()}")
