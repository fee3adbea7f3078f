"""Settings of the bot's parts. Each field's name carries its unit."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


DEFAULT_CRISIS_TEXT = (
    "That sounds really hard, and I'm glad you said it. I'm only a bot and can't help the way a person can. "
    "Please talk to someone you trust or to your local emergency or crisis line now. If you are in immediate danger, "
    "call your local emergency number. The people who run this server can help you find someone."
)


class ScreeningSettings(_Section):
    """What is let through."""

    checkpoint: Literal["embedded", "original", "unbiased", "multilingual"] = "embedded"
    """Which detoxify model screens; all but `embedded` are downloaded by detoxify."""
    hold_above: float | None = Field(default=None, ge=0, le=1)
    """Highest label probability from which a person must look. None: what the checkpoint's card says."""
    refuse_above: float | None = Field(default=None, ge=0, le=1)
    """Highest label probability from which text is refused. None: what the checkpoint's card says."""
    max_characters: int = Field(default=4000, ge=1)
    """Longer text is refused before anything else looks at it."""
    crisis_text: str = DEFAULT_CRISIS_TEXT
    """What a person who sounds in danger is told; never generated."""


class EngineSettings(_Section):
    """How answers are made."""

    base: str = "embedded"
    """`embedded`, a folder, or a hub name of any causal language model with safetensors."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    threads: int | None = Field(default=None, ge=1)
    """CPU threads for one forward pass. None: one for a small model, torch's own choice for others."""
    max_running: int = Field(default=16, ge=1)
    """Requests in one batch."""
    max_waiting: int = Field(default=64, ge=0)
    """Requests in the queue; more are refused politely."""
    max_waiting_per_member: int = Field(default=2, ge=1)
    """Requests of one member, running or waiting."""
    max_versions: int = Field(default=4, ge=2)
    """Model versions in memory at once: shared champion, canary, servers' own, their base; one more while it is loaded."""
    deadline_seconds: float = Field(default=60.0, gt=0)
    """An answer ends here with what it has."""
    context_tokens: int = Field(default=2048, ge=64)
    """Prompt and answer together never exceed this, nor what the model can read."""
    temperature: float = Field(default=0.3, ge=0, le=2)
    top_p: float = Field(default=0.95, gt=0, le=1)
    top_k: int = Field(default=50, ge=0)
    max_new_tokens: int = Field(default=96, ge=1)


class RemoteSettings(_Section):
    """Servers that answer in place of this machine: any that speaks OpenAI's HTTP API."""

    urls: tuple[Annotated[str, Field(pattern=r"^https?://\S+$")], ...] = ()
    """Addresses up to and with `/v1`; several: servers of the same models, of which the least busy is asked. Empty: this
    machine answers."""
    key: SecretStr | None = None
    """What the servers want to see (`Authorization: Bearer …`)."""
    model: str = ""
    """What the servers call the model. It stands for the base: where versions are to be trained, the same model as
    `MYNAH_ENGINE__BASE`."""
    adapters: bool = False
    """Whether the servers take adapters at run time (vLLM with `--enable-lora` and
    `VLLM_ALLOW_RUNTIME_LORA_UPDATING=True`); otherwise no version that is trained here answers."""
    models_folder: str | None = None
    """Where the servers see the folder `models` of the home folder. None: at the same path."""
    connect_seconds: float = Field(default=5.0, gt=0)
    first_token_seconds: float = Field(default=30.0, gt=0)
    """How long a server may be silent, before its first word and between two."""

    @property
    def takes_versions(self) -> bool:
        """Whether versions of ours can answer: on this machine, or as adapters on the servers."""
        return self.adapters or not self.urls

    @model_validator(mode="after")
    def _names_a_model(self) -> Self:
        if self.urls and not self.model:
            raise ValueError("MYNAH_REMOTE__URLS needs MYNAH_REMOTE__MODEL, the name of the model at the server")
        return self


class ChatSettings(_Section):
    """How a conversation is held."""

    persona: str = ""
    """A system message put first; empty: none (the embedded model was grown without one)."""
    history_turns: int = Field(default=8, ge=0)
    """Turns before the newest that the model sees."""
    candidate_context_turns: int = Field(default=4, ge=0)
    """Turns before an exchange that a candidate example keeps."""
    messages_per_minute: int = Field(default=20, ge=1)
    """One member's limit."""
    recall: Literal["auto", "on", "off"] = "auto"
    """Whether the nearest approved exchange helps an answer until it is trained in. `auto`: where `mynah recall measure`
    found that it helps on the base."""
    recall_tokens: int = Field(default=160, ge=1)
    """What such help may take of the model's context; an exchange that would take more is not used."""


class DiscordSettings(_Section):
    """How Discord is reached, and who may do what."""

    token: SecretStr | None = None
    """The bot's token, from the Developer Portal. None: no Discord."""
    api_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    """Where Discord's HTTP API is reached: a proxy or a stand-in, which gets the token. None: Discord itself."""
    gateway_url: str | None = Field(default=None, pattern=r"^wss?://\S+$")
    """Where Discord's gateway is reached, likewise. None: Discord itself."""
    channel_ids: tuple[int, ...] = ()
    """Channels where every message is answered; elsewhere a mention, a reply or a DM is needed."""
    moderator_role_ids: tuple[int, ...] = ()
    """Roles that may review. Empty: members who may manage messages."""
    admin_role_ids: tuple[int, ...] = ()
    """Roles that may retrain and choose models. Empty: members who may manage the server."""
    sync_commands: bool = True
    """Whether slash commands are registered at start."""
    edit_interval_seconds: float = Field(default=1.0, ge=0.2)
    """How often a streamed answer is edited."""
    catch_up_minutes: float = Field(default=30.0, ge=0, le=24 * 60)
    """How far back channels are read after a restart or a lost session: who spoke to the bot meanwhile is answered. 0: not."""
    shard_count: int | None = Field(default=None, ge=1)
    """Into how many shards Discord divides the servers, over all processes; needed from 2,500 servers on. None: no shards."""
    shard_ids: tuple[int, ...] = ()
    """Which shards this process takes. Empty: all."""
    members_intent: bool = False
    """Whether Discord is asked to tell who leaves a server (Server Members Intent, privileged): leaving is then a no."""
    permission_to_train_confirmed: bool = False
    """The operator confirms that Discord permitted training on message content (Developer Policy, rule 21).
    Until then nothing from Discord becomes a candidate example, whatever members agree to."""

    @model_validator(mode="after")
    def _has_its_shards(self) -> Self:
        if self.shard_ids and self.shard_count is None:
            raise ValueError("MYNAH_DISCORD__SHARD_IDS needs MYNAH_DISCORD__SHARD_COUNT, the shards of all processes")
        if any(not 0 <= shard < (self.shard_count or 0) for shard in self.shard_ids):
            raise ValueError(f"MYNAH_DISCORD__SHARD_IDS: shards are counted from 0 to {(self.shard_count or 0) - 1}")
        return self

    @property
    def shards(self) -> str:
        """Which shards this process takes, in words; empty: all there are."""
        if not self.shard_ids:
            return ""
        return f"{', '.join(map(str, sorted(self.shard_ids)))} of {self.shard_count}"
