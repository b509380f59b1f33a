"""The wheel: everything is in it, and it serves from an empty environment."""

import os
import re
import signal
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("graphs", "checkpoints", "server")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this tree, built with what is installed here."""
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = target.glob("*.whl")
    return built


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
