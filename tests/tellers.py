"""Node types for tests that tell a credential in every way that a node can tell something."""

import asyncio
import base64
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import quote

import httpx
from langgraph.types import interrupt

from milepost.graphs.context import NodeContext
from milepost.graphs.failures import NodeError
from milepost.graphs.node_types import Config, NodeType

Way = Literal["gives", "raises", "raises_its_type", "is_wrong", "asks", "asks_langgraph", "waits", "calls", "hangs"]


class TellerConfig(Config):
    """The credential, how the node ends, and whom it calls."""

    token: str
    way: Way = "gives"
    url: str = ""
    short: str = ""


class Teller(NodeType[TellerConfig]):
    """Tells its credential while it works, and once more when it ends."""

    name: ClassVar[str] = "teller"
    config_model = TellerConfig
    reads_secrets = True
    times_out = True

    async def run(self, ctx: NodeContext[TellerConfig]) -> Mapping[str, Any]:
        token = ctx.config.token
        tell(ctx)
        if ctx.config.way == "asks":
            ctx.interrupt(f"shall I use {token}?", {"const": token}, hint=forms(token), timeout=0.2)
        elif ctx.config.way == "asks_langgraph":
            interrupt({"question": f"and {token}?", "known": [token]})
        elif ctx.config.way == "waits":
            ctx.wait_for_event(f"event {token}", timeout=0.2)
        elif ctx.config.way == "hangs":
            await asyncio.Event().wait()
        elif ctx.config.way == "calls":
            return await _called(ctx.config)
        return ended(ctx.config)


class SyncTeller(NodeType[TellerConfig]):
    """The same in a thread."""

    name: ClassVar[str] = "sync_teller"
    config_model = TellerConfig
    reads_secrets = True

    def run(self, ctx: NodeContext[TellerConfig]) -> Mapping[str, Any]:
        tell(ctx)
        return ended(ctx.config)


def tell(ctx: NodeContext[TellerConfig]) -> None:
    """Report the credential while the node works."""
    token = ctx.config.token
    ctx.progress(0.5, f"with {token}")
    ctx.log("info", f"using {token}", token=token, nested={"list": [token], token: 1}, error=ValueError(token))
    for piece in _pieces(f"it is {token}, that is {forms(token)[2]}!"):
        ctx.delta(piece)
    logging.getLogger("library").warning("connecting with %s", token)
    try:
        raise ValueError(forms(token)[1])
    except ValueError:
        logging.getLogger("library").exception("no connection")


def ended(config: TellerConfig) -> Mapping[str, Any]:
    """What the node gives, or raises."""
    token = config.token
    if config.way == "raises":
        try:
            raise ValueError(f"refused: {forms(token)}")
        except ValueError as error:
            raise NodeError(f"bad {token}", "x" * 4090 + token) from error
    if config.way == "raises_its_type":
        raise type(f"Bad{token}", (Exception,), {})(token)
    if config.way == "is_wrong":
        return {"value": {token}}
    return {"token": token, "forms": forms(token), "nested": {token: [{"t": f"a{token}b"}]}, "list": [token, token]}


def forms(token: str) -> list[str]:
    """A credential as others write it."""
    raw = token.encode()
    basic = base64.b64encode(b"user:" + raw).decode()
    return [token, quote(token, safe=""), f"Basic {basic}", json.dumps(token), base64.b64encode(raw).decode()]


async def _called(config: TellerConfig) -> Mapping[str, Any]:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(
            config.url, params={"key": config.token}, auth=("user", config.token), headers={"X-Key": config.short}
        )
    if answer.is_error:
        raise RuntimeError(f"{answer.request.url} {dict(answer.request.headers)} answered {answer.text}")
    body: Mapping[str, Any] = answer.json()
    return {"status": answer.status_code, "body": body, "text": answer.text}


def _pieces(text: str) -> Iterator[str]:
    for place in range(0, len(text), 3):
        yield text[place : place + 3]


class TraitorConfig(Config):
    """What is written where, or asked."""

    file: str = ""
    text: str = ""
    ask: str = ""
    timeout: float = 1.0


class Traitor(NodeType[TraitorConfig]):
    """Writes what it was given into a file behind the server's back, and gives it."""

    name: ClassVar[str] = "traitor"
    config_model = TraitorConfig
    reads_secrets = True
    times_out = True

    async def run(self, ctx: NodeContext[TraitorConfig]) -> Mapping[str, Any]:
        if ctx.config.ask:
            ctx.interrupt(ctx.config.ask, timeout=ctx.config.timeout)
        with Path(ctx.config.file).open("a", encoding="utf-8") as file:
            file.write(f"{ctx.config.text}\n")
        return {"text": ctx.config.text}
