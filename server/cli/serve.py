"""`milepost serve`: the server in the foreground, until SIGTERM or Ctrl-C."""

import asyncio
import errno
import ipaddress
import os
import sys
from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Annotated, Any

import structlog
import typer

from milepost.server import logs
from milepost.server.app import App, build
from milepost.server.cli.banner import banner
from milepost.server.cli.mistake import Mistake
from milepost.server.config import Settings, is_secret, load_settings
from milepost.server.errors import StartRefused
from milepost.server.serving import run

log = structlog.get_logger("milepost.server")

REASONS = {
    errno.EADDRINUSE: "it is taken; stop what uses it, or choose another with --port (0 takes a free one)",
    errno.EACCES: "this user may not listen there; ports below 1024 need privileges",
    errno.EADDRNOTAVAIL: "this machine does not have that address; --host 127.0.0.1 is what only this machine reaches",
}


def _with_settings(function: Callable[..., None]) -> Callable[..., None]:
    """``function`` with an option for each setting that is no secret; those that are not given are None."""
    described: Any = function
    described.__signature__ = Signature([_option(name) for name in Settings.model_fields if not is_secret(name)])
    return function


def _option(name: str) -> Parameter:
    field, flag = Settings.model_fields[name], name.replace("_", "-")
    if field.annotation is bool:
        kind: Any = bool | None
        option = typer.Option(f"--{flag}/--no-{flag}", help=_help(name), show_default=False)
    else:
        kind = str | None
        option = typer.Option(f"--{flag}", help=_help(name), metavar=_metavar(field.annotation), show_default=False)
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option])


def _help(name: str) -> str:
    field = Settings.model_fields[name]
    default = {True: "on", False: "off", (): "none", "": "none", None: "none"}.get(field.default, field.default)
    return f"{field.description} Default: {default}. Variable: MILEPOST_{name.upper()}."


def _metavar(annotation: Any) -> str:
    return {int: "NUMBER", float: "NUMBER"}.get(annotation, "TEXT")


@_with_settings
def serve(**options: Any) -> None:
    """Run the server until SIGTERM or Ctrl-C. Every option is also a MILEPOST_ variable; the option wins."""
    try:
        settings = load_settings(**options)
    except StartRefused as error:
        raise Mistake(error.detail) from error
    try:
        app = build(settings)
        logs.configure(settings.log_level, sys.stderr, app.veils)
        run(app, lambda url, secret: _ready(app, url, secret))
    except StartRefused as error:
        raise Mistake(error.detail) from error
    except OSError as error:
        _leave(_refusal(settings, error), 2)
    log.info("stopped")
    _leave("", 0)


def _ready(app: App, url: str, secret: str) -> None:
    if not _loopback(app.settings.host):
        log.warning(
            "others reach this address and there is no TLS: put a proxy with TLS in front", host=app.settings.host
        )
    log.info("started", url=url, data=str(app.settings.data))
    # The server's own loop is calling; it must go on to read what the banner shows.
    asyncio.ensure_future(_announce(app, url, secret))  # noqa: RUF006 - the loop outlives it


async def _announce(app: App, url: str, secret: str) -> None:
    token, _ = await app.one_time.link(await app.keys.authenticate(secret))
    sys.stdout.write(await banner(app, url, f"{url}/api/auth/link?token={token}"))
    sys.stdout.flush()


def _refusal(settings: Settings, error: OSError) -> str:
    place = f"{settings.host}:{settings.port}"
    if error.errno in REASONS:
        return f"cannot listen on {place}: {REASONS[error.errno]}"
    return f"cannot start on {place} with {settings.data}: {error.strerror or error}"


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _leave(message: str, code: int) -> None:
    """Leave at once: a thread that is stuck in somebody's node must not hold the process."""
    if message:
        sys.stderr.write(f"milepost: {message}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
