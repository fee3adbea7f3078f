"""The review desk: moderators decide, one at a time per candidate, and never about their own words."""

from dataclasses import dataclass

from bot.screening.protocol import Screener
from storage.store import Store
from storage.values import Candidate


@dataclass(frozen=True, slots=True)
class ReviewCard:
    """One candidate with what a reviewer wants to know."""

    candidate: Candidate
    votes_up: int
    votes_down: int
    waiting: int
    """How many candidates wait, this one included."""


class ReviewDesk:
    """Candidates in, decisions out.

    Args:
        store: where candidates live.
        screening: looks at edited words again.
        may_review_own: whether reviewers may decide about their own words. Only the operator at the terminal may.
    """

    def __init__(self, store: Store, screening: Screener, *, may_review_own: bool = False) -> None:
        raise NotImplementedError

    async def waiting(self, *, after_id: int = 0, limit: int = 20) -> list[Candidate]:
        """Candidates that wait, oldest first, from after a key."""
        raise NotImplementedError

    async def next(self, reviewer_key: str, *, after_id: int = 0) -> ReviewCard | None:
        """The oldest candidate after a key that this reviewer may decide; None at the end of the queue."""
        raise NotImplementedError

    async def card(self, candidate_id: int) -> ReviewCard:
        """One candidate's card.

        Raises:
            WrongUsage: no such candidate.
        """
        raise NotImplementedError

    async def approve(self, candidate_id: int, reviewer_key: str) -> Candidate:
        """Say yes.

        Raises:
            Refused: decided already, the reviewer's own words, consent is gone, or a screen refused it.
            WrongUsage: no such candidate.
        """
        raise NotImplementedError

    async def edit(self, candidate_id: int, reviewer_key: str, reply: str) -> Candidate:
        """Say yes to other words for the bot's last reply; they are screened again.

        Raises:
            Refused: as for `approve`, or screening refused the new words (the reason is named).
            WrongUsage: no such candidate.
        """
        raise NotImplementedError

    async def reject(self, candidate_id: int, reviewer_key: str, reason: str = "") -> Candidate:
        """Say no.

        Raises:
            Refused: decided already, or the reviewer's own words.
            WrongUsage: no such candidate.
        """
        raise NotImplementedError
