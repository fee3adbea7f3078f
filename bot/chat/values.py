"""What a face hands to the chat, and what it gets back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from storage.values import Candidate, Source


def _nowhere(_channel: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message that a person sent to the bot."""

    server: str
    """Where consent counts: a Discord guild's id, `dm`, `terminal`."""
    channel: str
    """Where the conversation is held: a channel's or thread's id."""
    author_key: str
    """The keyed hash of the author's id (`Store.author_key`)."""
    text: str
    source: Source = Source.MESSAGE
    external_id: str | None = None
    """The message's id at the face, so that its edits and its deletion find the row."""
    is_open: Callable[[str], bool] = field(default=_nowhere, compare=False, repr=False)
    """Whether everybody of the server may read a channel: only then may what was said there help here."""
    is_late: bool = False
    """Whether the face heard of it some time after it was said: what was answered then is not answered anew."""

    def may_show(self, channel: str) -> bool:
        """Whether what was said in a channel of the server may be told here."""
        return channel == self.channel or self.is_open(channel)


class ReplyKind(StrEnum):
    """What sort of reply a person got."""

    ANSWER = "answer"
    """The model's words."""
    APOLOGY = "apology"
    """Something failed or was too busy; trying again may help."""
    REFUSAL = "refusal"
    """A limit or a screen said no; trying the same again will not help at once."""
    CRISIS = "crisis"
    """The operator's own words for a person who sounds in danger."""
    STOPPED = "stopped"
    """The model's words up to where somebody stopped it."""
    WITHDRAWN = "withdrawn"
    """The question was deleted meanwhile: a face takes back what it showed."""
    ELSEWHERE = "elsewhere"
    """Another process answers it: a face shows nothing."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The end of a turn. There always is one, whatever failed."""

    text: str
    """Never empty."""
    kind: ReplyKind
    model_version: str | None = None
    """The version that answered; None when no model did."""
    user_turn_id: int | None = None
    """The stored question; None when it was not stored (too long, empty, over the limit, no database)."""
    assistant_turn_id: int | None = None
    """The stored answer, for votes and corrections; None when no answer was stored. Of a refusal: better words only."""
    candidate_id: int | None = None
    """The candidate example that waits for review; None when nothing of it may be learnt."""


@dataclass(frozen=True, slots=True)
class ReplyUpdate:
    """How an answer looks now."""

    text: str
    """All of the answer so far, screened; replaces what was shown before."""
    reply: Reply | None = None
    """Set in the last update only; `text` is then `reply.text`."""


class CorrectionOutcome(StrEnum):
    """What became of a person's better answer."""

    WAITING = "waiting"
    """It waits for review."""
    REFUSED = "refused"
    """Screening refused the words, or they cannot be read."""
    NO_CONSENT = "no-consent"
    """The one who corrects, or the one who asked, has not allowed learning here."""
    NOT_HERE = "not-here"
    """Nothing is learnt from this place."""
    UNKNOWN = "unknown"
    """There is no such answer (any more)."""
    FAILED = "failed"
    """The database or the screening could not do it now."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What became of a person's better answer."""

    outcome: CorrectionOutcome
    sentence: str
    """For the person: what happened, and what they can do."""
    candidate: Candidate | None = None
    """The candidate example, when it waits for review."""
