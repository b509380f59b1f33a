"""The house is as it says it is: what the documentation claims, and what the design forbids."""

import inspect
import re
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from starlette.routing import Match

from milepost import Milepost
from milepost.checkpoints.sql import load as load_sql
from milepost.graphs.context import NodeContext
from milepost.graphs.node_types import NodeType, Registry
from milepost.graphs.program import validate
from milepost.graphs.reference import EXAMPLES, rewritten
from milepost.server import errors
from milepost.server.api.api import create_api
from milepost.server.app import build
from milepost.server.cli.entry import COMMANDS, Table
from milepost.server.config import Settings, is_secret, load_settings
from milepost.server.serving import services
from milepost.server.states import diagram
from milepost.server.store.database import shipped_migrations
from milepost.server.store.listings import Order, Sort

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "server/static"
PACKAGES = ("graphs", "checkpoints", "server")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LONGEST_MODULE = 400
A_UUID = "01a1fbe8-f8c1-7272-b423-856c9fe94f8c"


def sources(*folders: str) -> Iterator[Path]:
    """The Python modules below top-level folders."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced code blocks of a page in any of the languages."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language in languages]


def shell_lines(page: Path) -> list[str]:
    """The commands of a page's shell blocks, continued lines joined, without comments."""
    joined = "\n".join(blocks(page, "sh", "bash", "shell")).replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def names(page: Path) -> str:
    """A page's name, for the list of tests."""
    return str(page.relative_to(ROOT))


# What the documentation claims.


def test_every_setting_is_documented_with_its_default() -> None:
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (?:`--[^|]*|–) \| `MILEPOST_(\w+)` \| (.*?) \|", page, re.MULTILINE))
    assert list(rows) == [name.upper() for name in Settings.model_fields]
    shown = {True: "on", False: "off", (): "none", "": "none", None: "none"}
    for name, field in Settings.model_fields.items():
        default = field.default
        text = shown.get(default) or f"`{int(default) if isinstance(default, float) else default}`"
        assert rows[name.upper()] == text, name
        assert (f"`--{name.replace('_', '-')}`" in page) != is_secret(name)


def test_every_setting_is_read_by_the_server() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources("server") if path.name != "config.py")
    unread = [name for name in Settings.model_fields if f"settings.{name}" not in text and name != "data"]
    assert unread == []


def test_every_error_code_is_documented() -> None:
    pages = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    never_sent = {"illegal_transition", "guard_failed", "start_refused"}
    codes = {
        each.code
        for _, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, errors.MilepostError) and each.code not in never_sent
    }
    assert sorted(code for code in codes if f"`{code}`" not in pages) == []


def test_what_the_page_says_of_node_types_is_what_make_docs_writes() -> None:
    text = (ROOT / "docs/definitions.md").read_text(encoding="utf-8")
    assert rewritten(text, ROOT / "docs" / EXAMPLES) == text


def test_the_diagram_of_states_is_the_table() -> None:
    (shown,) = blocks(ROOT / "docs/states.md", "mermaid")
    assert shown.strip() == diagram()


def test_every_status_of_a_run_and_of_a_node_is_explained() -> None:
    text = (ROOT / "docs/states.md").read_text(encoding="utf-8")
    states = import_module("milepost.server.states")
    for status in [*states.RunStatus, *states.NodeStatus]:
        assert f"| {status} | " in text


def test_every_page_of_the_documentation_that_is_linked_exists() -> None:
    missing = [
        f"{names(page)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert missing == []


def test_the_readme_shows_its_first_command_before_line_25() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith(("make ", "git clone", "pip install")) for line in lines[:24])


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_commands_on_a_page_exist(page: Path) -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for line in shell_lines(page):
        words = line.replace(".venv/bin/", "").split()
        if words[0] == "make":
            assert words[1] in targets, line
        elif words[0] == "milepost":
            _check_command(words[1:], COMMANDS, line)


def _check_command(words: list[str], table: Table, line: str) -> None:
    found = table.get(words[0])
    assert found is not None, line
    if not isinstance(found, str):
        _check_command(words[1:], found, line)
        return
    module, _, attribute = found.partition(":")
    function = getattr(import_module(f"milepost.server.cli.{module}"), attribute)
    known = str(inspect.signature(function)).replace("_", "-")
    for word in words[1:]:
        if word.startswith("--"):
            assert word.removeprefix("--no-").removeprefix("--").split("=")[0] in known, line


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_definitions_on_a_page_are_valid(page: Path) -> None:
    registry = Registry.installed()
    for text in blocks(page, "json"):
        if re.search(r'^\s*"(steps|nodes)"|^\{"(steps|nodes)"', text, re.MULTILINE):
            errors = validate(orjson.loads(text), registry).errors
            assert [each for each in errors if each.code != "needs_server"] == [], text


def test_calls_in_the_documentation_have_routes(tmp_path: Path) -> None:
    api = create_api(services(build(load_settings(data=tmp_path))))
    calls = {(names(page), *call) for page in PAGES for call in _calls(shell_lines(page))}
    assert ("README.md", "POST", f"/api/projects/default/workflows/runs/{A_UUID}/pause") in calls
    lost = []
    for page, method, path in calls:
        scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
        if not any(route.matches(scope)[0] is Match.FULL for route in api.router.routes):
            lost.append(f"{page}: {method} {path}")
    assert lost == []


def _calls(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Method and path of every call of curl. Variables that hold an address are filled in, all others are an id."""
    bases = dict(re.findall(r"^(\w+)=(https?://\S+)$", "\n".join(lines), re.MULTILINE))
    for line in (line for line in lines if "curl " in line):
        words = shlex.split(line[line.index("curl ") :].rstrip(")"))
        method = next((words[place + 1] for place, word in enumerate(words) if word == "-X"), None)
        sends = any(word in ("-d", "--data", "--data-binary", "--json") for word in words)
        for word in words:
            filled = re.sub(r"\$\{?(\w+)\}?", lambda found: bases.get(found[1], A_UUID), word)
            if found := re.match(r"https?://[^/]+(/[^?]*)?", filled):
                path = re.sub(r"\{\w+\}|[A-Z]+_ID\b", A_UUID, found[1] or "/")
                yield method or ("POST" if sends else "GET"), path


def test_python_on_the_page_about_embedding_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scripts = blocks(ROOT / "docs/embedding.md", "python")
    assert scripts
    for script in scripts:
        exec(compile(script, "docs/embedding.md", "exec"), {"__name__": "__main__"})


async def test_the_page_about_custom_node_types_is_true(tmp_path: Path) -> None:
    (script,) = blocks(ROOT / "docs/custom-nodes.md", "python")
    made: dict[str, Any] = {}
    exec(compile(script, "docs/custom-nodes.md", "exec"), made)
    async with Milepost(data=tmp_path, node_types=[made["Greet"]]) as milepost:
        result = await milepost.run({"steps": [{"id": "a", "type": "greet", "config": {"name": "Ada"}}]})
    assert result.output == {"text": "Hello Ada"}
    given, said = (ROOT / "docs/custom-nodes.md").read_text(encoding="utf-8").split("## What the class says")
    for names_, owner in ((given, NodeContext), (said, NodeType)):
        rows = "\n".join(re.findall(r"^\| (.*?) \|", names_, re.MULTILINE))
        words = [word for word in re.findall(r"`(\w+)", rows) if word not in _slots(NodeContext)]
        assert words
        assert [word for word in words if not hasattr(owner, word)] == []


def _slots(kind: type) -> set[str]:
    return {name for name in vars(kind).get("__slots__", ()) if not name.startswith("_")}


# What the design forbids.


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {names(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources(*PACKAGES)}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_file_of_the_page_is_longer_than_400_lines() -> None:
    paths = [path for folder in ("web/src", "web/tests") for path in (ROOT / folder).rglob("*.ts*")]
    lengths = {names(path): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    generated = "web/src/api/schema.d.ts"
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE and name != generated} == {}


def test_nothing_is_imported_by_its_bare_name_and_nothing_is_mocked() -> None:
    bare = re.compile(rf"^\s*(?:from|import) (?:{'|'.join(PACKAGES)})\b", re.MULTILINE)
    mocks = re.compile(r"^\s*(?:from|import) (?:unittest(?:\.mock)?|mock|pytest_mock)\b", re.MULTILINE)
    found = [
        names(path)
        for path in sources(*PACKAGES, "milepost", "tests", "benchmarks")
        for pattern in (bare, mocks)
        if pattern.search(path.read_text(encoding="utf-8")) and "project" not in path.parts
    ]
    assert found == []


def test_nothing_names_a_registry_or_a_machine() -> None:
    hosts = ("py" + "pi.org", "python" + "hosted.org", "registry.npm" + "js.org", "index-" + "url", "/ro" + "ot/")
    kinds = {
        ".py",
        ".md",
        ".toml",
        ".lock",
        ".sql",
        ".json",
        ".yml",
        ".yaml",
        ".sh",
        ".ts",
        ".tsx",
        ".html",
        ".txt",
        "",
    }
    tops = [*PACKAGES, "milepost", "tests", "benchmarks", "docs", ".ci", "web/src", "web/tests"]
    inside = [*(ROOT / "web").iterdir(), *(path for top in tops for path in (ROOT / top).rglob("*"))]
    inside = [path for path in inside if STATIC not in path.parents]
    found = [
        names(path)
        for path in [*ROOT.iterdir(), *inside]
        if path.is_file() and path.suffix in kinds and path.name != ".git"
        if any(host in path.read_text(encoding="utf-8") for host in hosts)
    ]
    assert found == []


def test_every_statement_is_used() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources("server", "checkpoints"))
    files = [*(ROOT / "server/store/sql").glob("*.sql"), ROOT / "checkpoints/statements.sql"]
    composed = {f"{sort}_{order}" for sort in get_args(Sort) for order in get_args(Order)}
    prefixes = tuple(re.findall(r'statement\(f"(\w+_)\{', text))
    unused = {name for file in files for name in load_sql(file) if f'"{name}"' not in text}
    assert sorted(name for name in unused - composed if not name.startswith(prefixes)) == []


def test_the_schema_is_what_the_migrations_lead_to() -> None:
    told = _tables((ROOT / "schema.sql").read_text(encoding="utf-8"))
    made = _tables("\n".join(migration.script for migration in shipped_migrations()))
    assert told == made
    assert "workflow_runs" in told


def _tables(script: str) -> dict[str, Any]:
    """What a script makes: name to definition, without comments and line breaks."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(script)
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: " ".join(re.sub(r"--[^\n]*", "", sql).split()) for name, sql in rows}
