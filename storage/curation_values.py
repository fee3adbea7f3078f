"""The plain values of curation: what became of an approved candidate, and what one is judged beside. Frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from storage.values import Message, Source


class LeftOutBecause(StrEnum):
    """Why an approved candidate is not in a snapshot; `refused by screening: …` and `source … is not learnt from` too."""

    NO_EXCHANGE = "not a message and its answer"
    SAME_WORDS = "said before in the same words"
    CLUSTER_FULL = "nearly the same was said often enough"
    BOTH_SIDES = "nearly the same was both learnt and held out"
    MEMBER_FULL = "a member has enough examples"
    MEMBER_FULL_NOW = "a member has enough new examples for one cycle"
    CYCLE_FULL = "the cycle has enough new examples"
    NEWCOMER = "a new member waits for one cycle"
    YOUNG_ACCOUNT = "an account is too young"
    DISTRUSTED = "a member was turned down too often"


NEEDS_ROOM = frozenset(
    {
        LeftOutBecause.SAME_WORDS,
        LeftOutBecause.CLUSTER_FULL,
        LeftOutBecause.BOTH_SIDES,
        LeftOutBecause.MEMBER_FULL,
    }
)
"""Left out in favour of others: looked at again when those are gone."""
COMES_BACK = frozenset({LeftOutBecause.MEMBER_FULL_NOW, LeftOutBecause.NEWCOMER, LeftOutBecause.YOUNG_ACCOUNT})
"""Looked at again in the next cycle, whatever happens."""


@dataclass(frozen=True, slots=True)
class Pending:
    """An approved candidate that is to be looked at."""

    candidate_id: int
    source: Source
    was_kept: bool
    """Whether an earlier look took it: then it is no news, and comes before what is."""


@dataclass(frozen=True, slots=True)
class Record:
    """How a member's newest words fared; what trust is made of."""

    approved: int = 0
    rejected: int = 0
    """By people, not because consent was taken back."""
    votes_up: int = 0
    votes_down: int = 0
    held: int = 0
    """Candidates in which the screens doubted something."""
    refused: int = 0
    """Messages that the screens refused."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a cap, a quarantine or trust asks about a member. Imports are not counted."""

    kept: int = 0
    """Examples that snapshots take."""
    kept_now: int = 0
    """Those that are new in this cycle."""
    first_cycle: int | None = None
    """In which something of theirs was first looked at; None: never."""
    account_made_on: datetime | None = None
    """None: not known."""
    record: Record = field(default_factory=Record)


@dataclass(frozen=True, slots=True)
class Near:
    """A kept example that may be a near-duplicate: whether it is, its words tell."""

    candidate_id: int
    messages: tuple[Message, ...]
    cluster: int
    side: str


@dataclass(frozen=True, slots=True)
class Beside:
    """What some candidates are judged beside."""

    cycle: int = 0
    is_first_cycle: bool = True
    """Whether no talk of a line's members was looked at in an earlier one: all are new, and nobody waits for it."""
    digests: frozenset[str] = frozenset()
    """Those of the given words that a kept example says already."""
    near: tuple[Near, ...] = ()
    members: Mapping[str, Standing] = field(default_factory=dict)
    talk_in_cluster: Mapping[int, int] = field(default_factory=dict)
    """Kept examples of members' talk."""
    imports_in_cluster: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewCuration:
    """What became of a candidate, to be written."""

    candidate_id: int
    seen_hash: str
    """The content hash of the words that were judged; an outcome about other words is not kept."""
    reason: str
    """Empty: it is taken."""
    digest: str
    messages: tuple[Message, ...] | None
    """The words as they are learnt; None: as they were written."""
    cluster: int
    joins: tuple[int, ...] = ()
    """Other clusters that it is near to: they are this one from now on."""


@dataclass(frozen=True, slots=True)
class Curation:
    """What became of an approved candidate."""

    candidate_id: int
    reason: str
    """Why it is left out; empty: it is taken."""
    is_current: bool
    """Whether it still holds; otherwise the next run looks again."""
    rules: str
    screen_version: str
    side: str
    """`train`, `heldout`, or nothing yet."""
    first_cycle: int
    kept_cycle: int | None
    """The run that first took it."""
    looked_at: datetime
    snapshots: tuple[str, ...] = ()
    """Content hashes of those it was in, oldest first."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An example that snapshots take."""

    candidate_id: int
    messages: tuple[Message, ...]
    """The words as they are learnt."""
    digest: str
    source: Source
    author_keys: tuple[str, ...]
    server: str
    channel: str
    cluster: int
    side: str
