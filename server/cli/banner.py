"""What `milepost serve` shows when it is ready: where to look, and a call that works as pasted."""

import shlex
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from shutil import which
from typing import Any

import orjson

from milepost.graphs.examples import examples
from milepost.server.access.one_time import LINK_MS
from milepost.server.app import DEFAULT_SLUG, App
from milepost.server.store.rows import Workflow


async def banner(app: App, url: str, link: str) -> str:
    """The text. It names the file of the owner's key and never shows the key; ``link`` signs the owner in, once."""
    key = shlex.quote(str(app.settings.data / "owner.key"))
    project = await app.store.project(DEFAULT_SLUG)
    found = (await app.workflows.list(project, None, 100, None))["items"]
    lines = [
        "",
        f"  Milepost {version('milepost')} is ready.",
        "",
        f"  Open       {link}",
        f"             signs one browser in, within {LINK_MS // 60_000} minutes. Another:",
        f"             {_command()} link{_flags(app, url)}",
        "",
        f"  API        {url}/docs",
        f"  Your key   {key}",
        "",
    ]
    if found:
        shown = examples()[0]["name"]
        chosen = next((each for each in found if each["name"] == shown), found[0])
        workflow = await app.store.workflow(project.project_id, chosen["workflow_id"])
        lines += ["  Start a run:", "", f"  {_call(url, key, workflow)}", "", "  Watch it, with its run_id:", ""]
        lines += [f"  {_command()} watch RUN_ID{_flags(app, url)}", ""]
    return "\n".join([*lines, "  Ctrl-C stops the server; runs go on at the next start.", "", ""])


def _call(url: str, key: str, workflow: Workflow) -> str:
    sample = example_input(orjson.loads(workflow.definition))
    body = {"workflow_id": workflow.workflow_id, "input_data": sample, "execute": True}
    return (
        f"curl -sS {url}/api/projects/{DEFAULT_SLUG}/workflows/runs"
        f' -H "Authorization: Bearer $(cat {key})" -H "Content-Type: application/json"'
        f" -d {shlex.quote(orjson.dumps(body).decode())}"
    )


def example_input(definition: Mapping[str, Any]) -> dict[str, Any]:
    """An input that shows what the definition takes: the defaults in its schema."""
    schema = definition.get("input_schema")
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    return {name: told["default"] for name, told in properties.items() if isinstance(told, dict) and "default" in told}


def _command() -> str:
    """How whoever started this process can start another."""
    if which("milepost") is not None:
        return "milepost"
    started = Path(sys.argv[0])
    return shlex.join([sys.executable, "-m", "milepost"] if started.suffix == ".py" else [str(started)])


def _flags(app: App, url: str) -> str:
    flags = "" if url.endswith(":8000") else f" --url {url}"
    return flags if app.settings.data == Path("data") else f"{flags} --data {shlex.quote(str(app.settings.data))}"
