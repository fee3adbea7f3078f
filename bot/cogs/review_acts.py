"""What a press on a review card does, in plain values: who, which card, and what became of it. It shows nothing."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from bot.cogs.review_key import CardKey, Face
from bot.review.desk import ReviewDesk
from bot.review.wording import decided_in_words, together_in_words
from storage.errors import MynahError
from storage.governance import Together
from storage.values import Candidate, CandidateState


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who pressed, and where."""

    key: str
    server: str


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a press."""

    note: str = ""
    """For the one who pressed."""
    touched: tuple[int, ...] = ()
    """Candidates that are not as they were."""
    again: int | None = None
    """The candidate to show again: the press was refused and may be tried otherwise, or it waits once more."""
    is_plain: bool = False
    """Whether a card that shows what became of it says enough."""


class ReviewActs:
    """The acts of one reviewer on one card.

    Args:
        desk: where decisions are made.
        who: the reviewer.
        key: the card.
    """

    def __init__(self, desk: ReviewDesk, who: Reviewer, key: CardKey) -> None:
        self._desk = desk
        self._who = who
        self._key = key

    async def approve(self) -> Done:
        """Say yes."""
        key, who = self._key, self._who
        return await self._one(self._desk.approve(key.candidate_id, who.key, server=who.server, seen=key.seen))

    async def edit(self, reply: str) -> Done:
        """Say yes to other words."""
        key, who = self._key, self._who
        return await self._one(self._desk.edit(key.candidate_id, who.key, reply, server=who.server, seen=key.seen))

    async def reject(self, reason: str) -> Done:
        """Say no."""
        key, who = self._key, self._who
        return await self._one(self._desk.reject(key.candidate_id, who.key, reason, server=who.server, seen=key.seen))

    async def approve_alike(self) -> Done:
        """Say yes to all that say nearly the same."""
        key, who = self._key, self._who
        deciding = self._desk.approve_alike(
            key.candidate_id, who.key, newest_id=key.newest_id, server=who.server, seen=key.seen
        )
        return await self._several(deciding, "✅ Approved")

    async def reject_alike(self, reason: str) -> Done:
        """Say no to all that say nearly the same."""
        key, who = self._key, self._who
        deciding = self._desk.reject_alike(
            key.candidate_id, who.key, reason, newest_id=key.newest_id, server=who.server, seen=key.seen
        )
        return await self._several(deciding, "🗑️ Rejected")

    async def undo(self) -> Done:
        """Take back this person's last click: in the review channel, the one on that card."""
        which = self._key.candidate_id if self._key.face is Face.CHANNEL else None
        try:
            undone = await self._desk.undo(self._who.key, server=self._who.server, candidate_id=which)
        except MynahError as error:
            return await self._refused(error)
        ids = tuple(candidate.id for candidate in undone)
        waits = [candidate.id for candidate in undone if candidate.state is CandidateState.WAITING]
        return Done(_taken_back(undone), ids, again=waits[0] if waits else None)

    async def _one(self, deciding: Awaitable[Candidate]) -> Done:
        try:
            candidate = await deciding
        except MynahError as error:
            return await self._refused(error)
        item = None
        if candidate.state is CandidateState.WAITING:
            item = (await self._desk.sheet(candidate.id)).item
        return Done(decided_in_words(candidate.state, item), (candidate.id,), is_plain=True)

    async def _several(self, deciding: Awaitable[Together], verb: str) -> Done:
        try:
            together = await deciding
        except MynahError as error:
            return await self._refused(error)
        return Done(together_in_words(together, verb), tuple(candidate.id for candidate in together.decided))

    async def _refused(self, error: MynahError) -> Done:
        """The refusal; a candidate that still waits is shown again, as it is now."""
        try:
            candidate = (await self._desk.sheet(self._key.candidate_id, server=self._who.server)).candidate
        except MynahError:
            return Done(f"⚠️ {error}")
        waits = candidate.state is CandidateState.WAITING and self._who.key not in candidate.author_keys
        return Done(f"⚠️ {error}", (candidate.id,), again=candidate.id if waits else None)


def _taken_back(undone: Sequence[Candidate]) -> str:
    many = f"{len(undone)} decisions" if len(undone) > 1 else "your last decision"
    return f"↩️ Took back {many}."
