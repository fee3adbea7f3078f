"""The review desk: moderators decide what may be learnt, and are told when somebody else did a moment before them.

That nobody decides about their own words, that consent stands, and that two cannot both decide is kept by the store, in
one transaction each; the desk adds which server a moderator may see, and screens new words. It knows no face.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from bot.review.words import what_is_wrong_with
from bot.screening.protocol import Screener
from storage.errors import Refused, WrongUsage
from storage.governance import Block, QueueItem, QueuePlace, ReviewStats, Together
from storage.store import Store
from storage.values import Candidate, CandidateState, Outcome, Review, Source, Turn


class Side(StrEnum):
    """Whose words in an exchange a moderator means."""

    ASKER = "asker"
    WRITER = "writer"
    """Who wrote the better answer, in a correction."""


@dataclass(frozen=True, slots=True)
class ReviewSheet:
    """One candidate with what a reviewer wants to know."""

    item: QueueItem
    waiting: int
    """How many candidates of its server wait, this one included."""
    message: str | None = None
    """The message at the face that was asked, if there is one."""

    @property
    def candidate(self) -> Candidate:
        """The candidate itself."""
        return self.item.candidate


class ReviewDesk:
    """Candidates in, decisions out.

    Args:
        store: where candidates live.
        screening: looks at edited words again.
        may_review_own: whether reviewers may decide about their own words. Only the operator at the terminal may.

    Where a method takes `server`, only that server's candidates can be seen and decided; None: of all. Where it takes
    `seen`, the beginning of the content hash of the words that were shown: other words are not decided by mistake.
    """

    def __init__(self, store: Store, screening: Screener, *, may_review_own: bool = False) -> None:
        self._store = store
        self.screening = screening
        self._may_review_own = may_review_own

    async def waiting(self, *, after_id: int | None = None, limit: int = 20) -> list[Candidate]:
        """Candidates that wait, in the order of the queue, from after one of them.

        Raises:
            WrongUsage: there is no candidate to go on after.
        """
        return await self._store.review_queue.listed(after_id=after_id, limit=limit)

    async def page(
        self, reviewer_key: str, *, server: str | None = None, after: QueuePlace | None = None, limit: int = 20
    ) -> list[QueueItem]:
        """Candidates that this reviewer may decide: the most useful and most doubtful first, from after a place."""
        own = self._may_review_own
        return await self._store.review_queue.page(server, reviewer_key, after=after, limit=limit, may_review_own=own)

    async def next(
        self, reviewer_key: str, *, server: str | None = None, after: QueuePlace | None = None
    ) -> ReviewSheet | None:
        """The best candidate after a place that this reviewer may decide; None at the end of the queue."""
        page = await self.page(reviewer_key, server=server, after=after, limit=1)
        return await self._sheet(page[0]) if page else None

    async def sheet(self, candidate_id: int, *, server: str | None = None) -> ReviewSheet:
        """One candidate's sheet, whatever its state.

        Raises:
            Refused: it belongs to another server.
            WrongUsage: no such candidate.
        """
        await self._of_server(candidate_id, server)
        return await self._sheet(await self._store.review_queue.item(candidate_id))

    async def decisions(self, candidate_id: int) -> list[Review]:
        """The decisions on a candidate, oldest first; those taken back say when."""
        return await self._store.candidates.reviews(candidate_id)

    async def stats(self, server: str | None = None, *, days: int = 7) -> ReviewStats:
        """Who waits how long, and who decided."""
        return await self._store.review_queue.stats(server, days=days)

    async def approve(
        self, candidate_id: int, reviewer_key: str, *, server: str | None = None, seen: str | None = None
    ) -> Candidate:
        """Say yes; the candidate waits on until as many have as its server asks for.

        Raises:
            Refused: decided already, the reviewer's own words, consent is gone, or a screen refused it.
            WrongUsage: no such candidate.
        """
        seen_hash = await self._seen(candidate_id, server, seen)
        async with self._told_who_was_first(candidate_id):
            return await self._store.candidates.approve(
                candidate_id, reviewer_key, seen_hash=seen_hash, may_review_own=self._may_review_own
            )

    async def approve_alike(
        self,
        candidate_id: int,
        reviewer_key: str,
        *,
        newest_id: int | None = None,
        server: str | None = None,
        seen: str | None = None,
    ) -> Together:
        """Say yes to a candidate and to what waits and says nearly the same, up to the newest that was counted.

        Raises:
            Refused, WrongUsage: as for `approve`, about the candidate itself; the others are left out with a reason.
        """
        await self._seen(candidate_id, server, seen)
        async with self._told_who_was_first(candidate_id):
            return await self._store.candidates.approve_alike(
                candidate_id, reviewer_key, newest_id=newest_id, may_review_own=self._may_review_own
            )

    async def edit(
        self, candidate_id: int, reviewer_key: str, reply: str, *, server: str | None = None, seen: str | None = None
    ) -> Candidate:
        """Say yes to other words for the bot's last reply; they are screened again.

        Raises:
            Refused: as for `approve`, or screening refused the new words (the reason is named).
            WrongUsage: no such candidate, or words that cannot be read.
        """
        problem = what_is_wrong_with(reply)
        if problem is not None:
            raise WrongUsage(f"The new reply {problem}.", advice="Write it again, in plain words.")
        seen_hash = await self._seen(candidate_id, server, seen)
        [verdict] = await self.screening.check([reply.strip()])
        if verdict.outcome is Outcome.REFUSE or verdict.is_crisis or not verdict.text.strip():
            reasons = ", ".join(verdict.reasons) or "no reason given"
            raise Refused(f"Screening refused the new reply ({reasons}).", advice="Put it another way, or reject.")
        async with self._told_who_was_first(candidate_id):
            return await self._store.candidates.edit(
                candidate_id,
                reviewer_key,
                verdict.text,
                verdict,
                seen_hash=seen_hash,
                may_review_own=self._may_review_own,
            )

    async def reject(
        self,
        candidate_id: int,
        reviewer_key: str,
        reason: str = "",
        *,
        server: str | None = None,
        seen: str | None = None,
        only_waiting: bool = True,
    ) -> Candidate:
        """Say no; one no is enough.

        Args:
            candidate_id: which.
            reviewer_key: who.
            reason: a `RejectReason`, or free words.
            server: see the class.
            seen: see the class.
            only_waiting: False: also one that was approved, which then leaves the next snapshot.

        Raises:
            Refused: decided already, or the reviewer's own words.
            WrongUsage: no such candidate.
        """
        seen_hash = await self._seen(candidate_id, server, seen)
        async with self._told_who_was_first(candidate_id):
            return await self._store.candidates.reject(
                candidate_id,
                reviewer_key,
                reason,
                seen_hash=seen_hash,
                may_review_own=self._may_review_own,
                only_waiting=only_waiting,
            )

    async def reject_alike(
        self,
        candidate_id: int,
        reviewer_key: str,
        reason: str = "",
        *,
        newest_id: int | None = None,
        server: str | None = None,
        seen: str | None = None,
    ) -> Together:
        """Say no to a candidate and to what waits and says nearly the same; otherwise as `approve_alike`."""
        await self._seen(candidate_id, server, seen)
        async with self._told_who_was_first(candidate_id):
            return await self._store.candidates.reject_alike(
                candidate_id, reviewer_key, reason, newest_id=newest_id, may_review_own=self._may_review_own
            )

    async def undo(
        self, reviewer_key: str, *, server: str | None = None, candidate_id: int | None = None
    ) -> Sequence[Candidate]:
        """Take back the reviewer's own last click (on one candidate, or at all); returns what is as it was before.

        Raises:
            Refused: there is nothing of theirs to take back, or somebody decided since.
        """
        return await self._store.candidates.undo(reviewer_key, server=server, candidate_id=candidate_id)

    async def sides(self, candidate_id: int, *, server: str | None = None) -> dict[Side, str]:
        """Whose words a candidate is made of, as far as that can be told: side to author key.

        Raises:
            Refused: it belongs to another server.
            WrongUsage: no such candidate.
        """
        candidate = await self._of_server(candidate_id, server)
        question = await self._question(candidate)
        others = [key for key in candidate.author_keys if question is None or key != question.author_key]
        found: dict[Side, str] = {}
        if question is not None and question.author_key is not None:
            found[Side.ASKER] = question.author_key
        if len(others) == 1 and (question is None or candidate.source is Source.CORRECTION):
            found[Side.WRITER if found else Side.ASKER] = others[0]
        return found

    async def block(
        self, candidate_id: int, reviewer_key: str, *, side: Side = Side.ASKER, server: str | None = None
    ) -> Block:
        """Keep a member whose words are in a candidate out of learning; what of theirs waits is rejected.

        Raises:
            Refused: it cannot be told whose words they are, they are the reviewer's own, or the member is blocked.
            WrongUsage: no such candidate.
        """
        candidate = await self._of_server(candidate_id, server)
        author_key = (await self.sides(candidate_id, server=server)).get(side)
        if author_key is None:
            raise Refused("It cannot be told whose words these are.", advice="Reject them instead.")
        if author_key == reviewer_key:
            raise Refused("Those are your own words.", advice="`/privacy deny` keeps you out of learning.")
        return await self._store.blocks.block(
            candidate.server, author_key, by=reviewer_key, reason=f"candidate {candidate_id}"
        )

    async def unblock(self, server: str, author_key: str, reviewer_key: str) -> Block:
        """Let a member be learnt from again, if they themselves allow it.

        Raises:
            Refused: they are not blocked.
        """
        return await self._store.blocks.lift(server, author_key, by=reviewer_key)

    @asynccontextmanager
    async def _told_who_was_first(self, candidate_id: int) -> AsyncIterator[None]:
        """Say of a refusal that it is because somebody was faster, where it is so; never who."""
        try:
            yield
        except Refused:
            candidate = await self._store.candidates.get(candidate_id)
            if candidate is None or candidate.state is CandidateState.WAITING:
                raise
            raise Refused(
                f"This one was decided a moment ago: it is {candidate.state.value}.", advice="Take the next one."
            ) from None

    async def _seen(self, candidate_id: int, server: str | None, seen: str | None) -> str | None:
        """The whole hash of the words that were shown; None: any words will do."""
        candidate = await self._of_server(candidate_id, server)
        if seen is None:
            return None
        if not candidate.content_hash.startswith(seen) and candidate.state is CandidateState.WAITING:
            raise Refused("Its words were edited a moment ago.", advice="Look at them again, then decide.")
        return candidate.content_hash

    async def _of_server(self, candidate_id: int, server: str | None) -> Candidate:
        candidate = await self._store.candidates.get(candidate_id)
        if candidate is None:
            raise WrongUsage(
                f"There is no candidate number {candidate_id} (any more).",
                advice="Its words may have been deleted; take the next one.",
            )
        if server not in {None, candidate.server}:
            raise Refused("That candidate belongs to another server.", advice="Take the next one.")
        return candidate

    async def _question(self, candidate: Candidate) -> Turn | None:
        if candidate.user_turn_id is None:
            return None
        return await self._store.conversations.turn(candidate.user_turn_id)

    async def _sheet(self, item: QueueItem) -> ReviewSheet:
        waiting = await self._store.review_queue.waiting(item.candidate.server)
        question = await self._question(item.candidate)
        return ReviewSheet(item, waiting, None if question is None else question.external_id)
