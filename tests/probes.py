"""Node types for tests: they leave traces in files, block, swallow cancellation, ask and fail on demand."""

import asyncio
import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from milepost.graphs.context import NodeContext
from milepost.graphs.node_types import Config, NodeType, Registry
from tests.tellers import SyncTeller, Teller, Traitor


class TraceConfig(Config):
    """Where to leave a trace, what to write, and how long to take (seconds)."""

    file: str = ""
    text: str = ""
    seconds: float = 0.0
    fail_first: int = 0


def leave(file: str, text: str) -> None:
    """Append a line, in one write so that a kill leaves whole lines."""
    if not file:
        return
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{text}\n".encode())
    finally:
        os.close(descriptor)


class Trace(NodeType[TraceConfig]):
    """Writes a line when it ends; fails its first ``fail_first`` times (counted in the file)."""

    name: ClassVar[str] = "trace"
    config_model = TraceConfig

    async def run(self, ctx: NodeContext[TraceConfig]) -> Mapping[str, Any]:
        if ctx.config.seconds:
            await asyncio.sleep(ctx.config.seconds)
        if ctx.config.fail_first:
            tries = ctx.config.file + ".tries"
            leave(tries, ctx.config.text)
            if len(Path(tries).read_text().splitlines()) <= ctx.config.fail_first:
                raise RuntimeError("not yet")
        leave(ctx.config.file, ctx.config.text)
        return {"text": ctx.config.text}


class Sync(NodeType[TraceConfig]):
    """A synchronous node: holds a thread for its time, whatever happens to its run."""

    name: ClassVar[str] = "sync"
    config_model = TraceConfig

    def run(self, ctx: NodeContext[TraceConfig]) -> Mapping[str, Any]:
        leave(ctx.config.file, f"{ctx.config.text} began")
        threading.Event().wait(ctx.config.seconds)
        leave(ctx.config.file, f"{ctx.config.text} ended")
        return {"text": ctx.config.text}


class Held(NodeType[TraceConfig]):
    """A well-behaved coroutine that tells how it ended: by itself, or because it was stopped."""

    name: ClassVar[str] = "held"
    config_model = TraceConfig

    async def run(self, ctx: NodeContext[TraceConfig]) -> Mapping[str, Any]:
        leave(ctx.config.file, f"{ctx.config.text} began")
        try:
            await asyncio.sleep(ctx.config.seconds)
        except asyncio.CancelledError:
            leave(ctx.config.file, f"{ctx.config.text} stopped")
            raise
        leave(ctx.config.file, f"{ctx.config.text} ended")
        return {"text": ctx.config.text}


class Stubborn(NodeType[TraceConfig]):
    """A coroutine that swallows its cancellation until its time is over."""

    name: ClassVar[str] = "stubborn"
    config_model = TraceConfig

    async def run(self, ctx: NodeContext[TraceConfig]) -> Mapping[str, Any]:
        end = time.monotonic() + ctx.config.seconds
        while (left := end - time.monotonic()) > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                leave(ctx.config.file, f"{ctx.config.text} swallowed")
        leave(ctx.config.file, f"{ctx.config.text} ended")
        return {"text": ctx.config.text}


class Blocking(NodeType[TraceConfig]):
    """Blocks the event loop, as careless code does."""

    name: ClassVar[str] = "blocking"
    config_model = TraceConfig

    async def run(self, ctx: NodeContext[TraceConfig]) -> Mapping[str, Any]:
        time.sleep(ctx.config.seconds)
        leave(ctx.config.file, ctx.config.text)
        return {"text": ctx.config.text}


class PipeConfig(Config):
    """The pipe that it waits at, and the name that it has in messages."""

    file: str
    text: str = ""


class Pipe(NodeType[PipeConfig]):
    """Waits, holding a thread, for one letter from a pipe: ``f`` lets it fail, any other lets it pass."""

    name: ClassVar[str] = "pipe"
    config_model = PipeConfig

    def run(self, ctx: NodeContext[PipeConfig]) -> Mapping[str, Any]:
        descriptor = os.open(ctx.config.file, os.O_RDONLY)
        try:
            letter = os.read(descriptor, 1)
        finally:
            os.close(descriptor)
        if letter == b"f":
            raise RuntimeError(f"the gate {ctx.config.text} stayed shut")
        return {"text": ctx.config.text}


class AskConfig(Config):
    """A question and the schema of its answer."""

    question: str
    answer_schema: dict[str, Any] | None = None
    times: int = 1


class Ask(NodeType[AskConfig]):
    """Asks a person, ``times`` times in a row."""

    name: ClassVar[str] = "ask"
    config_model = AskConfig

    async def run(self, ctx: NodeContext[AskConfig]) -> Mapping[str, Any]:
        asked = range(ctx.config.times)
        return {"answers": [ctx.interrupt(ctx.config.question, ctx.config.answer_schema, number=n) for n in asked]}


class AsksThenFails(NodeType[TraceConfig]):
    """Asks, fails its first try after the answer, and asks once more in the second."""

    name: ClassVar[str] = "asks_then_fails"
    config_model = TraceConfig

    async def run(self, ctx: NodeContext[TraceConfig]) -> Mapping[str, Any]:
        first = ctx.interrupt("first?")
        leave(ctx.config.file, "answered")
        if len(Path(ctx.config.file).read_text().splitlines()) == 1:
            raise RuntimeError("not yet")
        return {"answers": [first, ctx.interrupt("second?")]}


class AsksThenWorks(NodeType[TraceConfig]):
    """Asks, and works for its time once it has the answer."""

    name: ClassVar[str] = "asks_then_works"
    config_model = TraceConfig

    async def run(self, ctx: NodeContext[TraceConfig]) -> Mapping[str, Any]:
        answer = ctx.interrupt("first?")
        ctx.log("info", "answered")
        await asyncio.sleep(ctx.config.seconds)
        leave(ctx.config.file, ctx.config.text)
        return {"answer": answer}


class ChattyConfig(Config):
    """How many log lines, seconds between two, and characters of padding in each."""

    lines: int = 10
    every: float = 0.0
    padding: int = 0


class Chatty(NodeType[ChattyConfig]):
    """Logs many lines: a steady stream of events."""

    name: ClassVar[str] = "chatty"
    config_model = ChattyConfig

    async def run(self, ctx: NodeContext[ChattyConfig]) -> Mapping[str, Any]:
        for number in range(ctx.config.lines):
            ctx.log("info", f"line {number}{' ' * ctx.config.padding}", number=number)
            await asyncio.sleep(ctx.config.every)
        return {"lines": ctx.config.lines}


class Exits(NodeType[TraceConfig]):
    """Takes the whole process down, as a crash in native code does."""

    name: ClassVar[str] = "exits"
    config_model = TraceConfig

    async def run(self, ctx: NodeContext[TraceConfig]) -> Mapping[str, Any]:
        leave(ctx.config.file, ctx.config.text)
        await asyncio.sleep(ctx.config.seconds)
        os._exit(42)


PROBES: Iterable[type[NodeType[Any]]] = (
    Trace,
    Sync,
    Held,
    Stubborn,
    Blocking,
    Ask,
    AsksThenFails,
    AsksThenWorks,
    Chatty,
    Pipe,
    Exits,
    Teller,
    SyncTeller,
    Traitor,
)


def registry() -> Registry:
    """The installed node types and the probes."""
    types = Registry.installed()
    for probe in PROBES:
        types.register(probe)
    return types
