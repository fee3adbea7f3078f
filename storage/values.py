"""The plain values that repositories take and hand out. Frozen; times are aware and in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """Who speaks in a turn."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Source(StrEnum):
    """How a person's words reached us; the operator chooses which sources may be learnt from."""

    MESSAGE = "message"
    SLASH = "slash"
    CORRECTION = "correction"
    IMPORT = "import"


class Outcome(StrEnum):
    """What a screen decided; ordered from mild to strict by `strictest`."""

    PASS = "pass"  # noqa: S105 - not a password
    HOLD = "hold"
    REFUSE = "refuse"


def strictest(outcomes: list[Outcome]) -> Outcome:
    """The strictest of some outcomes; `pass` when there are none."""
    order = list(Outcome)
    return max(outcomes, key=order.index, default=Outcome.PASS)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What screening decided about one text, for learning; faces also ask `blocks_reply`."""

    outcome: Outcome
    text: str
    """The text to keep: personal data replaced by placeholders such as `[email]`."""
    reasons: tuple[str, ...] = ()
    """`screen:detail` each, such as `personal-data:email`, `toxicity:insult`, `bounds:too-long`, `crisis:self-harm`."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Label to probability, 0 to 1."""
    screen_version: str = ""
    blocks_reply: bool = False
    """Whether the bot should not answer (or not send) this text as it stands."""
    is_crisis: bool = False
    """Whether a person sounds in danger: the operator's own text answers, and nothing of it is learnt."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as a model sees it."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A turn to be written."""

    conversation_id: int
    role: Role
    text: str
    source: Source
    verdict: Verdict
    author_key: str | None = None
    """Keyed hash of the author's id; None for the bot."""
    external_id: str | None = None
    """The message's id at the face, such as a Discord message id."""
    model_version: str | None = None
    latency_seconds: float | None = None
    reply_to: int | None = None
    """The user's turn that an answer answers: several people may be answered at once in one channel."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, as stored."""

    id: int
    conversation_id: int
    role: Role
    text: str
    source: Source
    verdict: Verdict
    created_at: datetime
    author_key: str | None
    external_id: str | None
    model_version: str | None
    latency_seconds: float | None
    reply_to: int | None = None

    @property
    def message(self) -> Message:
        """The turn as a model sees it."""
        return Message(self.role, self.text)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns in order, in one channel or thread of one server."""

    id: int
    server: str
    channel: str
    started_at: datetime


class CandidateState(StrEnum):
    """Where a candidate example stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class NewCandidate:
    """An exchange that could be learnt from, to be written."""

    messages: tuple[Message, ...]
    """Ends with the assistant's words that would be learnt."""
    server: str
    channel: str
    source: Source
    verdict: Verdict
    """The strictest verdict over its messages."""
    author_keys: tuple[str, ...] = ()
    """Everyone whose words are in it and whose consent it needs; empty for an import without authors."""
    user_turn_id: int | None = None
    assistant_turn_id: int | None = None
    turn_ids: tuple[int, ...] = ()
    """Every turn whose words are in it, its context included: deleting or editing any of them drops it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An exchange that could be learnt from."""

    id: int
    messages: tuple[Message, ...]
    server: str
    channel: str
    source: Source
    verdict: Verdict
    author_keys: tuple[str, ...]
    state: CandidateState
    content_hash: str
    """SHA-256 over the messages; two candidates of one server never share it."""
    created_at: datetime
    user_turn_id: int | None
    assistant_turn_id: int | None
    turn_ids: tuple[int, ...] = ()


class Decision(StrEnum):
    """What a moderator decided."""

    APPROVE = "approve"
    EDIT = "edit"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Review:
    """A moderator's decision on a candidate."""

    id: int
    candidate_id: int
    reviewer_key: str
    decision: Decision
    reason: str
    created_at: datetime
    undone_at: datetime | None = None
    """When the reviewer took it back; it then counts for nothing."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The exact set of examples that one run used."""

    content_hash: str
    folder: str
    """Where it lies, relative to the home folder."""
    train_examples: int
    heldout_examples: int
    created_at: datetime
    line: str = ""
    """Whose words are in it: those of the servers that share a model (`""`), or of the one server of that id."""


class RunState(StrEnum):
    """Where a run of the trainer stands."""

    REQUESTED = "requested"
    CURATING = "curating"
    BUILDING = "building"
    TRAINING = "training"
    EVALUATING = "evaluating"
    GATING = "gating"
    PUBLISHING = "publishing"
    PROMOTED = "promoted"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to the run."""
        return self in {RunState.PROMOTED, RunState.REFUSED, RunState.FAILED, RunState.CANCELLED}


@dataclass(frozen=True, slots=True)
class Run:
    """One pass of the trainer."""

    id: int
    state: RunState
    requested_by: str
    """`schedule`, `approvals`, `command`, or the keyed hash of an admin."""
    progress: float
    """Of the whole run, 0 to 1."""
    note: str
    """What it does now, or the verdict in one sentence."""
    snapshot_hash: str | None
    version: str | None
    report: Mapping[str, object] | None
    """The report card, once there is one."""
    cancel_requested: bool
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    line: str = ""
    """The line of champions that it trains for; `""`: the shared one."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of one model version on one set of items."""

    run_id: int | None
    version: str
    set_name: str
    items: int
    tokens: int
    perplexity: float
    token_accuracy: float
    bits_per_byte: float


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """An immutable model folder, by its content hash."""

    version: str
    """First 16 hexadecimal digits of the content hash."""
    content_hash: str
    kind: str
    """`full` (whole weights) or `adapter` (a LoRA adapter over `base`)."""
    base: str | None
    """The version this one was trained from; None for a base."""
    parent: str | None
    """The champion when this one was made."""
    snapshot_hash: str | None
    run_id: int | None
    created_at: datetime
    note: str = ""


class Alias(StrEnum):
    """Names that point to a version."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    PREVIOUS = "previous"


class AliasAction(StrEnum):
    """Why an alias moved."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"
    SET = "set"


@dataclass(frozen=True, slots=True)
class AliasChange:
    """One move of an alias; the newest row of an alias is where it points."""

    id: int
    alias: Alias
    action: AliasAction
    from_version: str | None
    to_version: str | None
    actor: str
    reason: str
    created_at: datetime
    line: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, to what, when. Never message text."""

    id: int
    actor: str
    action: str
    subject: str
    details: Mapping[str, object]
    created_at: datetime
    server: str | None = None
    """Where it was decided; None: for all servers, or before servers were noted."""


@dataclass(frozen=True, slots=True)
class ForgetReceipt:
    """What forgetting a member removed, and which versions had learnt from them."""

    turns: int
    candidates: int
    votes: int
    versions: tuple[str, ...]
    id: int | None = field(default=None, compare=False)
    """Of the receipt that is kept until a clean version answers; see `Receipts`."""
