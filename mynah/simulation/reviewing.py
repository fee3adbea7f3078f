"""What moderators do with the queue: the right thing, but for their mistakes. They see what the review desk shows."""

import random
from collections import Counter

from bot.review.desk import ReviewSheet
from mynah.simulation.book import Worth
from mynah.simulation.community import SERVER, Community
from mynah.simulation.onlooker import Onlooker
from storage.errors import Refused
from storage.governance import QueuePlace, RejectReason
from storage.similarity import ALIKE, alikeness, prompt_of, reply_of
from storage.values import Decision

_MENDS, _LEAVES = 0.4, 0.3
"""How often a moderator writes the better answer, or leaves it to others, where the bot's own was poor; else it is a no."""


class Reviewing:
    """One evening at the desk."""

    def __init__(self, community: Community, day: int, onlooker: Onlooker) -> None:
        self._community = community
        self._onlooker = onlooker
        self._chance = random.Random(f"review:{community.order.seed}:{day}")  # noqa: S311 - a repeatable story
        self.counts: Counter[str] = Counter()
        """Each `Decision`, `mistakes`, `left` undecided, and `refused` for what the desk did not let them do."""

    async def through(self) -> None:
        """The whole queue, the moderators in turns."""
        desk, moderators = self._community.desk, self._community.cast.moderators
        after: QueuePlace | None = None
        done = 0
        while True:
            key = self._community.key(moderators[done % len(moderators)])
            sheet = await desk.next(key, server=SERVER, after=after)
            if sheet is None:
                return
            self._onlooker.on_part("moderators review", done, done + sheet.waiting)
            self._community.clock.pass_seconds(self._chance.randint(5, 30))
            try:
                is_decided = await self._decide(sheet, key)
            except Refused:  # a policy or a screen said no to what the moderator wanted: the next one, then
                self.counts["refused"] += 1
                is_decided = False
            if not is_decided:
                after = sheet.item.place
            done += 1

    async def _decide(self, sheet: ReviewSheet, key: str) -> bool:
        """Decide, or leave it where it is; returns which."""
        candidate, community = sheet.candidate, self._community
        decision, better = self._right(sheet)
        if decision is None:
            self.counts["left"] += 1
            return False
        if self._chance.random() < community.order.mistakes:
            decision = Decision.REJECT if decision is not Decision.REJECT else Decision.APPROVE
            self.counts["mistakes"] += 1
        seen = candidate.content_hash
        if decision is Decision.EDIT:
            await community.desk.edit(candidate.id, key, better, server=SERVER, seen=seen)
            community.book.may_be_learnt(better)
        elif decision is Decision.APPROVE:
            await community.desk.approve(candidate.id, key, server=SERVER, seen=seen)
        else:
            await community.desk.reject(candidate.id, key, RejectReason.POOR, server=SERVER, seen=seen)
        self.counts[decision.value] += 1
        return True

    def _right(self, sheet: ReviewSheet) -> tuple[Decision | None, str]:
        """What somebody who knows would do (None: nothing today), and the better words for an edit."""
        messages, book = sheet.candidate.messages, self._community.book
        worth = book.worth(messages)
        if worth is Worth.GOOD:
            return Decision.APPROVE, ""
        asked = prompt_of(messages)
        wanted = book.wanted(asked) if worth is Worth.OWN else None
        if wanted is None:
            return Decision.REJECT, ""
        if alikeness(reply_of(messages), wanted) >= ALIKE:
            return Decision.APPROVE, ""
        drawn = self._chance.random()
        if drawn < _MENDS and not book.is_offered(asked, wanted):
            return Decision.EDIT, wanted
        return (None, "") if drawn < _MENDS + _LEAVES else (Decision.REJECT, "")
