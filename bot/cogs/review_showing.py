"""What a moderator sees after a press: the next card in private, or what became of the card in the review channel."""

from collections.abc import Callable
from typing import Any

import discord

from bot.cogs.parts import BotParts, server_of
from bot.cogs.review_acts import Done
from bot.cogs.review_card import waiting_embed
from bot.cogs.review_key import CardKey, Face
from bot.cogs.review_posts import CardView, ReviewPosts
from bot.cogs.sending import revise, send
from bot.review.desk import ReviewSheet
from storage.errors import MynahError

NOTHING_WAITS = "Nothing waits for you to review. 🎉"
_PASSED_OVER = "That was all. What you passed over still waits."


class ReviewShowing:
    """Shows cards to whoever caused an interaction that was deferred.

    Args:
        interaction: theirs.
        buttons: makes the buttons of a card.
        at_the_end: makes the buttons at the end of the queue.
    """

    def __init__(
        self, interaction: discord.Interaction[Any], buttons: CardView, at_the_end: Callable[..., discord.ui.View]
    ) -> None:
        self._interaction = interaction
        self._parts: BotParts = interaction.client.parts
        self._buttons = buttons
        self._at_the_end = at_the_end
        self._server = server_of(interaction)
        self._reviewer = self._parts.author_key(interaction.user)
        self.posts = ReviewPosts(interaction.client, self._parts, buttons)

    async def first(self) -> None:
        """Send the first card of the queue, in private."""
        sheet = await self._parts.desk.next(self._reviewer, server=self._server)
        if sheet is None:
            await send(self._interaction, NOTHING_WAITS, is_private=True)
            return
        view = self._buttons(sheet, Face.WALK)
        await send(self._interaction, embed=waiting_embed(sheet), view=view, is_private=True)

    async def after(self, done: Done, key: CardKey | None) -> None:
        """Show what follows a press on a card; None: a press that begins again."""
        if key is not None and key.face is Face.CHANNEL:
            await self._in_channel(done, key)
        else:
            await self._in_private(done, key)
            await self.posts.refresh(done.touched)

    async def _in_private(self, done: Done, key: CardKey | None) -> None:
        sheet = await self._again(done.again)
        if sheet is None:
            after = None if key is None else key.place
            sheet = await self._parts.desk.next(self._reviewer, server=self._server, after=after)
        message = await self._interaction.original_response()
        if sheet is not None:
            await revise(message, done.note, embed=waiting_embed(sheet), view=self._buttons(sheet, Face.WALK))
            return
        is_more = await self._parts.desk.next(self._reviewer, server=self._server) is not None
        text = "\n".join(part for part in (done.note, _PASSED_OVER if is_more else NOTHING_WAITS) if part)
        await revise(message, text, view=self._at_the_end(may_begin_again=is_more))

    async def _again(self, candidate_id: int | None) -> ReviewSheet | None:
        if candidate_id is None:
            return None
        try:
            return await self._parts.desk.sheet(candidate_id, server=self._server)
        except MynahError:
            return None

    async def _in_channel(self, done: Done, key: CardKey) -> None:
        message = self._interaction.message
        is_shown = True
        if message is not None and await self._parts.store.review_cards.get(str(message.id)) is None:
            is_shown = await self.posts.show_in(message, key.candidate_id)
        if done.note and not (done.is_plain and is_shown):
            await send(self._interaction, done.note, is_private=True)
        await self.posts.refresh(done.touched or (key.candidate_id,))
