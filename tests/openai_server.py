"""A real HTTP server that speaks OpenAI's chat completions: streams, tools, usage, errors, stalls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from milepost.graphs.outbound.interface import Reply


@dataclass(frozen=True)
class Said:
    """An answer: a text, or tools that are used; `chunk` is the size of the pieces that it is streamed in."""

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    """Names and arguments, as the text that a model writes."""
    chunk: int = 7


@dataclass(frozen=True)
class Refused:
    """An HTTP error."""

    status: int
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stalled:
    """An answer of which nothing comes after its beginning."""

    beginning: str = ""


Answer = Said | Refused | Stalled


@dataclass
class OpenAiServer:
    """What was asked, and what the answers are: by turn of the test, or by a function of the request."""

    answers: list[Answer] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], Answer] | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    stalled: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """The client closed a connection on which an answer was not over."""
    port: int = 0

    @property
    def url(self) -> str:
        """What a node has as `base_url`."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the client closes it."""
        try:
            while (request := await _request(reader)) is not None:
                path, headers, body = request
                self.headers.append(headers)
                self.asked.append(body)
                if path != "/v1/chat/completions":
                    await _send(writer, 404, {"error": {"message": f"no {path}"}})
                    continue
                answer = self.answer(body) if self.answer is not None else self.answers.pop(0)
                await self._send(answer, body, reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _send(
        self, answer: Answer, body: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if isinstance(answer, Refused):
            told = {"error": {"message": answer.message, "type": "error", "code": None}}
            await _send(writer, answer.status, told, answer.headers)
            return
        assert body["stream"] is True
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        usage = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
        said = Said(answer.beginning) if isinstance(answer, Stalled) else answer
        for delta in _deltas(said):
            _event(writer, {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        await writer.drain()
        if isinstance(answer, Stalled):
            self.stalled.set()
            assert await reader.read(1) == b""
            self.closed.set()
            return
        reason = "tool_calls" if said.calls else "stop"
        _event(writer, {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        if body.get("stream_options", {}).get("include_usage"):
            _event(writer, {"choices": [], "usage": usage})
        _chunk(writer, b"data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()


async def _request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], dict[str, Any]] | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return first.split(" ")[1], headers, orjson.loads(body)


def _deltas(said: Said) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": said.text[at : at + said.chunk]} for at in range(0, len(said.text), said.chunk)]
    for index, (name, arguments) in enumerate(said.calls):
        function = {"name": name, "arguments": ""}
        deltas.append({"tool_calls": [{"index": index, "id": f"id_{index}", "type": "function", "function": function}]})
        for at in range(0, len(arguments), said.chunk):
            piece = {"arguments": arguments[at : at + said.chunk]}
            deltas.append({"tool_calls": [{"index": index, "function": piece}]})
    return deltas


def _event(writer: asyncio.StreamWriter, data: dict[str, Any]) -> None:
    whole = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "local", **data}
    _chunk(writer, b"data: " + orjson.dumps(whole) + b"\n\n")


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


async def _send(
    writer: asyncio.StreamWriter, status: int, told: dict[str, Any], headers: Mapping[str, str] | None = None
) -> None:
    body = orjson.dumps(told)
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(f"HTTP/1.1 {status} Status\r\n{head}\r\n".encode() + body)
    await writer.drain()


@asynccontextmanager
async def openai_server(*answers: Answer) -> AsyncIterator[OpenAiServer]:
    """A server on a free port of the loopback address that gives these answers in order."""
    server = OpenAiServer(list(answers))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


class Open:
    """A way out that refuses nothing, for tests below the server."""

    def client(self) -> httpx.AsyncClient:
        """A plain client."""
        return httpx.AsyncClient(trust_env=False)

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None,
        within: float,
        max_bytes: int,
    ) -> Reply:
        """One request without limits."""
        async with self.client() as client:
            got = await client.request(method, url, headers=dict(headers), content=content, timeout=within)
            return Reply(got.status_code, dict(got.headers), got.content, str(got.url))
