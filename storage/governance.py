"""The plain values of consent, review and admin work. Frozen; times are aware and in UTC.

Words: a server is a Discord server's id as text, or `dm`, or `terminal`. A line is a chain of champions: the shared one,
`""`, or that of one server whose words no other model may learn; its name is the server's id.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from storage.values import Candidate, CandidateState, Source, Turn

SHARED_LINE = ""
"""The line of all servers that have none of their own."""


class Feedback(StrEnum):
    """What a member's next words say about an answer."""

    THANKED = "thanked"
    CORRECTED = "corrected"
    ASKED_AGAIN = "asked-again"
    WENT_ON = "went-on"
    """They talked on, and nothing can be told from it."""


class RejectReason(StrEnum):
    """Why a moderator says no: the choices to offer; a reason may also be free words."""

    WRONG = "wrong"
    HARMFUL = "harmful"
    PRIVATE = "private"
    SPAM = "spam"
    OFF_TOPIC = "off-topic"
    POOR = "poor"
    OTHER = "other"


class LeftOut(StrEnum):
    """Why a near-duplicate was not decided with the others."""

    OWN_WORDS = "own-words"
    NO_CONSENT = "no-consent"
    DOUBTFUL = "doubtful"
    """The screens doubt it more than the one that the moderator saw."""
    REFUSED = "refused"
    DECIDED = "decided"
    """Decided, or approved by this reviewer, already."""
    CAME_LATER = "came-later"
    """Written after the moderator looked."""


@dataclass(frozen=True, slots=True)
class Together:
    """What became of a candidate and its near-duplicates, decided by one click."""

    decided: tuple[Candidate, ...]
    """As they are now; with a quorum they may still wait."""
    left_out: Mapping[int, LeftOut]
    """Candidate id to reason."""


@dataclass(frozen=True, slots=True, order=True)
class QueuePlace:
    """A place in the review queue, to go on from; opaque but for `text` and `parse`."""

    rank: int
    candidate_id: int

    @property
    def text(self) -> str:
        """Short enough for a custom id."""
        return f"{self.rank}.{self.candidate_id}"

    @classmethod
    def parse(cls, text: str) -> "QueuePlace":
        """The place that a `text` names.

        Raises:
            ValueError: it names none.
        """
        rank, _, candidate_id = text.partition(".")
        return cls(int(rank), int(candidate_id))


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A candidate with what a reviewer wants to know."""

    candidate: Candidate
    place: QueuePlace
    approvals: tuple[str, ...]
    """Keys of the reviewers who approved these words so far."""
    quorum: int
    """How many must."""
    votes_up: int
    votes_down: int
    near_duplicates: int
    """Others that wait and say nearly the same."""
    newest_near_duplicate: int
    """The newest of their ids, or the candidate's own: what a click on this card may decide."""
    feedback: Feedback | None
    is_novel: bool
    """Whether nothing near it was approved yet."""


@dataclass(frozen=True, slots=True)
class ReviewerDay:
    """What one reviewer decided on one day (UTC); what was undone is not counted."""

    reviewer_key: str
    day: date
    approved: int
    edited: int
    rejected: int


@dataclass(frozen=True, slots=True)
class ReviewStats:
    """Who waits how long, and who decided."""

    waiting: int
    oldest_at: datetime | None
    median_age_seconds: float | None
    half_approved: int
    """Of those waiting, how many have an approval and need another."""
    days: tuple[ReviewerDay, ...]
    """Newest day first, then by reviewer."""


@dataclass(frozen=True, slots=True)
class ReviewCard:
    """A card in a review channel, and whether it shows what is."""

    message: str
    channel: str
    server: str
    candidate_id: int
    shown_state: CandidateState
    state: CandidateState | None
    """None: the candidate is gone, and the card must be taken down."""


@dataclass(frozen=True, slots=True)
class RunCard:
    """A message that shows a run."""

    id: int
    run_id: int
    server: str
    channel: str
    message: str | None
    """None: claimed, and not posted yet, or nobody knows whether it was."""
    is_announced: bool
    """Whether it was posted by itself; otherwise somebody asked for it."""
    is_open: bool
    """Whether it must be brought up to date."""
    problem: str
    """Why the run could not be announced; empty when it could."""


@dataclass(frozen=True, slots=True)
class Block:
    """A member whom moderators keep out of learning."""

    id: int
    server: str
    author_key: str
    blocked_by: str
    reason: str
    created_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What forgetting removed, and whether a clean version answers since."""

    id: int
    server: str
    """`*`: all servers."""
    author_key: str
    notify_id: str | None
    """The Discord id to tell; emptied once told."""
    turns: int
    candidates: int
    votes: int
    versions: tuple[str, ...]
    """Those that had learnt from the member."""
    created_at: datetime
    clean_version: str | None
    clean_at: datetime | None
    told_at: datetime | None


@dataclass(frozen=True, slots=True)
class Purged:
    """What retention removed."""

    turns: int
    candidates: int
    votes: int


class CanaryOutcome(StrEnum):
    """How a canary ended."""

    PROMOTED = "promoted"
    REVERTED = "reverted"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Canary:
    """A version that answers a share of a line's channels until it is decided."""

    id: int
    line: str
    version: str
    champion: str | None
    """The line's champion when it began: what it is compared with."""
    share: float
    """Of the channels, 0 to 1."""
    started_by: str
    started_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    outcome: CanaryOutcome | None
    figures: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen of a version's answers in a time."""

    version: str
    answers: int
    held: int
    """Answers that the screens held."""
    refused: int
    votes_up: int
    votes_down: int


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An approved exchange near some words."""

    candidate: Candidate
    score: float
    """Share of the telling words in common, 0 to 1."""


@dataclass(frozen=True, slots=True)
class ConsentDecision:
    """What a member decided, once."""

    server: str
    """`*`: all servers."""
    allowed: bool
    created_at: datetime
    account_made_on: datetime | None = None
    """The day on which their account was made, where the face told it."""


@dataclass(frozen=True, slots=True)
class MemberVote:
    """A member's vote."""

    turn_id: int
    value: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MemberExample:
    """A candidate with a member's words, without those of others."""

    candidate_id: int
    server: str
    state: CandidateState
    source: Source
    created_at: datetime
    texts: tuple[str, ...]
    """The member's own words in it, and the replies where nobody else has a part in it."""
    snapshots: tuple[str, ...]
    """Content hashes of the snapshots it is in."""


@dataclass(frozen=True, slots=True)
class MemberSummary:
    """How much there is of a member: what `/privacy show` tells."""

    allowed: bool | None
    """The member's own decision: True, False, or None for never."""
    is_blocked: bool
    turns: int
    candidates: Mapping[CandidateState, int]
    votes: int
    versions: tuple[str, ...]
    """Those that have learnt from the member, oldest first."""


@dataclass(frozen=True, slots=True)
class MemberSignal:
    """What a member's next words were taken to say about an answer."""

    turn_id: int
    """Of the answer."""
    feedback: Feedback
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MemberExport:
    """Everything there is of a member."""

    author_key: str
    server: str | None
    """None: all servers."""
    consents: tuple[ConsentDecision, ...]
    turns: tuple[Turn, ...]
    examples: tuple[MemberExample, ...]
    votes: tuple[MemberVote, ...]
    blocks: tuple[Block, ...]
    receipts: tuple[Receipt, ...]
    versions: tuple[str, ...]
    channels: Mapping[int, str] = field(default_factory=dict)
    """Conversation id to server and channel, `server/channel`."""
    signals: tuple[MemberSignal, ...] = ()


@dataclass(frozen=True, slots=True)
class BotProcess:
    """A bot that runs."""

    name: str
    version: str
    """What it answers with: the shared champion, once its swap is done."""
    shards: str
    """Which of Discord's shards it has, in words; empty: all."""
    started_at: datetime
    seen_at: datetime
