"""The review channel: cards of what waits are posted there, a few at a time, and show what became of them.

The cards are found again in the store after a restart; nothing is kept here.
"""

import asyncio
import logging

import discord
from discord.ext import commands

from bot.cogs.parts import BotParts
from bot.cogs.review_buttons import card_view
from bot.cogs.review_posts import ReviewPosts
from bot.cogs.tasks import Tasks
from storage.errors import MynahError

logger = logging.getLogger(__name__)

OPEN_CARDS = 10
"""At most so many wait in a channel: more would bury the best under the rest."""
_LOOK_SECONDS = 10.0


class ReviewChannel(commands.Cog):
    """Keeps the review channels of all servers as they should be."""

    def __init__(self, bot: commands.Bot, parts: BotParts) -> None:
        self._bot = bot
        self._parts = parts
        self._posts = ReviewPosts(bot, parts, card_view)
        self._tasks = Tasks()

    async def cog_load(self) -> None:
        """Begin to look."""
        self._tasks.start(self._keep_looking(), name="review-channel")

    async def cog_unload(self) -> None:
        """Stop looking."""
        await self._tasks.close()

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Forget a card that somebody deleted: its candidate still waits, and gets a new one in its turn."""
        await self._forget([payload.message_id])

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Forget the cards among the deleted."""
        await self._forget(sorted(payload.message_ids))

    async def look(self) -> None:
        """Bring old cards up to date and post new ones, everywhere. Failures are tried again at the next look."""
        try:
            await self._posts.refresh_stale()
            servers = await self._parts.store.server_settings.servers()
        except (MynahError, discord.HTTPException) as error:
            logger.warning("review cards not looked at", extra={"error": type(error).__name__})
            return
        for server in servers:
            try:
                await self._post_in(server)
            except (MynahError, discord.HTTPException) as error:
                logger.warning("review cards not posted", extra={"server": server, "error": type(error).__name__})

    async def _keep_looking(self) -> None:
        await self._bot.wait_until_ready()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self.look()

    async def _post_in(self, server: str) -> None:
        if not server.isdigit() or self._bot.get_guild(int(server)) is None:
            return
        settings = await self._parts.store.server_settings.get(server)
        if settings.review_channel is None or settings.is_quiet(self._parts.clock()):
            return
        room = OPEN_CARDS - await self._parts.store.review_cards.open(server)
        if room > 0:
            await self._posts.post(server, settings.review_channel, room)

    async def _forget(self, message_ids: list[int]) -> None:
        for message_id in message_ids:
            if await self._parts.store.review_cards.get(str(message_id)) is not None:
                await self._parts.store.review_cards.remove(str(message_id))
