"""The node type `poll`: asks a URL until it answers as it should."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from milepost.graphs import Config, NodeContext, NodeError, NodeType

WITHIN = 30.0
MAX_BYTES = 65_536


class PollConfig(Config):
    """What to ask, and how often."""

    url: str = Field(description="What is asked, with GET.")
    status: int = Field(default=200, ge=100, le=599, description="The status that is waited for.")
    every: float = Field(default=1.0, gt=0, le=5, description="Seconds between two questions.")
    attempts: int = Field(default=10, ge=1, le=1000, description="How often it is asked.")


class Poll(NodeType[PollConfig]):
    """Waits for another service, up to `attempts` times."""

    name = "poll"
    title = "Poll"
    description = "Asks a URL until it answers with a status that is expected."
    output = '`{"attempts", "body"}`'
    config_model = PollConfig

    async def run(self, ctx: NodeContext[PollConfig]) -> Mapping[str, Any]:
        """How many times it was asked, and what it said in the end."""
        config = ctx.config
        for attempt in range(1, config.attempts + 1):
            reply = await ctx.http.fetch(
                "GET", config.url, headers={}, content=None, within=WITHIN, max_bytes=MAX_BYTES
            )
            ctx.log("info", "asked", attempt=attempt, status=reply.status)
            if reply.status == config.status:
                return {"attempts": attempt, "body": reply.body.decode("utf-8", "replace")}
            ctx.progress(attempt / config.attempts, f"still {reply.status}")
            if attempt < config.attempts:
                await ctx.sleep(config.every)
        raise NodeError("still_not_ready", f"no {config.status} in {config.attempts} attempts")
