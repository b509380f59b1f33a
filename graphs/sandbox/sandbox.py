"""Starts a process for each execution of a `code` node, talks to it, and sees that it is gone afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from milepost.graphs.failures import NodeError

CHILD = Path(__file__).with_name("child.py")

MAX_OUTPUT = 4 * 1024 * 1024
"""Bytes of JSON that `main` may return."""
MAX_REPORT = 2 * MAX_OUTPUT
"""Bytes that are read of what the process reports: the output once more as a JSON string."""
MAX_PRINTED = 1024 * 1024
"""Bytes that the code may print before its process is killed."""
MAX_LINES = 200
MAX_LINE = 1000
"""Lines that are logged, and characters of each."""
MAX_FILE = 64 * 1024 * 1024
MAX_FILES = 64
"""Bytes of a file that the code writes, and how many it may have open."""
CHUNK = 65_536

READABLE = (
    sys.base_prefix,
    "/usr",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/dev/urandom",
    "/dev/zero",
)
"""What the code may read, beside the installed packages, where the kernel can keep it from the rest."""


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """What one execution may use: seconds from start to end and of the processor, bytes of address space."""

    seconds: float
    cpu_seconds: int
    memory_bytes: int


class CodeError(NodeError):
    """What the code came to: the class, the message and the traceback of what it raised, where it raised something."""

    def __init__(self, code: str, message: str, *, kind: str = "", traceback: str = "") -> None:
        super().__init__(code, message)
        self.kind = kind or self.kind
        self.traceback = traceback


class Sandbox:
    """Runs code under limits. Used on one event loop; keeps nothing between executions."""

    def __init__(self, scratch: Path, limits: SandboxLimits) -> None:
        """`scratch` is a directory of this sandbox alone: what stands in it from before is removed."""
        self.limits = limits
        self._scratch = scratch
        self._cleared = False
        self._remover = ThreadPoolExecutor(1, "milepost-scratch")
        self._paths = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]

    async def run(self, source: str, given: Any, log: Callable[[str], None]) -> dict[str, Any]:
        """What `main(given)` of `source` returns; `log` gets the lines that it prints. Raises `CodeError`.

        Whatever happens, a cancel too, the process is killed and its directory removed.
        """
        folder = self._folder()
        try:
            return await self._run_in(folder, source, given, log)
        finally:
            await self._remove(folder)

    def _folder(self) -> str:
        if not self._cleared:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._cleared = True
        return tempfile.mkdtemp(prefix="code-", dir=self._scratch.resolve())

    async def _remove(self, folder: str) -> None:
        try:
            os.rmdir(folder)
        except OSError:
            # Not the loop's threads: nodes may hold them all, for as long as they like.
            remove = partial(shutil.rmtree, folder, ignore_errors=True)
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._remover, remove))

    async def _run_in(self, folder: str, source: str, given: Any, log: Callable[[str], None]) -> dict[str, Any]:
        order = {
            "source": source,
            "input": given,
            "folder": folder,
            "parent": os.getpid(),
            "paths": self._paths,
            "readable": READABLE,
            "output_bytes": MAX_OUTPUT,
            "file_bytes": MAX_FILE,
            "files": MAX_FILES,
            **asdict(self.limits),
        }
        process = await _started(folder)
        talk = _Talk(process, log)
        try:
            async with asyncio.timeout(self.limits.seconds):
                await talk.until_it_ends(orjson.dumps(order))
        except TimeoutError as error:
            raise CodeError("code_timed_out", f"took longer than {self.limits.seconds:g} s") from error
        finally:
            kill(process)
            await process.wait()
        return self._judged(talk)

    def _judged(self, talk: _Talk) -> dict[str, Any]:
        if talk.excess:
            raise talk.excess
        if not talk.report:
            raise self._died(talk.process.returncode or 0)
        try:
            report = orjson.loads(talk.report)
            if "output" in report:
                output: dict[str, Any] = orjson.loads(report["output"])
                return output
            failure = report["failure"]
        except (ValueError, TypeError, KeyError) as error:
            raise CodeError("invalid_output", f"what main(input) returned is not JSON: {error}") from error
        raise CodeError(
            failure["code"], failure["message"], kind=failure["type"], traceback=failure.get("traceback", "")
        )

    def _died(self, code: int) -> CodeError:
        if code == -signal.SIGXCPU:
            return CodeError("code_timed_out", f"used more than {self.limits.cpu_seconds} s of the processor")
        if code < 0:
            return CodeError("code_killed", f"its process was killed by {signal.Signals(-code).name}")
        return CodeError("code_killed", f"its process ended with exit code {code} before main(input) returned")


class _Talk:
    """What is said between the server and one process."""

    def __init__(self, process: Process, log: Callable[[str], None]) -> None:
        self.process = process
        self.report = bytearray()
        self.excess: CodeError | None = None
        self._log = log
        self._rest = b""
        self._lines = 0

    async def until_it_ends(self, order: bytes) -> None:
        """Hand the order over and take what comes back."""
        await asyncio.gather(self._order(order), self._read_report(), self._read_lines(), self.process.wait())

    async def _order(self, order: bytes) -> None:
        stdin = self.process.stdin
        assert stdin is not None
        # A process that has died reads no more.
        with contextlib.suppress(ConnectionError):
            stdin.write(order)
            await stdin.drain()
        stdin.close()

    async def _read_report(self) -> None:
        assert self.process.stdout is not None
        while chunk := await self.process.stdout.read(CHUNK):
            self.report += chunk
            if len(self.report) > MAX_REPORT:
                self._stop(CodeError("invalid_output", f"reported more than {MAX_REPORT} bytes"))
                return

    async def _read_lines(self) -> None:
        assert self.process.stderr is not None
        printed = 0
        while chunk := await self.process.stderr.read(CHUNK):
            printed += len(chunk)
            self._take(chunk)
            if printed > MAX_PRINTED:
                self._stop(CodeError("code_killed", f"printed more than {MAX_PRINTED} bytes"))
                return
        if self._rest:
            self._tell(self._rest)
        if self._lines > MAX_LINES:
            self._log(f"… {self._lines - MAX_LINES} more lines")

    def _take(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._tell(line)

    def _tell(self, line: bytes) -> None:
        self._lines += 1
        if self._lines <= MAX_LINES:
            self._log(line[: 4 * MAX_LINE].decode("utf-8", "replace")[:MAX_LINE])

    def _stop(self, excess: CodeError) -> None:
        self.excess = self.excess or excess
        kill(self.process)


async def _started(folder: str) -> Process:
    """A new process, the leader of a session of its own, with nothing of the server's environment or files."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-B", "-X", "utf8", str(CHILD)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=folder,
            env={"HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8", **threads},
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        starting.add_done_callback(_kill_started)
        raise


def _kill_started(starting: asyncio.Future[Process]) -> None:
    if not starting.cancelled() and starting.exception() is None:
        kill(starting.result())


def kill(process: Process) -> None:
    """End a process and its group at once, if it has not ended."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
