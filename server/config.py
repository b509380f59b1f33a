"""Every setting of the server. The only reader of the environment."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from milepost.graphs.outbound.addresses import AllowedHosts
from milepost.server.errors import StartRefused

OWN_PATHS = frozenset({"api", "assets", "docs", "healthz", "metrics", "openapi.json", "readyz"})
"""What the first part of a prefix cannot be: a request would have two meanings."""


class Settings(BaseSettings):
    """Settings, each a ``MILEPOST_…`` variable. Frozen: read once, at start."""

    model_config = SettingsConfigDict(env_prefix="MILEPOST_", frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    root_path: str = Field("", description="Path of the server behind a proxy, such as /milepost.")
    data: Path = Field(Path("data"), description="Directory of the database and the owner's key.")
    max_concurrent_runs: int = Field(64, ge=1, le=10_000, description="Runs that execute at once; others queue.")
    sync_threads: int = Field(64, ge=1, le=1_000, description="Threads for synchronous nodes.")
    shutdown_grace: float = Field(
        10.0, ge=0, le=3600, description="Seconds that executing nodes get to end at SIGTERM."
    )
    max_body_bytes: int = Field(1_048_576, ge=1024, le=1 << 30, description="Largest request body, bytes.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level that is logged.")
    synchronous: Literal["full", "normal"] = Field(
        "full", description="SQLite's synchronous pragma; with normal a power cut may lose the last commits."
    )
    allowed_types: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Types that checkpoints may hold beside LangGraph's own: module:Class, comma-separated."
    )
    viewer_queue: int = Field(
        4096, ge=16, le=1_000_000, description="Events that a live viewer may lag behind before it is dropped."
    )
    secret_key: SecretStr | None = Field(
        None, min_length=32, description="Encrypts the secrets of projects, in the place of the file secret.key."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Hosts that nodes may call though they are not public: name, address or CIDR, :port if wanted."
    )
    examples: bool = Field(True, description="Put the example workflows into a fresh data directory.")
    enable_code_nodes: bool = Field(False, description="Run code nodes, which execute Python that authors write.")
    code_seconds: float = Field(60.0, ge=0.1, le=86_400, description="Seconds that a code node may take.")
    code_cpu_seconds: int = Field(30, ge=1, le=86_400, description="Seconds of the processor that it may use.")
    code_memory_bytes: int = Field(
        536_870_912, ge=64 << 20, le=1 << 40, description="Address space that it may have, bytes."
    )

    config: Path | None = Field(None, description="A langgraph.json, or its directory: its graphs become workflows.")

    @field_validator("allowed_types", "allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("root_path")
    @classmethod
    def _path(cls, value: str) -> str:
        if value and (
            re.fullmatch(r"(/(?!\.+(/|$))[A-Za-z0-9._~-]+)+", value) is None or value.split("/")[1] in OWN_PATHS
        ):
            own = ", ".join(sorted(OWN_PATHS))
            raise ValueError(
                "starts with / and ends without, of letters, digits and . _ ~ - between slashes; "
                f"the first part is none of {own}"
            )
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        AllowedHosts(value)
        return value

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "milepost.db"


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment, ``overrides`` (those that are not None) winning.

    Raises:
        StartRefused: a setting has a wrong value; the message names each and what is allowed.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        problems = [
            f"MILEPOST_{'_'.join(map(str, problem['loc'])).upper()}: {problem['msg']}{_got(problem)}"
            for problem in error.errors()
        ]
        raise StartRefused("; ".join(problems)) from error


def is_secret(name: str) -> bool:
    """Whether a setting is no option: others can read a command line."""
    return name == "secret_key"


def _got(problem: Any) -> str:
    """What was given; nothing of it where it is secret."""
    return "" if is_secret(str(problem["loc"][0])) else f" (got {problem.get('input')!r})"
