"""Builds and tests the live viewer with npm, where there is one: for `make`, and for hatchling's wheels."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = Path(__file__).resolve().parent
STATIC = WEB.parent / "milepost" / "server" / "static"
BUILT = STATIC / ".built"
"""The build writes it last."""

NO_NODE = 3
"""Exit code where there is no Node that is new enough."""


class NoNode(Exception):
    """There is no npm with a Node that the build can use; the message says what is wanted."""


class Npm:
    """npm, with the packages that the page is built and tested with."""

    def __init__(self) -> None:
        self._wanted = json.loads((WEB / "package.json").read_text(encoding="utf-8"))["engines"]["node"].removeprefix(
            ">="
        )
        # A Node may have been installed beside Python.
        self._path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])

    def build(self) -> bool:
        """Build the page if it is not there or its sources are newer; whether that was so.

        Raises:
            NoNode: it is to be built and cannot be.
        """
        if not stale():
            return False
        self.run("build")
        return True

    def run(self, script: str) -> None:
        """Run a script of package.json, its packages being those of the lock.

        Raises:
            NoNode: there is no npm. subprocess.CalledProcessError: the script failed.
        """
        npm = self.find()
        # npm writes this file when all packages are there.
        installed = WEB / "node_modules" / ".package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < (WEB / "package-lock.json").stat().st_mtime:
            self._call(npm, "ci", "--no-audit", "--no-fund", "--loglevel=error")
        self._call(npm, "run", "--silent", script)

    def find(self) -> str:
        """The path of npm.

        Raises:
            NoNode: it is not there, or its Node is too old.
        """
        for place in self._path.split(os.pathsep):
            node, npm = which("node", path=place), which("npm", path=place)
            if node and npm and self._new_enough(node):
                self._path = os.pathsep.join([place, self._path])
                return npm
        raise NoNode(f"Node {self._wanted} or newer with npm is not here")

    def _new_enough(self, node: str) -> bool:
        told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        found = re.match(r"v(\d+)\.(\d+)", told)
        return found is not None and tuple(map(int, found.groups())) >= tuple(map(int, self._wanted.split(".")))

    def _call(self, *command: str) -> None:
        # What is told goes to stderr: a build's stdout may be read by programs.
        subprocess.run(command, cwd=WEB, check=True, env={**os.environ, "PATH": self._path}, stdout=sys.stderr)


def stale() -> bool:
    """Whether the page is not built, or something that it is built of has changed since."""
    if not BUILT.exists():
        return True
    built = BUILT.stat().st_mtime
    return any(path.stat().st_mtime > built for path in _sources())


def _sources() -> Iterator[Path]:
    """What the page is built of. Where a file is removed, others that named it change."""
    yield from (path for path in WEB.iterdir() if path.suffix in (".html", ".json", ".ts"))
    for folder in (WEB / "src", WEB / "public"):
        yield from (path for path in folder.rglob("*") if path.is_file())


class PageHook(BuildHookInterface[Any]):
    """Puts a page that is up to date into wheels and source distributions."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page; what is installed to be edited is served as it stands in the tree."""
        if version == "editable":
            return
        try:
            Npm().build()
        except NoNode as missing:
            state = "is that of earlier sources" if BUILT.exists() else "is not in it"
            self.app.display_warning(f"{missing}: the live viewer {state}")


def main(script: str) -> int:
    """``build`` the page if that is due, ``find`` npm, or run another script; the exit code."""
    try:
        if script == "build":
            Npm().build()
        elif script == "find":
            sys.stdout.write(f"{Npm().find()}\n")
        else:
            Npm().run(script)
    except NoNode as missing:
        sys.stderr.write(f"milepost: {missing}; left out for the live viewer: {script}\n")
        return NO_NODE
    except subprocess.CalledProcessError as failed:
        return failed.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
