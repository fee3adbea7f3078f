"""The cards in a review channel: posted, brought up to date, and taken down, by what the store says of them.

A message that is gone or forbidden is only forgotten; what could not be reached now is tried at the next look.
"""

from collections.abc import Callable, Iterable

import discord

from bot.cogs.parts import BotParts
from bot.cogs.review_card import decided_embed, waiting_embed
from bot.cogs.review_key import Face
from bot.cogs.sending import revise, send, take_back
from bot.review.desk import ReviewSheet
from storage.errors import MynahError, WrongUsage
from storage.governance import ReviewCard
from storage.values import CandidateState

CardView = Callable[[ReviewSheet, Face], discord.ui.View]
"""The buttons of a card, by what it shows and where."""


class ReviewPosts:
    """The posted cards.

    Args:
        client: who posts.
        parts: the world.
        buttons: makes the buttons of a card.
    """

    def __init__(self, client: discord.Client, parts: BotParts, buttons: CardView) -> None:
        self._client = client
        self._parts = parts
        self._buttons = buttons

    async def refresh(self, candidate_ids: Iterable[int]) -> None:
        """Let the cards of some candidates show what is."""
        for candidate_id in candidate_ids:
            for card in await self._parts.store.review_cards.of(candidate_id):
                await self._show(card)

    async def refresh_stale(self, server: str | None = None) -> int:
        """Let the cards that show what is not so any more show what is; returns how many there were."""
        stale = await self._parts.store.review_cards.stale(server)
        for card in stale:
            await self._show(card)
        return len(stale)

    async def post(self, server: str, channel: str, count: int) -> int:
        """Post cards of the best candidates that have none; returns how many."""
        place = self._client.get_partial_messageable(int(channel), guild_id=int(server))
        posted = 0
        for candidate in await self._parts.store.review_cards.to_post(server, limit=count):
            try:
                sheet = await self._parts.desk.sheet(candidate.id)
            except WrongUsage:  # deleted meanwhile
                continue
            sent = await send(place, embed=waiting_embed(sheet), view=self._buttons(sheet, Face.CHANNEL))
            if not sent:
                return posted
            try:
                await self._parts.store.review_cards.posted(candidate.id, server, channel, str(sent[-1].id))
            except WrongUsage:  # deleted while it was posted
                await take_back(sent[-1])
                continue
            posted += 1
        return posted

    async def show_in(self, message: discord.Message | discord.PartialMessage, candidate_id: int) -> bool:
        """Let a message show a candidate as it is; False when the message is gone."""
        try:
            sheet = await self._parts.desk.sheet(candidate_id)
        except MynahError:
            await take_back(message)
            return False
        candidate = sheet.candidate
        embed = waiting_embed(sheet) if candidate.state is CandidateState.WAITING else decided_embed(candidate)
        return await revise(message, embed=embed, view=self._buttons(sheet, Face.CHANNEL))

    async def _show(self, card: ReviewCard) -> None:
        place = self._client.get_partial_messageable(int(card.channel), guild_id=int(card.server))
        message = place.get_partial_message(int(card.message))
        if card.state is not None and await self.show_in(message, card.candidate_id):
            await self._parts.store.review_cards.shown(card.message)
            return
        if card.state is None:
            await take_back(message)
        await self._parts.store.review_cards.remove(card.message)
