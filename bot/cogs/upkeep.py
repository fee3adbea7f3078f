"""What the bot does unasked.

Old talk is deleted, members are told that they are unlearnt, and servers that were left are no longer learnt from.

Promise: whoever asked to be told is told once, also when the bot was restarted in between; a failure is logged and tried
again at the next time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import discord
from discord.ext import commands

from bot.cogs.parts import BotParts
from bot.cogs.sending import send
from bot.cogs.tasks import Tasks
from storage.errors import MynahError
from storage.governance import Receipt

logger = logging.getLogger(__name__)

_DAY_SECONDS = 24 * 60 * 60.0
_TELL_SECONDS = 5 * 60.0
_AGAIN_SECONDS = 60 * 60.0
_DISCORD = "discord"
"""The actor of what happens because Discord said so."""


class Upkeep(commands.Cog):
    """The bot's chores."""

    def __init__(self, bot: commands.Bot, parts: BotParts) -> None:
        self._bot = bot
        self._parts = parts
        self._tasks = Tasks()
        self._has_begun = False

    async def cog_unload(self) -> None:
        """End the chores."""
        await self._tasks.close()

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Begin, once: Discord says ready again after each lost connection."""
        await self.leave_servers_that_are_gone()
        if not self._has_begun:
            self._has_begun = True
            self._tasks.start(_forever(self.delete_old_talk, _DAY_SECONDS), name="retention")
            self._tasks.start(_forever(self.tell_the_unlearnt, _TELL_SECONDS), name="tell the unlearnt")

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """The bot was removed, or the server deleted: deletions cannot be seen any more, so nothing may be learnt."""
        await self._stop_learning(str(guild.id))

    async def delete_old_talk(self) -> None:
        """Delete what is older than each server keeps."""
        for server, older_than in await self._parts.store.retention.due(self._parts.clock()):
            purged = await self._parts.store.retention.purge(server, older_than=older_than)
            figures = {"turns": purged.turns, "candidates": purged.candidates, "votes": purged.votes}
            logger.info("old talk deleted", extra={"server": server, **figures})

    async def tell_the_unlearnt(self) -> None:
        """Write to whoever asked to be told that a version without their words answers now."""
        for receipt in await self._parts.store.receipts.to_tell():
            if await self._tell(receipt):
                await self._parts.store.receipts.told(receipt.id)

    async def leave_servers_that_are_gone(self) -> None:
        """Turn learning off where the bot was removed while it was not looking."""
        here = {str(guild.id) for guild in self._bot.guilds}
        for server in await self._parts.store.server_settings.servers():
            if server.isdecimal() and server not in here:
                await self._stop_learning(server)

    async def _stop_learning(self, server: str) -> None:
        if not (await self._parts.store.server_settings.get(server)).learning_on:
            return
        await self._parts.store.server_settings.turn_learning_off(server, _DISCORD)
        self._parts.servers.changed(server)
        logger.info("learning off: the bot is not in the server any more", extra={"server": server})

    async def _tell(self, receipt: Receipt) -> bool:
        """Whether it is done with: told, or never to be (an account that is gone, messages that are closed)."""
        if receipt.notify_id is None:
            return True
        try:
            user = await self._bot.fetch_user(int(receipt.notify_id))
            await send(user, _told_text(receipt))
        except (discord.NotFound, discord.Forbidden) as error:
            logger.info("member cannot be told", extra={"receipt": receipt.id, "status": error.status})
        except discord.HTTPException as error:
            logger.warning("member not told yet", extra={"receipt": receipt.id, "status": error.status})
            return False
        return True


def _told_text(receipt: Receipt) -> str:
    asked = discord.utils.format_dt(receipt.created_at, "D")
    return (
        f"On {asked} you asked me to forget you (receipt {receipt.id}). Version `{receipt.clean_version}` answers now, and "
        "it was made without your words. I have deleted the note of your id that I kept for telling you this."
    )


async def _forever(chore: Callable[[], Awaitable[None]], every_seconds: float) -> None:
    while True:
        try:
            await chore()
            pause = every_seconds
        except Exception as error:
            is_known = isinstance(error, MynahError | discord.DiscordException)
            logger.warning("chore failed", extra={"error": type(error).__name__}, exc_info=not is_known)
            pause = min(every_seconds, _AGAIN_SECONDS)
        await asyncio.sleep(pause)
