"""The wheel: everything is in it, and it serves from an empty environment."""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("graphs", "checkpoints", "server")


BUILD = (sys.executable, "-m", "hatchling", "build")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this tree, built with what is installed here."""
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [*BUILD, "-t", "wheel", "-d", str(target)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def with_page(wheel: Path) -> Path:
    """The wheel, where there is a page to be in it."""
    if not (ROOT / "milepost/server/static/.built").exists():
        pytest.skip("the live viewer is not built: there is no npm, or its Node is too old")
    return wheel


def test_the_wheel_holds_every_file_of_the_three_folders(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        f"milepost/{path.relative_to(ROOT)}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".sql", ".json")
    }
    assert any(name.endswith(".sql") for name in wanted)
    assert any(name.endswith(".json") for name in wanted)
    assert wanted | {"milepost/__init__.py", "milepost/__main__.py", "milepost/py.typed"} <= packed
    assert any(name.endswith("/licenses/LICENSE") for name in packed)
    outside = {name for name in packed if not name.startswith(("milepost/", "milepost-"))}
    assert outside == set()


def test_the_wheel_holds_the_page_with_all_that_it_loads(with_page: Path) -> None:
    with zipfile.ZipFile(with_page) as archive:
        static = "milepost/server/static"
        packed = {name.removeprefix(f"{static}/") for name in archive.namelist() if name.startswith(f"{static}/")}
        index = archive.read(f"{static}/index.html").decode()
    loaded = set(re.findall(r'(?:src|href)="\./([^"]+)"', index))
    assert any(name.startswith("assets/") and name.endswith(".js") for name in loaded)
    assert loaded <= packed
    scripts = [name for name in loaded if name.endswith(".js")]
    assert any({f"{name}.br", f"{name}.gz"} <= packed for name in scripts)
    assert ".built" in packed


def test_a_source_distribution_makes_the_same_wheel_without_npm(with_page: Path, tmp_path: Path) -> None:
    subprocess.run([*BUILD, "-t", "sdist", "-d", str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    (packed,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        names = archive.getnames()
    shutil.unpack_archive(packed, tmp_path)
    top = packed.name.removesuffix(".tar.gz")
    assert {f"{top}/web/package-lock.json", f"{top}/web/src/main.tsx", f"{top}/web/page.py"} <= set(names)
    assert [name for name in names if "node_modules" in name] == []
    subprocess.run(
        [*BUILD, "-t", "wheel", "-d", str(tmp_path)],
        cwd=tmp_path / top,
        check=True,
        capture_output=True,
        env={**os.environ, "PATH": str(tmp_path)},
    )
    (again,) = tmp_path.glob("*.whl")
    assert set(zipfile.ZipFile(again).namelist()) == set(zipfile.ZipFile(with_page).namelist())


def test_the_wheel_serves_from_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    python = _environment(wheel, tmp_path / "venv")
    milepost = subprocess.run(
        [python, "-c", "import milepost.graphs; print(milepost.graphs.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    ).stdout
    assert milepost.startswith(str(tmp_path / "venv"))
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("MILEPOST_", "PYTHON"))}
    with subprocess.Popen(
        [python.with_name("milepost"), "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=variables,
    ) as server:
        assert server.stdout is not None
        try:
            url = next(found[0] for line in server.stdout if (found := re.search(r"http://[\d.:]+", line)))
            key = (tmp_path / "data" / "owner.key").read_text().strip()
            assert httpx.get(f"{url}/healthz").status_code == 200
            workflows = httpx.get(f"{url}/api/projects/default/workflows", headers={"X-API-Key": key}).json()
            assert workflows["items"], "the examples are in the wheel"
            assert httpx.get(url).headers["content-type"].startswith("text/html")
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0


def _environment(wheel: Path, place: Path) -> Path:
    """An environment with the wheel; its dependencies are those of this environment, without this tree."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    python = place / "bin" / "python"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "--no-deps",
            "--no-index",
            "--quiet",
            str(wheel),
        ],
        check=True,
        capture_output=True,
    )
    (site,) = place.glob("lib/python*/site-packages")
    # A line of a .pth file adds a folder, but not what the .pth files in that folder would add.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python
