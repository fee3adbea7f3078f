"""The review desk: moderators decide, one at a time per candidate, and never about their own words."""

import asyncio
from dataclasses import dataclass

from bot.review.words import what_is_wrong_with
from bot.screening.protocol import Screener
from storage.errors import Refused, WrongUsage
from storage.store import Store
from storage.values import Candidate, CandidateState, Outcome

_PAGE = 50


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

    Where a method takes `server`, only that server's candidates can be seen and decided; None: of all.
    """

    def __init__(self, store: Store, screening: Screener, *, may_review_own: bool = False) -> None:
        self._store = store
        self._screening = screening
        self._may_review_own = may_review_own
        # Looking at a candidate's state and deciding it are two calls of the store: one decision at a time.
        self._deciding = asyncio.Lock()

    async def waiting(self, *, after_id: int = 0, limit: int = 20) -> list[Candidate]:
        """Candidates that wait, oldest first, from after a key."""
        return await self._store.candidates.by_state(CandidateState.WAITING, after_id=after_id, limit=limit)

    async def next(self, reviewer_key: str, *, after_id: int = 0, server: str | None = None) -> ReviewCard | None:
        """The oldest candidate after a key that this reviewer may decide; None at the end of the queue."""
        while page := await self.waiting(after_id=after_id, limit=_PAGE):
            for candidate in page:
                if server in {None, candidate.server} and not self._is_own(candidate, reviewer_key):
                    return await self._card(candidate)
            after_id = page[-1].id
        return None

    async def card(self, candidate_id: int) -> ReviewCard:
        """One candidate's card.

        Raises:
            WrongUsage: no such candidate.
        """
        return await self._card(await self._candidate(candidate_id))

    async def approve(self, candidate_id: int, reviewer_key: str, *, server: str | None = None) -> Candidate:
        """Say yes.

        Raises:
            Refused: decided already, the reviewer's own words, consent is gone, or a screen refused it.
            WrongUsage: no such candidate.
        """
        async with self._deciding:
            await self._may_decide(candidate_id, reviewer_key, server)
            return await self._store.candidates.approve(candidate_id, reviewer_key)

    async def edit(self, candidate_id: int, reviewer_key: str, reply: str, *, server: str | None = None) -> Candidate:
        """Say yes to other words for the bot's last reply; they are screened again.

        Raises:
            Refused: as for `approve`, or screening refused the new words (the reason is named).
            WrongUsage: no such candidate, or words that cannot be read.
        """
        problem = what_is_wrong_with(reply)
        if problem is not None:
            raise WrongUsage(f"The new reply {problem}.", advice="Write it again, in plain words.")
        [verdict] = await self._screening.check([reply.strip()])
        if verdict.outcome is Outcome.REFUSE or verdict.is_crisis or not verdict.text.strip():
            reasons = ", ".join(verdict.reasons) or "no reason given"
            raise Refused(f"Screening refused the new reply ({reasons}).", advice="Put it another way, or reject.")
        async with self._deciding:
            await self._may_decide(candidate_id, reviewer_key, server)
            return await self._store.candidates.edit(candidate_id, reviewer_key, verdict.text, verdict)

    async def reject(
        self, candidate_id: int, reviewer_key: str, reason: str = "", *, server: str | None = None
    ) -> Candidate:
        """Say no.

        Raises:
            Refused: decided already, or the reviewer's own words.
            WrongUsage: no such candidate.
        """
        async with self._deciding:
            await self._may_decide(candidate_id, reviewer_key, server)
            return await self._store.candidates.reject(candidate_id, reviewer_key, reason)

    async def _may_decide(self, candidate_id: int, reviewer_key: str, server: str | None) -> None:
        candidate = await self._candidate(candidate_id)
        if server not in {None, candidate.server}:
            raise Refused("That candidate belongs to another server.", advice="Take the next one.")
        if candidate.state is not CandidateState.WAITING:
            raise Refused(f"Somebody decided this one already: it is {candidate.state}.", advice="Take the next one.")
        if self._is_own(candidate, reviewer_key):
            raise Refused("Nobody reviews their own words.", advice="Leave this one to another moderator.")

    def _is_own(self, candidate: Candidate, reviewer_key: str) -> bool:
        return reviewer_key in candidate.author_keys and not self._may_review_own

    async def _candidate(self, candidate_id: int) -> Candidate:
        candidate = await self._store.candidates.get(candidate_id)
        if candidate is None:
            raise WrongUsage(
                f"There is no candidate number {candidate_id} (any more).",
                advice="Its words may have been deleted; take the next one.",
            )
        return candidate

    async def _card(self, candidate: Candidate) -> ReviewCard:
        up, down = 0, 0
        if candidate.assistant_turn_id is not None:
            up, down = await self._store.votes.tally(candidate.assistant_turn_id)
        counts = await self._store.candidates.counts()
        return ReviewCard(candidate, up, down, counts.get(CandidateState.WAITING, 0))
