"""What a button of a review card knows: all of it is in its custom id, so that it works after a restart of the bot."""

import re
from dataclasses import dataclass
from enum import StrEnum

from bot.review.desk import ReviewSheet
from storage.governance import QueuePlace

_SEEN_DIGITS = 12
PATTERN = r"(?P<face>[wc]):(?P<candidate>\d{1,18}):(?P<rank>-?\d{1,10}):(?P<newest>\d{1,18}):(?P<seen>[0-9a-f]{0,12})"
"""At most 100 characters with what stands before it."""


class Face(StrEnum):
    """Where a card is."""

    WALK = "w"
    """In private: it turns into the next card."""
    CHANNEL = "c"
    """In the review channel: it stays, and shows what became of it."""


@dataclass(frozen=True, slots=True)
class CardKey:
    """One candidate as one card showed it."""

    face: Face
    candidate_id: int
    rank: int
    newest_id: int
    """The newest near-duplicate that was counted."""
    seen: str
    """The beginning of the content hash of the words that were shown."""

    @classmethod
    def of(cls, face: Face, sheet: ReviewSheet) -> "CardKey":
        """The key of a card that is about to be shown."""
        item = sheet.item
        seen = sheet.candidate.content_hash[:_SEEN_DIGITS]
        return cls(face, item.place.candidate_id, item.place.rank, item.newest_near_duplicate, seen)

    @classmethod
    def at_the_end(cls, face: Face = Face.WALK) -> "CardKey":
        """The key of a message that shows no candidate."""
        return cls(face, 0, 0, 0, "")

    @classmethod
    def parse(cls, match: re.Match[str]) -> "CardKey":
        """The key that a custom id holds."""
        face, candidate_id, rank, newest_id, seen = match.group("face", "candidate", "rank", "newest", "seen")
        return cls(Face(face), int(candidate_id), int(rank), int(newest_id), seen)

    @property
    def text(self) -> str:
        """As `PATTERN` reads it."""
        return f"{self.face.value}:{self.candidate_id}:{self.rank}:{self.newest_id}:{self.seen}"

    @property
    def place(self) -> QueuePlace | None:
        """Where in the queue the card is; None: it shows no candidate."""
        return QueuePlace(self.rank, self.candidate_id) if self.candidate_id else None
