"""Starts a process for each execution of a `code` node, talks to it, and sees that it is gone afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
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
STARTERS = 4
"""Threads that start processes and clear up after them."""
LOOK = 0.005
"""Seconds between two looks at a process that has closed its output and not ended."""

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
        self._paths = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
        # A process dies with the thread that started it, so these are not the loop's: they end with the server. And
        # a start takes milliseconds, of a large server on a busy machine a tenth of a second.
        self._threads = ThreadPoolExecutor(STARTERS, "milepost-code")

    async def run(self, source: str, given: Any, log: Callable[[str], None]) -> dict[str, Any]:
        """What `main(given)` of `source` returns; `log` gets the lines that it prints. Raises `CodeError`.

        Whatever happens, a cancel too, the process is killed and its directory removed.
        """
        loop = asyncio.get_running_loop()
        if not self._cleared:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._cleared = True
        starting = loop.run_in_executor(self._threads, self._started, source, given)
        try:
            execution = await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(self._end_started)
            await asyncio.wait([starting])
            raise
        try:
            return await self._result(execution, log)
        finally:
            execution.kill()
            await asyncio.shield(loop.run_in_executor(self._threads, execution.clear))

    def _end_started(self, starting: asyncio.Future[_Execution]) -> None:
        if not starting.cancelled() and starting.exception() is None:
            starting.result().kill()
            self._threads.submit(starting.result().clear)

    def _started(self, source: str, given: Any) -> _Execution:
        self._scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(prefix="code-", dir=self._scratch.resolve())
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
        try:
            return _Execution(folder, orjson.dumps(order))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    async def _result(self, execution: _Execution, log: Callable[[str], None]) -> dict[str, Any]:
        printed = _Printed(log)
        try:
            async with asyncio.timeout(self.limits.seconds):
                await printed.read(execution)
                code = await execution.ended()
        except TimeoutError as error:
            raise CodeError("code_timed_out", f"took longer than {self.limits.seconds:g} s") from error
        reported = execution.reported()
        if not reported:
            raise self._died(code)
        return _judged(reported)

    def _died(self, code: int) -> CodeError:
        if code == -signal.SIGXCPU:
            return CodeError("code_timed_out", f"used more than {self.limits.cpu_seconds} s of the processor")
        if code < 0:
            return CodeError("code_killed", f"its process was killed by {_name(-code)}")
        return CodeError("code_killed", f"its process ended with exit code {code} before main(input) returned")


class _Execution:
    """A process, the leader of a session of its own, with nothing of the server's environment or open files.

    What it is to do and what it reports are in files without names; what it prints comes through a socket.
    """

    def __init__(self, folder: str, order: bytes) -> None:
        self.folder = folder
        self._report = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `clear`
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        # Not a pipe: uvloop closes the descriptor of one twice, and by then it may be another thread's.
        self.output, theirs = socket.socketpair()
        self.output.setblocking(False)
        with theirs, tempfile.TemporaryFile(dir=folder) as told:
            told.write(order)
            told.seek(0)
            self._process = subprocess.Popen(  # noqa: S603 - the interpreter and a script of ours
                (sys.executable, "-I", "-S", "-B", "-X", "utf8", str(CHILD)),
                stdin=told,
                stdout=self._report,
                stderr=theirs.fileno(),
                cwd=folder,
                env={"HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8", **threads},
                start_new_session=True,
            )

    async def ended(self) -> int:
        """Its exit code, once it has ended; negative for a signal."""
        while (code := self._process.poll()) is None:  # noqa: ASYNC110 - there is no event that every system has
            await asyncio.sleep(LOOK)
        return code

    def reported(self) -> bytes:
        """What it reported."""
        self._report.seek(0)
        return self._report.read(MAX_REPORT)

    def kill(self) -> None:
        """End the process and its group at once, if it has not ended."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def clear(self) -> None:
        """Wait for the end of the killed process and remove what it leaves. Blocks."""
        self._process.wait()
        self.output.close()
        self._report.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class _Printed:
    """The lines that a process prints, on their way to the log."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._rest = b""
        self._lines = 0

    async def read(self, execution: _Execution) -> None:
        """Take what comes until nothing can come any more. Raises `CodeError` where it is too much."""
        loop, printed = asyncio.get_running_loop(), 0
        while chunk := await loop.sock_recv(execution.output, CHUNK):
            printed += len(chunk)
            self._take(chunk)
            if printed > MAX_PRINTED:
                raise CodeError("code_killed", f"printed more than {MAX_PRINTED} bytes")
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


def _name(number: int) -> str:
    """A signal's name; those of real time have none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _judged(reported: bytes) -> dict[str, Any]:
    try:
        report = orjson.loads(reported)
        if "output" in report:
            output: dict[str, Any] = orjson.loads(report["output"])
            return output
        failure = report["failure"]
    except (ValueError, TypeError, KeyError) as error:
        raise CodeError("invalid_output", f"what main(input) returned is not JSON: {error}") from error
    raise CodeError(failure["code"], failure["message"], kind=failure["type"], traceback=failure.get("traceback", ""))
