"""The node types `wait`, which sleeps for a short time and parks the run for a longer one, and `wait_event`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field

from milepost.graphs.context import LONGEST_SLEEP, NodeContext
from milepost.graphs.failures import NodeError
from milepost.graphs.node_types.base import Config, NodeType
from milepost.graphs.problems import Problem

LONGEST_WAIT = 315_360_000
"""Seconds; ten years."""

EVENT_NAME = r"^[A-Za-z0-9_.-]{1,128}$"
"""What events may be called; the route that sends them allows no others."""


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("in UTC its year is not one from 1 to 9999") from error


class WaitConfig(Config):
    """Either `seconds`, or `until`: a time with its zone, like `2030-01-01T09:00:00Z`."""

    seconds: float | None = Field(
        default=None, ge=0, le=LONGEST_WAIT, allow_inf_nan=False, description="How long, from when the node begins."
    )
    until: Annotated[AwareDatetime, AfterValidator(_in_utc)] | None = Field(
        default=None, description="Instead of `seconds`: a time with its zone, like `2030-01-01T09:00:00Z`."
    )


class Wait(NodeType[WaitConfig]):
    """Up to 5 seconds it sleeps; a longer wait holds no task, no memory and no slot, and survives a restart."""

    name = "wait"
    title = "Wait"
    description = (
        "Waits for some seconds, or until a time. Up to 5 s it sleeps; longer it parks the run: no task, no memory, "
        "and a restart changes nothing."
    )
    output = '`{"waited_until": …}`'
    config_model = WaitConfig

    async def run(self, ctx: NodeContext[WaitConfig]) -> Mapping[str, Any]:
        """`{"waited_until": …}`, the time that the wait was for."""
        config = ctx.config
        if config.until is not None:
            until = int(config.until.timestamp() * 1000)
        elif config.seconds is not None:
            until = ctx.now + int(config.seconds * 1000)
        else:
            raise NodeError("invalid_config", "wait needs seconds or until", retryable=False)
        until = await self._wait(ctx, until)
        return {"waited_until": datetime.fromtimestamp(until / 1000, UTC).isoformat().replace("+00:00", "Z")}

    async def _wait(self, ctx: NodeContext[WaitConfig], until: int) -> int:
        left = (until - ctx.now) / 1000
        if ctx.parked_until is None and left <= LONGEST_SLEEP:
            await ctx.sleep(max(left, 0))
            return until
        return ctx.park_until(until)

    def check(self, config: Mapping[str, Any], path: str) -> Iterable[Problem]:
        """Exactly one of `seconds` and `until`."""
        if ("seconds" in config) == ("until" in config):
            yield Problem(path, "invalid_value", "wait needs either seconds or until")


class WaitEventConfig(Config):
    """`event`: the name of what is waited for; `timeout`: seconds until the node gives up."""

    event: str = Field(pattern=EVENT_NAME, description="The name of the event that is waited for.")
    timeout: float | None = Field(
        default=None,
        gt=0,
        le=LONGEST_WAIT,
        allow_inf_nan=False,
        description='Seconds after which it gives up and takes the edges with `when: "timeout"`.',
    )


class WaitEvent(NodeType[WaitEventConfig]):
    """Takes the oldest event of its name that the run was sent and no node has taken; parks until there is one."""

    name = "wait_event"
    title = "Wait for an event"
    description = "Parks the run until somebody sends it an event of this name; one that came before is taken at once."
    output = 'the event\'s payload if it is an object, otherwise `{"payload": …}`'
    config_model = WaitEventConfig
    times_out = True

    async def run(self, ctx: NodeContext[WaitEventConfig]) -> Mapping[str, Any]:
        """The event's payload if it is an object, otherwise `{"payload": …}`."""
        payload = ctx.wait_for_event(ctx.config.event, timeout=ctx.config.timeout)
        return payload if isinstance(payload, dict) else {"payload": payload}
