"""The plain values of monitoring: what was seen of a version on a day, and what that says. Frozen; numbers only."""

from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class DayCounts:
    """What was seen of a version in one line's servers."""

    answers: int = 0
    held: int = 0
    """Of the answers: the screens held them."""
    refused: int = 0
    """Of the answers: the screens refused them."""
    asked: int = 0
    """Messages of people on the day; counted for the version that answered most."""
    asked_held: int = 0
    asked_refused: int = 0
    votes_up: int = 0
    """On the day's answers, whenever they were cast."""
    votes_down: int = 0
    thanked: int = 0
    corrected: int = 0
    asked_again: int = 0
    went_on: int = 0
    left: int = 0
    """Answers after which nothing was said: whoever got them left, pleased or not."""

    def __add__(self, other: "DayCounts") -> "DayCounts":
        return DayCounts(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    @property
    def votes(self) -> int:
        """In all."""
        return self.votes_up + self.votes_down

    @property
    def listened_to(self) -> int:
        """Answers of which it is known what came next, leaving included."""
        return self.thanked + self.corrected + self.asked_again + self.went_on + self.left


@dataclass(frozen=True, slots=True)
class Surprise:
    """How surprised a version was by exchanges that it has not learnt, as sums that can be added up."""

    items: int
    tokens: int
    nats: float
    """Over all tokens."""
    loss_sum: float
    """Of the items' mean losses, in nats a token."""
    loss_squares: float
    """Of their squares."""

    def __add__(self, other: "Surprise") -> "Surprise":
        return Surprise(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


class State(StrEnum):
    """What a measure says."""

    STEADY = "steady"
    WORSE = "worse"
    """By more than the settings allow, and by more than chance explains."""
    TOO_FEW = "too-few"
    """Too few to say."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a version: the last days against those before."""

    name: str
    state: State
    sentence: str
    """For people."""
    recent: float | None = None
    earlier: float | None = None
    worsening: float | None = None
    """By how much it got worse, in the unit of `limit`; below 0: better."""
    low: float | None = None
    """Where the true worsening lies at least, at 99 %."""
    high: float | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class MonitoredDay:
    """What was seen of a version on one day."""

    line: str
    version: str
    day: date
    counts: DayCounts
    measured_at: datetime
    surprise: Surprise | None = None
    """None: nothing to measure it on, or it was not the day before."""
    measures: tuple[Measure, ...] = ()
    """As they stood after that day; only of the version that was champion then."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A retrain that is proposed; nothing starts it but a person."""

    id: int
    line: str
    version: str
    reasons: tuple[str, ...]
    created_at: datetime
