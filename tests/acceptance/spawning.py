"""How the process of a server begins: as an interpreter of its own, or forked from one that has imported the server."""

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parents[2]

PRELOADED = "tests.serve"

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([PRELOADED])


class Process(Protocol):
    """What `asyncio.subprocess.Process` has and a server's process needs."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    @property
    def stdout(self) -> asyncio.StreamReader | None: ...

    def send_signal(self, signal: signal.Signals) -> None: ...

    def kill(self) -> None: ...

    async def wait(self) -> int: ...


class Spawn(Protocol):
    """Runs ``python -m module arguments`` with this environment; what it writes to stderr is added to ``log``."""

    async def __call__(
        self, module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> Process: ...


async def executed(module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Process:
    """A new interpreter, which imports everything itself."""
    with log.open("ab") as stderr:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            cwd=ROOT,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )


async def forked(module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Process:
    """A copy of a process that has imported the server and started nothing: the imports are most of a start's time."""
    read, write = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_run, args=(module, arguments, dict(environment), log, write), daemon=True)
    await asyncio.to_thread(process.start)
    write.close()
    stdout = asyncio.StreamReader()
    pipe = os.fdopen(os.dup(read.fileno()), "rb", buffering=0)
    read.close()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdout), pipe)
    return Forked(process, stdout)


def _run(module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path, stdout: Connection) -> None:
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [module, *arguments]
    os.dup2(stdout.fileno(), 1)
    stdout.close()
    stderr = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(stderr, 2)
    os.close(stderr)
    sys.exit(import_module(module).main())


class Forked:
    """A process that was forked elsewhere, as asyncio has processes."""

    def __init__(self, process: ForkServerProcess, stdout: asyncio.StreamReader) -> None:
        self.stdout = stdout
        self._process = process

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, minus the signal that ended it, or None while it runs."""
        return self._process.exitcode

    def send_signal(self, signal: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.returncode is None:
            os.kill(self.pid, signal)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        loop, sentinel, ended = asyncio.get_running_loop(), self._process.sentinel, asyncio.Event()
        loop.add_reader(sentinel, ended.set)
        try:
            while (code := self.returncode) is None:
                await ended.wait()
        finally:
            loop.remove_reader(sentinel)
        return code
