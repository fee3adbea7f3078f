"""Settings of the store."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class StoreSettings(BaseModel):
    """Where rows live and how author ids are keyed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = None
    """SQLAlchemy URL, such as `postgresql+asyncpg://user@host/mynah`. None: `mynah.db` in the home folder."""

    author_key_secret: SecretStr | None = None
    """Key of the keyed hash that stands for an author's id. None: a random one, made once, kept in the home folder."""

    busy_timeout_seconds: float = Field(default=5.0, gt=0)
    """How long to wait for another process's lock before saying so."""

    outage_seconds: float = Field(default=30.0, ge=0)
    """How long reads and writes wait for a PostgreSQL that went away, such as for a restart, before they fail."""

    group_commit_rows: int = Field(default=64, ge=1)
    """At most this many waiting writes share one commit."""


class ModelsSettings(BaseModel):
    """Where machines share model versions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = None
    """A folder or S3-compatible store, such as `/mnt/models` or `s3://bucket/mynah`. None: the home folder alone."""
