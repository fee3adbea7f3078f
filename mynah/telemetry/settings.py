"""Settings of what a process tells about itself: its log, its health, its figures, its traces."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class LoggingSettings(BaseModel):
    """How the log on standard error looks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["text", "json"] = "text"
    """`json`: one JSON object a line, for programs that gather logs. The file in the home folder stays text."""


class TelemetrySettings(BaseModel):
    """Where bot and trainer answer `/healthz`, `/readyz` and `/metrics`, and where they send traces."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """Whose connections are taken. `0.0.0.0` for those of other machines: the answers hold no words and no names, but
    anybody who reaches the port may read them."""
    bot_port: int | None = Field(default=None, ge=1, le=65535)
    """The bot's port. None: it does not listen."""
    trainer_port: int | None = Field(default=None, ge=1, le=65535)
    """The trainer's port, another one than the bot's, since both may run on one machine. None: it does not listen."""
    traces_url: str | None = None
    """Where traces are sent: a collector that takes OTLP over HTTP. None: nothing is traced. Needs `mynah[tracing]`."""

    @field_validator("traces_url")
    @classmethod
    def _names_the_path(cls, url: str | None) -> str | None:
        if url is not None and not re.fullmatch(r"https?://[^/\s]+/\S+", url):
            raise ValueError("it is no address with a path, such as http://127.0.0.1:4318/v1/traces")
        return url
