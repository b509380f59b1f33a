"""How the graphs of a `langgraph.json` are found and imported, and what becomes of those that cannot be."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from milepost.graphs.python.config import GraphsConfig, InvalidConfig, read_config
from milepost.graphs.python.loading import LoadedGraph, load_graph, prepare_environment
from milepost.graphs.python.source import source_hash

GRAPH = """
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict


class State(TypedDict):
    word: str


def builder(word):
    return StateGraph(State).add_node("tells", lambda state: {"word": word}).add_edge(START, "tells")


"""


@pytest.fixture(autouse=True)
def _process_as_it_was() -> Iterator[None]:
    path, modules, environment = list(sys.path), set(sys.modules), dict(os.environ)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if not name.startswith(("langgraph", "langchain")):
            del sys.modules[name]
    os.environ.clear()
    os.environ.update(environment)


def project(folder: Path, files: Mapping[str, str], **written: Any) -> GraphsConfig:
    """A project that is ready to be imported from."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "langgraph.json").write_bytes(orjson.dumps(written))
    config = read_config(folder)
    prepare_environment(config)
    return config


async def load(config: GraphsConfig, name: str = "g") -> LoadedGraph:
    """One graph of a project."""
    return await load_graph(config, name, config.graphs[name])


async def word(loaded: LoadedGraph) -> str:
    """What the graph says."""
    assert loaded.graph is not None, loaded.failure
    found = await loaded.graph.ainvoke({})
    return str(found["word"])


@pytest.mark.parametrize(
    ("files", "place", "more"),
    [
        ({"a.py": GRAPH + "g = builder('here').compile()"}, "./a.py:g", {}),
        ({"deep/er/b.py": GRAPH + "g = builder('here')"}, "./deep/er/b.py:g", {}),
        ({"src/c.py": GRAPH + "g = builder('here')"}, "./src/c.py:g", {"dependencies": ["./src"]}),
        ({"src/p/__init__.py": "", "src/p/d.py": GRAPH + "g = builder('here')"}, "p.d:g", {"dependencies": ["./src"]}),
        (
            {
                "q/__init__.py": "",
                "q/word.py": "WORD = 'here'",
                "q/e.py": GRAPH + "from .word import WORD\ng = builder(WORD)",
            },
            "./q/e.py:g",
            {},
        ),
        ({"json.py": GRAPH + "g = builder('here')"}, "./json.py:g", {}),
        ({"with-dash.py": GRAPH + "g = builder('here')"}, "./with-dash.py:g", {}),
        ({"f.py": GRAPH + "import os\ng = builder(os.environ['WORD'])"}, "./f.py:g", {"env": {"WORD": "here"}}),
        (
            {".env": "export WORD='here' # a note\n", "h.py": GRAPH + "import os\ng = builder(os.environ['WORD'])"},
            "./h.py:g",
            {"env": ".env"},
        ),
        ({"i.py": GRAPH + "def g():\n    return builder('here')"}, "./i.py:g", {}),
        ({"j.py": GRAPH + "async def g(config):\n    return builder('here')"}, "./j.py:g", {}),
    ],
    ids=["file", "folder", "dependency", "module", "relative", "stdlib", "dash", "env", "env file", "def", "async def"],
)
async def test_graphs_are_found(tmp_path: Path, files: dict[str, str], place: str, more: dict[str, Any]) -> None:
    assert await word(await load(project(tmp_path, files, graphs={"g": place}, **more))) == "here"


async def test_what_the_environment_has_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "before")
    files = {"k.py": GRAPH + "import os\ng = builder(os.environ['WORD'])"}
    config = project(tmp_path, files, graphs={"g": {"path": "./k.py:g"}}, env={"WORD": "after"})
    assert await word(await load(config)) == "before"
    assert "after" not in repr(config)


@pytest.mark.parametrize(
    ("text", "place", "kind"),
    [
        ("g = 3", "./l.py:g", "NotAGraph"),
        ("", "./l.py:g", "NotAGraph"),
        ("def g():\n    raise KeyError('inside')", "./l.py:g", "KeyError"),
        ("def g():\n    return g", "./l.py:g", "NotAGraph"),
        ("this is no Python", "./l.py:g", "SyntaxError"),
        ("raise SystemExit(3)", "./l.py:g", "SystemExit"),
        ("", "./missing.py:g", "FileNotFoundError"),
        ("", "missing_package.module:g", "ModuleNotFoundError"),
    ],
)
async def test_what_cannot_be_loaded_says_why(tmp_path: Path, text: str, place: str, kind: str) -> None:
    loaded = await load(project(tmp_path, {"l.py": text}, graphs={"g": place}))
    assert loaded.graph is None
    assert loaded.failure is not None
    assert loaded.failure.type == kind
    assert loaded.failure.message
    frames = re.findall(r'File "(.*?)"', loaded.failure.traceback)
    assert all(frame.startswith(str(tmp_path)) for frame in frames), frames


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"graphs": []},
        {"graphs": {"g": "no colon"}},
        {"graphs": {"g": "./a.py:not a name"}},
        {"graphs": {"g": 3}},
        {"graphs": {"g": "./a.py:g"}, "dependencies": "."},
        {"graphs": {"g": "./a.py:g"}, "env": ".missing"},
        {"graphs": {"g": "./a.py:g"}, "env": 3},
    ],
)
def test_a_wrong_config_names_its_file(tmp_path: Path, written: dict[str, Any]) -> None:
    (tmp_path / "langgraph.json").write_bytes(orjson.dumps(written))
    with pytest.raises(InvalidConfig, match=r"langgraph\.json"):
        read_config(tmp_path)


async def test_a_source_is_the_module_and_what_it_imports_of_the_project(tmp_path: Path) -> None:
    files = {
        "m.py": GRAPH + "from n import helper\ng = builder('here')",
        "n/__init__.py": "from . import helper",
        "n/helper.py": "import o",
        "o.py": "X = 1",
        "unused.py": "X = 1",
    }
    config = project(tmp_path, files, graphs={"g": "./m.py:g"})
    loaded = await load(config)
    assert loaded.module is not None
    before = source_hash(loaded.module, config.roots)
    (tmp_path / "unused.py").write_text("X = 2")
    assert source_hash(loaded.module, config.roots) == before
    (tmp_path / "o.py").write_text("X = 2")
    assert source_hash(loaded.module, config.roots) != before
