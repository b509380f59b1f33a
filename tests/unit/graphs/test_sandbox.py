"""The process of a `code` node: what comes back from it, what it may not do, and that nothing is left of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from milepost.graphs.sandbox.sandbox import (
    MAX_LINE,
    MAX_LINES,
    MAX_OUTPUT,
    CodeError,
    Sandbox,
    SandboxLimits,
)

LIMITS = SandboxLimits(seconds=30, cpu_seconds=10, memory_bytes=256 << 20)


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """Where the processes have their directories: afterwards there are none, and no process either."""
    before = set(psutil.Process().children())
    yield tmp_path / "scratch"
    assert not (tmp_path / "scratch").exists() or os.listdir(tmp_path / "scratch") == []
    left = set(psutil.Process().children()) - before
    assert [child for child in left if child.status() != psutil.STATUS_ZOMBIE] == []


async def run(
    scratch: Path, source: str, given: Any = None, lines: list[str] | None = None, limits: SandboxLimits = LIMITS
) -> dict[str, Any]:
    """What `main(given)` returns."""
    return await Sandbox(scratch, limits).run(source, given, (lines if lines is not None else []).append)


async def failure(scratch: Path, body: str, limits: SandboxLimits = LIMITS) -> CodeError:
    """How a function with this body fails."""
    with pytest.raises(CodeError) as raised:
        await run(scratch, f"def main(input):\n    {body}\n", limits=limits)
    return raised.value


async def test_a_function_gets_its_input_and_gives_its_output(scratch: Path) -> None:
    source = "import math\ndef main(input):\n    return {'root': math.sqrt(input['n']), 'text': input['text'] + 'ö'}"
    assert await run(scratch, source, {"n": 9, "text": "ä"}) == {"root": 3.0, "text": "äö"}


async def test_what_is_installed_can_be_imported(scratch: Path) -> None:
    assert await run(scratch, "import orjson\ndef main(input): return orjson.loads('{\"a\": 1}')") == {"a": 1}


async def test_threads_and_event_loops_work(scratch: Path) -> None:
    source = """
import asyncio, threading
async def slept(): await asyncio.sleep(0); return 1
def main(input):
    found = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(slept())))
    thread.start(); thread.join()
    threading.Thread(target=threading.Event().wait).start()
    return {"found": found}
"""
    assert await run(scratch, source) == {"found": [1]}


async def test_lines_are_logged_as_far_as_they_are_wanted(scratch: Path) -> None:
    lines: list[str] = []
    source = """
import sys, os
def main(input):
    print("one")
    print("zwei ü", file=sys.stderr)
    os.write(1, b"\\xff")
    return {}
"""
    await run(scratch, source, lines=lines)
    assert lines == ["one", "zwei ü", "\ufffd"]
    many: list[str] = []
    await run(scratch, "def main(input):\n    for n in range(1000): print(n, 'x' * 900)\n    return {}", lines=many)
    assert many[0] == f"0 {'x' * 900}"
    assert many[MAX_LINES:] == [f"… {1000 - MAX_LINES} more lines"]
    long: list[str] = []
    await run(scratch, "def main(input):\n    print('x' * 5000)\n    return {}", lines=long)
    assert long == ["x" * MAX_LINE]


async def test_an_exception_is_told_with_the_authors_lines(scratch: Path) -> None:
    source = "def part(n):\n    return 1 / n\n\ndef main(input):\n    return {'x': part(0)}\n"
    with pytest.raises(CodeError) as raised:
        await run(scratch, source)
    assert (raised.value.code, raised.value.kind, str(raised.value)) == (
        "node_error",
        "ZeroDivisionError",
        "division by zero",
    )
    assert "File \"<code>\", line 5, in main\n    return {'x': part(0)}" in raised.value.traceback
    assert "child.py" not in raised.value.traceback


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("return [1]", "invalid_output", "not list"),
        ("pass", "invalid_output", "not NoneType"),
        ("return {'a': {1}}", "invalid_output", "set is not JSON serializable"),
        ("return {'a': float('nan')}", "invalid_output", "not JSON"),
        ("return {'a': '\\ud800'}", "invalid_output", "not JSON"),
        (f"return {{'a': 'x' * {MAX_OUTPUT}}}", "invalid_output", "are allowed"),
        ("raise SystemExit(3)", "node_error", "3"),
        ("return main(input)", "node_error", "recursion"),
        ("import os; os._exit(3)", "code_killed", "exit code 3"),
        ("import os; os.abort()", "code_killed", "SIGABRT"),
        ("import os; os.kill(os.getpid(), 40)", "code_killed", "killed by signal 40"),
        ("import ctypes; ctypes.string_at(0)", "code_killed", "SIGSEGV"),
        ("while True: print('x' * 1000)", "code_killed", "printed more than"),
        ("x = []\n    while True: x.append('x' * 1_000_000)", "code_out_of_memory", "268435456 bytes"),
        ("x = []\n    while True: x.append(object())", "code_out_of_memory", "268435456 bytes"),
        ("open('f', 'wb').write(b'x' * (65 << 20))", "node_error", "File too large"),
        ("x = [open('/dev/null') for _ in range(100)]", "node_error", "Too many open files"),
        ("import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))", "node_error", "maximum limit"),
        (
            "import threading, time\n    while True: threading.Thread(target=time.sleep, args=(60,)).start()",
            "",
            "thread",
        ),
    ],
)
async def test_what_goes_wrong_has_a_code(scratch: Path, body: str, code: str, said: str) -> None:
    error = await failure(scratch, body)
    assert error.code == (code or "node_error")
    assert said in str(error)


@pytest.mark.parametrize(
    "body",
    [
        "import os; os.fork()",
        "import os\n    while True: os.fork()",
        "import os; os.posix_spawn('/bin/true', ['true'], {})",
        "import os; os.execv('/bin/true', ['true'])",
        "import subprocess; subprocess.run(['/bin/true'])",
        "import os; os.kill(os.getppid(), 9)",
        "import os; os.kill(-1, 0)",
        "import os, signal; signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 9)",
        "import socket; socket.create_connection(('127.0.0.1', 1))",
        "import socket; socket.socket(socket.AF_UNIX)",
        "import os; open(f'/proc/{os.getppid()}/environ')",
        "import os; open(f'/proc/{os.getppid()}/mem', 'r+b')",
        "open('/etc/passwd')",
        "import os; os.listdir('..')",
        "import os; os.listdir('/')",
        "open('../left', 'w')",
        "import os; os.symlink('/etc/passwd', 'link'); open('link')",
        "import sys; open(sys.prefix + '/left', 'w')",
        "import resource, os; resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
    ],
)
async def test_the_way_out_is_shut(scratch: Path, body: str) -> None:
    error = await failure(scratch, body)
    assert (error.code, error.kind) == ("node_error", "PermissionError"), error


async def test_it_has_nothing_of_the_servers(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILEPOST_KEY", "marked")
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    source = """
import os, resource, sys
def main(input):
    opened = [n for n in range(64) if os.path.exists(f"/proc/self/fd/{n}") or not closed(n)]
    return {"env": sorted(os.environ), "opened": opened, "session": os.getsid(0) == os.getpid() == os.getpgrp(),
            "core": resource.getrlimit(resource.RLIMIT_CORE)[1], "argv": sys.argv[1:], "stdin": sys.stdin.read(),
            "listed": os.listdir()}
def closed(number):
    try:
        os.fstat(number)
    except OSError:
        return True
    return False
"""
    found = await run(scratch, source, {"secret": "x"})
    os.close(read_end)
    os.close(write_end)
    opened = found.pop("opened")
    assert len(opened) == 4, opened
    names = ["HOME", "LANG", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TMPDIR"]
    assert found == {"env": names, "session": True, "core": 0, "argv": [], "stdin": "", "listed": []}


@pytest.mark.parametrize(("body", "cpu"), [("time.sleep(60)", 10), ("while True: pass", 10), ("while True: pass", 1)])
async def test_time_is_limited(scratch: Path, body: str, cpu: int) -> None:
    limits = SandboxLimits(seconds=1 if cpu == 10 else 30, cpu_seconds=cpu, memory_bytes=256 << 20)
    error = await failure(scratch, f"import time\n    {body}", limits)
    assert error.code == "code_timed_out"
    assert ("took longer than 1 s" if cpu == 10 else "1 s of the processor") in str(error)


async def test_a_signal_that_is_ignored_does_not_lengthen_the_time(scratch: Path) -> None:
    body = "import signal\n    [signal.signal(n, signal.SIG_IGN) for n in (15, 2, 1, 24)]\n    while True: pass"
    error = await failure(scratch, body, SandboxLimits(seconds=30, cpu_seconds=1, memory_bytes=256 << 20))
    assert (error.code, "SIGKILL" in str(error)) == ("code_killed", True)


@pytest.mark.parametrize("cancels", [1, 2, 3])
async def test_a_cancelled_one_is_killed_at_once(scratch: Path, cancels: int) -> None:
    printed: asyncio.Queue[str] = asyncio.Queue()
    source = "import os, time\ndef main(input):\n    print(os.getpid())\n    time.sleep(60)"
    task = asyncio.ensure_future(Sandbox(scratch, LIMITS).run(source, None, printed.put_nowait))
    process = psutil.Process(int(await printed.get()))
    for _ in range(cancels):
        task.cancel()
        await asyncio.wait([task], timeout=0.001)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(gone, process)
    async with asyncio.timeout(5):
        while os.listdir(scratch):
            await asyncio.sleep(0)


async def test_one_that_is_cancelled_while_it_starts_is_killed(scratch: Path) -> None:
    sandbox = Sandbox(scratch, LIMITS)
    task = asyncio.ensure_future(sandbox.run("import time\ndef main(input): time.sleep(60)", None, print))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        while os.listdir(scratch):
            await asyncio.sleep(0)


async def test_many_run_at_once(scratch: Path) -> None:
    sandbox = Sandbox(scratch, LIMITS)
    source = "def main(input): return {'n': input}"
    found = await asyncio.gather(*(sandbox.run(source, number, print) for number in range(64)))
    assert [each["n"] for each in found] == list(range(64))


async def test_what_an_earlier_server_left_is_removed(scratch: Path) -> None:
    (scratch / "code-left").mkdir(parents=True)
    assert await run(scratch, "def main(input): return {}") == {}


def gone(process: psutil.Process) -> bool:
    """Whether it has ended."""
    try:
        process.wait(10)
    except psutil.TimeoutExpired:
        return False
    return True
