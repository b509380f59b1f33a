"""The process in which the source of one `code` node runs: limits itself, calls `main(input)`, reports, ends.

A script for `python -I -S`: it reads its order from stdin, and imports nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import json
import linecache
import os
import resource
import signal
import struct
import sys
import traceback
from collections.abc import Iterator, Mapping
from typing import IO, Any

FILE = "<code>"
SHOWN_FRAMES = 50
MAX_MESSAGE = 4096
MAX_TRACEBACK = 16_384
MAX_DESCRIPTORS = 1 << 20
RESERVE = 4 * 1024 * 1024
"""Bytes that are let go of to report that there was not enough memory."""

SET_DEATH_SIGNAL, NO_NEW_PRIVILEGES, SET_SECCOMP = 1, 38, 22
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""Landlock's system calls, the same on every machine."""

READ = 0b1101
"""Landlock: execute, read a file, read a directory."""
READ_FILE = 0b0100
WRITE = 0x7FFF & ~(1 | 1 << 6 | 1 << 11)
"""Landlock: all but to execute and to make devices."""
HANDLED = {1: 0x1FFF, 2: 0x3FFF}
"""What each version of Landlock can refuse; later ones 0x7FFF."""

DENIED = {
    "x86_64": (
        57,
        58,
        59,
        322,
        101,
        310,
        311,
        41,
        200,
        129,
        297,
        424,
        434,
        160,
        425,
        321,
        298,
        272,
        308,
        169,
        175,
        313,
    ),
    "aarch64": (221, 281, 117, 270, 271, 198, 130, 138, 240, 424, 434, 164, 425, 280, 241, 97, 268, 142, 105, 273),
}
"""Refused whatever their arguments: to start a process or a program, to look into another one or signal it, to open a
socket, to change limits or namespaces, and what could undo that."""
JUDGED = {
    "x86_64": {"clone": 56, "clone3": 435, "kill": 62, "tgkill": 234, "prctl": 157, "prlimit": 302},
    "aarch64": {"clone": 220, "clone3": 435, "kill": 129, "tgkill": 131, "prctl": 167, "prlimit": 261},
}
"""Refused by their arguments. `clone3` hides its own; without it, threads are made with `clone`."""
MACHINE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, NOT_PERMITTED, NO_SUCH_CALL = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
THREAD = 0x10000

Step = tuple[int, int, int, int]


def main() -> None:
    """Do what the order on stdin says, and leave without waiting for threads."""
    # Not every event loop closes what the server has open.
    os.closerange(3, MAX_DESCRIPTORS)
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "linux":
        libc.prctl(SET_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
    order = json.loads(sys.stdin.buffer.read())
    if os.getppid() != order["parent"]:
        os._exit(1)
    report_to = _own_channel()
    _limit(order)
    _confine(libc, order)
    sys.path.extend(order["paths"])
    report = json.dumps(_outcome(order)).encode()
    sys.stdout.flush()
    sys.stderr.flush()
    while report:
        report = report[os.write(report_to, report) :]
    os._exit(0)


def _own_channel() -> int:
    """The way to report; what the code reads is empty, what it prints goes to stderr."""
    channel = os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    # Made anew: the old ones remember that they stood for files.
    sys.stdin = _stream(0, "r")
    sys.stdout = _stream(1, "w")
    sys.stderr = _stream(2, "w")
    return channel


def _stream(descriptor: int, mode: str) -> IO[str]:
    return open(descriptor, mode, 1, encoding="utf-8", errors="backslashreplace", closefd=False)


# Limits.


def _limit(order: Mapping[str, Any]) -> None:
    cpu = order["cpu_seconds"]
    _at_most(resource.RLIMIT_CORE, 0)
    # The first limit's signal says what was too much; the second one's cannot be ignored.
    _at_most(resource.RLIMIT_CPU, cpu, cpu + 1)
    _at_most(resource.RLIMIT_NOFILE, order["files"])
    _at_most(resource.RLIMIT_FSIZE, order["file_bytes"])
    _at_most(resource.RLIMIT_AS, order["memory_bytes"])


def _at_most(kind: int, soft: int, hard: int | None = None) -> None:
    """Set a limit, or keep a lower one that the server runs under."""
    most = resource.getrlimit(kind)[1]
    wanted = soft if hard is None else hard
    if most != resource.RLIM_INFINITY:
        soft, wanted = min(soft, most), min(wanted, most)
    resource.setrlimit(kind, (soft, wanted))


def _confine(libc: ctypes.CDLL, order: Mapping[str, Any]) -> None:
    """Take away what the code has no need for. Where the kernel cannot, it may at least start no process."""
    if sys.platform == "linux":
        libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        _shut_files_away(libc, [*order["paths"], *order["readable"]], order["folder"])
        if _refuse_calls(libc):
            return
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def _shut_files_away(libc: ctypes.CDLL, readable: list[str], folder: str) -> None:
    """Let the process see the interpreter and its libraries, and write nowhere but in its folder (Landlock)."""
    version = libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return
    handled = HANDLED.get(version, 0x7FFF)
    rules = libc.syscall(CREATE_RULESET, struct.pack("=Q", handled), ctypes.c_size_t(8), 0)
    for path in readable:
        _let(libc, rules, path, READ if os.path.isdir(path) else READ_FILE)
    _let(libc, rules, os.devnull, READ_FILE | 0b10)
    _let(libc, rules, folder, WRITE & handled)
    libc.syscall(RESTRICT_SELF, rules, 0)
    os.close(rules)


def _let(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        return
    libc.syscall(ADD_RULE, rules, 1, struct.pack("=Qi", rights, place), 0)
    os.close(place)


def _refuse_calls(libc: ctypes.CDLL) -> bool:
    """Whether the kernel took the filter of system calls (seccomp)."""
    machine = os.uname().machine
    if machine not in MACHINE:
        return False
    steps = list(_filter(machine, os.getpid()))
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    # struct sock_fprog: a length, padding, an address.
    handed_over = struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(program))
    return bool(libc.prctl(SET_SECCOMP, 2, handed_over, 0, 0) == 0)


def _filter(machine: str, own_id: int) -> Iterator[Step]:
    """The filter's steps: a code, how many steps to skip if it holds and if it does not, and a number."""
    calls = JUDGED[machine]
    yield from ((LOAD, 0, 0, 4), (EQUAL, 1, 0, MACHINE[machine]), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0))
    if machine == "x86_64":
        # The calls of 32-bit addresses have other numbers.
        yield from ((AT_LEAST, 0, 1, 0x40000000), (RETURN, 0, 0, NOT_PERMITTED))
    for number in DENIED[machine]:
        yield from ((EQUAL, 0, 1, number), (RETURN, 0, 0, NOT_PERMITTED))
    yield from ((EQUAL, 0, 1, calls["clone3"]), (RETURN, 0, 0, NO_SUCH_CALL))
    yield from _only_if(calls["clone"], 0, ANY_BIT, THREAD)
    yield from _only_if(calls["kill"], 0, EQUAL, own_id)
    yield from _only_if(calls["tgkill"], 0, EQUAL, own_id)
    # Limits may be read, not set: the address of new ones, of 64 bits, is null.
    yield from ((EQUAL, 0, 6, calls["prlimit"]), (LOAD, 0, 0, 32), (EQUAL, 0, 3, 0), (LOAD, 0, 0, 36))
    yield from ((EQUAL, 0, 1, 0), (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, NOT_PERMITTED))
    yield from ((EQUAL, 0, 3, calls["prctl"]), (LOAD, 0, 0, 16), (EQUAL, 0, 1, SET_DEATH_SIGNAL))
    yield from ((RETURN, 0, 0, NOT_PERMITTED), (RETURN, 0, 0, ALLOW))


def _only_if(call: int, argument: int, test: int, value: int) -> Iterator[Step]:
    yield from ((EQUAL, 0, 4, call), (LOAD, 0, 0, 16 + 8 * argument), (test, 1, 0, value))
    yield from ((RETURN, 0, 0, NOT_PERMITTED), (RETURN, 0, 0, ALLOW))


# The author's code.


def _outcome(order: Mapping[str, Any]) -> dict[str, Any]:
    """What is reported: the output as JSON text, or the failure."""
    source = order["source"]
    linecache.cache[FILE] = (len(source), None, source.splitlines(keepends=True), FILE)
    reserve = bytearray(RESERVE)
    try:
        return _called(source, order["input"], order["output_bytes"])
    except MemoryError as error:
        del reserve
        return _failed("code_out_of_memory", f"needed more than {order['memory_bytes']} bytes of memory", error)
    except BaseException as error:  # noqa: BLE001 - whatever the author's code raises is reported
        return _failed("node_error", _message(error), error)


def _called(source: str, given: Any, most: int) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "code"}
    exec(compile(source, FILE, "exec"), names)  # noqa: S102 - this is what the process is for
    output = names["main"](given)
    if not isinstance(output, dict):
        return _failed("invalid_output", f"main(input) returns an object, a dict, not {type(output).__name__}")
    try:
        text = json.dumps(output, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        return _failed("invalid_output", f"what main(input) returned is not JSON: {error}")
    if len(text) > most:
        return _failed("invalid_output", f"what main(input) returned has {len(text)} bytes of JSON; {most} are allowed")
    return {"output": text}


def _failed(code: str, message: str, error: BaseException | None = None) -> dict[str, Any]:
    failure = {"code": code, "type": type(error).__name__ if error else "", "message": message[:MAX_MESSAGE]}
    return {"failure": failure | ({"traceback": _traceback(error)} if error else {})}


def _message(error: BaseException) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:  # noqa: BLE001 - the author's own __str__
        return type(error).__name__


def _traceback(error: BaseException) -> str:
    """The traceback without the frames of this script."""
    try:
        shown = traceback.TracebackException.from_exception(error, limit=-SHOWN_FRAMES)
        part: traceback.TracebackException | None = shown
        while part is not None:
            own = [frame for frame in part.stack if frame.filename != __file__]
            part.stack = traceback.StackSummary.from_list(own)
            part = part.__cause__ or part.__context__
        return "".join(shown.format())[-MAX_TRACEBACK:]
    except Exception:  # noqa: BLE001 - an error that cannot be shown is reported without its traceback
        return ""


if __name__ == "__main__":
    main()
