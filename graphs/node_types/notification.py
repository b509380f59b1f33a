"""The node type `send_notification`: tells people something, in the project's list or by a webhook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import orjson
from pydantic import BeforeValidator, Field

from milepost.graphs.context import NodeContext
from milepost.graphs.failures import NodeError
from milepost.graphs.node_types.approval import Name
from milepost.graphs.node_types.base import Config, NodeType
from milepost.graphs.node_types.tasks import Text, Title, row_id
from milepost.graphs.outbound.asked_wait import asked_wait
from milepost.graphs.problems import Problem, step_into

MAX_RECIPIENTS = 100
WITHIN = 30.0
"""Seconds that a webhook may take."""
TRY_AGAIN = frozenset({408, 425, 429})
"""Statuses below 500 after which another try may help."""
MAX_REPLY = 65_536
"""Bytes of its answer; they are read and dropped."""


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Recipients = Annotated[list[Name], BeforeValidator(_listed), Field(max_length=MAX_RECIPIENTS)]


class SendNotificationConfig(Config):
    """`to`: a name or a list of names. `url` and `headers` are for the channel `webhook`."""

    to: Recipients = Field(default_factory=list, description="Who is told: a name or a list of names.")
    title: Title = Field(description="What they are told first.")
    body: Text = Field(default="", description="More of it.")
    channel: Literal["in_app", "webhook"] = Field(
        default="in_app", description="The project's notifications, or a POST to `url`."
    )
    url: str | None = Field(default=None, max_length=2000, description="With `webhook`: where it is sent.")
    headers: dict[str, str] = Field(default_factory=dict, max_length=50, description="With `webhook`: headers by name.")


class SendNotification(NodeType[SendNotificationConfig]):
    """A row for each of those who are told, stored together with the node's result; or one request."""

    name = "send_notification"
    title = "Notify"
    description = "Tells people something: in the project's notifications, or by a webhook."
    output = '`{"channel", "to", "notification_ids"}`; of a webhook `{"channel", "to", "status"}`'
    config_model = SendNotificationConfig
    side_effects = True
    reads_secrets = True

    async def run(self, ctx: NodeContext[SendNotificationConfig]) -> Mapping[str, Any]:
        """`{"channel", "to", "notification_ids"}`, or with `status` where a webhook was called."""
        problems = "; ".join(message for _, message in _problems(ctx.config.model_dump(exclude_defaults=True)))
        if problems:
            raise NodeError("invalid_config", problems, retryable=False)
        if ctx.config.channel == "webhook":
            return await self._post(ctx)
        config, ids = ctx.config, list[str]()
        for name in dict.fromkeys(config.to):
            ids.append(row_id(f"{ctx.idempotency_key} {name}"))
            ctx.keep("notification", notification_id=ids[-1], recipient=name, title=config.title, body=config.body)
        return {"channel": "in_app", "to": config.to, "notification_ids": ids}

    async def _post(self, ctx: NodeContext[SendNotificationConfig]) -> Mapping[str, Any]:
        config = ctx.config
        headers = {"Content-Type": "application/json", **config.headers, "Idempotency-Key": ctx.idempotency_key}
        reply = await ctx.http.fetch(
            "POST",
            config.url or "",
            headers=headers,
            content=orjson.dumps(_message(ctx)),
            within=WITHIN,
            max_bytes=MAX_REPLY,
        )
        if not 200 <= reply.status < 300:
            again = reply.status >= 500 or reply.status in TRY_AGAIN
            wait = asked_wait(reply.headers.get("retry-after", ""), ctx.now)
            message = f"the webhook answered {reply.status}"
            raise NodeError("unexpected_status", message, retryable=again, retry_after=wait)
        return {"channel": "webhook", "to": config.to, "status": reply.status}

    def simulate(self, ctx: NodeContext[SendNotificationConfig]) -> Mapping[str, Any]:
        """What would be sent."""
        return {"simulated": True, "channel": ctx.config.channel, "to": ctx.config.to, "message": _message(ctx)}

    def check(self, config: Mapping[str, Any], path: str) -> Iterable[Problem]:
        """What each channel needs."""
        for key, message in _problems(config):
            yield Problem(step_into(path, key), "missing_key" if key not in config else "invalid_value", message)


def _message(ctx: NodeContext[SendNotificationConfig]) -> dict[str, Any]:
    run = {key: ctx.run.get(key) for key in ("project_id", "workflow_id")}
    config = ctx.config
    return {"to": config.to, "title": config.title, "body": config.body, "run_id": ctx.run.get("id"), **run}


def _problems(config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """What is missing, or too much, by key."""
    channel = config.get("channel", "in_app")
    if channel == "webhook" and not config.get("url"):
        yield "url", "the channel webhook needs a url"
    if channel == "in_app":
        if not config.get("to"):
            yield "to", "the channel in_app needs somebody to tell"
        for key in ("url", "headers"):
            if config.get(key):
                yield key, f"{key} is for the channel webhook"
