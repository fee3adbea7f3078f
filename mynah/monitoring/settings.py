"""Settings of health checks and figures."""

from pydantic import BaseModel, ConfigDict, Field


class MonitoringSettings(BaseModel):
    """Where bot and trainer answer `/healthz`, `/readyz` and `/metrics`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """Whose connections are taken. `0.0.0.0` for those of other machines: the answers hold no words and no names, but
    anybody who reaches the port may read them."""
    bot_port: int | None = Field(default=None, ge=1, le=65535)
    """The bot's port. None: it does not listen."""
    trainer_port: int | None = Field(default=None, ge=1, le=65535)
    """The trainer's port, another one than the bot's, since both may run on one machine. None: it does not listen."""
